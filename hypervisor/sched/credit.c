/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The credit policy, the default: proportional shares by weight, caps, and a fast way in for who wakes up.
 *
 * A domain has credit: nanoseconds of processor time. Every 30 ms the accountant (credit_account.c) hands out
 * to each active domain its part of what the processors could give; whatever its vcpus run is taken off, by
 * the clock, at every decision: there is no tick to hide from. Who belongs to a domain with credit left
 * (UNDER) goes before all others (OVER), on every processor: one that would run an OVER vcpu looks whether an
 * UNDER one waits elsewhere. Within a class a queue is ordered by virtual time, the time run divided by
 * weight, which makes shares right also among vcpus that are bound to one processor, where credit alone
 * cannot.
 *
 * BOOST: who wakes with credit in hand, and not far ahead in virtual time, goes before all others until it
 * has run for the rate limit. PARKED: the cap's budget is used up; waits in the queue, is not chosen before
 * the next hand-out.
 *
 * Locks: a queue's; credit and budget are atomics.
 */
#include "sched/credit.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

enum credit_class { CLASS_PARKED, CLASS_OVER, CLASS_UNDER, CLASS_BOOST };

#define CREDIT_MIN_SLICE (500 * NS_PER_US) /* so that the last crumbs of credit do not cost a decision each */
#define CAP_MIN_SLICE    (50 * NS_PER_US)

DEFINE_PERCPU(struct credit_cpu, credit_cpu);
struct credit_global credit;
LOCK_SHOWN(credit, credit.lock, "credit's domains");

static enum credit_class class_of(const struct credit_vcpu *cv)
{
    if (credit_parked(cv->domain))
        return CLASS_PARKED;
    if (READ_ONCE(cv->domain->credit) <= 0)
        return CLASS_OVER;
    return cv->boosted ? CLASS_BOOST : CLASS_UNDER;
}

/* --- The queue --- */

static void credit_enqueue(struct runqueue *rq, struct credit_vcpu *cv)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, rq->cpu);
    struct list *at = cc->queue.prev;

    if (cv->boosted) {
        list_append(&cc->boosted, &cv->link);
    } else {
        /* From the back: who just ran belongs there. */
        while (at != &cc->queue && list_entry(at, struct credit_vcpu, link)->vtime - cv->vtime > 0)
            at = at->prev;
        list_prepend(at, &cv->link);
    }
    sched_queued(rq, cv->v);
}

static void credit_dequeue(struct runqueue *rq, struct credit_vcpu *cv)
{
    list_remove(&cv->link);
    sched_unqueued(rq, cv->v);
}

static void credit_sleep(struct runqueue *rq, struct vcpu *v)
{
    credit_dequeue(rq, credit_vcpu(v));
}

/* Makes the virtual time one of this queue: the lead or lag that it had in its old one, within a slice. */
static void credit_settle(struct credit_vcpu *cv, unsigned int cpu)
{
    int64_t here = per_cpu(credit_cpu, cpu).vtime;

    if (unlikely(cv->home != cpu)) {
        int64_t lead = cv->vtime - READ_ONCE(per_cpu(credit_cpu, cv->home).vtime);

        cv->vtime = here + min(max(lead, (int64_t)0), 2 * credit.slice);
        cv->home = cpu;
    } else if (cv->vtime - here < 0) {
        cv->vtime = here; /* sleeping earns nothing */
    }
}

/* The best of those who wait: any with a boost, else the first with credit, else the first. NULL: nobody, or all are parked. */
static struct credit_vcpu *credit_best(struct credit_cpu *cc, enum credit_class *class)
{
    struct credit_vcpu *cv, *over = NULL;

    *class = CLASS_PARKED;
    list_for_each_entry (cv, &cc->boosted, link) {
        *class = class_of(cv);
        if (*class >= CLASS_UNDER)
            return cv;
        if (*class == CLASS_OVER && !over)
            over = cv;
    }
    list_for_each_entry (cv, &cc->queue, link) {
        *class = class_of(cv);
        if (*class >= CLASS_UNDER)
            return cv;
        if (*class == CLASS_OVER && !over)
            over = cv;
    }
    *class = over ? CLASS_OVER : CLASS_PARKED;
    return over;
}

/* --- Charging --- */

static void credit_charge(struct runqueue *rq, struct credit_cpu *cc, struct credit_vcpu *cv, s_time_t now)
{
    struct credit_domain *cd = cv->domain;
    int64_t ran = now - cc->charged;

    if (ran <= 0)
        return;
    cc->charged = now;
    cv->last_charge = now;
    __atomic_fetch_sub(&cd->credit, ran, __ATOMIC_RELAXED);
    if (unlikely(cd->cap))
        __atomic_fetch_sub(&cd->budget, ran, __ATOMIC_RELAXED);
    cv->vtime += (int64_t)(((unsigned __int128)ran * cd->rate) >> CREDIT_RATE_SHIFT);
    (void)rq;
}

