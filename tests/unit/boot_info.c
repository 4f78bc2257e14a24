/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a boot loader leaves: more of it than there is room for, overlaps, ends of the address space.
 * UNIT-SOURCES: hypervisor/arch/x86/boot/bootinfo.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/boot/bootinfo.h"

#define MULTIBOOT2 0x36d76289
#define MEMORY_MAP 6
#define MODULE     3

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

static struct {
    _Alignas(8) uint8_t bytes[256 * 1024];
    uint32_t size;
} info;

static const void *at(paddr_t pa)
{
    return info.bytes + pa;
}

static void tag(uint32_t type, const void *data, uint32_t size)
{
    const uint32_t head[2] = {type, size + 8};

    assert_true(info.size + size + 16 <= sizeof(info.bytes));
    memcpy(info.bytes + info.size, head, sizeof(head));
    memcpy(info.bytes + info.size + 8, data, size);
    info.size = ROUND_UP(info.size + 8 + size, 8U);
}

static struct {
    uint32_t entry_size, version;
    struct {
        uint64_t base, length;
        uint32_t type, reserved;
    } range[4000];
    unsigned int count;
} map;

static void range(uint64_t base, uint64_t length, uint32_t type)
{
    assert_true(map.count < ARRAY_SIZE(map.range));
    map.range[map.count].base = base;
    map.range[map.count].length = length;
    map.range[map.count++].type = type;
}

static int begin(void **state)
{
    (void)state;
    memset(&boot_info, 0, sizeof(boot_info));
    memset(&map, 0, sizeof(map));
    info.size = 8;
    return 0;
}

static void read_all(void)
{
    map.entry_size = sizeof(map.range[0]);
    tag(MEMORY_MAP, &map, 8 + map.count * (uint32_t)sizeof(map.range[0]));
    tag(0, "", 0);
    memcpy(info.bytes, &info.size, 4);
    assert_null(boot_info_read(MULTIBOOT2, 0, at));
    for (unsigned int i = 0; i < boot_info.memory_count; i++) {
        assert_true(boot_info.memory[i].start < boot_info.memory[i].end);
        assert_true(!i || boot_info.memory[i - 1].end <= boot_info.memory[i].start);
    }
}

/* The type of an address; 0: none. */
static uint32_t type_of(paddr_t pa)
{
    for (unsigned int i = 0; i < boot_info.memory_count; i++)
        if (pa >= boot_info.memory[i].start && pa < boot_info.memory[i].end)
            return boot_info.memory[i].type;
    return 0;
}

/* Firmware that names each page: it is one range in the end, and none is lost. */
static void adjacent_ones(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 4000; i++)
        range(i * PAGE_SIZE, PAGE_SIZE, i < 2000 ? MEMORY_RAM : MEMORY_RESERVED);
    read_all();
    assert_int_equal(boot_info.memory_count, 2);
    assert_int_equal(boot_info.memory[0].end, 2000 * PAGE_SIZE);
    assert_int_equal(boot_info.memory[1].end, 4000 * PAGE_SIZE);
    assert_int_equal(boot_info.lost_ranges, 0);
}

/* RAM, and a reserved page in each of its MiB, named afterwards: none of these becomes RAM. */
static void holes(unsigned int count, bool lost)
{
    range(0, MiB(4000), MEMORY_RAM);
    for (uint64_t i = 0; i < count; i++)
        range(MiB(i) + PAGE_SIZE, PAGE_SIZE, MEMORY_RESERVED);
    read_all();
    for (uint64_t i = 0; i < count; i++)
        assert_int_not_equal(type_of(MiB(i) + PAGE_SIZE), MEMORY_RAM);
    assert_int_equal(boot_info.lost_ranges != 0, lost);
    assert_int_equal(type_of(0), lost ? 0 : MEMORY_RAM);
    assert_int_equal(boot_info.lost_ram, lost ? MiB(4000) : 0);
}

static void many_holes(void **state)
{
    (void)state;
    holes(MAX_MEMORY_RANGES - 1, false);
    assert_int_equal(boot_info.memory_count, 2 * MAX_MEMORY_RANGES - 1);
}

static void too_many_holes(void **state)
{
    (void)state;
    holes(MAX_MEMORY_RANGES + 500, true);
}

/* Of too much RAM in pieces the smallest are left out. */
static void too_many_pieces(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < MAX_MEMORY_RANGES + 3; i++)
        range(MiB(i), i % 200 == 7 ? PAGE_SIZE : KiB(512), MEMORY_RAM);
    range(MiB(5), PAGE_SIZE, MEMORY_RESERVED);
    read_all();
    assert_int_equal(boot_info.lost_ranges, 4);
    assert_int_equal(boot_info.lost_ram, 3 * PAGE_SIZE + KiB(512));
    assert_int_equal(type_of(MiB(7)), 0);
    assert_int_equal(type_of(MiB(207)), 0);
    assert_int_equal(type_of(MiB(407)), 0);
    assert_int_not_equal(type_of(MiB(5)), MEMORY_RAM);
}

static void wraps_around(void **state)
{
    (void)state;
    range(0, MiB(64), MEMORY_RAM);
    range(0xfffffffffffff000, PAGE_SIZE, MEMORY_RESERVED);
    range(MiB(128), ~0ULL, MEMORY_RAM);
    read_all();
    assert_int_equal(boot_info.memory_count, 2);
    assert_int_equal(type_of(0xfffffffffffff000), MEMORY_RESERVED);
}

static void too_many_modules(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < MAX_BOOT_MODULES + 3; i++) {
        const uint32_t module[3] = {i << 20, (i << 20) + 4096, 'm'};

        tag(MODULE, module, sizeof(module));
    }
    range(0, MiB(64), MEMORY_RAM);
    read_all();
    assert_int_equal(boot_info.module_count, MAX_BOOT_MODULES);
    assert_int_equal(boot_info.lost_modules, 3);
    assert_string_equal(boot_info.module[0].line, "m");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(adjacent_ones, begin),  cmocka_unit_test_setup(many_holes, begin),
        cmocka_unit_test_setup(too_many_holes, begin), cmocka_unit_test_setup(too_many_pieces, begin),
        cmocka_unit_test_setup(wraps_around, begin),   cmocka_unit_test_setup(too_many_modules, begin),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
