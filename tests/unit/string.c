/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hypervisor's own memmove(), against a loop: every overlap of short moves, and whole pages.
 * UNIT-SOURCES: hypervisor/lib/string.c
 * UNIT-FLAGS: -fno-builtin -Dmemcpy=hv_memcpy -Dmemmove=hv_memmove -Dmemset=hv_memset -Dmemcmp=hv_memcmp -Dmemchr=hv_memchr -Dstrlen=hv_strlen -Dstrcmp=hv_strcmp -Dstrncmp=hv_strncmp -Dstrchr=hv_strchr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "hv/string.h"

static uint8_t moved[8192], wanted[8192];

static void try_move(size_t to, size_t from, size_t n)
{
    for (size_t i = 0; i < sizeof(moved); i++)
        moved[i] = wanted[i] = (uint8_t)(i * 37 + (i >> 8));
    for (size_t i = 0; i < n; i++)
        wanted[to + i] = (uint8_t)((from + i) * 37 + ((from + i) >> 8));
    assert_ptr_equal(memmove(moved + to, moved + from, n), moved + to);
    for (size_t i = 0; i < sizeof(moved); i++)
        assert_int_equal(moved[i], wanted[i]);
}

static void test_overlaps(void **state)
{
    for (size_t to = 64; to < 90; to++)
        for (size_t from = 70; from < 80; from++)
            for (size_t n = 0; n < 26; n++)
                try_move(to, from, n);
}

static void test_pages(void **state)
{
    const size_t distances[] = {0, 1, 7, 8, 9, 64, 4000, 4095, 4096};

    for (unsigned int i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
        try_move(distances[i], 0, 4096);
        try_move(0, distances[i], 4096);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_overlaps), cmocka_unit_test(test_pages)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
