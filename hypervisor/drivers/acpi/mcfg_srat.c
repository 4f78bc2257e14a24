/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MCFG (PCI Firmware 3.2, 4.1.2): where extended configuration space lies. SRAT (ACPI 6.4, 5.2.16): which
 * node is what near. */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define MCFG_ENTRIES 44
#define MCFG_ENTRY   16
#define SRAT_ENTRIES 48
#define FLAG_ENABLED 1u
#define FLAG_HOTPLUG 2u

int acpi_parse_mcfg(struct acpi_info *info, const uint8_t *table, size_t length)
{
    if (length < MCFG_ENTRIES)
        return -EINVAL;
    for (size_t at = MCFG_ENTRIES; at + MCFG_ENTRY <= length && info->ecams < ACPI_MAX_ECAM;
         at += MCFG_ENTRY) {
        const uint8_t *e = table + at;
        struct acpi_ecam ecam = {
            .base = read_u64(e), .segment = read_u16(e + 8), .start_bus = e[10], .end_bus = e[11]};

        if (!ecam.base || !IS_ALIGNED(ecam.base, MiB(1)) || ecam.end_bus < ecam.start_bus ||
            ecam.base > GiB(1ULL << 20))
            return -EINVAL;
        info->ecam[info->ecams++] = ecam;
    }
    return 0;
}

static void place_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t node, uint32_t flags)
{
    if (!(flags & FLAG_ENABLED))
        return;
    for (unsigned int i = 0; i < info->cpus; i++)
        if (info->cpu[i].apic_id == apic_id) {
            info->cpu[i].node = node;
            info->affinities++;
        }
}

static int place_memory(struct acpi_info *info, const uint8_t *e)
{
    uint64_t start = read_u64(e + 8), size = read_u64(e + 16), end;
    uint32_t flags = read_u32(e + 28);

    if (!(flags & FLAG_ENABLED) || !size)
        return 0;
    if (__builtin_add_overflow(start, size, &end))
        return -EINVAL;
    if (info->memories < ACPI_MAX_MEMORY)
        info->memory[info->memories++] = (struct acpi_memory){
            .start = start, .end = end, .node = read_u32(e + 2), .hotplug = flags & FLAG_HOTPLUG};
    return 0;
}

static int srat_entry(struct acpi_info *info, const uint8_t *e)
{
    switch (e[0]) {
    case 0:
        if (e[1] >= 16) /* the node's number: one byte here, three there */
            place_cpu(info, e[3], e[2] | (uint32_t)e[9] << 8 | (uint32_t)e[10] << 16 | (uint32_t)e[11] << 24,
                      read_u32(e + 4));
        return 0;
    case 1:
        return e[1] >= 40 ? place_memory(info, e) : 0;
    case 2:
        if (e[1] >= 24)
            place_cpu(info, read_u32(e + 8), read_u32(e + 4), read_u32(e + 12));
        return 0;
    default:
        return 0;
    }
}

int acpi_parse_srat(struct acpi_info *info, const uint8_t *table, size_t length)
{
    if (length < SRAT_ENTRIES)
        return -EINVAL;
    for (size_t at = SRAT_ENTRIES; at + 2 <= length; at += table[at + 1]) {
        if (table[at + 1] < 2 || table[at + 1] > length - at || srat_entry(info, table + at))
            return -EINVAL;
    }
    return 0;
}
