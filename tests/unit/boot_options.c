/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What boot options say: the parsers that need no machine.
 * UNIT-SOURCES: hypervisor/core/options.c hypervisor/pv/dom0/layout.c hypervisor/pv/dom0/notes.c hypervisor/arch/x86/cpuid_option.c hypervisor/drivers/serial.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "arch/x86/cpuid_option.h"
#include "core/heap.h"
#include "core/options.h"
#include "drivers/serial.h"
#include "hv/irq.h"
#include "hv/log.h"
#include "pv/dom0/dom0.h"
#include <xen/arch-x86/cpufeatureset.h>

static unsigned int lines;

void log_printf(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
    lines++;
}

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

uint64_t heap_free_frames(void)
{
    return 0x100000;
}

int irq_request(unsigned int gsi, void (*handler)(void *), void *data)
{
    (void)gsi;
    (void)handler;
    (void)data;
    return -1;
}

#define MIB(n) ((uint64_t)(n) << 8)
#define ALL    MIB(1000)

static void check_memory(const char *text, uint64_t pages, uint64_t limit)
{
    struct dom0_mem mem = dom0_mem_parse(text, ALL);

    if (mem.pages != pages || mem.limit != limit)
        fail_msg("dom0_mem=%s: %lu pages, limit %lu", text, mem.pages, mem.limit);
}

static void sizes_of_domain_0(void **state)
{
    (void)state;
    check_memory(NULL, ALL, ~0UL);
    check_memory("", ALL, ~0UL);
    check_memory("512M", MIB(512), ~0UL);
    check_memory("524288", MIB(512), ~0UL); /* KiB */
    check_memory("4G", ALL, ~0UL);
    check_memory("-200M", MIB(800), ~0UL);
    check_memory("-2G", ALL, ~0UL); /* nothing left: as if it were not said */
    check_memory("max:256M", MIB(256), MIB(256));
    check_memory("512M,max:256M", MIB(256), MIB(256));
    check_memory("max:768M,512M", MIB(512), MIB(768));
    check_memory("max:-100M", MIB(900), MIB(900));
    check_memory("64M,min:80M,max:96M", MIB(80), MIB(96));
    check_memory("min:-100M,64M", MIB(900), ~0UL);
    check_memory("25%", MIB(250), ~0UL);
    check_memory("25%+10M", MIB(260), ~0UL);
    check_memory("25%-10M", MIB(240), ~0UL);
    check_memory("200%", ALL, ~0UL);
}

static void formats_of_serial_lines(void **state)
{
    static const struct {
        const char *text;
        int lcr;
    } cases[] = {{"8n1", 0x03},  {"7e1", 0x1a},    {"8o2", 0x0f}, {"5m1", 0x28}, {"6s1", 0x39},
                 {"8n1,", 0x03}, {"8n1,0x2f8", 3}, {"9n1", -1},   {"8x1", -1},   {"8n3", -1},
                 {"8n", -1},     {"8n11", -1},     {"", -1}};

    (void)state;
    for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
        uint8_t lcr = 0xff;
        int rc = serial_format(cases[i].text, &lcr);

        if (cases[i].lcr < 0 ? !rc : rc || lcr != cases[i].lcr)
            fail_msg("%s: %d %02x", cases[i].text, rc, lcr);
    }
}

static void features_taken(void **state)
{
    (void)state;
    lines = 0;
    cpuid_option_parse("no-avx,no-sse4-1,no-sse4_2,no-3dnow");
    assert_int_equal(lines, 0);
    assert_true(cpuid_option_takes(XEN_X86_FEATURE_AVX));
    assert_true(cpuid_option_takes(XEN_X86_FEATURE_SSE4_1));
    assert_true(cpuid_option_takes(XEN_X86_FEATURE_SSE4_2));
    assert_true(cpuid_option_takes(XEN_X86_FEATURE_3DNOW));
    assert_false(cpuid_option_takes(XEN_X86_FEATURE_AVX2));
    assert_false(cpuid_option_takes(XEN_X86_FEATURE_3DNOWEXT));
    cpuid_option_parse("no-avx51,avx2,,no-");
    assert_int_equal(lines, 4);
    assert_false(cpuid_option_takes(XEN_X86_FEATURE_AVX2));
}

static void words_of_lists(void **state)
{
    (void)state;
    assert_true(option_list_has("keep", "keep"));
    assert_true(option_list_has("current,keep", "keep"));
    assert_false(option_list_has("keeper,upkeep", "keep"));
    assert_false(option_list_has(NULL, "keep"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_of_domain_0),
        cmocka_unit_test(formats_of_serial_lines),
        cmocka_unit_test(features_taken),
        cmocka_unit_test(words_of_lists),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
