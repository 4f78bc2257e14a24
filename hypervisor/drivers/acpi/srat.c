/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SRAT (ACPI 6.4, 5.2.16): which processors and which memory are near each other. SLIT (5.2.17): how far from each other those places are.
 * The tables name a place by its proximity domain, any 32-bit number; here they are counted. What comes of it is core/numa.c's.
 */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define SRAT_ENTRIES 48
#define REVISION     8 /* in any table's header */
#define FLAG_ENABLED 1u
#define FLAG_HOTPLUG 2u
#define SLIT_COUNT   36
#define SLIT_ENTRIES 44

/* The entries that we read: type and length. */
enum { APIC_AFFINITY = 0, MEMORY_AFFINITY = 1, X2APIC_AFFINITY = 2 };
enum { APIC_LENGTH = 16, MEMORY_LENGTH = 40, X2APIC_LENGTH = 24 };

/* The place with this number of the table's, which is given the next number of ours if it is new. ACPI_NO_PLACE: there are too many. */
static uint8_t place_of(struct acpi_info *info, uint32_t domain)
{
    for (unsigned int i = 0; i < info->places; i++)
        if (info->place[i] == domain)
            return (uint8_t)i;
    if (info->places == ACPI_MAX_PLACES) {
        info->srat_damaged = true;
        return ACPI_NO_PLACE;
    }
    info->place[info->places] = domain;
    return (uint8_t)info->places++;
}

static void place_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t domain)
{
    uint8_t place = place_of(info, domain);

    for (unsigned int i = 0; i < info->cpus; i++) {
        if (info->cpu[i].apic_id != apic_id)
            continue;
        /* It may be named in both forms, but not in two places. */
        if (info->cpu[i].is_placed && info->cpu[i].place != place)
            info->srat_damaged = true;
        info->cpu[i].place = place;
        info->cpu[i].is_placed = true;
    }
}

static void place_memory(struct acpi_info *info, const uint8_t *e, uint32_t domain, bool hotplug)
{
    uint64_t start = read_u64(e + 8), size = read_u64(e + 16), end;

    if (!size)
        return;
    if (__builtin_add_overflow(start, size, &end) || info->memories == ACPI_MAX_MEMORY) {
        info->srat_damaged = true;
        return;
    }
    info->memory[info->memories++] =
        (struct acpi_memory){.start = start, .end = end, .place = place_of(info, domain), .hotplug = hotplug};
}

/* Until revision 2 the numbers had one byte, and what follows was not zero for certain. */
static void take_entry(struct acpi_info *info, const uint8_t *e, uint32_t mask)
{
    if (e[0] == APIC_AFFINITY && e[1] >= APIC_LENGTH && read_u32(e + 4) & FLAG_ENABLED)
        place_cpu(info, e[3],
                  (e[2] | (uint32_t)e[9] << 8 | (uint32_t)e[10] << 16 | (uint32_t)e[11] << 24) & mask);
    if (e[0] == X2APIC_AFFINITY && e[1] >= X2APIC_LENGTH && read_u32(e + 12) & FLAG_ENABLED)
        place_cpu(info, read_u32(e + 8), read_u32(e + 4));
    if (e[0] == MEMORY_AFFINITY && e[1] >= MEMORY_LENGTH && read_u32(e + 28) & FLAG_ENABLED)
        place_memory(info, e, read_u32(e + 2) & mask, read_u32(e + 28) & FLAG_HOTPLUG);
}

int acpi_parse_srat(struct acpi_info *info, const uint8_t *table, size_t length)
{
    /* In this order, so that places are counted as Xen counts them: by processors, then by memory. */
    static const uint8_t kinds[] = {X2APIC_AFFINITY, APIC_AFFINITY, MEMORY_AFFINITY};
    uint32_t mask;

    info->srat_damaged |= info->has_srat || length < SRAT_ENTRIES; /* one is all there may be */
    info->has_srat = true;
    if (length < SRAT_ENTRIES)
        return -EINVAL;
    mask = table[REVISION] < 2 ? 0xff : ~0u;
    for (unsigned int k = 0; k < ARRAY_SIZE(kinds); k++)
        for (size_t at = SRAT_ENTRIES; at + 2 <= length; at += table[at + 1]) {
            if (table[at + 1] < 2 || table[at + 1] > length - at) {
                info->srat_damaged = true;
                return -EINVAL;
            }
            if (table[at] == kinds[k])
                take_entry(info, table + at, mask);
        }
    return info->srat_damaged ? -EINVAL : 0;
}

/* 10 to itself, more to others (5.2.17); 255: cannot be reached, which is as far as it gets. */
static bool is_distance(uint8_t value, bool to_itself)
{
    return to_itself ? value == ACPI_DISTANCE_LOCAL : value > ACPI_DISTANCE_LOCAL;
}

int acpi_parse_slit(struct acpi_info *info, const uint8_t *table, size_t length)
{
    uint64_t count = length >= SLIT_ENTRIES ? read_u64(table + SLIT_COUNT) : 0;

    if (!count || count > length || count * count > length - SLIT_ENTRIES)
        return -EINVAL;
    for (unsigned int i = 0; i < info->places; i++)
        for (unsigned int j = 0; j < info->places; j++) {
            uint8_t value;

            if (info->place[i] >= count || info->place[j] >= count)
                return -EINVAL;
            value = table[SLIT_ENTRIES + info->place[i] * count + info->place[j]];
            if (!is_distance(value, i == j))
                return -EINVAL;
            info->distance[i][j] = value;
        }
    info->has_slit = true;
    return 0;
}
