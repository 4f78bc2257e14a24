/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The lazy switch to idle. A vcpu that blocks leaves its state in the processor; if it is the next to run
 * there, nothing was saved and nothing is loaded. Whoever needs the state elsewhere or in memory has it put
 * away first: the processor itself, when it goes on to another vcpu, or at the request of another processor,
 * which is a TLB shootdown like any other: one that idles answers each by putting away what it holds, and is
 * then left alone.
 *
 * `held` and v->loaded_on are written by the processor concerned only, with interrupts off.
 */
#include "core/vcpu_state.h"
#include "arch/x86/desc.h"
#include "arch/x86/tlb.h"
#include "hv/irqflags.h"
#include "hv/panic.h"
#include "hv/percpu.h"

struct held {
    struct vcpu *loaded; /* whose state the processor holds; NULL: nobody's, our own tables are loaded */
    bool current;        /* it is the current vcpu; else that is the idle one */
};
static DEFINE_PERCPU(struct held, held);

/* v's tables have been replaced by those of somebody of domain `now` (NULL: ours). The last touch of v: it may be freed from then on. */
static void release(struct vcpu *v, const struct domain *now)
{
    if (v->domain != now)
        cpumask_clear(cpu_id(), &v->domain->dirty_cpus);
    __atomic_store_n(&v->loaded_on, 0, __ATOMIC_SEQ_CST);
}

static void put_away(void)
{
    struct vcpu *v = this_cpu(held).loaded;

    v->domain->kind->switch_from(v);
    load_host_tables();
    this_cpu(held).loaded = NULL;
    release(v, NULL);
}

void vcpu_put_away_idle(void)
{
    uint64_t flags = irq_save();

    if (this_cpu(held).loaded && !this_cpu(held).current)
        put_away();
    irq_restore(flags);
}

void vcpu_sync_state(struct vcpu *v)
{
    unsigned int cpu = vcpu_loaded_cpu(v);
    cpumask_t mask;

    if (likely(cpu == MAX_CPUS))
        return;
    if (cpu == cpu_id()) {
        vcpu_put_away_idle();
        return;
    }
    mask = cpumask_of(cpu);
    tlb_flush_mask(&mask, 0);
}

/* LS5: who waits for another processor's state holds none, so that nobody waits in a circle. */
static __noinline void fetch(struct vcpu *next)
{
    if (this_cpu(held).loaded)
        put_away();
    vcpu_sync_state(next);
    panic_on(next->loaded_on);
}

void vcpu_switch(struct vcpu *next)
{
    struct held *held = &this_cpu(held);
    struct vcpu *prev = held->loaded;

    held->current = !next->is_idle;
    if (next->is_idle || next == prev) {
        set_entry_vcpu(next);
        return;
    }
    if (unlikely(next->loaded_on)) {
        fetch(next);
        prev = NULL;
    }
    if (prev)
        prev->domain->kind->switch_from(prev);
    set_entry_vcpu(next);
    cpumask_set(cpu_id(), &next->domain->dirty_cpus);
    held->loaded = next;
    __atomic_store_n(&next->loaded_on, cpu_id() + 1, __ATOMIC_SEQ_CST);
    next->domain->kind->switch_to(next);
    if (prev)
        release(prev, next->domain);
}
