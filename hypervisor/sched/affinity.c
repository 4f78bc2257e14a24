/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processors a vcpu may use: hard affinity (a rule), soft affinity (a wish), SCHEDOP_pin_override (a rule above both, for a while).
 */
#include "sched/internal.h"
#include "hv/errno.h"

/*
 * Locks v's queue at a moment when v is not half way off its processor: then either it is current, or it may be moved. The wait is for
 * another processor's context switch, which runs with interrupts off.
 */
static struct runqueue *lock_settled(const struct vcpu *v, uint64_t *flags)
{
    for (;;) {
        struct runqueue *rq = vcpu_rq_lock(v, flags);

        if (rq->curr == v || !__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE))
            return rq;
        rq_unlock(rq, *flags);
        __builtin_ia32_pause();
    }
}

/* The rules for v have changed: makes it leave where it may no longer be. Unlocks. */
static void enforce(struct runqueue *rq, struct vcpu *v, uint64_t flags)
{
    bool moves = false;

    if (!cpumask_test(rq->cpu, sched_allowed(v))) {
        if (rq->curr == v) {
            softirq_raise_cpu(SOFTIRQ_SCHEDULE, rq->cpu); /* schedule() displaces it */
        } else if (v->sched->queued) {
            policy_sleep(rq, v);
            moves = true;
        }
    } else if (v->sched->queued) {
        sched_tell_idle(v); /* one that it was not allowed before */
    }
    rq_unlock(rq, flags);
    if (moves)
        sched_wake(v);
}

static bool any_online(const cpumask_t *m)
{
    return cpumask_intersects(m, &cpu_online_mask);
}

int sched_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft)
{
    uint64_t flags;
    struct runqueue *rq;

    if (hard && !any_online(hard))
        return -EINVAL;
    rq = lock_settled(v, &flags);
    if (hard && v->sched->pinned_to >= 0) {
        rq_unlock(rq, flags);
        return -EBUSY;
    }
    if (hard)
        v->hard_affinity = *hard;
    if (soft)
        v->soft_affinity = *soft;
    enforce(rq, v, flags);
    return 0;
}

int sched_pin_override(struct vcpu *v, int cpu)
{
    uint64_t flags;
    struct runqueue *rq;
    int err = 0;

    if (cpu >= MAX_CPUS || (cpu >= 0 && !cpumask_test((unsigned int)cpu, &cpu_online_mask)))
        return -EINVAL;
    rq = lock_settled(v, &flags);
    if (cpu < 0 && v->sched->pinned_to < 0)
        err = -EINVAL;
    else if (cpu >= 0 && v->sched->pinned_to >= 0)
        err = -EBUSY;
    if (err) {
        rq_unlock(rq, flags);
        return err;
    }
    v->sched->pinned_to = (int16_t)(cpu < 0 ? -1 : cpu);
    if (cpu >= 0)
        v->sched->pin_mask = cpumask_of((unsigned int)cpu);
    enforce(rq, v, flags);
    return 0;
}
