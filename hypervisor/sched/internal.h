/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the files of the scheduler's core; policies do not include it. */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include "sched/policy.h"

extern lock_t sched_lock;           /* the list of all vcpus; RANK_SCHED_GLOBAL */
extern struct list sched_all_vcpus; /* struct sched_vcpu.all */

/* Locks the run queue that v belongs to, interrupts off. */
struct runqueue *vcpu_rq_lock(const struct vcpu *v, uint64_t *flags);
static inline void rq_unlock(struct runqueue *rq, uint64_t flags)
{
    unlock_irqrestore(&rq->lock, flags);
}
/* Both queues, in the order of their addresses; they may be the same. Interrupts are off already. */
void rq_lock_two(struct runqueue *a, struct runqueue *b);
void rq_unlock_two(struct runqueue *a, struct runqueue *b);

/* Accounts the time since the last change to the present state, then enters `state`. The queue's lock is held. */
void runstate_change(struct vcpu *v, int state, s_time_t now);
/* The state of a vcpu that is not runnable. */
int runstate_of_sleeper(const struct vcpu *v);
/* A processor of `allowed` that is online: v's own, or the least loaded one; MAX_CPUS: none. */
unsigned int sched_least_loaded(const struct vcpu *v, const cpumask_t *allowed);

/* The chosen policy's operations that are called often: jumps patched at boot. */
#ifdef UNIT_HOSTED
#define policy_do_schedule (*sched_policy->do_schedule)
#define policy_wake        (*sched_policy->wake)
#define policy_sleep       (*sched_policy->sleep)
#define policy_pick_cpu    (*sched_policy->pick_cpu)
#else
struct vcpu *policy_do_schedule(struct runqueue *rq, s_time_t now, bool keep, s_time_t *until);
void policy_wake(struct runqueue *rq, struct vcpu *v, s_time_t now, bool woken);
void policy_sleep(struct runqueue *rq, struct vcpu *v);
unsigned int policy_pick_cpu(struct vcpu *v);
#endif
/* The policy has been chosen: leads them to it. */
void sched_policy_direct(void);

#endif
