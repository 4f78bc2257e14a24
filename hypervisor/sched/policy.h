/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Between the scheduler's core and its policies. A policy decides who waits where and who runs next; the core keeps the rest: locks,
 * runstates, affinity, the switch itself. A policy is one file with one `struct sched_policy`, and one line in policies.c.
 *
 * Locks: a run queue's (RANK_SCHED, interrupts off). v->cpu says whose queue a vcpu belongs to, waiting there or not; it changes only under
 * that queue's lock, and for a waiting vcpu under the locks of both queues. Two are taken in the order of their addresses, or the second
 * one by trylock(). A vcpu whose is_running is true stays where it is: its state is not yet saved there.
 */
#ifndef SCHED_POLICY_H
#define SCHED_POLICY_H

#include "sched/sched.h"
#include "hv/percpu.h"
#include "hv/softirq.h"

struct runqueue {
    lock_t lock;
    unsigned int cpu;
    unsigned int waiting; /* vcpus that wait here; sched_queued(), sched_unqueued() */
    bool published;       /* this processor's bit in sched_waiting is set */
    struct vcpu *curr;    /* who was chosen last; its predecessor's state may still be being saved */
    struct vcpu *idle;
    s_time_t until; /* when `slice` will make us choose again; TIME_NEVER: only on an event */
    struct timer slice;
    uint64_t decisions, switches, steals;
};

/* What the scheduler keeps for a vcpu. The policy's own part follows it in memory. */
struct sched_vcpu {
    struct vcpu *v;
    struct list all;   /* of every vcpu, sched_lock */
    bool queued;       /* it waits in the run queue of v->cpu */
    bool claimed;      /* sched_pick_cpu() chose an idle processor, which now does nothing but come for it */
    bool yielded;      /* gave the processor away: others first, once */
    int16_t pinned_to; /* SCHEDOP_pin_override; -1: none */
    cpumask_t pin_mask;
    s_time_t last_ran; /* when it left a processor */
    uint64_t policy_part[];
};

struct sched_domain {
    struct domain *d;
    uint64_t policy_part[];
};

/* All mandatory except where noted. `rq` is locked, interrupts are off. */
/* One line of a dump. */
struct sched_waiter {
    domid_id_t domain;
    uint16_t vcpu;
    const char *class; /* the policy's word for what it counts as */
    s_time_t rank;     /* by which the queue is ordered; 0 where it has none */
};

struct sched_policy {
    const char *name;
    unsigned int id;               /* XEN_SCHEDULER_*: what the tools are told */
    size_t domain_size, vcpu_size; /* of the policy's parts: zeroed before init_* */

    void (*init)(unsigned int rate_limit_us);
    void (*cpu_init)(unsigned int cpu);

    /* Not under a run queue lock. */
    int (*init_domain)(struct domain *d) __must_check;
    void (*destroy_domain)(struct domain *d);
    int (*init_vcpu)(struct vcpu *v) __must_check;
    void (*destroy_vcpu)(struct vcpu *v);

    /* v->cpu is rq->cpu; v is runnable, does not run here and does not wait: it waits from now on. Makes the right processor reconsider.
     * `woken`: it was blocked or offline before; else it was moved here. */
    void (*wake)(struct runqueue *rq, struct vcpu *v, s_time_t now, bool woken);
    /* v waits in rq and no longer does. */
    void (*sleep)(struct runqueue *rq, struct vcpu *v);
    /* Who runs next on rq's processor: charges rq->curr for its time, puts it back to wait if `keep` (it may run on) and somebody else is
     * chosen. NULL: nobody (after sched_go_idle() and a look at the other queues). *until: when to be asked again, at the latest. */
    struct vcpu *(*do_schedule)(struct runqueue *rq, s_time_t now, bool keep, s_time_t *until);
    /* Where v, which does not run, should wait. Own queue locked. sched_pick_cpu() will do. */
    unsigned int (*pick_cpu)(struct vcpu *v);

