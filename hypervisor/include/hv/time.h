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
    uint32_t heap_index; /* 0: not in the heap */
    uint16_t cpu;        /* whose heap */
    uint16_t state;
};

/* `cpu` is where the timer runs until timer_migrate(). */
void timer_init(struct timer *t, void (*function)(void *data), void *data, unsigned int cpu);
/* (Re-)arms; a time in the past fires at once (from the softirq, never from within this call). */
void timer_set(struct timer *t, s_time_t expires);
/* Disarms; the function may still be running elsewhere. */
void timer_stop(struct timer *t);
/* Disarms and waits until the function no longer runs; not to be called from it. */
void timer_kill(struct timer *t);
void timer_migrate(struct timer *t, unsigned int cpu);

#endif
