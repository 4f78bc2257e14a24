/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the rest of the hypervisor asks of the scheduler, and what it asks of the machine. Policies: sched/policy.h.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "core/domain.h"

/* Boot: selects the policy by its name (NULL: the default) and makes the idle vcpus current. -ENOENT: no such policy; the default is taken. */
/* The credit policy's slice; set before sched_init(). Out of the range that sysctl.h has: reported, the default. */
#define CREDIT_SLICE_MS 30
extern unsigned int sched_credit_tslice_ms;
int sched_init(const char *policy_name, unsigned int rate_limit_us);
/* A processor joins. Called once on each, with its idle vcpu, before its bit in cpu_online_mask is set (of the first: before there is a vcpu). None leaves. */
void sched_cpu_up(unsigned int cpu, struct vcpu *idle);

int sched_domain_init(struct domain *d) __must_check;
void sched_domain_free(struct domain *d);
/* The vcpu starts on v->cpu, not runnable until its pause flags are clear. */
int sched_vcpu_init(struct vcpu *v) __must_check;
void sched_vcpu_free(struct vcpu *v);

/* The vcpu may have become runnable, or no longer be: look at pause_flags and pause_count again. Any context. */
void sched_wake(struct vcpu *v);
void sched_sleep_nosync(struct vcpu *v);
void sched_sleep_sync(struct vcpu *v);

/* Block until an event; the caller is v itself. Clears nothing: the caller has looked at pending events after setting VCPU_BLOCKED. */
void sched_block(struct vcpu *v);
/* Ends VCPU_BLOCKED and VCPU_POLLING. Any context. */
void sched_unblock(struct vcpu *v);
/* The vcpu has something to notice (an event): if it runs on another processor, make it enter the hypervisor. */
void sched_kick(struct vcpu *v);
void sched_yield(struct vcpu *v);

/* Affinity; NULL leaves that one as it is. -EINVAL if no online processor remains; -EBUSY: hard affinity under a pin override. */
int sched_set_affinity(struct vcpu *v, const cpumask_t *hard, const cpumask_t *soft) __must_check;
/* SCHEDOP_pin_override: cpu < 0 ends it. -EINVAL: no such processor, or none to end; -EBUSY: there is one already. */
int sched_pin_override(struct vcpu *v, int cpu) __must_check;

/* Domctl/sysctl access to the policy's parameters, and the debug key's dump. */
struct xen_domctl_scheduler_op;
struct xen_sysctl_scheduler_op;
int sched_adjust_domain(struct domain *d, struct xen_domctl_scheduler_op *op) __must_check;
int sched_adjust_global(struct xen_sysctl_scheduler_op *op) __must_check;
void sched_dump(void);
unsigned int sched_policy_id(void); /* XEN_SCHEDULER_* */

/* Time a vcpu has run, in nanoseconds, up to `now`. */
s_time_t vcpu_runtime(struct vcpu *v, s_time_t now);

/* --- What the scheduler asks of the machine: given by the top, or by a test. --- */
struct sched_machine {
    s_time_t (*now)(void);
    /* Switches this processor from prev to next; both differ. Interrupts off; returns (on the same stack) with `next` current. */
    void (*context_switch)(struct vcpu *prev, struct vcpu *next);
    /* Returns when no processor holds v's state. v does not run, and cannot start to. */
    void (*sync_state)(struct vcpu *v);
    /* This processor holds nobody's state any more, but that of the current vcpu. */
    void (*put_away_idle)(void);
    /* Makes another processor enter the hypervisor. */
    void (*send_kick)(unsigned int cpu);
};
extern struct sched_machine sched_machine;

#endif