    /* Only for our own sched_id. -EINVAL, -EOPNOTSUPP. */
    int (*adjust_domain)(struct domain *d, struct xen_domctl_scheduler_op *op) __must_check;
    int (*adjust_global)(struct xen_sysctl_scheduler_op *op) __must_check;
    /* Who waits, at most `most` of them, in order; how many that are. Own queue locked: nothing is printed. */
    unsigned int (*list_queue)(struct runqueue *rq, struct sched_waiter *out, unsigned int most);
    void (*dump)(void);
};

extern const struct sched_policy *const sched_policies[]; /* the first is the default; NULL ends */
extern const struct sched_policy *sched_policy;

DECLARE_PERCPU(struct runqueue, runqueue);
/* Processors that have nothing to run and nobody on the way to them. A waker that takes a bit away owes that processor a SCHEDULE. */
extern cpumask_t sched_idle;
/* Processors where a vcpu waits that the processor itself will not get to at once. */
extern cpumask_t sched_waiting;

static inline bool vcpu_runnable(const struct vcpu *v)
{
    return !(READ_ONCE(v->pause_flags) | (uint32_t)READ_ONCE(v->pause_count) |
             (uint32_t)READ_ONCE(v->domain->pause_count));
}

/* Where the vcpu may run: the hard affinity, or the pin override. */
static inline const cpumask_t *sched_allowed(const struct vcpu *v)
{
    return likely(v->sched->pinned_to < 0) ? &v->hard_affinity : &v->sched->pin_mask;
}

static inline void *sched_vcpu_part(const struct vcpu *v)
{
    return v->sched->policy_part;
}

static inline void *sched_domain_part(const struct domain *d)
{
    return d->sched->policy_part;
}

static inline void sched_publish(struct runqueue *rq)
{
    rq->published = true;
    cpumask_set(rq->cpu, &sched_waiting);
}

/* v waits in rq from now on. A first one that comes to an idle processor is not published: it is as good as running. */
static inline void sched_queued(struct runqueue *rq, struct vcpu *v)
{
    v->sched->queued = true;
    rq->waiting++;
    if (!rq->published && (rq->curr != rq->idle || rq->waiting > 1))
        sched_publish(rq);
}

static inline void sched_unqueued(struct runqueue *rq, struct vcpu *v)
{
    v->sched->queued = false;
    if (--rq->waiting == 0 && rq->published) {
        rq->published = false;
        cpumask_clear(rq->cpu, &sched_waiting);
    }
}

/* rq has nobody: says so to wakers, with a full barrier. What waits elsewhere must be looked at after this. */
static inline void sched_go_idle(struct runqueue *rq)
{
    if (!cpumask_test(rq->cpu, &sched_idle))
        cpumask_set(rq->cpu, &sched_idle);
}

/* May v, who waits in another locked queue, be taken to `cpu` now? */
static inline bool sched_may_take(const struct vcpu *v, unsigned int cpu)
{
    return !__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE) && cpumask_test(cpu, sched_allowed(v));
}

/* An idle processor for v, claimed for the caller (its bit in sched_idle is gone), or MAX_CPUS. Near ones and soft affinity first. */
unsigned int sched_claim_idle(const struct vcpu *v);
/* That, or where v ran last, or the least loaded of those it may use. Says in v->sched->claimed which. */
unsigned int sched_pick_cpu(struct vcpu *v);
/* Somebody waits in rq whom its processor does not get to at once: an idle one that may take v is told to look. True if there was one. */
bool sched_tell_idle(const struct vcpu *v);

/* v has just been queued in rq: whoever can run it at once is made to look. False: nobody; it is up to the policy whether v goes before who
 * runs there. */
static inline bool sched_announce(struct runqueue *rq, const struct vcpu *v)
{
    bool idle = rq->curr == rq->idle;

    if (idle)
        softirq_raise_cpu(SOFTIRQ_SCHEDULE, rq->cpu);
    /* One that idles, but was not claimed for v, may be on its way to somebody else. */
    if (likely(idle && v->sched->claimed && rq->waiting == 1))
        return true;
    return sched_tell_idle(v) || idle;
}

#endif
