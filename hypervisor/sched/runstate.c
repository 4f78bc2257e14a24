/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a vcpu's time goes. Invariant: the four times of a vcpu, with that of its present state added up to now, sum to the time since it was
 * made; nothing is sampled. Guarded by the lock of the run queue that the vcpu belongs to.
 */
#include "sched/internal.h"

void runstate_change(struct vcpu *v, int state, s_time_t now)
{
    struct vcpu_runstate_info *r = &v->runstate;
    uint64_t entry = r->state_entry_time;

    /* Processors agree on the time only to within their clocks' skew: a step back counts as no time. */
    if (likely((uint64_t)now > entry)) {
        r->time[r->state] += (uint64_t)now - entry;
        r->state_entry_time = (uint64_t)now;
    }
    r->state = state;
}

int runstate_of_sleeper(const struct vcpu *v)
{
    return READ_ONCE(v->pause_flags) & VCPU_BLOCKED ? RUNSTATE_blocked : RUNSTATE_offline;
}

void vcpu_runstate_get(struct vcpu *v, struct vcpu_runstate_info *out)
{
    uint64_t flags;
    struct runqueue *rq = vcpu_rq_lock(v, &flags);
    s_time_t now = sched_machine.now();

    *out = v->runstate;
    rq_unlock(rq, flags);
    if ((uint64_t)now > out->state_entry_time)
        out->time[out->state] += (uint64_t)now - out->state_entry_time;
}

s_time_t vcpu_runtime(struct vcpu *v, s_time_t now)
{
    uint64_t flags;
    struct runqueue *rq = vcpu_rq_lock(v, &flags);
    s_time_t ran = (s_time_t)v->runstate.time[RUNSTATE_running];

    if (v->runstate.state == RUNSTATE_running && (uint64_t)now > v->runstate.state_entry_time)
        ran += now - (s_time_t)v->runstate.state_entry_time;
    rq_unlock(rq, flags);
    return ran;
}