static void credit_advance(struct credit_cpu *cc, const struct credit_vcpu *cv)
{
    int64_t least = cv->vtime;

    if (!list_empty(&cc->queue))
        least = min(least - cc->vtime,
                    list_first_entry(&cc->queue, struct credit_vcpu, link)->vtime - cc->vtime) +
                cc->vtime;
    if (least - cc->vtime > 0)
        cc->vtime = least;
}

/* --- Taking from others --- */

/* The best that may come to `cpu` and is at least of class `least`. Both locks held. */
static struct credit_vcpu *credit_take_from(struct runqueue *from, unsigned int cpu, enum credit_class least,
                                            s_time_t now)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, from->cpu);
    struct list *lists[] = {&cc->boosted, &cc->queue};
    struct credit_vcpu *cv, *best = NULL;
    enum credit_class best_class = CLASS_PARKED;

    for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++) {
        list_for_each_entry (cv, lists[i], link) {
            enum credit_class class = class_of(cv);

            if (class < least || class <= best_class || !sched_may_take(cv->v, cpu) ||
                now - cv->v->sched->last_ran < credit.migrate_delay)
                continue;
            best = cv;
            best_class = class;
        }
    }
    if (!best)
        return NULL;
    credit_dequeue(from, best);
    __atomic_store_n(&best->v->cpu, cpu, __ATOMIC_RELEASE);
    credit_settle(best, cpu);
    return best;
}

/*
 * Looks through the queues where somebody waits, the next ones first. `urgent`: we would sleep otherwise, so a lock that is busy just now
 * means to look again, not to give up. The locks are only tried since ours is held.
 */
static struct credit_vcpu *credit_steal(struct runqueue *rq, enum credit_class least, s_time_t now,
                                        bool urgent)
{
    unsigned int other = rq->cpu;

    for (unsigned int i = cpumask_weight(&sched_waiting); i > 0; i--) {
        struct runqueue *from;
        struct credit_vcpu *cv;

        other = cpumask_next(other, &sched_waiting);
        if (other >= MAX_CPUS)
            other = cpumask_first(&sched_waiting);
        if (other >= MAX_CPUS)
            return NULL;
        if (other == rq->cpu)
            continue;
        from = &per_cpu(runqueue, other);
        if (!trylock(&from->lock)) {
            if (urgent)
                softirq_raise(SOFTIRQ_SCHEDULE);
            continue;
        }
        cv = credit_take_from(from, rq->cpu, least, now);
        unlock(&from->lock);
        if (cv) {
            rq->steals++;
            return cv;
        }
    }
    return NULL;
}

/*
 * Evens out the queues, once a slice: takes one from the longest other queue if that is longer than ours by two or more. Whoever runs here
 * is about to be put back, or to go on; either way his rivals here become more.
 */
static void credit_pull(struct runqueue *rq, s_time_t now)
{
    unsigned int most = rq->waiting + 1, longest = MAX_CPUS, other;
    struct credit_vcpu *cv;
    struct runqueue *from;

    for_each_cpu (other, &sched_waiting) {
        unsigned int waiting = READ_ONCE(per_cpu(runqueue, other).waiting);

        if (other != rq->cpu && waiting > most) {
            most = waiting;
            longest = other;
        }
    }
    if (longest == MAX_CPUS)
        return;
    from = &per_cpu(runqueue, longest);
    if (!trylock(&from->lock))
        return;
    cv = from->waiting > rq->waiting + 1 ? credit_take_from(from, rq->cpu, CLASS_OVER, now) : NULL;
    unlock(&from->lock);
    if (!cv)
        return;
    rq->steals++;
    credit_enqueue(rq, cv);
}

/* --- The decision --- */

/* How long `cv` may run before we look again. */
static s_time_t credit_until(struct runqueue *rq, struct credit_cpu *cc, struct credit_vcpu *cv,
                             enum credit_class class, s_time_t now, bool yielded_to)
{
    struct credit_domain *cd = cv->domain;
    s_time_t until = TIME_NEVER;

    if (unlikely(cd->cap))
        until = now + max(READ_ONCE(cd->budget) / (int64_t)cd->active, (int64_t)CAP_MIN_SLICE);
    /* Nobody waits anywhere: whoever comes will say so. */
    if (!rq->waiting && cpumask_empty(&sched_waiting))
        return until;
    until = min(until, cc->slice_start + credit.slice);
    if (class == CLASS_BOOST || yielded_to)
        until = min(until, now + max(credit.rate_limit, (s_time_t)CREDIT_MIN_SLICE));
    else if (class == CLASS_UNDER)
        until = min(until, now + max(READ_ONCE(cd->credit) / (int64_t)cd->active, (int64_t)CREDIT_MIN_SLICE));
    return max(until, now + 1);
}

