/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Between the two files of the credit policy: who runs (credit.c) and who is entitled to what (credit_account.c). */
#ifndef SCHED_CREDIT_H
#define SCHED_CREDIT_H

#include "sched/policy.h"

#define CREDIT_PERIOD         (30 * NS_PER_MS) /* between two hand-outs */
#define CREDIT_DEFAULT_WEIGHT 256
#define CREDIT_RATE_SHIFT     16

struct credit_domain {
    struct domain *d;
    struct list link;  /* of all domains; credit.lock */
    struct list vcpus; /* credit_vcpu.member; credit.lock */
    int64_t
        credit; /* ns of processor time it may use before others; atomic: charged by every processor, handed out by one */
    int64_t budget; /* ns left under the cap; likewise */
    uint16_t weight;
    uint16_t cap;    /* percent of one processor; 0: none */
    uint32_t active; /* vcpus that ran or waited in the last period, at least 1 */
    uint64_t
        rate; /* how fast a vcpu's virtual time goes, << CREDIT_RATE_SHIFT; 1 at the default weight with one vcpu active */
    /* Of the accountant alone. */
    int64_t credit_before; /* after the last hand-out: the difference to `credit` is what was used since */
    int64_t limit, share;  /* ns: most that it can use in the period, and its part */
    bool settled, hungry;
};

struct credit_vcpu {
    struct vcpu *v;
    struct credit_domain *domain;
    struct list link;   /* in its queue */
    struct list member; /* of its domain */
    int64_t
        vtime; /* ns it ran, weighted; comparable within one queue only. Compared by difference: it may wrap */
    unsigned int home; /* the queue that vtime is relative to */
    bool boosted;      /* woke up with credit in hand: goes first, for a short while */
    s_time_t last_charge;
};

struct credit_cpu {
    struct list boosted;  /* who waits with a boost, first come first served */
    struct list queue;    /* who else waits, by virtual time */
    int64_t vtime;        /* of the queue: a lower bound of those in it, never goes back */
    s_time_t charged;     /* who runs has been charged up to here */
    s_time_t slice_start; /* when it was chosen, or its slice renewed */
    bool over;            /* it has no credit; the accountant looks */
};

struct credit_global {
    lock_t lock; /* RANK_SCHED_GLOBAL: the list of domains */
    struct list domains;
    struct timer timer; /* hand-out; armed while somebody is runnable */
    bool armed;
    s_time_t last_account;
    s_time_t slice;         /* tslice_ms */
    s_time_t rate_limit;    /* ratelimit_us: nobody is preempted before he ran for so long */
    s_time_t migrate_delay; /* vcpu_migr_delay_us: not taken elsewhere sooner after he ran */
};

extern struct credit_global credit;
DECLARE_PERCPU(struct credit_cpu, credit_cpu);

static inline struct credit_vcpu *credit_vcpu(const struct vcpu *v)
{
    return sched_vcpu_part(v);
}

static inline bool credit_parked(const struct credit_domain *cd)
{
    return unlikely(READ_ONCE(cd->cap)) && READ_ONCE(cd->budget) <= 0;
}

void credit_account_arm(s_time_t now);
/* Somebody is runnable: from now on credit is handed out. Under a run queue's lock. */
static inline void credit_account_start(s_time_t now)
{
    if (unlikely(!READ_ONCE(credit.armed)))
        credit_account_arm(now);
}
void credit_account(void *unused);
/* After a change of weight, cap or number of active vcpus. */
void credit_set_rate(struct credit_domain *cd);
int credit_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op) __must_check;
int credit_adjust_global(struct xen_sysctl_scheduler_op *op) __must_check;
void credit_dump(void);

#endif
