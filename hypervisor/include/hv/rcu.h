/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Quiescent periods. Who finds something without a lock may use it until its processor next leaves the
 * hypervisor or goes to the idle loop (softirqs run there only); so what was taken out of the reach of
 * finders may be freed once each processor has been there.
 */
#ifndef HV_RCU_H
#define HV_RCU_H

struct rcu_head {
    struct rcu_head *next;
    void (*function)(struct rcu_head *head);
};

void rcu_init(void);
/* Calls the function after a quiescent period, from a softirq with interrupts on and no lock held. Any context, any lock held. */
void rcu_call(struct rcu_head *head, void (*function)(struct rcu_head *head));

#endif