/* May prev go on although `best` waits? `*until`: for how long at most, if a rule of its own says so. */
static bool credit_goes_on(struct credit_cpu *cc, struct credit_vcpu *prev, enum credit_class prev_class,
                           struct credit_vcpu *best, enum credit_class class, s_time_t now, s_time_t *until)
{
    if (prev_class == CLASS_PARKED)
        return false;
    if (!best || class < prev_class)
        return true;
    if (now - cc->slice_start < credit.rate_limit) {
        *until = cc->slice_start + credit.rate_limit;
        return true;
    }
    if (class > prev_class)
        return false;
    return now - cc->slice_start < credit.slice || prev->vtime - best->vtime < 0;
}

/* Some wait here while others idle: tells those who may take them. They told somebody when they came; he may have found other work. */
static __noinline void credit_offer(struct credit_cpu *cc)
{
    struct list *lists[] = {&cc->boosted, &cc->queue};
    struct credit_vcpu *cv;

    for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++) {
        list_for_each_entry (cv, lists[i], link) {
            if (cpumask_empty(&sched_idle))
                return;
            if (class_of(cv) != CLASS_PARKED)
                sched_tell_idle(cv->v);
        }
    }
}

static struct vcpu *credit_do_schedule(struct runqueue *rq, s_time_t now, bool keep, s_time_t *until)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, rq->cpu);
    struct credit_vcpu *prev = rq->curr->is_idle ? NULL : credit_vcpu(rq->curr), *next, *other;
    enum credit_class class, prev_class = CLASS_PARKED;
    bool yielded = keep && prev->v->sched->yielded;

    if (prev) {
        credit_charge(rq, cc, prev, now);
        if (prev->boosted && (!keep || now - cc->slice_start >= credit.rate_limit))
            prev->boosted = false;
    }
    if (keep && now - cc->slice_start >= credit.slice && !cpumask_empty(&sched_waiting))
        credit_pull(rq, now);
    next = credit_best(cc, &class);
    if (keep) {
        prev_class = class_of(prev);
        if (!(yielded && next) && credit_goes_on(cc, prev, prev_class, next, class, now, until)) {
            next = prev;
            class = prev_class;
        }
    }
    /* Nobody with credit here: is there one elsewhere? Then nobody at all: whoever waits. */
    if (class < CLASS_UNDER && !yielded && !cpumask_empty(&sched_waiting) && next) {
        other = credit_steal(rq, CLASS_UNDER, now, false);
        if (other) {
            next = other;
            class = class_of(other);
        }
    }
    if (!next) {
        sched_go_idle(rq);
        next = credit_steal(rq, CLASS_OVER, now, true);
        if (next)
            class = class_of(next);
    }

    if (keep && next != prev) {
        prev->boosted = false;
        credit_enqueue(rq, prev);
    }
    if (!next)
        return NULL;
    if (unlikely(rq->waiting > next->v->sched->queued && !cpumask_empty(&sched_idle)))
        credit_offer(cc);
    if (next != prev) {
        if (next->v->sched->queued)
            credit_dequeue(rq, next);
        cc->charged = now;
        cc->slice_start = now;
    } else if (now - cc->slice_start >= credit.slice) {
        cc->slice_start = now;
    }
    WRITE_ONCE(cc->over, class == CLASS_OVER);
    credit_advance(cc, next);
    *until = min(*until, credit_until(rq, cc, next, class, now, yielded && next != prev));
    return next->v;
}

static void credit_wake(struct runqueue *rq, struct vcpu *v, s_time_t now, bool woken)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, rq->cpu);
    struct credit_vcpu *cv = credit_vcpu(v);
    enum credit_class class;

    credit_account_start(now);
    /*
     * Who runs without a rival is looked at seldom. What he ran since counts before somebody is measured
     * against this queue, or the newcomer would be let run for as long.
     */
    if (rq->curr != rq->idle) {
        credit_charge(rq, cc, credit_vcpu(rq->curr), now);
        credit_advance(cc, credit_vcpu(rq->curr));
    }
    credit_settle(cv, rq->cpu);
    /*
     * Who is ahead of the others here by a slice had enough: with credit for all (each bound to this
     * processor, say), naps would earn a domain nearly all of it.
     */
    cv->boosted = woken && READ_ONCE(cv->domain->credit) > 0 && cv->vtime - cc->vtime <= credit.slice;
    credit_enqueue(rq, cv);
    class = class_of(cv);
    /* All are busy: it goes before who runs here, or after; then that one's turn must end some time. */
    if ((class != CLASS_PARKED || rq->curr == rq->idle) && !sched_announce(rq, v) &&
        (class > class_of(credit_vcpu(rq->curr)) || rq->until == TIME_NEVER))
        softirq_raise_cpu(SOFTIRQ_SCHEDULE, rq->cpu);
}

