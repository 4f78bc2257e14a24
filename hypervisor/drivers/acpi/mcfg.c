/* SPDX-License-Identifier: GPL-2.0-or-later */
/* MCFG (PCI Firmware 3.2, 4.1.2): where extended configuration space lies. */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define MCFG_ENTRIES 44
#define MCFG_ENTRY   16

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
