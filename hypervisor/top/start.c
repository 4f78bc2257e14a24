/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Start-up on the final page tables: the machine, the processors, domain 0; and what the parts ask of each other, joined here. */
#include "arch/x86/cpu_policy.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/boot/bootinfo.h"
#include "arch/x86/boot/main.h"
#include "arch/x86/desc.h"
#include "arch/x86/efi_call.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "arch/x86/mmio_read_only.h"
#include "drivers/efi.h"
#include "arch/x86/mca/mca.h"
#include "arch/x86/patch.h"
#include "arch/x86/platform.h"
#include "arch/x86/smp.h"
#include "arch/x86/tlb.h"
#include "arch/x86/traps.h"
#include "arch/x86/watchdog.h"
#include "core/fail_alloc.h"
#include "core/heap.h"
#include "core/options.h"
#include "core/vcpu_area.h"
#include "core/vcpu_op.h"
#include "core/vcpu_state.h"
#include "debug/keys.h"
#include "drivers/acpi/acpi.h"
#include "drivers/console.h"
#include "event/event.h"
#include "hv/alloc.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/rcu.h"
#include "hv/softirq.h"
#include "pv/dom0/dom0.h"
#include "pv/entry.h"
#include "sched/sched.h"
#include "top/machine_end.h"
#include "top/selftest.h"

/* entry.S: the way out of the hypervisor, which is the idle loop while there is nobody to run. */
extern void leave_to_guest(void) __noreturn;

static struct domain idle_domain = {.id = DOMID_IDLE, .references = 1};
static struct domain io_domain = {.id = DOMID_IO, .references = 1};
static struct domain xen_domain = {.id = DOMID_XEN, .references = 1};

/* The scheduler's way to another vcpu. Interrupts off; returns with `next` current. */
static void context_switch(struct vcpu *prev, struct vcpu *next)
{
    (void)prev;
    vcpu_switch(next);
    if (!next->is_idle)
        vcpu_areas_update(next, pv_vcpu(next)->kernel_mode);
}

static void halt_until_interrupt(void)
{
    __asm__ volatile("sti; hlt; cli" ::: "memory");
}

static void join_parts(void)
{
    timer_machine.program = apic_timer_program;
    timer_machine.now = time_now;
    softirq_machine.send_ipi = smp_kick;
    sched_machine.now = time_now;
    sched_machine.context_switch = context_switch;
    sched_machine.send_kick = smp_kick;
    sched_machine.sync_state = vcpu_sync_state;
    sched_machine.put_away_idle = vcpu_put_away_idle;
    tlb_asked = vcpu_put_away_idle;
    idle_wait = halt_until_interrupt;
    machine_shutdown = machine_end;
    panic_end = machine_after_panic;
}

/* The idle vcpu of this processor becomes current. */
static struct vcpu *make_idle(unsigned int cpu)
{
    struct vcpu *idle = hv_new(struct vcpu);

    if (!idle)
        cannot_boot("no memory for CPU %u\n", cpu);
    idle->domain = &idle_domain;
    idle->id = cpu;
    idle->cpu = cpu;
    idle->is_idle = true;
    set_entry_vcpu(idle);
    return idle;
}

void cpu_join_scheduler(unsigned int cpu)
{
    sched_cpu_up(cpu, make_idle(cpu));
}

void cpu_idle_start(void)
{
    irq_enable();
    leave_to_guest();
}

/* Perhaps there is more to read by XEN_SYSCTL_readconsole. */
static void send_ring_virq(void)
{
    if (console_take_news())
        event_send_global_virq(VIRQ_CON_RING);
}

static void send_console_virq(void)
{
    event_send_global_virq(VIRQ_CONSOLE);
}

/* The copy that a multiboot 2 loader handed over, which stands in our image; 0: to be searched for where BIOSes leave it. */
static paddr_t rsdp_address(void)
{
    return boot_info.rsdp_copy_size ? (uint64_t)boot_info.rsdp_copy - IMAGE_START : 0;
}

void boot_continue(void)
{
    struct vcpu *idle = make_idle(0);
    struct domain *d;

    domain_io = &io_domain;
    domain_xen = &xen_domain;
    join_parts();
    timers_init();
    rcu_init();
    platform_init(rsdp_address());
    if (acpi.no_vga)
        console_screen_is_absent();
    if (trampoline_page && mmio_make_read_only(paddr_to_mfn(trampoline_page), 1))
        cannot_boot("no room in the table of read-only pages\n");
    if (option_bool("self-test", true))
        self_tests();
    else
        printk("Self-tests: left out, as self-test=off says\n");
    console_grow_ring(hv_alloc_pages);
    efi_init(boot_info.efi_system_table);
    efi_call_init();
    sched_credit_tslice_ms = (unsigned int)option_number("sched_credit_tslice_ms", CREDIT_SLICE_MS);
    sched_init(option_string("sched"), (unsigned int)option_number("sched_ratelimit_us", 1000));
    sched_cpu_up(0, idle);
    irq_enable();
    patch_finish();
    smp_boot_others();
    clock_smp_done();
    cpu_policy_tsc_measured(clock_tsc_is_stable());
    mca_start_polling();
    keys_init();
    console_input_for_domain0 = send_console_virq;
    softirq_register(SOFTIRQ_CONSOLE, send_ring_virq);
    console_start_interrupts();
    console_announce_output();

    pv_l1tf_init();
    fail_alloc_countdown = option_number("fail-alloc", 0);
    d = dom0_create();
    domain_wallclock_publish(d);
    watchdog_init();
    watchdog_start_test();
    console_give_to_domain0();
    dom0_give_screen();
    __atomic_fetch_and(&d->vcpu[0]->pause_flags, ~(uint32_t)VCPU_DOWN, __ATOMIC_SEQ_CST);
    domain_unpause(d);
    vcpu_start(d->vcpu[0]);
    leave_to_guest();
}
