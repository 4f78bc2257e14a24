/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What entry.S calls: hypercalls and system calls of a guest, and the way out. prepare_exit() is the one place where a processor leaves the hypervisor: softirqs
 * first (the scheduler among them, which may change the current vcpu), then events for the guest, then out. The idle vcpu halts here.
 */
#include "pv/entry.h"
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/split_root.h"
#include "arch/x86/stack.h"
#include "arch/x86/vectors.h"
#include "core/hypercall.h"
#include "core/softirq_bits.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/irqflags.h"
#include "pv/bounce.h"
#include "pv/context.h"
#include "pv/fixups.h"

void guest_hypercall(struct vcpu *v)
{
    struct cpu_user_regs *r = &v->regs;
    struct hypercall hc = {
        .vcpu = v,
        .arg = {r->rdi, r->rsi, r->rdx, r->r10, r->r8, r->r9},
        .caller = CALLER_PV64,
        .number = r->rax,
        .budget = HYPERCALL_BUDGET,
    };
    uint64_t rip = r->rip;
    long result;

    irq_enable();
    result = hypercall_dispatch_pv64(&hc);
    if (unlikely(result == -ERESTART)) {
        r->rip = rip - 2; /* SYSCALL is 0f 05: it is executed again with what is left to do */
        r->rdi = hc.arg[0];
        r->rsi = hc.arg[1];
        r->rdx = hc.arg[2];
        r->r10 = hc.arg[3];
        r->r8 = hc.arg[4];
        r->r9 = hc.arg[5];
    } else if (likely(!hc.keeps_registers)) {
        r->rax = (uint64_t)result;
    }
}

static void bounce_syscall(struct pv_vcpu *p, enum pv_callback_kind kind)
{
    const struct pv_callback *cb = &p->callback[kind];

    if (unlikely(!cb->valid)) {
        domain_crash(&p->v, "SYSCALL in its user mode, for which its kernel registered no callback");
        return;
    }
    pv_bounce(p, cb->address, cb->mask_events, NULL, 0);
}

void guest_syscall(struct vcpu *v)
{
    bounce_syscall(pv_vcpu(v), PV_CB_SYSCALL);
}

void guest_syscall32(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);

    if (p->kernel_mode || !p->callback[PV_CB_SYSCALL32].valid)
        pv_inject(p, VECTOR_UD);
    else
        bounce_syscall(p, PV_CB_SYSCALL32);
}

/* Where it was executed is not known, so without a callback the #GP is nowhere, too. From the guest's kernel it is as much its user mode's instruction as that kernel's own. */
void guest_sysenter(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);

    v->regs.rflags |= EFLAGS_IF; /* the instruction cleared it before the gate could save it */
    if (p->kernel_mode || !p->callback[PV_CB_SYSENTER].valid)
        pv_inject_error(p, VECTOR_GP, 0);
    else
        bounce_syscall(p, PV_CB_SYSENTER);
}

static bool pv_nmi_deliverable(const struct vcpu *v)
{
    const struct pv_vcpu *p = container_of(v, const struct pv_vcpu, v);

    return p->callback[PV_CB_NMI].valid && !p->in_nmi;
}

static bool pv_event_callback_valid(const struct vcpu *v)
{
    return container_of(v, const struct pv_vcpu, v)->callback[PV_CB_EVENT].valid;
}

/* Events and NMIs that the guest is to notice at once. Interrupts are off. */
static void deliver_pending(struct pv_vcpu *p)
{
    if (unlikely(p->v.nmi_pending) && pv_nmi_deliverable(&p->v)) {
        p->v.nmi_pending = false;
        p->in_nmi = true;
        pv_bounce(p, p->callback[PV_CB_NMI].address, true, NULL, 0);
    } else if (event_deliverable(&p->v) && p->callback[PV_CB_EVENT].valid) {
        pv_bounce(p, p->callback[PV_CB_EVENT].address, true, NULL, 0);
    }
}

void (*idle_wait)(void); /* halts until an interrupt; called and returns with interrupts off */

/* The rare things, then softirqs, events, or halting. Returns with interrupts off when everything may have changed; the caller looks again. */
static void exit_work(struct vcpu *v)
{
    if (softirq_pending_here()) {
        irq_enable();
        softirq_run();
        irq_disable();
    } else if (v->is_idle) {
        idle_wait();
    } else if (v->segments_failed) {
        v->segments_failed = false;
        if (pv_segments_failed(v) && pv_vcpu(v)->callback[PV_CB_FAILSAFE].valid)
            pv_failsafe(pv_vcpu(v));
    } else {
        deliver_pending(pv_vcpu(v));
    }
}

/* An NMI that cannot be delivered yet (another's handler runs, or there is none) must not hold the vcpu up. */
static bool may_leave(const struct vcpu *v)
{
    if (softirq_pending_here() || v->is_idle || v->segments_failed)
        return false;
    if (v->nmi_pending && pv_nmi_deliverable(v))
        return false;
    return !event_deliverable(v) || !pv_event_callback_valid(v);
}

/* Another vcpu may unmask this one's events as fast as they are delivered: the time that this takes must be preemptible. (STI takes effect after the next instruction.) */
static void interrupt_window(void)
{
    __asm__ volatile("sti; nop; cli" ::: "memory");
}

struct vcpu *prepare_exit(void)
{
    struct vcpu *v;

    irq_disable();
    v = current_vcpu();
    if (likely(!softirq_pending_here() && !v->exit_work && !event_deliverable(v)))
        return v;
    for (;;) {
        exit_work(v);
        v = current_vcpu();
        if (likely(may_leave(v)))
            return v;
        interrupt_window();
        v = current_vcpu();
    }
}

struct leaving leave_full_root(struct vcpu *v)
{
    const struct pv_vcpu *p = pv_vcpu(v);
    const struct pv_domain *pd = pv_domain(v->domain);
    uint64_t root = read_cr3();

    v->root = root;
    if (pd->split_root)
        root = split_root_for(p->kernel_mode ? 0 : 1, root,
                              __atomic_load_n(&pd->root_generation, __ATOMIC_ACQUIRE), v);
    return (struct leaving){v, root};
}

/*
 * The processor refused the frame that the guest is to continue with: the guest gets the exception as if it had happened where the frame leads. The general
 * registers are the guest's, since they had been restored; `fault` lies below v->regs and may overlap it, so they are copied from the end.
 */
void guest_exit_fault(struct vcpu *v, const struct cpu_user_regs *fault)
{
    uint64_t *to = (uint64_t *)&v->regs;
    const uint64_t *from = (const uint64_t *)fault;
    uint32_t vector = fault->entry_vector, error = fault->error_code;
    uint64_t cr2 = read_cr2();

    for (int i = offsetof(struct cpu_user_regs, error_code) / 8; i-- > 0;)
        to[i] = from[i];
    irq_enable();
    v->regs.entry_vector = vector;
    v->regs.error_code = error;
    pv_exit_fault(pv_vcpu(v), cr2);
}
