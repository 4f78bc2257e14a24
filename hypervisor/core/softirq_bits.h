/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of softirqs the way out to the guest looks at, inline; everybody else asks softirq_pending(). */
#ifndef CORE_SOFTIRQ_BITS_H
#define CORE_SOFTIRQ_BITS_H

#include "hv/percpu.h"
#include "hv/softirq.h"

union softirq_bits {
    uint8_t byte[8]; /* by enum softirq */
    uint64_t all;
};
_Static_assert(SOFTIRQ_COUNT <= 8, "one byte each in one word");
DECLARE_PERCPU(union softirq_bits, softirq_bits);

/*
 * Marks the next instruction as a look at what is pending: its address goes into a section that is not
 * loaded. tests/preempt measures how much is executed between two of them.
 */
#ifdef UNIT_HOSTED
#define PREEMPTION_CHECK() ((void)0)
#else
#define PREEMPTION_CHECK()                                                                                   \
    __asm__ volatile("661:\n\t.pushsection .preemption_checks, \"\", @progbits\n\t.quad "                    \
                     "661b\n\t.popsection")
#endif

static inline bool softirq_pending_here(void)
{
    PREEMPTION_CHECK();
    return READ_ONCE(this_cpu(softirq_bits).all) != 0;
}

#endif
