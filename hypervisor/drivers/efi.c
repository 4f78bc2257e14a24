/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the EFI system table (UEFI 2.10, 4.3), 64-bit form. */
#include "drivers/efi.h"
#include "arch/x86/hostmap.h"
#include "hv/log.h"

#define SIGNATURE         0x5453595320494249ULL /* "IBI SYST" */
#define RUNTIME_SIGNATURE 0x56524553544e5552ULL /* "RUNTSERV" */

struct table_header {
    uint64_t signature;
    uint32_t revision, size, crc, reserved;
};

struct system_table {
    struct table_header header;
    uint64_t vendor;
    uint32_t vendor_revision, pad;
    uint64_t console_in_handle, console_in, console_out_handle, console_out, error_handle, error;
    uint64_t runtime, boot;
    uint64_t table_count;
    uint64_t tables;
};
_Static_assert(sizeof(struct system_table) == 120, "UEFI 2.10, 4.3");

struct efi_info efi;

static void read_vendor(paddr_t at)
{
    const uint16_t *text = at ? bios_map(at, sizeof(efi.vendor)) : NULL;

    for (unsigned int i = 0; text && i < ARRAY_SIZE(efi.vendor) - 1 && text[i]; i++)
        efi.vendor[i] = text[i];
}

void efi_init(paddr_t system_table)
{
    const struct system_table *t = system_table ? bios_map(system_table, sizeof(*t)) : NULL;
    const struct table_header *runtime;

    if (!t)
        return;
    if (t->header.signature != SIGNATURE) {
        printk(
            "EFI: no system table at %#lx, where the boot loader says it is: going on as on a BIOS machine\n",
            system_table);
        return;
    }
    efi.present = true;
    efi.revision = t->header.revision;
    efi.tables = t->tables;
    efi.table_count = (uint32_t)min(t->table_count, 1024UL);
    efi.vendor_revision = t->vendor_revision;
    read_vendor(t->vendor);
    efi.runtime = t->runtime;
    runtime = t->runtime ? bios_map(t->runtime, sizeof(*runtime)) : NULL;
    if (runtime && runtime->signature == RUNTIME_SIGNATURE)
        efi.runtime_revision = runtime->revision;
    printk("EFI %u.%u, %u configuration tables\n", efi.revision >> 16, (efi.revision & 0xffff) / 10,
           efi.table_count);
}
