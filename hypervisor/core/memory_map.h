/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The wire forms of memory maps, without their pointers. Entries: ACPI 6.4, table 15.5. */
#ifndef CORE_MEMORY_MAP_H
#define CORE_MEMORY_MAP_H

#include "hv/types.h"
#include <xen/xen.h>
#include <xen/memory.h>

struct e820_entry {
    uint64_t start, size;
    uint32_t type;
} __packed;
_Static_assert(sizeof(struct e820_entry) == 20, "as the BIOS call gives them");

struct memory_map_request {
    uint32_t nr_entries;
    uint32_t pad;
    uint64_t buffer;
};
_Static_assert(sizeof(struct memory_map_request) == sizeof(struct xen_memory_map), "the wire form");

struct foreign_memory_map_request {
    uint16_t domid;
    uint16_t pad[3];
    struct memory_map_request map;
};
_Static_assert(sizeof(struct foreign_memory_map_request) == sizeof(struct xen_foreign_memory_map),
               "the wire form");

#endif
