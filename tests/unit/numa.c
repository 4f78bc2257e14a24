/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From SRAT and SLIT to nodes: how they are counted, what is taken as it stands and what is not; then random tables, against a look at
 * every frame. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: hypervisor/core/numa.c hypervisor/drivers/acpi/srat.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include "arch/x86/boot/bootinfo.h"
#include "core/numa.h"
#include "drivers/acpi/acpi.h"
#include "random.h"

#define ON      1u
#define HOTPLUG 2u

/* A PC with 1 GiB: RAM, a hole, RAM, the firmware's at the end. */
static const struct memory_range pc[] = {{0, 0x9fc00, MEMORY_RAM},
                                         {0x9fc00, 0xa0000, MEMORY_RESERVED},
                                         {0x100000, 0x3ffe0000, MEMORY_RAM},
                                         {0x3ffe0000, 0x40000000, MEMORY_RESERVED}};

static struct acpi_info info;
static struct numa got;
static uint8_t table[16384];
static size_t length;

static void put(size_t at, uint64_t value, unsigned int bytes)
{
    memcpy(table + at, &value, bytes);
}

static void start(uint8_t revision)
{
    memset(&info, 0, sizeof(info));
    memset(table, 0, sizeof(table));
    table[8] = revision;
    length = 48;
    info.cpus = 4;
    for (unsigned int i = 0; i < info.cpus; i++)
        info.cpu[i].apic_id = i < 3 ? 2 * i : 0x1234; /* 0, 2, 4, and one that only x2APIC can name */
}

static void apic(uint8_t id, uint32_t domain, uint32_t flags)
{
    table[length] = 0;
    table[length + 1] = 16;
    table[length + 2] = (uint8_t)domain;
    table[length + 3] = id;
    put(length + 4, flags, 4);
    put(length + 9, domain >> 8, 3);
    length += 16;
}

static void x2apic(uint32_t id, uint32_t domain, uint32_t flags)
{
    table[length] = 2;
    table[length + 1] = 24;
    put(length + 4, domain, 4);
    put(length + 8, id, 4);
    put(length + 12, flags, 4);
    length += 24;
}

static void memory(uint64_t from, uint64_t to, uint32_t domain, uint32_t flags)
{
    table[length] = 1;
    table[length + 1] = 40;
    put(length + 2, domain, 4);
    put(length + 8, from, 8);
    put(length + 16, to - from, 8);
    put(length + 28, flags, 4);
    length += 40;
}

static const char *make(int parsed)
{
    const char *problem;

    assert_int_equal(acpi_parse_srat(&info, table, length), parsed);
    problem = numa_make(&got, &info, pc, ARRAY_SIZE(pc));
    for (unsigned int cpu = 0; cpu < info.cpus; cpu++)
        numa_place_cpu(&got, &info, cpu, info.cpu[cpu].apic_id);
    numa = got;
    return problem;
}

static void is_one_node(const char *why)
{
    assert_non_null(why);
    assert_int_equal(got.nodes, 1);
    assert_int_equal(got.parts, 1);
    assert_int_equal(got.span[0].end, 0x3ffe0);
    assert_int_equal(got.distance[0][0], 10);
    for (unsigned int cpu = 0; cpu < 4; cpu++)
        assert_int_equal(got.cpu_node[cpu], 0);
}

static void slit(unsigned int count, const uint8_t *distances)
{
    memset(table, 0, sizeof(table));
    put(36, count, 8);
    memcpy(table + 44, distances, count * count);
    length = 44 + count * count;
}

static void two_nodes(void)
{
    start(3);
    apic(0, 1, ON);
    apic(2, 0, ON);
    memory(0, 0xa0000, 0, ON);
    memory(0x100000, 0x20000000, 0, ON);
    memory(0x20000000, 0x40000000, 1, ON);
}

/* In the order in which processors, then memory, name them; x2APIC's entries are read first. */
static void test_counting(void **state)
{
    two_nodes();
    assert_null(make(0));
    assert_int_equal(got.nodes, 2);
    assert_int_equal(got.parts, 2);
    assert_true(numa_node_of(0) == 1 && numa_node_of(0x1ffff) == 1 && numa_node_of(0x20000) == 0);
    assert_int_equal(numa_node_of(0xb0), 1); /* a hole */
    assert_int_equal(numa_node_of(1ULL << 40), 0);
    assert_true(got.cpu_node[0] == 0 && got.cpu_node[1] == 1 && got.cpu_node[2] == 0 && got.cpu_node[3] == 0);
    assert_true(got.span[0].start == 0x20000 && got.span[0].end == 0x3ffe0);
    assert_true(got.span[1].start == 0 && got.span[1].end == 0x20000);
    assert_true(got.distance[0][0] == 10 && got.distance[0][1] == 20 && got.distance[1][0] == 20);
    two_nodes();
    x2apic(0x1234, 77, ON);
    x2apic(4, 0xffffffff, ON);
    assert_null(make(0));
    assert_int_equal(got.nodes, 4);
    assert_true(got.cpu_node[3] == 0 && got.cpu_node[2] == 1 && got.cpu_node[0] == 2 && got.cpu_node[1] == 3);
    assert_true(got.span[0].start == got.span[0].end); /* no memory */
}

