/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Work that an interrupt or another processor asks for, done on the way out to a guest or from the idle loop, interrupts on. */
#ifndef HV_SOFTIRQ_H
#define HV_SOFTIRQ_H

#include "hv/cpumask.h"
#include "hv/list.h"

enum softirq {
    SOFTIRQ_TIMER,
    SOFTIRQ_SCHEDULE, /* runs after all others, since it may not come back */
    SOFTIRQ_TASKLET,
    SOFTIRQ_CONSOLE,
    SOFTIRQ_RCU,
    SOFTIRQ_MACHINE_CHECK,
    SOFTIRQ_COUNT,
};

void softirq_register(enum softirq n, void (*handler)(void));
/* Raises on this processor. Any context. */
void softirq_raise(enum softirq n);
/* Raises on another processor and makes it notice (IPI unless it is this one). Any context. */
void softirq_raise_cpu(enum softirq n, unsigned int cpu);
/* True if this processor has work that should make a long operation stop. */
bool softirq_pending(void);
/* Runs what is pending. Interrupts on, no lock held. */
void softirq_run(void);

/* Before a processor comes up: nothing is pending there, its queue of tasklets is empty. */
void softirq_cpu_init(unsigned int cpu);

/* What softirqs ask of the machine: given by the architecture, or by a test. */
struct softirq_machine {
    void (*send_ipi)(
        unsigned int cpu); /* makes another processor run softirq_run() soon, also out of its idle loop */
};
extern struct softirq_machine softirq_machine;

/*
 * A function to be run once, soon, on a given processor, from the softirq. Scheduling one that waits already does nothing; from the moment
 * its function is entered it can be scheduled again (and, on another processor, may then run a second time at once).
 */
struct tasklet {
    struct list link;
    void (*function)(void *data);
    void *data;
    uint16_t cpu;
    uint16_t waiting;
};
void tasklet_init(struct tasklet *t, void (*function)(void *data), void *data);
void tasklet_schedule_cpu(struct tasklet *t, unsigned int cpu);

#endif
