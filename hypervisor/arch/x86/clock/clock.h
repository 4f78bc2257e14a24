/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time from the time stamp counter: ns = scale(tsc - stamp) + time at the stamp, each processor with its own
 * record. The counter's frequency is measured once against a platform timer. Where the TSC is invariant and
 * agrees between processors, all share one record for ever; where not, each processor's record is rebuilt
 * from the platform timer once a second, slewed so that it never steps back.
 */
#ifndef ARCH_X86_CLOCK_CLOCK_H
#define ARCH_X86_CLOCK_CLOCK_H

#include "hv/time.h"

/* The form in which xen.h's struct vcpu_time_info has it: ns = ((tsc << shift) * mul) >> 32; a negative shift
 * is to the right. */
struct clock_scale {
    uint32_t mul;
    int8_t shift;
};

struct tsc_record {
    uint64_t tsc;         /* counter at the stamp */
    uint64_t system_time; /* nanoseconds at the stamp */
    uint32_t mul;
    int8_t shift;
};

/* A counter of the machine that runs at a known rate whatever the processors do. */
struct platform_timer {
    const char *name;
    uint64_t frequency;  /* Hz; 0: not usable */
    uint64_t mask;       /* the counter wraps after this */
    bool (*probe)(void); /* is it there and counting? sets frequency and mask */
    uint64_t (*read)(void);
};
extern struct platform_timer platform_hpet, platform_pm_timer, platform_pit;

/* scale.c: pure */
static inline uint64_t clock_scale(uint64_t ticks, struct clock_scale s)
{
    ticks = s.shift >= 0 ? ticks << s.shift : ticks >> -s.shift;
    return (uint64_t)((unsigned __int128)ticks * s.mul >> 32);
}
/* The other way round: the ticks, but for the last ones, of which clock_scale() makes that many nanoseconds; modulo 2^64. s.shift at most 32. */
uint64_t clock_unscale(uint64_t ns, struct clock_scale s);
/* The scale that multiplies by numerator / denominator, to 32 significant bits. Both 1 to 2^62. */
struct clock_scale clock_scale_ratio(uint64_t numerator, uint64_t denominator);
/* a * b / c without overflow in between; the result must fit. c != 0. */
uint64_t clock_mul_div(uint64_t a, uint64_t b, uint64_t c);

/* Boot processor, after acpi_init(): measures the TSC. time_now() works from here on. Panics if nothing can
 * be measured against. */
void clock_init(void);
/*
 * Both processors of a bring-up call this at the same time (smp.c): they compare their counters by turns.
 * `second` is the new one. What is found holds for the machine: one processor that disagrees makes every
 * processor keep a record of its own.
 */
void clock_compare(unsigned int cpu, bool second);
/* The new processor, after clock_compare(), interrupts off: time_now() works there from now on. */
void clock_init_cpu(void);
/* Boot processor, once the others are up and timers work: starts what keeps the records right, if anything
 * must. */
void clock_smp_done(void);

/* The running processor's record, for vcpu_time_info. Interrupts off or no migration possible. */
void clock_record_get(struct tsc_record *out);
/* True where vcpu_time_info may carry PVCLOCK_TSC_STABLE, and CPUID may say so: one record serves all processors, for ever. Known after clock_smp_done(). */
bool clock_tsc_is_stable(void);
uint64_t clock_tsc_hz(void);
/* Counter value on this processor at a system time; times past give a past value. */
uint64_t clock_time_to_tsc(s_time_t t);
/* Waits. For device delays of microseconds at boot; bounded by the TSC, which always counts. */
void clock_delay_us(unsigned int us);

/* wallclock.c: nanoseconds from 1970 to system time 0, UTC, from the CMOS clock or as domain 0 set it. */
extern uint64_t wallclock_at_boot_ns;
void wallclock_init(void);
/* Seconds since 1970; pure. Month 1-12, day 1-31; year 1970-2399. */
uint64_t wallclock_from_date(unsigned int year, unsigned int month, unsigned int day, unsigned int hour,
                             unsigned int minute, unsigned int second);
/* CMOS registers, index below 128, under the lock that domain 0's trapped accesses share. */
uint8_t cmos_read(uint8_t index);
void cmos_write(uint8_t index, uint8_t value);

/* The 8254's channel 2 is all that the TSC can be measured against: domain 0 must leave it alone. */
bool clock_uses_pit(void);

/* Key 't' prints it. */
void clock_dump(void);

#endif
