/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Patching: what becomes of a site's bytes, and the whole of it on this very program, whose own code is the site.
 * UNIT-SOURCES: hypervisor/arch/x86/patch.c
 */
#include "arch/x86/patch.h"
#include "hv/errno.h"
#include "hv/log.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <cmocka.h>

static unsigned int pokes;

void patch_poke(void *where, const void *bytes, size_t n)
{
    uintptr_t page = (uintptr_t)where & ~4095UL, end = ((uintptr_t)where + n + 4095) & ~4095UL;

    assert_int_equal(mprotect((void *)page, end - page, PROT_READ | PROT_WRITE | PROT_EXEC), 0);
    memcpy(where, bytes, n);
    assert_int_equal(mprotect((void *)page, end - page, PROT_READ | PROT_EXEC), 0);
    pokes++;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

static const uint8_t nop3[] = {0x0f, 0x1f, 0x00};

static void code_and_nops(void **state)
{
    const struct patch_site s = {.kind = PATCH_KIND_CODE, .length = 16, .replacement_length = 3};
    const uint8_t stac[] = {0x0f, 0x01, 0xcb};
    uint8_t out[PATCH_SITE_MAX];

    memset(out, 0xcc, sizeof(out));
    assert_int_equal(patch_encode(out, &s, 0x1000, 0x2000, stac), 0);
    assert_memory_equal(out, stac, 3);
    assert_int_equal(out[3], 0x66); /* NOPs of 10 and of 3 bytes */
    assert_int_equal(out[4], 0x2e);
    assert_memory_equal(out + 13, nop3, 3);
    assert_int_equal(out[16], 0xcc); /* nothing behind the site */
}

static void relative_operands(void **state)
{
    const struct patch_site call = {.kind = PATCH_KIND_CODE, .length = 6, .replacement_length = 5};
    const struct patch_site branch = {.kind = PATCH_KIND_BRANCH, .length = 5};
    const uint8_t back[] = {0xe8, 0xfb, 0xff, 0xff, 0xff}; /* calls itself: 0x2000 */
    uint8_t out[PATCH_SITE_MAX];
    int32_t distance;

    assert_int_equal(patch_encode(out, &call, 0x1000, 0x2000, back), 0);
    memcpy(&distance, out + 1, 4);
    assert_int_equal(out[0], 0xe8);
    assert_int_equal(distance, 0x2000 - 0x1005);
    assert_int_equal(out[5], 0x90);
    assert_int_equal(patch_encode(out, &branch, 0x5000, 0x1000, NULL), 0);
    memcpy(&distance, out + 1, 4);
    assert_int_equal(out[0], 0xe9);
    assert_int_equal(distance, 0x1000 - 0x5005);
    assert_int_equal(patch_encode(out, &branch, 0x1000, 0x100001000, NULL), -EINVAL); /* too far */
}

static void what_does_not_fit(void **state)
{
    struct patch_site s = {.kind = PATCH_KIND_CODE, .length = 3, .replacement_length = 4};
    uint8_t out[PATCH_SITE_MAX], code[PATCH_SITE_MAX] = {0x90};

    assert_int_equal(patch_encode(out, &s, 0, 0, code), -EINVAL);
    s.length = PATCH_SITE_MAX + 1;
    assert_int_equal(patch_encode(out, &s, 0, 0, code), -EINVAL);
    s = (struct patch_site){.kind = PATCH_KIND_BRANCH, .length = 4};
    assert_int_equal(patch_encode(out, &s, 0, 0, NULL), -EINVAL);
    s = (struct patch_site){.kind = PATCH_KIND_BRANCH + 1, .length = 8};
    assert_int_equal(patch_encode(out, &s, 0, 0, code), -EINVAL);
}

/* Two replacements for one site: the later one stays. */
static __attribute__((noinline)) int which(void)
{
    int result;

    __asm__ volatile(PATCH_CODE(PATCH_SMAP, 5, "movl $1, %0", "movl $2, %0")
                         PATCH_AGAIN(PATCH_XSAVE, 5, "movl $3, %0")
                     : "=a"(result));
    return result;
}

static void this_program(void **state)
{
    assert_true(patch_self_test());
    assert_true(pokes >= 4);
    assert_int_equal(which(), 1);
    assert_false(patch_enabled(PATCH_SMAP));
    patch_enable(PATCH_SMAP);
    assert_true(patch_enabled(PATCH_SMAP));
    assert_int_equal(which(), 2);
    patch_enable(PATCH_XSAVE);
    assert_int_equal(which(), 3);
    patch_enable(PATCH_SMAP); /* a second time: nothing */
    assert_int_equal(which(), 3);
    patch_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(code_and_nops),
        cmocka_unit_test(relative_operands),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(this_program),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
