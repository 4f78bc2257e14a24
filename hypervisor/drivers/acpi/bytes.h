/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Little-endian fields at any alignment. */
#ifndef DRIVERS_ACPI_BYTES_H
#define DRIVERS_ACPI_BYTES_H

#include "hv/string.h"
#include "drivers/acpi/acpi.h"

#define ACPI_HEADER_LENGTH 36

static inline uint16_t read_u16(const uint8_t *p)
{
    return (uint16_t)(p[0] | p[1] << 8);
}

static inline uint32_t read_u32(const uint8_t *p)
{
    return (uint32_t)read_u16(p) | (uint32_t)read_u16(p + 2) << 16;
}

static inline uint64_t read_u64(const uint8_t *p)
{
    return (uint64_t)read_u32(p) | (uint64_t)read_u32(p + 4) << 32;
}

static inline struct acpi_address read_address(const uint8_t *p)
{
    return (struct acpi_address){
        .space = p[0], .bit_width = p[1], .bit_offset = p[2], .address = read_u64(p + 4)};
}

#endif
