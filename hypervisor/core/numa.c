/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * From the firmware's tables to nodes. Everything in them is checked against itself and against the memory map; where they make no sense
 * the machine is one node, which always is right and only slower.
 */
#include "core/numa.h"
#include "arch/x86/boot/bootinfo.h"
#include "drivers/acpi/acpi.h"
#include "hv/string.h"

/* Firmware forgets a little here and there; that belongs to the node below it. */
#define FORGOTTEN_MAX MiB(1)

_Static_assert(ACPI_MAX_PLACES == NUMA_MAX_NODES && ACPI_MAX_MEMORY <= NUMA_MAX_PARTS,
               "a node for each place");

struct numa numa = {
    .nodes = 1, .parts = 1, .part = {{.first = 0}, {.first = ~0ULL}}, .distance = {{NUMA_DISTANCE_LOCAL}}};

/* A page belongs to the node in which it begins. */
static uint64_t first_frame(paddr_t start)
{
    return start / PAGE_SIZE + (start % PAGE_SIZE != 0);
}

static void add_part(struct numa *n, uint64_t first, uint8_t node)
{
    if (n->parts && n->part[n->parts - 1].node == node)
        return;
    n->part[n->parts].first = n->parts ? first : 0;
    n->part[n->parts++].node = node;
    n->part[n->parts].first = ~0ULL;
}

/* Sorted by start. Entries of no page at all are left out. */
static unsigned int sort(const struct acpi_info *info, struct acpi_memory *out)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < info->memories; i++) {
        struct acpi_memory m = info->memory[i];
        unsigned int at = count;

        if (first_frame(m.start) >= first_frame(m.end))
            continue;
        for (; at && out[at - 1].start > m.start; at--)
            out[at] = out[at - 1];
        out[at] = m;
        count++;
    }
    return count;
}

/* Bytes of RAM that no entry names. The entries are sorted and do not overlap, neither does the map. */
static uint64_t forgotten(const struct acpi_memory *memory, unsigned int count,
                          const struct memory_range *map, unsigned int ranges)
{
    uint64_t sum = 0;

    for (unsigned int r = 0; r < ranges; r++) {
        uint64_t named = 0;

        if (map[r].type != MEMORY_RAM)
            continue;
        for (unsigned int i = 0; i < count; i++) {
            paddr_t start = max(map[r].start, memory[i].start), end = min(map[r].end, memory[i].end);

            named += start < end ? end - start : 0;
        }
        sum += map[r].end - map[r].start - named;
    }
    return sum;
}

/* Part by part: RAM's range of the map may be in several. */
static void add_to_spans(struct numa *n, uint64_t first, uint64_t end)
{
    for (unsigned int p = 0; p < n->parts; p++) {
        uint64_t from = max(first, n->part[p].first), to = min(end, n->part[p + 1].first);
        unsigned int node = n->part[p].node;

        if (from >= to)
            continue;
        if (n->span[node].start == n->span[node].end)
            n->span[node].start = from;
        n->span[node].end = to;
    }
}

static void find_spans(struct numa *n, const struct memory_range *map, unsigned int ranges)
{
    for (unsigned int r = 0; r < ranges; r++)
        if (map[r].type == MEMORY_RAM)
            add_to_spans(n, map[r].start / PAGE_SIZE, map[r].end / PAGE_SIZE);
}

void numa_make_one(struct numa *n, const struct memory_range *map, unsigned int ranges)
{
    memset(n, 0, sizeof(*n));
    n->nodes = 1;
    n->distance[0][0] = NUMA_DISTANCE_LOCAL;
    add_part(n, 0, 0);
    find_spans(n, map, ranges);
}

static const char *check(const struct acpi_info *info, const struct acpi_memory *memory, unsigned int count,
                         const struct memory_range *map, unsigned int ranges)
{
    if (info->srat_damaged)
        return "SRAT contradicts itself or is too large";
    if (!count)
        return "SRAT names no memory";
    for (unsigned int i = 1; i < count; i++)
        if (memory[i].start < memory[i - 1].end)
            return "SRAT names some memory twice";
    if (forgotten(memory, count, map, ranges) > FORGOTTEN_MAX)
        return "SRAT leaves out memory";
    return NULL;
}

const char *numa_make(struct numa *n, const struct acpi_info *info, const struct memory_range *map,
                      unsigned int ranges)
{
    struct acpi_memory memory[ACPI_MAX_MEMORY];
    unsigned int count = sort(info, memory);
    const char *problem;

    numa_make_one(n, map, ranges);
    if (!info->has_srat)
        return NULL;
    problem = check(info, memory, count, map, ranges);
    if (problem)
        return problem;
    memset(n, 0, sizeof(*n));
    n->nodes = info->places;
    for (unsigned int i = 0; i < count; i++)
        add_part(n, first_frame(memory[i].start), memory[i].place);
    find_spans(n, map, ranges);
    for (unsigned int i = 0; i < n->nodes; i++)
        for (unsigned int j = 0; j < n->nodes; j++)
            n->distance[i][j] = info->has_slit ? info->distance[i][j]
                                : i == j       ? NUMA_DISTANCE_LOCAL
                                               : NUMA_DISTANCE_REMOTE;
    return NULL;
}

void numa_place_cpu(struct numa *n, const struct acpi_info *info, unsigned int cpu, uint32_t apic_id)
{
    n->cpu_node[cpu] = 0;
    for (unsigned int i = 0; n->nodes > 1 && i < info->cpus; i++)
        if (info->cpu[i].apic_id == apic_id && info->cpu[i].is_placed)
            n->cpu_node[cpu] = info->cpu[i].place;
}