/* --- Coming and going --- */

unsigned int sched_credit_tslice_ms = CREDIT_SLICE_MS;

static void credit_init(unsigned int rate_limit_us)
{
    unsigned int slice_ms = sched_credit_tslice_ms;

    if (slice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN || slice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX) {
        printk("sched_credit_tslice_ms=%u is not between %d and %d: %d is taken\n", slice_ms,
               XEN_SYSCTL_CSCHED_TSLICE_MIN, XEN_SYSCTL_CSCHED_TSLICE_MAX, CREDIT_SLICE_MS);
        slice_ms = CREDIT_SLICE_MS;
    }
    if (rate_limit_us > slice_ms * 1000) {
        printk("sched_ratelimit_us=%u is longer than the slice: %u is taken\n", rate_limit_us,
               slice_ms * 1000);
        rate_limit_us = slice_ms * 1000;
    }
    credit.slice = slice_ms * NS_PER_MS;
    credit.rate_limit = (s_time_t)rate_limit_us * NS_PER_US;
    credit.migrate_delay = 0;
    credit.armed = false;
    lock_init(&credit.lock, RANK_SCHED_GLOBAL);
    list_init(&credit.domains);
    timer_init(&credit.timer, credit_account, NULL, cpu_id());
}

static void credit_cpu_init(unsigned int cpu)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, cpu);

    *cc = (struct credit_cpu){0};
    list_init(&cc->boosted);
    list_init(&cc->queue);
}

static int credit_init_domain(struct domain *d)
{
    struct credit_domain *cd = sched_domain_part(d);

    cd->d = d;
    cd->weight = CREDIT_DEFAULT_WEIGHT;
    cd->active = 1;
    credit_set_rate(cd);
    list_init(&cd->vcpus);
    lock(&credit.lock);
    list_append(&credit.domains, &cd->link);
    unlock(&credit.lock);
    return 0;
}

static void credit_destroy_domain(struct domain *d)
{
    struct credit_domain *cd = sched_domain_part(d);

    lock(&credit.lock);
    list_remove(&cd->link);
    unlock(&credit.lock);
}

static int credit_init_vcpu(struct vcpu *v)
{
    struct credit_vcpu *cv = credit_vcpu(v);

    cv->v = v;
    cv->domain = sched_domain_part(v->domain);
    cv->home = v->cpu;
    cv->vtime = per_cpu(credit_cpu, v->cpu).vtime;
    list_init(&cv->link);
    lock(&credit.lock);
    list_append(&cv->domain->vcpus, &cv->member);
    unlock(&credit.lock);
    return 0;
}

static void credit_destroy_vcpu(struct vcpu *v)
{
    lock(&credit.lock);
    list_remove(&credit_vcpu(v)->member);
    unlock(&credit.lock);
}

static unsigned int credit_list_queue(struct runqueue *rq, struct sched_waiter *out, unsigned int most)
{
    struct credit_cpu *cc = &per_cpu(credit_cpu, rq->cpu);
    struct list *lists[] = {&cc->boosted, &cc->queue};
    static const char *const names[] = {"parked", "over", "under", "boost"};
    struct credit_vcpu *cv;
    unsigned int n = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(lists); i++)
        list_for_each_entry (cv, lists[i], link)
            if (n < most)
                out[n++] = (struct sched_waiter){cv->v->domain->id, (uint16_t)cv->v->id, names[class_of(cv)],
                                                 cv->vtime - cc->vtime};
    return n;
}

const struct sched_policy credit_policy = {
    .name = "credit",
    .id = XEN_SCHEDULER_CREDIT,
    .domain_size = sizeof(struct credit_domain),
    .vcpu_size = sizeof(struct credit_vcpu),
    .init = credit_init,
    .cpu_init = credit_cpu_init,
    .init_domain = credit_init_domain,
    .destroy_domain = credit_destroy_domain,
    .init_vcpu = credit_init_vcpu,
    .destroy_vcpu = credit_destroy_vcpu,
    .wake = credit_wake,
    .sleep = credit_sleep,
    .do_schedule = credit_do_schedule,
    .pick_cpu = sched_pick_cpu,
    .adjust_domain = credit_adjust_domain,
    .adjust_global = credit_adjust_global,
    .list_queue = credit_list_queue,
    .dump = credit_dump,
};
