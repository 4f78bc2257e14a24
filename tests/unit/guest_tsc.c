/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TSC that a domain is given: its arithmetic, against what a guest makes of it with its time record, and when it is an emulated one.
 * UNIT-SOURCES: hypervisor/arch/x86/clock/guest_tsc.c hypervisor/arch/x86/clock/scale.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "arch/x86/clock/guest_tsc.h"
#include "hv/errno.h"

#define DAY (86400ULL * NS_PER_S)

static const uint32_t frequencies[] = {1,       1000,    999999,  1000000, 1000001,  1999997,
                                       2000000, 2893301, 3000000, 4000000, 10000000, 0xffffffff};

static uint64_t random64(void)
{
    static uint64_t seed = 1;

    seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
    return seed ^ seed >> 29;
}

/* As xen.h has guests do it. */
static uint64_t guest_time(const struct tsc_record *r, uint64_t tsc)
{
    uint64_t delta = tsc - r->tsc;

    delta = r->shift < 0 ? delta >> -r->shift : delta << r->shift;
    return r->system_time + (uint64_t)((unsigned __int128)delta * r->mul >> 32);
}

/* The inverse: never later, and not by more than what one tick and the bits that the scale drops are worth. */
static void test_unscale(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(frequencies); i++) {
        struct clock_scale s = clock_scale_ratio(1000000, frequencies[i]);
        uint64_t tick = 1000000 / frequencies[i] + 2;

        assert_int_equal(clock_unscale(0, s), 0);
        for (unsigned int n = 0; n < 20000; n++) {
            uint64_t ns = random64() >> (14 + random64() % 50), back = clock_scale(clock_unscale(ns, s), s);

            assert_in_range(back, ns > tick ? ns - tick : 0, ns);
            assert_true(clock_unscale(ns + 1, s) >= clock_unscale(ns, s));
        }
    }
    /* Modulo 2^64 where it does not fit, as by long division. */
    for (unsigned int n = 0; n < 20000; n++) {
        struct clock_scale s = {.mul = (uint32_t)random64() | 0x80000000u,
                                .shift = (int8_t)(random64() % 40 - 19)};
        uint64_t ns = random64();

        assert_int_equal(clock_unscale(ns, s), (uint64_t)(((unsigned __int128)ns << (32 - s.shift)) / s.mul));
    }
}

static struct guest_tsc_host host_at(uint64_t ns)
{
    return (struct guest_tsc_host){.khz = 2893301, .tsc = 12345, .now = (s_time_t)ns};
}

static int set(struct guest_tsc *t, uint32_t mode, uint32_t khz, uint64_t elapsed,
               const struct guest_tsc_host *host)
{
    const struct guest_tsc_state asked = {.mode = mode, .khz = khz, .incarnation = 6, .elapsed = elapsed};

    return guest_tsc_set(t, &asked, host);
}

/* What a guest reads, put through its record, is system time, after years as on the first day. */
static void test_follows_its_record(void **state)
{
    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(frequencies) - 1; i++) {
        uint64_t start = 777 * (uint64_t)NS_PER_S, tick = 1000000 / frequencies[i] + 2;
        struct guest_tsc_host host = host_at(start);
        struct guest_tsc t = {0};

        assert_int_equal(set(&t, GUEST_TSC_EMULATED, frequencies[i], 5 * (uint64_t)NS_PER_S, &host), 0);
        assert_true(t.emulated);
        assert_in_range(guest_tsc_at(&t, (s_time_t)start) * 1000 / frequencies[i] + 2, 5000000, 5000004);
        assert_int_equal(guest_tsc_at(&t, (s_time_t)start - 1000), t.record.tsc);
        for (uint64_t ns = start; ns < 10000 * DAY; ns += ns / 3 + random64() % NS_PER_S) {
            uint64_t seen = guest_time(&t.record, guest_tsc_at(&t, (s_time_t)ns));

            assert_in_range(seen, ns - tick, ns);
        }
    }
}

static void test_rate(void **state)
{
    struct guest_tsc_host host = host_at(0);
    struct guest_tsc t = {0};

    (void)state;
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 1000000, 0, &host), 0);
    assert_int_equal(t.record.mul, 0x80000000u);
    assert_int_equal(t.record.shift, 1);
    for (unsigned int i = 0; i < 1000; i++) {
        uint64_t ns = random64() >> 2;

        assert_int_equal(guest_tsc_at(&t, (s_time_t)ns), ns); /* 1 GHz is nanoseconds */
    }
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 0, 0, &host), 0);
    assert_int_equal(t.khz, host.khz);
    assert_in_range(guest_tsc_at(&t, NS_PER_S), 2893300990, 2893301010);
}

static void test_when_it_is_emulated(void **state)
{
    static const struct {
        uint32_t mode, khz;
        bool emulated;
    } cases[] = {
        {GUEST_TSC_DEFAULT, 0, false},       {GUEST_TSC_DEFAULT, 2893301, false},
        {GUEST_TSC_DEFAULT, 2893300, true},  {GUEST_TSC_EMULATED, 0, true},
        {GUEST_TSC_EMULATED, 2893301, true}, {GUEST_TSC_NATIVE, 0, false},
        {GUEST_TSC_NATIVE, 1000000, false},
    };

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        struct guest_tsc_host host = host_at(100);
        struct guest_tsc t = {0};

        assert_int_equal(set(&t, cases[i].mode, cases[i].khz, 0, &host), 0);
        assert_int_equal(t.emulated, cases[i].emulated);
        assert_int_equal(t.mode, cases[i].mode);
        assert_int_equal(guest_tsc_audit(&t, 100), 0);
    }
}

