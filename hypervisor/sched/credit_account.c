/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The credit policy's accountant: every period it hands out to each active domain its part of what the processors could give, by weight. A
 * domain cannot use more than its vcpus, its affinity or its cap let it, nor (roughly) more than it lately wanted; what it leaves goes to the
 * others in proportion, so that the parts sum to what there is and credit means the same to all.
 *
 * One timer, one processor, O(vcpus) each 30 ms while anybody is runnable: some ten instructions a vcpu.
 * Locks: credit.lock over the walk; credit and budget change by atomic additions since processors charge meanwhile.
 */
#include "sched/credit.h"
#include "hv/errno.h"
#include "hv/log.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define FILL_ROUNDS                                                                                          \
    16 /* of the distribution; each settles at least one domain, and nearly always all after three */

void credit_set_rate(struct credit_domain *cd)
{
    cd->rate = ((uint64_t)CREDIT_DEFAULT_WEIGHT << CREDIT_RATE_SHIFT) * cd->active / cd->weight;
}

void credit_account_arm(s_time_t now)
{
    if (__atomic_exchange_n(&credit.armed, true, __ATOMIC_SEQ_CST))
        return;
    credit.last_account = now;
    timer_set(&credit.timer, now + CREDIT_PERIOD);
}

/* How much the domain can use of `elapsed`, from what it may and what it did. 0: it was not active. */
static int64_t domain_limit(struct credit_domain *cd, s_time_t elapsed)
{
    int64_t used = cd->credit_before - READ_ONCE(cd->credit), limit;
    struct credit_vcpu *cv;
    uint32_t active = 0;
    bool hungry = false;
    cpumask_t span = {{0}};

    list_for_each_entry (cv, &cd->vcpus, member) {
        bool runnable = READ_ONCE(cv->v->runstate.state) <= RUNSTATE_runnable;

        if (!runnable && cv->last_charge < credit.last_account)
            continue;
        active++;
        hungry |= runnable;
        for (unsigned int i = 0; i < ARRAY_SIZE(span.bits); i++)
            span.bits[i] |= sched_allowed(cv->v)->bits[i];
    }
    if (!active)
        return 0;
    cd->active = active;
    credit_set_rate(cd);
    cpumask_and(&span, &span, &cpu_online_mask);
    limit = elapsed * min(active, cpumask_weight(&span));
    if (cd->cap)
        limit = min(limit, elapsed * cd->cap / 100);
    /* Who sleeps now has had what it wanted, and leaves the rest to others; with room to double its use in each period. */
    cd->hungry = hungry;
    return hungry ? limit : min(limit, 2 * max(used, (int64_t)0) + elapsed / 4);
}

/* Divides `total` by weight among the domains with a limit, none getting more than that. */
static void divide(int64_t total)
{
    struct credit_domain *cd;
    bool changed = true;

    for (unsigned int round = 0; changed && round < FILL_ROUNDS; round++) {
        uint64_t weights = 0;
        int64_t rest = total;

        changed = false;
        list_for_each_entry (cd, &credit.domains, link) {
            if (cd->settled)
                rest -= cd->share;
            else
                weights += cd->weight;
        }
        if (!weights)
            return;
        list_for_each_entry (cd, &credit.domains, link) {
            if (cd->settled)
                continue;
            cd->share = (int64_t)((unsigned __int128)max(rest, (int64_t)0) * cd->weight / weights);
            if (cd->share >= cd->limit) {
                cd->share = cd->limit;
                cd->settled = true;
                changed = true;
            }
        }
    }
}

/* Adds within [low, high]; who is charged meanwhile is not lost. */
static int64_t add_clamped(int64_t *account, int64_t amount, int64_t low, int64_t high)
{
    int64_t old = READ_ONCE(*account), new = min(max(old + amount, low), high);

    return __atomic_add_fetch(account, new - old, __ATOMIC_RELAXED);
}

/* True if the domain was parked and no longer is. */
static bool hand_out(struct credit_domain *cd, s_time_t elapsed)
{
    /* Without rivals one uses more than one's part, or saves it up: neither is held for or against one for long. */
    int64_t low = cpumask_empty(&sched_waiting) ? cd->share : 2 * cd->share + credit.slice * cd->active;
    bool parked = credit_parked(cd);
    int64_t high = cd->share + CREDIT_PERIOD;

    /* Who is due all that it can use (and wants it) never runs out of credit, whatever came before. */
    if (cd->hungry && cd->share == cd->limit)
        low = -high;
    cd->credit_before = add_clamped(&cd->credit, cd->share, -low, high);
    if (cd->cap) {
        int64_t part = elapsed * cd->cap / 100;

        /* Who has to wait for another's slice to end is not to lose what that took beyond the period. */
        add_clamped(&cd->budget, part, INT64_MIN / 2, 2 * part);
    }
    return parked && !credit_parked(cd);
}

/*
 * The balancing step, each period in which somebody waits. A processor looks again if its waiters were unparked; if others idle, to offer them
 * (credit_offer()); if who runs has no credit, since now a waiter may; if who runs has no end in sight.
 */
