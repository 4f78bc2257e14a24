/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/clock/record.h"

struct clock_record clock_record_make(uint64_t tsc, uint64_t ns, uint64_t hz)
{
    return (struct clock_record){.tsc = tsc,
                                 .ns = ns,
                                 .to_ns = clock_scale_ratio(NS_PER_S, hz),
                                 .to_tsc = clock_scale_ratio(hz, NS_PER_S)};
}

bool clock_record_adjust(struct clock_record *r, const struct clock_sample *base,
                         const struct clock_sample *now)
{
    uint64_t local = clock_record_time(r, now->tsc), ticks = now->tsc - base->tsc,
             elapsed = now->ns - base->ns, catch_up;
    int64_t error = (int64_t)(now->ns - local);
    bool near = error < CLOCK_TOLERANCE_NS && error > -CLOCK_TOLERANCE_NS;

    if (!ticks || !elapsed || (near && !r->slewing))
        return false;
    if (error > CLOCK_STEP_NS) {
        local = now->ns;
        near = true;
    }
    /* Where the platform's clock stands one period on, seen from where we stand: at least half a period away. */
    catch_up = CLOCK_PERIOD_NS;
    if (!near)
        catch_up = error < -(int64_t)CLOCK_PERIOD_NS / 2 ? CLOCK_PERIOD_NS / 2
                                                         : (uint64_t)((int64_t)CLOCK_PERIOD_NS + error);
    r->tsc = now->tsc;
    r->ns = local;
    r->slewing = !near;
    /* Nanoseconds per tick: elapsed / ticks, times catch_up / period. */
    ticks = clock_mul_div(ticks, CLOCK_PERIOD_NS, catch_up);
    r->to_ns = clock_scale_ratio(elapsed, ticks);
    r->to_tsc = clock_scale_ratio(ticks, elapsed);
    return true;
}
