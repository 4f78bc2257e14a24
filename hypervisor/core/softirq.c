/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Softirqs. Each processor has one byte for each softirq, so that raising one here is a plain store, without a locked operation, and
 * asking whether any is pending is one load.
 *
 * Invariant: who raises writes its data first, then the byte; who serves clears the byte with an exchange (a full barrier), then reads the
 * data. So what was written before a raise is seen by a run of the handler that starts after it. A remote raise exchanges too: if the byte
 * was set already, the target has not yet cleared it and will see our data, and no second IPI is needed.
 */
#include "hv/softirq.h"
#include "core/softirq_bits.h"
#include "core/tasklet.h"

DEFINE_PERCPU(union softirq_bits, softirq_bits);
static void (*handlers[SOFTIRQ_COUNT])(void);
struct softirq_machine softirq_machine;

void softirq_register(enum softirq n, void (*handler)(void))
{
    handlers[n] = handler;
}

void softirq_raise(enum softirq n)
{
    __atomic_store_n(&this_cpu(softirq_bits).byte[n], 1, __ATOMIC_RELEASE);
}

void softirq_raise_cpu(enum softirq n, unsigned int cpu)
{
    if (cpu == cpu_id())
        softirq_raise(n);
    else if (__atomic_exchange_n(&per_cpu(softirq_bits, cpu).byte[n], 1, __ATOMIC_SEQ_CST) == 0)
        softirq_machine.send_ipi(cpu);
}

bool softirq_pending(void)
{
    return softirq_pending_here();
}

static void serve(union softirq_bits *p, unsigned int n)
{
    __atomic_exchange_n(&p->byte[n], 0, __ATOMIC_SEQ_CST);
    if (likely(handlers[n]))
        handlers[n]();
}

/*
 * In rounds: each of those that are pending once, SCHEDULE last, since what the others do may decide who runs
 * next. What one of them raises again for itself or for one before it comes in the next round: long work done
 * in pieces lets the scheduler have its turn.
 */
void softirq_run(void)
{
    union softirq_bits *p = &this_cpu(softirq_bits);

    while (READ_ONCE(p->all)) {
        PREEMPTION_CHECK();
        for (unsigned int n = 0; n < SOFTIRQ_COUNT; n++)
            if (n != SOFTIRQ_SCHEDULE && READ_ONCE(p->byte[n]))
                serve(p, n);
        if (READ_ONCE(p->byte[SOFTIRQ_SCHEDULE]))
            serve(p, SOFTIRQ_SCHEDULE);
    }
}

void softirq_cpu_init(unsigned int cpu)
{
    per_cpu(softirq_bits, cpu).all = 0;
    tasklet_cpu_init(cpu);
}
