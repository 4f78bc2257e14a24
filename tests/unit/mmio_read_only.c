/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The set of device pages that a domain has read-only, against a plain count for each page; and what it does when it is full.
 * UNIT-SOURCES: hypervisor/arch/x86/mmio_read_only.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "arch/x86/mmio_read_only.h"
#include "hv/errno.h"

#define FRAMES 64
#define RANGES 200
#define STEPS  20000
#define HIGH   ((1ULL << 40) - FRAMES) /* the last frames that an address may name */

struct range {
    uint64_t first, pages;
};

static unsigned int holders[FRAMES];

static void count(const struct range *r, int change)
{
    for (uint64_t i = r->first; i < r->first + r->pages; i++)
        holders[i] += (unsigned int)change;
}

static void compare(void)
{
    for (uint64_t i = 0; i < FRAMES; i++)
        assert_int_equal(mmio_is_read_only(MFN(HIGH + i)), holders[i] != 0);
    assert_false(mmio_is_read_only(MFN(HIGH - 1)));
    assert_false(mmio_is_read_only(MFN(0)));
}

static void test_random(void **state)
{
    static struct range have[RANGES];
    unsigned int ranges = 0;

    (void)state;
    srand(1);
    for (unsigned int step = 0; step < STEPS; step++) {
        if (ranges < RANGES && rand() % 2) {
            struct range r = {.first = (uint64_t)rand() % FRAMES};

            r.pages = 1 + (uint64_t)rand() % (FRAMES - r.first);
            assert_int_equal(mmio_make_read_only(MFN(HIGH + r.first), r.pages), 0);
            count(&r, 1);
            have[ranges++] = r;
        } else if (ranges) {
            unsigned int i = (unsigned int)rand() % ranges;

            mmio_make_writable(MFN(HIGH + have[i].first), have[i].pages);
            count(&have[i], -1);
            have[i] = have[--ranges];
        }
        if (step % 100 == 0)
            compare();
    }
    while (ranges) {
        ranges--;
        mmio_make_writable(MFN(HIGH + have[ranges].first), have[ranges].pages);
        count(&have[ranges], -1);
    }
    compare();
}

static void test_bounds(void **state)
{
    unsigned int room = 0;

    (void)state;
    assert_int_equal(mmio_make_read_only(MFN(5), 0), -EINVAL);
    assert_int_equal(mmio_make_read_only(MFN(5), MMIO_READ_ONLY_PAGES_MAX + 1), -EINVAL);
    assert_int_equal(mmio_make_read_only(MFN(1ULL << 40), 1), -EINVAL);
    assert_int_equal(mmio_make_read_only(MFN(5), MMIO_READ_ONLY_PAGES_MAX), 0);
    assert_false(mmio_is_read_only(MFN(4)));
    assert_true(mmio_is_read_only(MFN(5)));
    assert_true(mmio_is_read_only(MFN(4 + MMIO_READ_ONLY_PAGES_MAX)));
    assert_false(mmio_is_read_only(MFN(5 + MMIO_READ_ONLY_PAGES_MAX)));
    mmio_make_writable(MFN(5), 1); /* no such range: nothing happens */
    assert_true(mmio_is_read_only(MFN(5)));
    mmio_make_writable(MFN(5), MMIO_READ_ONLY_PAGES_MAX);
    assert_false(mmio_is_read_only(MFN(5)));
    while (mmio_make_read_only(MFN(100 + room), 1) == 0)
        room++;
    assert_int_equal(mmio_make_read_only(MFN(7), 1), -ENOSPC);
    assert_true(room >= 512);
    mmio_make_writable(MFN(100 + room / 2), 1);
    assert_int_equal(mmio_make_read_only(MFN(7), 1), 0);
    assert_true(mmio_is_read_only(MFN(7)));
    assert_false(mmio_is_read_only(MFN(100 + room / 2)));
    assert_true(mmio_is_read_only(MFN(99 + room)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_random), cmocka_unit_test(test_bounds)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
