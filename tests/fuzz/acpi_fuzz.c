/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bytes as ACPI tables: the first picks the parser, the rest is the table.
 * FUZZ-SOURCES: hypervisor/drivers/acpi/madt.c hypervisor/drivers/acpi/fadt.c hypervisor/drivers/acpi/mcfg.c hypervisor/drivers/acpi/srat.c
 * FUZZ-SOURCES: hypervisor/drivers/acpi/aml_s5.c
 */
#include "drivers/acpi/acpi.h"
#include "hv/string.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static int (*const parsers[])(struct acpi_info * info, const uint8_t *table, size_t length) = {
        acpi_parse_madt, acpi_parse_fadt, acpi_parse_hpet, acpi_parse_mcfg,
        acpi_parse_srat, acpi_find_s5,    acpi_parse_slit,
    };
    static struct acpi_info info;

    if (!size)
        return 0;
    memset(&info, 0, sizeof(info));
    if (parsers[data[0] % ARRAY_SIZE(parsers)](&info, data + 1, size - 1) == 0 && info.cpus > MAX_CPUS)
        __builtin_trap();
    return 0;
}
