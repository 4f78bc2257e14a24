/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What EFI firmware left for the operating system: read once at boot, told to domain 0. Its run-time services: arch/x86/efi_call.h. */
#ifndef DRIVERS_EFI_H
#define DRIVERS_EFI_H

#include "hv/types.h"

struct efi_info {
    bool present;
    uint32_t revision;         /* of the system table */
    paddr_t runtime;           /* the run-time services table */
    uint32_t runtime_revision; /* of the run-time services table; 0: none */
    paddr_t tables;            /* EFI_CONFIGURATION_TABLE, `table_count` of 24 bytes */
    uint32_t table_count;
    uint32_t vendor_revision;
    uint16_t vendor[64]; /* UCS-2, terminated */
};
extern struct efi_info efi;

/* `system_table`: physical address from the boot loader; 0: this machine was not started by EFI. */
void efi_init(paddr_t system_table);

#endif
