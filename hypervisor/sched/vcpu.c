/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the scheduler keeps for domains and vcpus: made and destroyed here. */
#include "sched/internal.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/panic.h"

lock_t sched_lock = LOCK_INIT(RANK_SCHED_GLOBAL);
LOCK_SHOWN(sched, sched_lock, "list of vcpus");
struct list sched_all_vcpus = LIST_INIT(sched_all_vcpus);

int sched_domain_init(struct domain *d)
{
    struct sched_domain *sd = hv_zalloc(sizeof(*sd) + sched_policy->domain_size);
    int err;

    if (!sd)
        return -ENOMEM;
    sd->d = d;
    d->sched = sd;
    err = sched_policy->init_domain(d);
    if (err) {
        d->sched = NULL;
        hv_free(sd);
    }
    return err;
}

void sched_domain_free(struct domain *d)
{
    if (!d->sched)
        return;
    sched_policy->destroy_domain(d);
    hv_free(d->sched);
    d->sched = NULL;
}

int sched_vcpu_init(struct vcpu *v)
{
    struct sched_vcpu *sv = hv_zalloc(sizeof(*sv) + sched_policy->vcpu_size);
    int err;

    if (!sv)
        return -ENOMEM;
    sv->v = v;
    sv->pinned_to = -1;
    list_init(&sv->all);
    v->sched = sv;
    if (cpumask_empty(&v->hard_affinity))
        cpumask_fill(&v->hard_affinity);
    if (cpumask_empty(&v->soft_affinity))
        cpumask_fill(&v->soft_affinity);
    v->runstate = (struct vcpu_runstate_info){.state = runstate_of_sleeper(v),
                                              .state_entry_time = (uint64_t)sched_machine.now()};
    err = sched_policy->init_vcpu(v);
    if (err) {
        v->sched = NULL;
        hv_free(sv);
        return err;
    }
    lock(&sched_lock);
    list_append(&sched_all_vcpus, &sv->all);
    unlock(&sched_lock);
    return 0;
}

/* The vcpu is paused for good and off its processor (sched_sleep_sync()). */
void sched_vcpu_free(struct vcpu *v)
{
    struct sched_vcpu *sv = v->sched;
    struct runqueue *rq;
    uint64_t flags;

    if (!sv)
        return;
    lock(&sched_lock);
    list_remove(&sv->all);
    unlock(&sched_lock);
    /* With its queue's lock, so that who is just moving it (displace()) has finished. */
    rq = vcpu_rq_lock(v, &flags);
    panic_on(v->is_running || v->loaded_on || rq->curr == v);
    if (sv->queued)
        policy_sleep(rq, v);
    rq_unlock(rq, flags);
    sched_policy->destroy_vcpu(v);
    v->sched = NULL;
    hv_free(sv);
}
