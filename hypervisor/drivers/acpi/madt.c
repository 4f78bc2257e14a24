/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MADT: processors, IO-APICs, how ISA interrupts and NMIs are wired (ACPI 6.4, 5.2.12). */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define MADT_ENTRIES     44
#define CPU_FLAG_ENABLED 1u
#define APIC_ID_NONE     0xffu
#define X2APIC_ID_NONE   0xffffffffu
#define UID_ALL_8BIT     0xffu

static void add_cpu(struct acpi_info *info, uint32_t apic_id, uint32_t uid, uint32_t flags)
{
    if (!(flags & CPU_FLAG_ENABLED)) {
        info->cpus_disabled++;
        return;
    }
    /* A processor may be listed in both forms, as local APIC and as x2APIC. */
    for (unsigned int i = 0; i < info->cpus; i++)
        if (info->cpu[i].apic_id == apic_id)
            return;
    if (info->cpus == MAX_CPUS) {
        info->cpus_dropped++;
        return;
    }
    info->cpu[info->cpus++] = (struct acpi_cpu){.apic_id = apic_id, .uid = uid};
}

static void local_apic(struct acpi_info *info, const uint8_t *e)
{
    if (e[3] != APIC_ID_NONE)
        add_cpu(info, e[3], e[2], read_u32(e + 4));
}

static void local_x2apic(struct acpi_info *info, const uint8_t *e)
{
    if (read_u32(e + 4) != X2APIC_ID_NONE)
        add_cpu(info, read_u32(e + 4), read_u32(e + 12), read_u32(e + 8));
}

static void io_apic(struct acpi_info *info, const uint8_t *e)
{
    paddr_t address = read_u32(e + 4);

    if (address && info->ioapics < ACPI_MAX_IOAPICS)
        info->ioapic[info->ioapics++] =
            (struct acpi_ioapic){.id = e[2], .gsi_base = read_u32(e + 8), .address = address};
}

static void source_override(struct acpi_info *info, const uint8_t *e)
{
    uint16_t flags = read_u16(e + 8);

    /* Bus 0 is ISA; there is no other. */
    if (e[2] == 0 && e[3] < 16 && info->overrides < ACPI_MAX_OVERRIDES)
        info->override[info->overrides++] = (struct acpi_override){
            .source = e[3], .gsi = read_u32(e + 4), .polarity = flags & 3, .trigger = flags >> 2 & 3};
}

static void add_nmi(struct acpi_info *info, uint32_t uid, uint16_t flags, uint8_t lint)
{
    if (lint <= 1 && info->nmis < ACPI_MAX_NMIS)
        info->nmi[info->nmis++] =
            (struct acpi_nmi){.uid = uid, .lint = lint, .polarity = flags & 3, .trigger = flags >> 2 & 3};
}

static void local_nmi(struct acpi_info *info, const uint8_t *e)
{
    add_nmi(info, e[2] == UID_ALL_8BIT ? ACPI_ALL_CPUS : e[2], read_u16(e + 3), e[5]);
}

static void x2apic_nmi(struct acpi_info *info, const uint8_t *e)
{
    add_nmi(info, read_u32(e + 4), read_u16(e + 2), e[8]);
}

static void address_override(struct acpi_info *info, const uint8_t *e)
{
    info->lapic_address = read_u64(e + 4);
}

static const struct madt_kind {
    uint8_t type, length;
    void (*take)(struct acpi_info *info, const uint8_t *entry);
} madt_kinds[] = {
    {0, 8, local_apic},        {1, 12, io_apic},      {2, 10, source_override}, {4, 6, local_nmi},
    {5, 12, address_override}, {9, 16, local_x2apic}, {10, 12, x2apic_nmi},
};

int acpi_parse_madt(struct acpi_info *info, const uint8_t *table, size_t length)
{
    if (length < MADT_ENTRIES)
        return -EINVAL;
    info->lapic_address = read_u32(table + 36);
    for (size_t at = MADT_ENTRIES; at + 2 <= length; at += table[at + 1]) {
        const uint8_t *entry = table + at;

        if (entry[1] < 2 || entry[1] > length - at)
            return -EINVAL;
        for (unsigned int i = 0; i < ARRAY_SIZE(madt_kinds); i++)
            if (madt_kinds[i].type == entry[0] && madt_kinds[i].length <= entry[1])
                madt_kinds[i].take(info, entry);
    }
    info->has_madt = true;
    return 0;
}

uint32_t acpi_cpu_uid(const struct acpi_info *info, uint32_t apic_id)
{
    for (unsigned int i = 0; i < info->cpus; i++)
        if (info->cpu[i].apic_id == apic_id)
            return info->cpu[i].uid;
    return 0;
}

struct acpi_override acpi_isa_irq(const struct acpi_info *info, unsigned int source)
{
    struct acpi_override o = {.source = (uint8_t)source, .gsi = source};

    for (unsigned int i = 0; i < info->overrides; i++)
        if (info->override[i].source == source)
            o = info->override[i];
    /* ISA's own: edge, active high. */
    if (o.polarity != ACPI_POLARITY_LOW)
        o.polarity = ACPI_POLARITY_HIGH;
    if (o.trigger != ACPI_TRIGGER_LEVEL)
        o.trigger = ACPI_TRIGGER_EDGE;
    return o;
}
