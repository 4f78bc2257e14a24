/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The arithmetic of keeping a TSC-driven clock in step with a platform timer. Pure: samples come in, records
 * go out.
 *
 *   sample      a counter value and the platform's time, taken together
 *   base        the first sample: the long base line over which the rate is measured ever more exactly
 *   record      what time is computed from until the next adjustment
 *
 * A record never steps back against its predecessor; what it is off is made up over the next period by
 * running faster or slower.
 */
#ifndef ARCH_X86_CLOCK_RECORD_H
#define ARCH_X86_CLOCK_RECORD_H

#include "arch/x86/clock/clock.h"

struct clock_sample {
    uint64_t tsc;
    uint64_t ns; /* platform time */
};

struct clock_record {
    uint64_t tsc, ns;
    struct clock_scale to_ns, to_tsc;
    bool slewing; /* its rate is off on purpose, for one period */
};

#define CLOCK_PERIOD_NS 1000000000ULL
#define CLOCK_TOLERANCE_NS                                                                                   \
    20000 /* an error below this is left alone: changing the record costs every guest an update */
#define CLOCK_STEP_NS 100000000 /* behind by more than this: step forward, nothing was running anyway */

/* Time of a counter value by the record; values before the stamp give the stamp's time. */
static inline uint64_t clock_record_time(const struct clock_record *r, uint64_t tsc)
{
    return (int64_t)(tsc - r->tsc) < 0 ? r->ns : r->ns + clock_scale(tsc - r->tsc, r->to_ns);
}

struct clock_record clock_record_make(uint64_t tsc, uint64_t ns, uint64_t hz);
/* True if `r` was changed. `now` is later than `base`. */
bool clock_record_adjust(struct clock_record *r, const struct clock_sample *base,
                         const struct clock_sample *now);

#endif