static void test_no_table(void **state)
{
    start(3);
    assert_null(numa_make(&got, &info, pc, ARRAY_SIZE(pc)));
    assert_int_equal(got.nodes, 1);
    assert_int_equal(got.span[0].end, 0x3ffe0);
}

/* Entries that are not enabled are not there; what may be plugged in is none of the node's size. */
static void test_flags(void **state)
{
    two_nodes();
    apic(4, 9, 0);
    x2apic(0x1234, 9, 0);
    memory(0, 0x40000000, 9, 0);
    memory(0x100000000, 0x200000000, 1, ON | HOTPLUG);
    memory(0x5000, 0x5000, 9, ON);
    assert_null(make(0));
    assert_int_equal(got.nodes, 2);
    assert_int_equal(got.span[0].end, 0x3ffe0);
    assert_int_equal(numa_node_of(0x150000), 0);
}

/* Revision 1 has one byte for the number, and anything in what came later. */
static void test_old_revision(void **state)
{
    start(1);
    apic(0, 0xabcdef00, ON);
    apic(2, 0x12345601, ON);
    memory(0, 0x20000000, 0xffffff00, ON);
    memory(0x20000000, 0x40000000, 0x77777701, ON);
    assert_null(make(0));
    assert_int_equal(got.nodes, 2);
    table[8] = 2;
    memset(&info, 0, sizeof(info));
    assert_null(make(0));
    assert_int_equal(got.nodes, 4);
}

static void test_nonsense(void **state)
{
    two_nodes(); /* twice, in two places */
    memory(0x30000000, 0x30001000, 0, ON);
    is_one_node(make(0));
    two_nodes(); /* in the same place */
    memory(0x30000000, 0x30001000, 1, ON);
    is_one_node(make(0));
    two_nodes(); /* beyond the end of numbers */
    memory(0x8000000000000000, 0x4000000000000000, 1, ON);
    is_one_node(make(-EINVAL));
    two_nodes(); /* one processor, two places */
    x2apic(2, 1, ON);
    is_one_node(make(-EINVAL));
    two_nodes(); /* which in one place is no error */
    x2apic(2, 0, ON);
    assert_null(make(0));
    two_nodes(); /* a second table */
    assert_null(make(0));
    is_one_node(make(-EINVAL));
    two_nodes(); /* ends in the middle of an entry */
    length -= 1;
    is_one_node(make(-EINVAL));
    two_nodes(); /* an entry without length */
    table[48 + 1] = 0;
    is_one_node(make(-EINVAL));
    two_nodes();
    length = 47;
    is_one_node(make(-EINVAL));
    start(3); /* no memory at all */
    apic(0, 1, ON);
    is_one_node(make(0));
}

static void test_left_out(void **state)
{
    start(3); /* a little is forgiven, and is the node's below */
    memory(0, 0x20000000, 0, ON);
    memory(0x20100000, 0x40000000, 1, ON);
    assert_null(make(0));
    assert_int_equal(numa_node_of(0x200ff), 0);
    start(3);
    memory(0, 0x20000000, 0, ON);
    memory(0x20101000, 0x40000000, 1, ON);
    is_one_node(make(0));
    start(3); /* before the first */
    memory(0x180000, 0x20000000, 0, ON);
    memory(0x20000000, 0x40000000, 1, ON);
    is_one_node(make(0));
}

/* A page belongs to where it begins. */
static void test_within_a_page(void **state)
{
    start(3);
    memory(0, 0x20000800, 0, ON);
    memory(0x20000800, 0x20000900, 1, ON);
    memory(0x20000900, 0x40000000, 2, ON);
    assert_null(make(0));
    assert_int_equal(got.parts, 2);
    assert_true(numa_node_of(0x20000) == 0 && numa_node_of(0x20001) == 2);
    assert_true(got.span[1].start == got.span[1].end);
}

static void test_too_many(void **state)
{
    start(3);
    for (unsigned int i = 0; i < 64; i++)
        memory(i * 0x1000000ULL, (i + 1) * 0x1000000ULL, i % 2 + 100, ON);
    assert_null(make(0));
    assert_true(got.nodes == 2 && got.parts == 64);
    start(3);
    for (unsigned int i = 0; i < 64; i++)
        memory(i * 0x1000000ULL, (i + 1) * 0x1000000ULL, i + 100, ON);
    assert_null(make(0));
    assert_true(got.nodes == 64 && got.parts == 64);
    apic(2, 0, ON);
    memset(&info, 0, sizeof(info));
    is_one_node(make(-EINVAL));
    start(3);
    for (unsigned int i = 0; i < 65; i++)
        memory(i * 0x1000000ULL, (i + 1) * 0x1000000ULL, 0, ON);
    is_one_node(make(-EINVAL));
}

