/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A machine for the scheduler to run on: processors with a timer each, a clock that jumps from event to event, and vcpus that run and sleep as
 * a test says. The scheduler, its policies, timers and softirqs are the unmodified sources. One thread: what happens at one instant happens
 * processor by processor, in an order that the seed decides.
 */
#ifndef SCHED_SIM_H
#define SCHED_SIM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "sched/internal.h"
#include "hv/time.h"
#include "hv/alloc.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define SIM_VCPUS 1024

struct sim_vcpu {
    struct vcpu v;
    bool used;
    /* What the guest does: runs for `run`, then sleeps for `sleep` (0: yields instead), each up to `jitter` percent more. run 0: for ever. */
    s_time_t run, sleep;
    unsigned int jitter;
    s_time_t left;    /* of the present run */
    s_time_t wake_at; /* TIME_NEVER: runs, or waits */
    s_time_t ran;     /* by the simulator's own count */
    s_time_t born;
    bool polite; /* yields 1 us before each multiple of `run` of the clock, instead */
};

struct sim_domain {
    struct domain d;
    unsigned int vcpus;
    struct vcpu *array[SIM_VCPUS];
};

extern s_time_t sim_now;
extern s_time_t sim_timer_latency; /* of each timer interrupt */
extern struct vcpu *sim_current[MAX_CPUS];
extern struct sim_vcpu sim_vcpus[SIM_VCPUS];
extern unsigned int sim_ipis, sim_programs;
/* Called whenever an instant has settled. */
extern void (*sim_check)(void);

/* Called in the middle of each switch away from prev, which is not saved yet; may make other processors act (hosted_cpu). */
extern void (*sim_in_switch)(struct vcpu *prev);

/* A fresh machine. */
void sim_start(unsigned int cpus, const char *policy);
void sim_stop(void);
uint64_t sim_random(void);
struct sim_domain *sim_domain(unsigned int weight, unsigned int cap);
/* Runnable from now on. run 0: never sleeps. */
struct sim_vcpu *sim_add(struct sim_domain *sd, s_time_t run, s_time_t sleep, unsigned int jitter);
void sim_pin(struct sim_vcpu *sv, unsigned int cpu);
void sim_run(s_time_t span);
s_time_t sim_domain_ran(const struct sim_domain *sd);
/* Lets everything that is due at this instant happen. */
void sim_settle(void);

#endif
