/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The machine's nodes: which memory and which processors are near each other, and how far the others are. Numbered from 0 without a gap,
 * one at least. Told once at boot from the firmware's tables; nothing of it changes afterwards.
 */
#ifndef CORE_NUMA_H
#define CORE_NUMA_H

#include "hv/types.h"
#include "hv/cpumask.h"

struct acpi_info;
struct memory_range;

#define NUMA_MAX_NODES 64 /* as Xen has */
#define NUMA_MAX_PARTS 64
#define NUMA_NO_NODE   0xff

#define NUMA_DISTANCE_LOCAL  10 /* ACPI 6.4, 5.2.17 */
#define NUMA_DISTANCE_REMOTE 20 /* what Xen says of any other node where the firmware says nothing */

/*
 * Parts share all frame numbers among them, holes in memory included: each goes up to where the next begins, and two that follow each
 * other are of two nodes. So two frames of one part are of one node, and two neighbours of one node are in one part.
 */
struct numa_part {
    uint64_t first; /* frame number; 0 for the first part */
    uint8_t node;
};

struct numa {
    unsigned int nodes, parts;
    struct numa_part part[NUMA_MAX_PARTS + 1]; /* behind the last one stands where it ends: nowhere */
    /* From the first frame of RAM to behind the last, what lies between included; both 0 of a node without memory. */
    struct {
        uint64_t start, end;
    } span[NUMA_MAX_NODES];
    uint8_t distance[NUMA_MAX_NODES][NUMA_MAX_NODES];
    uint8_t cpu_node[MAX_CPUS];
};

/* One node until heap_set_nodes() is told others. */
extern struct numa numa;

/* One node with all the machine's memory and processors. */
void numa_make_one(struct numa *n, const struct memory_range *map, unsigned int ranges);
/*
 * What the tables say, for a machine with this memory map, sorted. NULL; or, if they contradict themselves or leave out RAM, why, and `n` is one node.
 */
const char *numa_make(struct numa *n, const struct acpi_info *info, const struct memory_range *map,
                      unsigned int ranges);
/* The processors' nodes: number `cpu` has this APIC id. One that the tables do not name is in node 0. */
void numa_place_cpu(struct numa *n, const struct acpi_info *info, unsigned int cpu, uint32_t apic_id);

static inline const struct numa_part *numa_part_of(uint64_t mfn)
{
    unsigned int low = 0, end = numa.parts;

    while (end - low > 1) {
        unsigned int middle = (low + end) / 2;

        if (numa.part[middle].first <= mfn)
            low = middle;
        else
            end = middle;
    }
    return &numa.part[low];
}

static inline unsigned int numa_node_of(uint64_t mfn)
{
    return numa_part_of(mfn)->node;
}

/* A bit for each node. */
static inline uint64_t numa_all_nodes(void)
{
    return ~0ULL >> (NUMA_MAX_NODES - numa.nodes);
}

#endif
