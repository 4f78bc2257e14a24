/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/clock/guest_tsc.h"
#include "hv/errno.h"

#define KHZ_PER_GHZ 1000000
#define AUDIT_MARGIN                                                                                         \
    1000000000 /* ns that processors' clocks may differ by at most (arch/x86/clock/record.h) */

static struct clock_scale scale_of(const struct tsc_record *r)
{
    return (struct clock_scale){r->mul, r->shift};
}

/*
 * By default a PV guest has the machine's counter, also one that is not invariant: its time record follows it. Only another frequency has to be made.
 */
static bool is_emulated(const struct guest_tsc_state *asked, const struct guest_tsc_host *host)
{
    return asked->mode == GUEST_TSC_EMULATED ||
           (asked->mode == GUEST_TSC_DEFAULT && asked->khz && asked->khz != host->khz);
}

int guest_tsc_set(struct guest_tsc *t, const struct guest_tsc_state *asked, const struct guest_tsc_host *host)
{
    struct clock_scale to_ns;

    if (asked->mode >= GUEST_TSC_MODES)
        return -EINVAL;
    t->mode = (uint8_t)asked->mode;
    t->incarnation = asked->incarnation + 1;
    t->emulated = is_emulated(asked, host);
    if (asked->mode == GUEST_TSC_NATIVE && t->khz)
        return 0;
    t->khz = asked->khz ? asked->khz : host->khz;
    t->elapsed = asked->elapsed;
    to_ns = clock_scale_ratio(KHZ_PER_GHZ, t->khz);
    t->record = (struct tsc_record){.tsc = clock_unscale(asked->elapsed, to_ns),
                                    .system_time = (uint64_t)host->now,
                                    .mul = to_ns.mul,
                                    .shift = to_ns.shift};
    t->last = t->record.tsc;
    return 0;
}

void guest_tsc_get(const struct guest_tsc *t, const struct guest_tsc_host *host, struct guest_tsc_state *out)
{
    *out = (struct guest_tsc_state){.mode = t->mode, .incarnation = t->incarnation};
    if (t->mode == GUEST_TSC_NATIVE)
        return;
    out->khz = t->emulated ? t->khz : host->khz;
    out->elapsed = t->emulated ? t->elapsed + (uint64_t)host->now - t->record.system_time
                               : clock_scale(host->tsc, clock_scale_ratio(KHZ_PER_GHZ, host->khz));
}

uint64_t guest_tsc_at(const struct guest_tsc *t, s_time_t now)
{
    int64_t since = now - (int64_t)t->record.system_time;

    return t->record.tsc + (since > 0 ? clock_unscale((uint64_t)since, scale_of(&t->record)) : 0);
}

uint64_t guest_tsc_read(struct guest_tsc *t, s_time_t now)
{
    uint64_t value = guest_tsc_at(t, now), last = __atomic_load_n(&t->last, __ATOMIC_RELAXED);

    /* Ends: each time that it does not succeed, another processor has given out a higher one. */
    while ((int64_t)(value - last) > 0)
        if (__atomic_compare_exchange_n(&t->last, &last, value, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED))
            return value;
    return last;
}

unsigned int guest_tsc_audit(const struct guest_tsc *t, s_time_t now)
{
    unsigned int wrong = t->mode >= GUEST_TSC_MODES;

    wrong += t->mode == GUEST_TSC_EMULATED && !t->emulated;
    wrong += t->mode == GUEST_TSC_NATIVE && t->emulated;
    if (t->emulated)
        wrong +=
            !t->khz || !(t->record.mul >> 31) || (int64_t)(guest_tsc_at(t, now + AUDIT_MARGIN) - t->last) < 0;
    return wrong;
}
