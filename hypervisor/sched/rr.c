/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Round robin: everybody in turn, a quantum each, no weights. An idle processor takes from the others' queues. The smallest policy: it
 * keeps the interface honest, and shows how one is written.
 *
 * To the tools it calls itself XEN_SCHEDULER_NULL: of the ids that libxl knows it is the one whose policy has no parameters, so that xl
 * neither asks for any nor fails for the lack of them. (Of the others, sedf is refused as removed, and credit, credit2, arinc653 and rtds are
 * asked for theirs.)
 */
#include "sched/policy.h"
#include "hv/errno.h"
#include "hv/log.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define RR_QUANTUM (10 * NS_PER_MS)

struct rr_vcpu {
    struct list link; /* in its processor's queue, in the order of their turns */
    struct vcpu *v;
};

struct rr_cpu {
    struct list queue;
    s_time_t turn_end; /* of who runs */
};

static DEFINE_PERCPU(struct rr_cpu, rr_cpu);

static void rr_init(unsigned int rate_limit_us)
{
    (void)rate_limit_us;
}

static void rr_cpu_init(unsigned int cpu)
{
    list_init(&per_cpu(rr_cpu, cpu).queue);
}

static int rr_init_domain(struct domain *d)
{
    (void)d;
    return 0;
}

static void rr_destroy_domain(struct domain *d)
{
    (void)d;
}

static int rr_init_vcpu(struct vcpu *v)
{
    struct rr_vcpu *rv = sched_vcpu_part(v);

    list_init(&rv->link);
    rv->v = v;
    return 0;
}

static void rr_destroy_vcpu(struct vcpu *v)
{
    (void)v;
}

static void rr_append(struct runqueue *rq, struct vcpu *v)
{
    list_append(&per_cpu(rr_cpu, rq->cpu).queue, &((struct rr_vcpu *)sched_vcpu_part(v))->link);
    sched_queued(rq, v);
}

static void rr_sleep(struct runqueue *rq, struct vcpu *v)
{
    list_remove(&((struct rr_vcpu *)sched_vcpu_part(v))->link);
    sched_unqueued(rq, v);
}

static void rr_wake(struct runqueue *rq, struct vcpu *v, s_time_t now, bool woken)
{
    (void)now;
    (void)woken;
    rr_append(rq, v);
    /* Who runs here gets a turn that ends, even if one that idles was told: it may find other work. */
    (void)sched_announce(rq, v);
    if (rq->curr != rq->idle && rq->until == TIME_NEVER)
        softirq_raise_cpu(SOFTIRQ_SCHEDULE, rq->cpu);
}

/* Takes somebody who waits elsewhere. The other queue's lock is only tried: ours is held. */
static struct vcpu *rr_take_from(struct runqueue *from, unsigned int cpu)
{
    struct rr_vcpu *rv;

    list_for_each_entry (rv, &per_cpu(rr_cpu, from->cpu).queue, link) {
        if (sched_may_take(rv->v, cpu)) {
            rr_sleep(from, rv->v);
            __atomic_store_n(&rv->v->cpu, cpu, __ATOMIC_RELEASE);
            return rv->v;
        }
    }
    return NULL;
}

static struct vcpu *rr_steal(struct runqueue *rq)
{
    unsigned int other;

    for_each_cpu (other, &sched_waiting) {
        struct runqueue *from = &per_cpu(runqueue, other);
        struct vcpu *v;

        if (from == rq)
            continue;
        if (!trylock(&from->lock)) {
            softirq_raise(
                SOFTIRQ_SCHEDULE); /* it is busy: look again at once, rather than sleep beside work */
            continue;
        }
        v = rr_take_from(from, rq->cpu);
        unlock(&from->lock);
        if (v) {
            rq->steals++;
            return v;
        }
    }
    return NULL;
}

/* The balancing step, at least once a turn: who waits here is offered to those who idle. He told one when he came; that one may have found
 * other work. */
static void rr_offer(struct runqueue *rq)
{
    struct rr_vcpu *rv;

    list_for_each_entry (rv, &per_cpu(rr_cpu, rq->cpu).queue, link) {
        if (cpumask_empty(&sched_idle))
            return;
        sched_tell_idle(rv->v);
    }
}

static struct vcpu *rr_do_schedule(struct runqueue *rq, s_time_t now, bool keep, s_time_t *until)
{
    struct rr_cpu *rc = &per_cpu(rr_cpu, rq->cpu);
    struct vcpu *prev = rq->curr, *next = NULL;
    bool yielded = keep && prev->sched->yielded;

    if (!list_empty(&rc->queue))
        next = list_first_entry(&rc->queue, struct rr_vcpu, link)->v;
    if (keep) {
        if (!next || (!yielded && now < rc->turn_end)) {
            if (now >= rc->turn_end)
                rc->turn_end = now + RR_QUANTUM;
            rr_offer(rq);
            *until = next ? rc->turn_end : TIME_NEVER;
            return prev;
        }
        rr_append(rq, prev);
    }
    if (next) {
        rr_sleep(rq, next);
    } else {
        sched_go_idle(rq);
        next = rr_steal(rq);
        if (!next)
            return NULL;
    }
    rr_offer(rq);
    rc->turn_end = now + RR_QUANTUM;
    *until = rq->waiting ? rc->turn_end : TIME_NEVER;
    return next;
}

static int rr_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    (void)d;
    (void)op;
    return -EINVAL;
}

static int rr_adjust_global(struct xen_sysctl_scheduler_op *op)
{
    (void)op;
    return -EINVAL;
}

static unsigned int rr_list_queue(struct runqueue *rq, struct sched_waiter *out, unsigned int most)
{
    struct rr_vcpu *rv;
    unsigned int n = 0;

    list_for_each_entry (rv, &per_cpu(rr_cpu, rq->cpu).queue, link)
        if (n < most)
            out[n++] = (struct sched_waiter){rv->v->domain->id, (uint16_t)rv->v->id, "waits", 0};
    return n;
}

static void rr_dump(void)
{
    printk("  quantum %lld us\n", RR_QUANTUM / NS_PER_US);
}

const struct sched_policy rr_policy = {
    .name = "rr",
    .id = XEN_SCHEDULER_NULL,
    .vcpu_size = sizeof(struct rr_vcpu),
    .init = rr_init,
    .cpu_init = rr_cpu_init,
    .init_domain = rr_init_domain,
    .destroy_domain = rr_destroy_domain,
    .init_vcpu = rr_init_vcpu,
    .destroy_vcpu = rr_destroy_vcpu,
    .wake = rr_wake,
    .sleep = rr_sleep,
    .do_schedule = rr_do_schedule,
    .pick_cpu = sched_pick_cpu,
    .adjust_domain = rr_adjust_domain,
    .adjust_global = rr_adjust_global,
    .list_queue = rr_list_queue,
    .dump = rr_dump,
};
