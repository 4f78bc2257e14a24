/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * System time and timers. Modules that must be testable take the time as a parameter; only the edges call time_now().
 * Timers are kept per processor; their functions run in the timer softirq of that processor, interrupts on, no lock held.
 */
#ifndef HV_TIME_H
#define HV_TIME_H

#include "hv/types.h"

/* Nanoseconds since the hypervisor started: monotonic, and agreeing across processors. */
s_time_t time_now(void);

struct timer {
    s_time_t expires;
    void (*function)(void *data);
    void *data;
    struct timer *parent, *left, *right; /* in the heap of `cpu` (core/timer.c) */
    uint16_t rank;                       /* likewise */
    uint16_t cpu;                        /* whose heap */
    uint16_t state;                      /* enum timer_state */
};

enum timer_state { TIMER_IDLE, TIMER_ARMED, TIMER_KILLED };
#define TIME_NEVER INT64_MAX

/* `cpu` is where the timer runs until timer_migrate(). */
void timer_init(struct timer *t, void (*function)(void *data), void *data, unsigned int cpu);
/*
 * (Re-)arms; a time in the past fires at once (from the softirq, never from within this call). Cannot fail;
 * after timer_kill() it does nothing. Any context.
 */
void timer_set(struct timer *t, s_time_t expires);
/* Disarms; the function may still be running elsewhere. */
void timer_stop(struct timer *t);
/* Disarms and waits until the function no longer runs; not to be called from it. */
void timer_kill(struct timer *t);
/* From now on the timer runs on that processor; if its function is running, that goes on where it is. */
void timer_migrate(struct timer *t, unsigned int cpu);
static inline bool timer_is_armed(const struct timer *t)
{
    return READ_ONCE(t->state) == TIMER_ARMED;
}

/* Once, at boot: the softirq. And before a processor comes up: its heap is empty. */
void timers_init(void);
void timer_cpu_init(unsigned int cpu);
/* The timer interrupt of this processor: the deadline that was programmed has come (or may have). */
void timer_interrupt(void);
/* Prints the processors whose heap is broken, and returns how many. */
unsigned int timer_audit(void);
/* Debug key 'a': what is armed. */
void timer_dump(void);

/* What timers ask of the machine: given by the architecture, or by a test. */
struct timer_machine {
    /* The next interrupt of this processor's timer, in system time; one in the past comes at once. Interrupts off. */
    void (*program)(s_time_t deadline);
    s_time_t (*now)(void);
};
extern struct timer_machine timer_machine;

#endif
