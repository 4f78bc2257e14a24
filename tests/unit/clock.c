/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The clock's arithmetic: scales, calendar, and records kept in step with a platform timer that runs at a slightly different rate.
 * UNIT-SOURCES: hypervisor/arch/x86/clock/scale.c hypervisor/arch/x86/clock/record.c hypervisor/arch/x86/clock/calendar.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "arch/x86/clock/record.h"

static void test_mul_div(void **state)
{
    uint64_t seed = 1;

    assert_int_equal(clock_mul_div(7, 9, 4), 15);
    assert_int_equal(clock_mul_div(~0ULL, ~0ULL, ~0ULL), ~0ULL);
    assert_int_equal(clock_mul_div(0, 5, 3), 0);
    for (unsigned int i = 0; i < 10000; i++) {
        uint64_t a, b, c;

        seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
        a = seed >> (seed & 31);
        b = (seed >> 7) & 0xffffffff;
        c = (seed >> 3) | 1;
        if ((unsigned __int128)a * b / c >> 64)
            continue;
        assert_int_equal(clock_mul_div(a, b, c), (uint64_t)((unsigned __int128)a * b / c));
    }
}

static void check_scale(uint64_t hz)
{
    struct clock_scale to_ns = clock_scale_ratio(NS_PER_S, hz), to_tsc = clock_scale_ratio(hz, NS_PER_S);
    uint64_t ns = clock_scale(hz * 3600, to_ns), ticks = clock_scale(3600 * (uint64_t)NS_PER_S, to_tsc);

    /* An hour, to one part in 2^31. */
    assert_in_range(ns, 3600 * (uint64_t)NS_PER_S - 1700, 3600 * (uint64_t)NS_PER_S + 1700);
    assert_in_range(ticks, hz * 3600 - hz * 3600 / (1ULL << 31) - 1,
                    hz * 3600 + hz * 3600 / (1ULL << 31) + 1);
    assert_true(to_ns.mul & 0x80000000u); /* all 32 bits are used, as the interface's consumers expect */
}

static void test_scales(void **state)
{
    static const uint64_t rates[] = {1000,       32768,      1193182,    3579545,    14318180,
                                     100000000,  999999999,  1000000000, 1000000001, 1999999999,
                                     2000000000, 2893301000, 4000000001, 99999999999};

    for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++)
        check_scale(rates[i]);
}

static void test_dates(void **state)
{
    assert_int_equal(wallclock_from_date(1970, 1, 1, 0, 0, 0), 0);
    assert_int_equal(wallclock_from_date(2000, 2, 29, 12, 0, 0), 951825600);
    assert_int_equal(wallclock_from_date(2000, 3, 1, 0, 0, 0), 951868800);
    assert_int_equal(wallclock_from_date(2026, 11, 21, 2, 3, 4), 1795226584);
    assert_int_equal(wallclock_from_date(2100, 3, 1, 0, 0, 0), 4107542400);
    assert_int_equal(wallclock_from_date(2399, 12, 31, 23, 59, 59), 13569465599);
}

/* A TSC of `real_hz` measured as `hz` at boot; the platform timer is right. Looks at the worst error after a settling time. */
static void follow(uint64_t hz, uint64_t real_hz, uint64_t settle, int64_t bound)
{
    struct clock_sample base = {.tsc = 123456789, .ns = 0}, now;
    struct clock_record r = clock_record_make(base.tsc, 0, hz);
    uint64_t last = 0;

    for (uint64_t second = 1; second < 200; second++) {
        uint64_t before;
        int64_t error;

        /* Ten looks a second: never backwards, across adjustments too. */
        for (unsigned int i = 0; i < 10; i++) {
            uint64_t t = clock_record_time(&r, base.tsc + (second - 1) * real_hz + real_hz / 10 * i);

            assert_true(t >= last);
            last = t;
        }
        now.tsc = base.tsc + second * real_hz;
        now.ns = second * (uint64_t)NS_PER_S;
        before = clock_record_time(&r, now.tsc);
        error = (int64_t)(before - now.ns);
        if (second > settle)
            assert_in_range(error + bound, 0, 2 * bound);
        clock_record_adjust(&r, &base, &now);
        assert_true(clock_record_time(&r, now.tsc) >= before);
    }
}

static void test_records_follow(void **state)
{
    follow(2000000000, 2000000000, 0, 10);
    follow(2000000000, 2000100000, 2, CLOCK_TOLERANCE_NS + 1000); /* 50 ppm fast */
    follow(2000000000, 1999900000, 2, CLOCK_TOLERANCE_NS + 1000);
    follow(2000000000, 2020000000, 3, CLOCK_TOLERANCE_NS + 1000); /* 1 % */
    follow(2000000000, 1000000000, 3, CLOCK_TOLERANCE_NS + 1000); /* throttled to half: steps forward */
}

/* Far ahead: slows to half speed, does not step. */
static void test_far_ahead(void **state)
{
    struct clock_sample base = {.tsc = 0, .ns = 0}, now = {.tsc = 1000000000, .ns = 500000000};
    struct clock_record r = clock_record_make(0, 0, 500000000); /* thinks 2 s */
    uint64_t before = clock_record_time(&r, now.tsc);

    assert_true(clock_record_adjust(&r, &base, &now));
    assert_int_equal(clock_record_time(&r, now.tsc), before);
    assert_in_range(clock_record_time(&r, now.tsc + 2000000000) - before, 490000000, 510000000);
}

static void test_before_the_stamp(void **state)
{
    struct clock_record r = clock_record_make(1000, 77, 1000000000);

    assert_int_equal(clock_record_time(&r, 900), 77);
    assert_int_equal(clock_record_time(&r, 1000), 77);
    assert_in_range(clock_record_time(&r, 2000), 1076, 1077);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_mul_div),   cmocka_unit_test(test_scales),
        cmocka_unit_test(test_dates),     cmocka_unit_test(test_records_follow),
        cmocka_unit_test(test_far_ahead), cmocka_unit_test(test_before_the_stamp),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
