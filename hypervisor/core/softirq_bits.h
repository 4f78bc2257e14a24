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

static inline bool softirq_pending_here(void)
{
    return READ_ONCE(this_cpu(softirq_bits).all) != 0;
}

#endif