static void test_refuses(void **state)
{
    static const uint32_t none[] = {3, 4, 256, 0xffffffff};
    struct guest_tsc_host host = host_at(100);
    struct guest_tsc t = {0}, before;

    (void)state;
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 1000000, 55, &host), 0);
    before = t;
    for (unsigned int i = 0; i < ARRAY_SIZE(none); i++)
        assert_int_equal(set(&t, none[i], 5, 5, &host), -EINVAL);
    assert_memory_equal(&t, &before, sizeof(t));
}

/* What is got, set elsewhere, goes on where it was. */
static void test_moves(void **state)
{
    struct guest_tsc_host here = host_at(1000 * (uint64_t)NS_PER_S), there = host_at(3 * (uint64_t)NS_PER_S);
    struct guest_tsc t = {0}, moved = {0};
    struct guest_tsc_state got;
    uint64_t before;

    (void)state;
    there.khz = 3500000;
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 0, 0, &here), 0);
    here.now += 50 * NS_PER_S;
    guest_tsc_get(&t, &here, &got);
    assert_int_equal(got.mode, GUEST_TSC_EMULATED);
    assert_int_equal(got.khz, 2893301);
    assert_int_equal(got.incarnation, 7);
    assert_int_equal(got.elapsed, 50 * (uint64_t)NS_PER_S);
    before = guest_tsc_at(&t, here.now);
    assert_int_equal(guest_tsc_set(&moved, &got, &there), 0);
    assert_true(moved.emulated);
    assert_int_equal(moved.incarnation, 8);
    assert_int_equal(guest_tsc_at(&moved, there.now), before);
    assert_in_range(guest_tsc_at(&moved, there.now + NS_PER_S) - before, 2893300990, 2893301010);

    /* From a native one, which another machine's frequency makes an emulated one there. */
    assert_int_equal(set(&t, GUEST_TSC_DEFAULT, 0, 0, &here), 0);
    here.tsc = 2893301000ULL * 20;
    guest_tsc_get(&t, &here, &got);
    assert_int_equal(got.khz, 2893301);
    assert_in_range(got.elapsed, 20 * (uint64_t)NS_PER_S - 20, 20 * (uint64_t)NS_PER_S + 20);
    assert_int_equal(guest_tsc_set(&moved, &got, &there), 0);
    assert_true(moved.emulated);
    assert_in_range(guest_tsc_at(&moved, there.now), here.tsc - 100, here.tsc + 100);

    assert_int_equal(set(&t, GUEST_TSC_NATIVE, 5, 5, &here), 0);
    guest_tsc_get(&t, &here, &got);
    assert_int_equal(got.khz, 0);
    assert_int_equal(got.elapsed, 0);
}

/* Two processors whose clocks are not in step: who asks later gets no less. And setting it may take it back. */
static void test_never_back(void **state)
{
    struct guest_tsc_host host = host_at(1000);
    struct guest_tsc t = {0};
    uint64_t last = 0;

    (void)state;
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 2000000, ~0ULL - 5000, &host),
                     0); /* passes 2^64 if scaled */
    last = guest_tsc_read(&t, 1000);
    for (unsigned int i = 1; i < 10000; i++) {
        uint64_t now = guest_tsc_read(&t, 1000 + 10 * (s_time_t)i - (i & 1 ? 7000 : 0));

        assert_true((int64_t)(now - last) >= 0);
        last = now;
        assert_int_equal(guest_tsc_audit(&t, 1000 + 10 * i), 0);
    }
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 2000000, 0, &host), 0);
    assert_int_equal(guest_tsc_read(&t, 2000), 2000);
}

static void test_audit(void **state)
{
    struct guest_tsc_host host = host_at(1000);
    struct guest_tsc t = {0};

    (void)state;
    assert_int_equal(guest_tsc_audit(&t, 0), 0);
    assert_int_equal(set(&t, GUEST_TSC_EMULATED, 0, 0, &host), 0);
    t.emulated = false;
    assert_int_equal(guest_tsc_audit(&t, 1000), 1);
    t.emulated = true;
    t.last += 10 * NS_PER_S;
    assert_int_equal(guest_tsc_audit(&t, 1000), 1);
    t.last = 0;
    t.mode = GUEST_TSC_NATIVE;
    assert_int_equal(guest_tsc_audit(&t, 1000), 1);
    t.mode = GUEST_TSC_EMULATED;
    t.record.mul = 0;
    assert_int_equal(guest_tsc_audit(&t, 1000), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unscale),
        cmocka_unit_test(test_rate),
        cmocka_unit_test(test_follows_its_record),
        cmocka_unit_test(test_when_it_is_emulated),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_moves),
        cmocka_unit_test(test_never_back),
        cmocka_unit_test(test_audit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