/* The table's numbers are the firmware's, ours are counted. */
static void test_distances(void **state)
{
    static const uint8_t good[] = {10, 21, 99, 31, 10, 99, 99, 99, 10};
    uint8_t bad[9];

    two_nodes();
    assert_null(make(0));
    slit(3, good);
    assert_int_equal(acpi_parse_slit(&info, table, length), 0);
    assert_null(numa_make(&got, &info, pc, ARRAY_SIZE(pc)));
    assert_true(got.distance[0][0] == 10 && got.distance[1][1] == 10);
    assert_true(got.distance[0][1] == 31 && got.distance[1][0] == 21);
    for (unsigned int i = 0; i < 5; i++) {
        if (i == 2)
            continue;
        memcpy(bad, good, sizeof(bad));
        bad[i] = i == 0 || i == 4 ? 11 : 10;
        slit(3, bad);
        info.has_slit = false;
        assert_int_equal(acpi_parse_slit(&info, table, length), -EINVAL);
        assert_null(numa_make(&got, &info, pc, ARRAY_SIZE(pc)));
        assert_true(got.distance[0][1] == 20 && got.distance[1][0] == 20);
    }
    slit(1, good); /* says nothing of one of them */
    assert_int_equal(acpi_parse_slit(&info, table, length), -EINVAL);
    slit(3, good);
    assert_int_equal(acpi_parse_slit(&info, table, length - 1), -EINVAL);
    assert_int_equal(acpi_parse_slit(&info, table, 43), -EINVAL);
    put(36, 0x100000000, 8); /* whose square has no bits left */
    assert_int_equal(acpi_parse_slit(&info, table, length), -EINVAL);
    put(36, 0, 8);
    assert_int_equal(acpi_parse_slit(&info, table, length), -EINVAL);
    assert_false(info.has_slit);
}

/* Frame by frame, what the entries say. */
static void check_frames(void)
{
    for (uint64_t mfn = 0; mfn < 0x3ffe0; mfn += 1 + random_below(5))
        for (unsigned int i = 0; i < info.memories; i++) {
            const struct acpi_memory *m = &info.memory[i];

            if (m->start <= mfn << 12 && mfn << 12 < m->end)
                assert_int_equal(numa_node_of(mfn), m->place);
        }
}

static void check_form(void)
{
    assert_in_range(got.nodes, 1, NUMA_MAX_NODES);
    assert_in_range(got.parts, 1, NUMA_MAX_PARTS);
    assert_int_equal(got.part[0].first, 0);
    assert_int_equal(got.part[got.parts].first, ~0ULL);
    for (unsigned int p = 0; p < got.parts; p++) {
        assert_true(got.part[p].first < got.part[p + 1].first);
        assert_true(got.part[p].node < got.nodes);
        assert_true(p == 0 || got.part[p].node != got.part[p - 1].node);
    }
    for (unsigned int cpu = 0; cpu < info.cpus; cpu++)
        assert_true(got.cpu_node[cpu] < got.nodes);
}

/* Some in pieces that follow each other, some anywhere; some with a byte changed. */
static void test_random(void **state)
{
    random_sequence(0);
    for (unsigned int round = 0; round < 400; round++) {
        uint64_t at = 0;
        const char *problem;

        start((uint8_t)(1 + random_below(3)));
        for (unsigned int i = random_below(8); i; i--)
            random_below(2) ? apic((uint8_t)random_below(6), random_below(4), random_below(4))
                            : x2apic(random_below(2) ? 0x1234 : 4, random_below(4), random_below(4));
        while (at < 0x40000000 && length < 2000) {
            uint64_t size = 1 + (random64() >> (34 + random_below(20)));

            memory(at, at + size, random_below(4), random_below(16) ? ON : random_below(4));
            at += size - (random_below(64) == 0);
        }
        for (unsigned int i = random_below(4) ? 0 : 1 + random_below(3); i; i--)
            table[random_below((unsigned int)length)] = (uint8_t)random64();
        (void)!acpi_parse_srat(&info, table, length);
        problem = numa_make(&got, &info, pc, ARRAY_SIZE(pc));
        for (unsigned int cpu = 0; cpu < info.cpus; cpu++)
            numa_place_cpu(&got, &info, cpu, info.cpu[cpu].apic_id);
        numa = got;
        check_form();
        if (problem)
            assert_int_equal(got.nodes, 1);
        else if (info.has_srat)
            check_frames();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counting),      cmocka_unit_test(test_no_table),
        cmocka_unit_test(test_flags),         cmocka_unit_test(test_old_revision),
        cmocka_unit_test(test_nonsense),      cmocka_unit_test(test_left_out),
        cmocka_unit_test(test_within_a_page), cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_distances),     cmocka_unit_test(test_random),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
