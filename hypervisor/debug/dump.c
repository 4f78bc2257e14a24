/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Dumps of domains, registers, memory and locks, for the debug keys. They look without stopping anybody: what
 * changes meanwhile may be printed half old.
 */
#include "debug/dump.h"
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/smp.h"
#include "arch/x86/stack.h"
#include "arch/x86/traps.h"
#include "core/heap.h"
#include "core/orphan.h"
#include "drivers/console.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/percpu.h"
#include "pv/pv.h"
#include "sched/sched.h"

static const char *const runstates[] = {"running", "runnable", "blocked", "offline"};

static void dump_vcpu(struct vcpu *v)
{
    struct vcpu_runstate_info r;

    vcpu_runstate_get(v, &r);
    printk("    vcpu%u: cpu %u, %s, flags %x, pauses %d, upcall %s%s, run %lu ms, waited %lu ms\n", v->id,
           v->cpu, runstates[r.state < 4 ? r.state : 3], v->pause_flags, v->pause_count,
           v->info->evtchn_upcall_pending ? "pending" : "none", v->info->evtchn_upcall_mask ? " masked" : "",
           r.time[RUNSTATE_running] / 1000000, r.time[RUNSTATE_runnable] / 1000000);
}

/* Each vcpu's kernel is asked for its own account: Linux says which events are pending and masked there. */
static void ask_guests(void)
{
    struct vcpu *v;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        for_each_vcpu (v, d)
            event_send_virq(v, VIRQ_DEBUG);
}

void dump_domains(void)
{
    struct vcpu *v;

    for (struct domain *d = domain_first(); d; d = domain_next(d)) {
        printk("Domain %u (%s): state %u, references %u, pages %lu of %lu, pauses %d%s\n", d->id,
               d->kind->name, d->state, d->references, d->tot_pages, d->max_pages, d->pause_count,
               d->is_shut_down ? ", shut down" : "");
        for_each_vcpu (v, d)
            dump_vcpu(v);
    }
    console_dump();
    ask_guests();
}

static void dump_guest_registers(struct vcpu *v)
{
    const struct cpu_user_regs *r = &v->regs;
    const struct pv_vcpu *p = pv_vcpu(v);

    printk("vcpu%u of domain %u on CPU %u, as it last entered:\n", v->id, v->domain->id, v->cpu);
    printk(" rip %04x:%016lx rflags %016lx ss:rsp %04x:%016lx (%s)\n", r->cs, r->rip, r->rflags, r->ss,
           r->rsp, p->kernel_mode ? "kernel" : "user");
    printk(" rax %016lx rbx %016lx rcx %016lx rdx %016lx\n", r->rax, r->rbx, r->rcx, r->rdx);
    printk(" rsi %016lx rdi %016lx rbp %016lx r8  %016lx\n", r->rsi, r->rdi, r->rbp, r->r8);
    printk(" r9  %016lx r10 %016lx r11 %016lx r12 %016lx\n", r->r9, r->r10, r->r11, r->r12);
    printk(" r13 %016lx r14 %016lx r15 %016lx cr3 %016lx\n", r->r13, r->r14, r->r15,
           p->kernel_mode ? p->cr3_kernel : p->cr3_user);
}

void dump_domain0_registers(void)
{
    struct vcpu *v;

    if (hardware_domain)
        for_each_vcpu (v, hardware_domain)
            dump_guest_registers(v);
}

/* Runs on each processor: what it was doing is in its current vcpu, or it idles. */
static void dump_this_processor(void *unused)
{
    struct vcpu *v = current_vcpu();

    (void)unused;
    if (v->is_idle)
        printk("CPU %u: idle\n", cpu_id());
    else
        dump_guest_registers(v);
}

void dump_all_registers(void)
{
    unsigned int cpu;

    /* One after the other, lest their lines mix. */
    for_each_online_cpu (cpu)
        smp_call_cpu(cpu, dump_this_processor, NULL, true);
}

void dump_events(void)
{
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        event_dump(d);
}

void dump_grants(void)
{
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        grant_dump(d);
}

static void dump_node(unsigned int node)
{
    printk("Node %u: frames %lx to %lx, %lu pages free; distances", node, numa.span[node].start,
           numa.span[node].end, heap_free_frames_between(0, 0, node));
    for (unsigned int i = 0; i < numa.nodes; i++)
        printk(" %u", numa.distance[node][i]);
    printk("; CPUs");
    for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
        if (numa.cpu_node[cpu] == node)
            printk(" %u", cpu);
    printk("\n");
}

void dump_memory(void)
{
    uint64_t owned = 0;

    for (struct domain *d = domain_first(); d; d = domain_next(d)) {
        printk("Domain %u: %lu pages (%lu MiB)\n", d->id, d->tot_pages, d->tot_pages >> 8);
        owned += d->tot_pages;
    }
    printk("Dead domains: %lu pages that others map\n", (unsigned long)orphan_count());
    owned += orphan_count();
    for (unsigned int node = 0; node < numa.nodes; node++)
        dump_node(node);
    /* The hypervisor's: its image and tables, what it allocated, and what it set aside. */
    printk("Heap: %lu of %lu pages free; domains hold %lu, the hypervisor %lu of the machine's %lu\n",
           heap_free_frames(), heap_total_frames(), owned,
           (ram_bytes() >> PAGE_SHIFT) - heap_free_frames() - owned, ram_bytes() >> PAGE_SHIFT);
}
