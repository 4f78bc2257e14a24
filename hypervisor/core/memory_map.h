/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An entry of a memory map, for either width: ACPI 6.4, table 15.5. */
#ifndef CORE_MEMORY_MAP_H
#define CORE_MEMORY_MAP_H

#include "hv/types.h"

struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} __packed;
_Static_assert(sizeof(struct e820_entry) == 20, "as the BIOS call gives them");

#endif
