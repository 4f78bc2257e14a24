/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a vcpu should wait: idle processors first, soft affinity before hard, near before far.
 *
 * Invariant (with sched_go_idle() and sched_queued()): a processor sets its bit in sched_idle before it looks at sched_waiting for the last
 * time, and a waker sets the bit in sched_waiting before it looks at sched_idle; so never does one sleep while the other waits.
 */
#include "sched/internal.h"

cpumask_t sched_idle, sched_waiting;

/* The first processor of `mask` after `from`, around the end; MAX_CPUS if it is empty. */
static unsigned int cpu_near(const cpumask_t *mask, unsigned int from)
{
    unsigned int cpu = cpumask_next(from, mask);

    return cpu < MAX_CPUS ? cpu : cpumask_first(mask);
}

/* Takes an idle processor out of `candidates` for oneself. */
static unsigned int claim_from(cpumask_t *candidates, unsigned int prefer)
{
    while (!cpumask_empty(candidates)) {
        unsigned int cpu = cpumask_test(prefer, candidates) ? prefer : cpu_near(candidates, prefer);

        if (atomic_test_and_clear_bit(cpu, sched_idle.bits))
            return cpu;
        clear_bit(cpu, candidates->bits);
    }
    return MAX_CPUS;
}

unsigned int sched_claim_idle(const struct vcpu *v)
{
    const cpumask_t *allowed = sched_allowed(v);
    unsigned int last = READ_ONCE(v->cpu), cpu;
    cpumask_t idle, soft;

    /* Where it ran last, if that is as good as any: one locked operation, no loops. */
    if (likely(cpumask_test(last, &sched_idle) && cpumask_test(last, allowed) &&
               cpumask_test(last, &v->soft_affinity)) &&
        atomic_test_and_clear_bit(last, sched_idle.bits))
        return last;
    cpumask_and(&idle, &sched_idle, allowed);
    if (cpumask_empty(&idle))
        return MAX_CPUS;
    cpumask_and(&soft, &idle, &v->soft_affinity);
    cpu = claim_from(&soft, last);
    return cpu < MAX_CPUS ? cpu : claim_from(&idle, last);
}

unsigned int sched_least_loaded(const struct vcpu *v, const cpumask_t *allowed)
{
    unsigned int best = MAX_CPUS, least = ~0U, cpu;
    cpumask_t usable;

    cpumask_and(&usable, allowed, &cpu_online_mask);
    for_each_cpu (cpu, &usable) {
        const struct runqueue *rq = &per_cpu(runqueue, cpu);
        unsigned int load = READ_ONCE(rq->waiting) * 2 + (READ_ONCE(rq->curr) != rq->idle ? 2 : 0);

        /* Among equals the one where it ran last. */
        if (load + (cpu != v->cpu) < least) {
            least = load + (cpu != v->cpu);
            best = cpu;
        }
    }
    return best;
}

unsigned int sched_pick_cpu(struct vcpu *v)
{
    const cpumask_t *allowed = sched_allowed(v);
    unsigned int cpu = sched_claim_idle(v);
    cpumask_t preferred;

    v->sched->claimed = cpu < MAX_CPUS;
    if (cpu < MAX_CPUS)
        return cpu;
    cpumask_and(&preferred, allowed, &v->soft_affinity);
    if (likely(cpumask_test(v->cpu, &preferred)))
        return v->cpu;
    cpu = sched_least_loaded(v, &preferred);
    if (cpu == MAX_CPUS)
        cpu = sched_least_loaded(v, allowed);
    return cpu < MAX_CPUS ? cpu : v->cpu;
}

bool sched_tell_idle(const struct vcpu *v)
{
    unsigned int cpu;

    if (likely(cpumask_empty(&sched_idle)))
        return false;
    cpu = sched_claim_idle(v);
    if (cpu == MAX_CPUS)
        return false;
    softirq_raise_cpu(SOFTIRQ_SCHEDULE, cpu);
    return true;
}
