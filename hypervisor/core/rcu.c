/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quiescent periods: one at a time. The processor that starts one asks all others for a run of SOFTIRQ_RCU,
 * which only happens where no hypercall or trap is half way; the last of them calls what has waited. What
 * comes meanwhile waits for the next. Lock: a leaf, interrupts off, held for a copy of a mask.
 */
#include "hv/rcu.h"
#include "hv/lock_shown.h"
#include "hv/percpu.h"
#include "hv/softirq.h"

static struct {
    struct rcu_head *coming; /* a stack; atomic */
    lock_t lock;
    struct rcu_head *waiting; /* for the period under way */
    cpumask_t missing;        /* processors that it still needs */
} rcu = {.lock = LOCK_INIT(RANK_LEAF)};
LOCK_SHOWN(rcu, rcu.lock, "RCU");

void rcu_call(struct rcu_head *head, void (*function)(struct rcu_head *head))
{
    head->function = function;
    head->next = __atomic_load_n(&rcu.coming, __ATOMIC_RELAXED);
    while (!__atomic_compare_exchange_n(&rcu.coming, &head->next, head, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
        ;
    softirq_raise(SOFTIRQ_RCU);
}

/* The period under way, if this processor was the last that it needed, is over. */
static struct rcu_head *pass(unsigned int cpu)
{
    struct rcu_head *done = NULL;

    clear_bit(cpu, rcu.missing.bits);
    cpumask_and(&rcu.missing, &rcu.missing, &cpu_online_mask);
    if (cpumask_empty(&rcu.missing)) {
        done = rcu.waiting;
        rcu.waiting = NULL;
    }
    return done;
}

/* True: a new period has begun, for which the processors in `ask` are to be asked. */
static bool begin(unsigned int cpu, cpumask_t *ask)
{
    if (rcu.waiting || !__atomic_load_n(&rcu.coming, __ATOMIC_RELAXED))
        return false;
    rcu.waiting = __atomic_exchange_n(&rcu.coming, NULL, __ATOMIC_SEQ_CST);
    rcu.missing = cpu_online_mask;
    clear_bit(cpu, rcu.missing.bits);
    *ask = rcu.missing;
    return true;
}

static void rcu_softirq(void)
{
    struct rcu_head *done, *next, *first = NULL;
    unsigned int cpu = cpu_id(), other;
    uint64_t flags = lock_irqsave(&rcu.lock);
    cpumask_t ask = {0};
    bool alone;

    done = pass(cpu);
    alone = begin(cpu, &ask) && cpumask_empty(&ask);
    unlock_irqrestore(&rcu.lock, flags);
    for_each_cpu (other, &ask)
        softirq_raise_cpu(SOFTIRQ_RCU, other);
    if (alone)
        softirq_raise(SOFTIRQ_RCU);
    /* One a run, lest the scheduler wait for many: the others have another period to go. */
    for (; done; done = next) {
        next = done->next;
        if (first)
            rcu_call(done, done->function);
        else
            first = done;
    }
    if (first)
        first->function(first);
}

void rcu_init(void)
{
    softirq_register(SOFTIRQ_RCU, rcu_softirq);
}