static void reconsider(bool unparked)
{
    bool all_waiting = unparked || !cpumask_empty(&sched_idle);
    s_time_t now = sched_machine.now();
    unsigned int cpu;

    if (cpumask_empty(&sched_waiting))
        return;
    for_each_online_cpu (cpu) {
        struct runqueue *rq = &per_cpu(runqueue, cpu);
        bool busy = READ_ONCE(rq->curr) != rq->idle;

        if ((all_waiting && cpumask_test(cpu, &sched_waiting)) ||
            (busy &&
             (READ_ONCE(per_cpu(credit_cpu, cpu).over) || READ_ONCE(rq->until) - now > CREDIT_PERIOD)))
            softirq_raise_cpu(SOFTIRQ_SCHEDULE, cpu);
    }
}

static bool anybody(void)
{
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        struct runqueue *rq = &per_cpu(runqueue, cpu);

        if (READ_ONCE(rq->curr) != rq->idle || READ_ONCE(rq->waiting))
            return true;
    }
    return false;
}

void credit_account(void *unused)
{
    s_time_t now = sched_machine.now(), elapsed = now - credit.last_account;
    struct credit_domain *cd;
    bool active = false, unparked = false;

    (void)unused;
    lock(&credit.lock);
    list_for_each_entry (cd, &credit.domains, link) {
        cd->share = 0;
        cd->limit = domain_limit(cd, elapsed);
        cd->settled = cd->limit == 0;
        active |= !cd->settled;
    }
    divide(elapsed * cpumask_weight(&cpu_online_mask));
    list_for_each_entry (cd, &credit.domains, link)
        unparked |= hand_out(cd, elapsed);
    credit.last_account = now;
    unlock(&credit.lock);
    if (active) {
        timer_set(&credit.timer, now + CREDIT_PERIOD);
    } else {
        /* Nobody was active for a whole period: rest until somebody wakes. Who woke between the walk and here has seen us armed. */
        __atomic_store_n(&credit.armed, false, __ATOMIC_SEQ_CST);
        if (anybody())
            credit_account_arm(now);
    }
    reconsider(unparked);
}

/* --- Control --- */

int credit_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op)
{
    struct credit_domain *cd = sched_domain_part(d);

    switch (op->cmd) {
    case XEN_DOMCTL_SCHEDOP_getinfo:
        op->u.credit.weight = cd->weight;
        op->u.credit.cap = cd->cap;
        return 0;
    case XEN_DOMCTL_SCHEDOP_putinfo:
        /* A weight of 0 and a cap of all ones leave what is. */
        lock(&credit.lock);
        if (op->u.credit.weight)
            cd->weight = op->u.credit.weight;
        if (op->u.credit.cap != UINT16_MAX) {
            if (!cd->cap)
                __atomic_store_n(&cd->budget, 0, __ATOMIC_RELAXED);
            WRITE_ONCE(cd->cap, op->u.credit.cap);
        }
        credit_set_rate(cd);
        unlock(&credit.lock);
        reconsider(true);
        return 0;
    default:
        return -EINVAL;
    }
}

int credit_adjust_global(struct xen_sysctl_scheduler_op *op)
{
    struct xen_sysctl_credit_schedule *p = &op->u.sched_credit;

    if (op->cmd == XEN_SYSCTL_SCHEDOP_putinfo) {
        if (p->tslice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX || p->tslice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN ||
            (p->ratelimit_us && (p->ratelimit_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX ||
                                 p->ratelimit_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN)) ||
            p->ratelimit_us > p->tslice_ms * 1000 || p->vcpu_migr_delay_us > XEN_SYSCTL_CSCHED_MGR_DLY_MAX_US)
            return -EINVAL;
        WRITE_ONCE(credit.slice, p->tslice_ms * NS_PER_MS);
        WRITE_ONCE(credit.rate_limit, p->ratelimit_us * NS_PER_US);
        WRITE_ONCE(credit.migrate_delay, p->vcpu_migr_delay_us * NS_PER_US);
    } else if (op->cmd != XEN_SYSCTL_SCHEDOP_getinfo) {
        return -EINVAL;
    }
    p->tslice_ms = (uint32_t)(credit.slice / NS_PER_MS);
    p->ratelimit_us = (uint32_t)(credit.rate_limit / NS_PER_US);
    p->vcpu_migr_delay_us = (uint32_t)(credit.migrate_delay / NS_PER_US);
    return 0;
}

#define LINES 16

/* As everywhere in a dump: copied under the lock, printed after. */
static unsigned int copy_domains(unsigned int from, struct credit_domain lines[LINES])
{
    unsigned int at = 0, count = 0;
    struct credit_domain *cd;

    lock(&credit.lock);
    list_for_each_entry (cd, &credit.domains, link) {
        if (at++ < from)
            continue;
        if (count == LINES)
            break;
        lines[count++] = *cd;
    }
    unlock(&credit.lock);
    return count;
}

void credit_dump(void)
{
    struct credit_domain lines[LINES];
    unsigned int done = 0, count;

    printk("  slice %lld us, rate limit %lld us, migration delay %lld us\n",
           (long long)credit.slice / NS_PER_US, (long long)credit.rate_limit / NS_PER_US,
           (long long)credit.migrate_delay / NS_PER_US);
    do {
        count = copy_domains(done, lines);
        for (unsigned int i = 0; i < count; i++)
            printk("  d%u weight %u cap %u active %u credit %lld us budget %lld us share %lld us\n",
                   lines[i].d->id, lines[i].weight, lines[i].cap, lines[i].active,
                   (long long)lines[i].credit / NS_PER_US, (long long)lines[i].budget / NS_PER_US,
                   (long long)lines[i].share / NS_PER_US);
        done += count;
    } while (count == LINES);
}
