/* SPDX-License-Identifier: GPL-2.0-or-later */
/* From the root pointer to the tables that we read. */
#include "drivers/acpi/bytes.h"
#include "arch/x86/map.h"
#include "hv/errno.h"
#include "hv/log.h"

#define RSDP_LENGTH_1    20
#define RSDP_LENGTH_2    36
#define BDA_EBDA_SEGMENT 0x40e
#define BIOS_START       0xe0000
#define BIOS_END         0x100000
#define TABLE_MAX        MiB(16)
#define TABLES_MAX       256

struct acpi_info acpi;

uint8_t acpi_checksum(const uint8_t *p, size_t length)
{
    uint8_t sum = 0;

    while (length--)
        sum = (uint8_t)(sum + *p++);
    return sum;
}

static bool is_rsdp(const uint8_t *p)
{
    return memcmp(p, "RSD PTR ", 8) == 0 && acpi_checksum(p, RSDP_LENGTH_1) == 0;
}

/* ACPI 6.4, 5.2.5.1: on 16-byte boundaries. */
static paddr_t scan(paddr_t start, paddr_t end)
{
    const uint8_t *area = bios_map(start, end - start);

    for (paddr_t at = start; area && at + RSDP_LENGTH_1 <= end; at += 16)
        if (is_rsdp(area + (at - start)))
            return at;
    return 0;
}

static paddr_t find_rsdp(void)
{
    const uint8_t *bda = bios_map(BDA_EBDA_SEGMENT, 2);
    paddr_t ebda = bda ? (paddr_t)read_u16(bda) << 4 : 0, found = 0;

    if (ebda >= 0x80000 && ebda < 0xa0000)
        found = scan(ebda, ebda + KiB(1));
    return found ? found : scan(BIOS_START, BIOS_END);
}

/* A mapping of the whole table, checked; NULL and a line in the log otherwise. */
static const uint8_t *map_table(paddr_t pa, size_t *length)
{
    const uint8_t *t = bios_map(pa, ACPI_HEADER_LENGTH);

    if (!t)
        return NULL;
    *length = read_u32(t + 4);
    if (*length < ACPI_HEADER_LENGTH || *length > TABLE_MAX) {
        log_warn("ACPI: table at %#lx has an impossible length %zu, ignored\n", pa, *length);
        return NULL;
    }
    t = bios_map(pa, *length);
    if (t && acpi_checksum(t, *length)) {
        log_warn("ACPI: table %.4s at %#lx has a wrong checksum, ignored\n", (const char *)t, pa);
        return NULL;
    }
    return t;
}

static const struct table_kind {
    const char *signature;
    int (*parse)(struct acpi_info *info, const uint8_t *table, size_t length);
} table_kinds[] = {
    {"APIC", acpi_parse_madt}, {"FACP", acpi_parse_fadt}, {"HPET", acpi_parse_hpet},
    {"MCFG", acpi_parse_mcfg}, {"SRAT", acpi_parse_srat}, {"SLIT", acpi_parse_slit},
};

static void take_table(struct acpi_info *info, const struct table_kind *kind, paddr_t pa)
{
    const uint8_t *t = bios_map(pa, ACPI_HEADER_LENGTH);
    size_t length;

    if (!t || memcmp(t, kind->signature, 4))
        return;
    t = map_table(pa, &length);
    if (t && kind->parse(info, t, length))
        log_warn("ACPI: table %s at %#lx is malformed, used as far as it was understood\n", kind->signature,
                 pa);
}

static int take_root(struct acpi_info *info, paddr_t root, const char *signature, size_t entry_size)
{
    size_t length, entries;
    const uint8_t *t = map_table(root, &length);

    if (!t || memcmp(t, signature, 4))
        return -EINVAL;
    entries = min((length - ACPI_HEADER_LENGTH) / entry_size, (size_t)TABLES_MAX);
    /* In the order of our list: SRAT needs what MADT said, and SLIT what SRAT did. */
    for (unsigned int k = 0; k < ARRAY_SIZE(table_kinds); k++)
        for (size_t i = 0; i < entries; i++) {
            paddr_t pa;

            t = bios_map(root, length); /* mappings may be short-lived */
            if (!t)
                return -EINVAL;
            t += ACPI_HEADER_LENGTH + i * entry_size;
            pa = entry_size == 8 ? read_u64(t) : read_u32(t);
            if (pa)
                take_table(info, &table_kinds[k], pa);
        }
    return 0;
}

int acpi_read_tables(struct acpi_info *info, paddr_t rsdp)
{
    const uint8_t *p;
    paddr_t rsdt, xsdt = 0;
    size_t length;
    int rc = -EINVAL;

    if (!rsdp)
        rsdp = find_rsdp();
    p = rsdp ? bios_map(rsdp, RSDP_LENGTH_1) : NULL;
    if (!p || !is_rsdp(p))
        return -ENOENT;
    info->rsdp = rsdp;
    rsdt = read_u32(p + 16);
    if (p[15] >= 2) {
        p = bios_map(rsdp, RSDP_LENGTH_2);
        if (p && acpi_checksum(p, RSDP_LENGTH_2) == 0)
            xsdt = read_u64(p + 24);
    }
    if (xsdt)
        rc = take_root(info, xsdt, "XSDT", 8);
    if (rc && rsdt)
        rc = take_root(info, rsdt, "RSDT", 4);
    if (rc)
        return rc;
    info->present = true;
    p = info->dsdt ? map_table(info->dsdt, &length) : NULL;
    if (p && acpi_find_s5(info, p, length))
        log_info("ACPI: no \\_S5 in the DSDT; power off is left to domain 0\n");
    return 0;
}

int acpi_init(paddr_t rsdp)
{
    int rc = acpi_read_tables(&acpi, rsdp);

    if (rc) {
        log_warn("ACPI: %s\n", rc == -ENOENT ? "no root pointer found" : "the root table is damaged");
        return rc;
    }
    log_info("ACPI: %u processors (%u disabled), %u IO-APICs, %u overrides, HPET %#lx, PM timer %#lx, %u "
             "ECAM, %u memory ranges%s\n",
             acpi.cpus, acpi.cpus_disabled, acpi.ioapics, acpi.overrides, acpi.hpet_address,
             acpi.pm_timer.address, acpi.ecams, acpi.memories, acpi.has_s5 ? ", S5" : "");
    if (acpi.cpus_dropped)
        log_warn("ACPI: %u processors above the limit of %u are not used\n", acpi.cpus_dropped, MAX_CPUS);
    return 0;
}
