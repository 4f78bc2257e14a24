/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a domain: one ordered table of steps, each resumable. The order: first it stops and nobody new
 * can reach it, then what it holds of others goes, then what it holds of itself. One caller at a time is at
 * it; where it stands is in the domain.
 */
#include "control/relinquish.h"
#include "core/heap.h"
#include "core/memory_op.h"
#include "core/orphan.h"
#include "core/p2m.h"
#include "core/vcpu_op.h"
#include "core/vnuma.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/errno.h"
#include "sched/sched.h"

/* No vcpu is made, no page allocated from here on; the vcpus are told to stop. */
static int stop(struct domain *d)
{
    bool busy = false;
    struct vcpu *v;

    lock(&d->control_lock);
    if (d->state == DOMAIN_ALIVE) {
        lock(&d->page_lock);
        __atomic_store_n(&d->state, DOMAIN_DYING, __ATOMIC_SEQ_CST);
        unlock(&d->page_lock);
        domain_pause_nosync(d);
    }
    for_each_vcpu (v, d)
        busy |= v->is_initialising; /* the toolstack, on another processor, just gives it page tables */
    unlock(&d->control_lock);
    return busy ? -ERESTART : 0;
}

/* Something for each vcpu, with a look at what is pending after some of them: there may be 512. */
static int each_vcpu(struct domain *d, void (*function)(struct vcpu *v))
{
    while (d->end_vcpu < d->max_vcpus) {
        struct vcpu *v = d->vcpu[d->end_vcpu++];

        if (v)
            function(v);
        if (d->end_vcpu % 64 == 0 && softirq_pending())
            return -ERESTART;
    }
    d->end_vcpu = 0;
    return 0;
}

/* The vcpus are off their processors. */
static int wait_for_vcpus(struct domain *d)
{
    return each_vcpu(d, sched_sleep_sync);
}

static int close_events(struct domain *d)
{
    event_drop_virq_handler(d);
    return event_domain_close_all(d);
}

static int unmap_pirqs(struct domain *d)
{
    event_pirq_ops.end(d);
    return 0;
}

static int stop_timers(struct domain *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->watchdog); i++)
        timer_kill(&d->watchdog[i]);
    return each_vcpu(d, vcpu_timers_kill);
}

/* Registered vcpu_info areas: senders that still look at them are waited for, once for every few vcpus. */
static int drop_areas(struct domain *d)
{
    struct frame *frame[16];
    unsigned int count = 0;
    struct vcpu *v;

    for_each_vcpu (v, d) {
        v->runstate_area = v->time_area = GUEST_PTR(0);
        frame[count] = vcpu_info_forget(v);
        count += frame[count] != NULL;
        if (count == ARRAY_SIZE(frame))
            break;
    }
    if (!count)
        return 0;
    event_quiesce();
    for (unsigned int i = 0; i < count; i++)
        frame_put_writable(frame[i]);
    return count == ARRAY_SIZE(frame) ? -ERESTART : 0;
}

static int give_back_memory(struct domain *d)
{
    return d->kind->relinquish(d);
}

/* The pages of ours that it could map, and what the toolstack told us of it. */
static int unshare(struct domain *d)
{
    struct domain *target = d->target;

    if (grant_domain_close(d))
        return -ERESTART;
    domain_unshare_hypervisor_page(d, d->shared_info);
    memory_map_free(d);
    vnuma_free(d);
    d->target = NULL;
    if (target)
        domain_put(target);
    return 0;
}

static int (*const steps[])(struct domain *d) = {
    stop,       wait_for_vcpus,   close_events, unmap_pirqs,         grant_domain_release, stop_timers,
    drop_areas, give_back_memory, unshare,      grant_domain_orphan, orphan_pages,
};

static int go_on(struct domain *d)
{
    while (d->end_step < ARRAY_SIZE(steps)) {
        if (steps[d->end_step](d))
            return -ERESTART;
        d->end_step++;
        if (softirq_pending())
            return -ERESTART;
    }
    return 0;
}

int domain_relinquish(struct domain *d)
{
    int rc = 0;

    if (__atomic_exchange_n(&d->being_ended, true, __ATOMIC_ACQUIRE))
        return -ERESTART; /* another processor is at it */
    if (d->state != DOMAIN_ZOMBIE) {
        rc = go_on(d);
        if (!rc) {
            d->state = DOMAIN_ZOMBIE;
            event_send_global_virq(VIRQ_DOM_EXC);
            domain_put(d); /* the reference of its existence */
        }
    }
    __atomic_store_n(&d->being_ended, false, __ATOMIC_RELEASE);
    return rc;
}
