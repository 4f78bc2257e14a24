/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which processors a vcpu may use: hard affinity (a rule), soft affinity (a wish), SCHEDOP_pin_override (a rule above both, for a while), and
 * the departure of a processor.
 */
#include "sched/internal.h"
#include "hv/errno.h"
#include "hv/log.h"

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

/* The rules for v have changed, or its processor goes: makes it leave where it may no longer be. Unlocks. */
static void enforce(struct runqueue *rq, struct vcpu *v, uint64_t flags)
{
    bool moves = false;

    if (!rq->online || !cpumask_test(rq->cpu, sched_allowed(v))) {
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

/* v can stay nowhere without `cpu`: the rule is given up rather than the vcpu. */
static void break_affinity(struct vcpu *v, unsigned int cpu)
{
    uint64_t flags;
    struct runqueue *rq = lock_settled(v, &flags);

    if (v->sched->pinned_to == (int)cpu)
        v->sched->pinned_to = -1;
    /* Also under a pin override elsewhere: some day that ends. */
    if (!any_online(&v->hard_affinity)) {
        cpumask_fill(&v->hard_affinity);
        log_warn("d%uv%u: CPU%u went away, the last one of its hard affinity; it may now run anywhere\n",
                 v->domain->id, v->id, cpu);
    }
    enforce(rq, v, flags);
}

void sched_cpu_down(unsigned int cpu, unsigned int to)
{
    struct runqueue *rq = &per_cpu(runqueue, cpu);
    struct sched_vcpu *sv;
    uint64_t flags = lock_irqsave(&rq->lock);

    rq->online = false;
    cpumask_clear(cpu, &sched_idle);
    rq_unlock(rq, flags);
    lock(&sched_lock);
    list_for_each_entry (sv, &sched_all_vcpus, all)
        break_affinity(sv->v, cpu);
    unlock(&sched_lock);
    sched_policy->cpu_down(cpu, to);
    softirq_raise_cpu(SOFTIRQ_SCHEDULE, cpu);
}
