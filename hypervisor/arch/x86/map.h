/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Mappings of the machine's physical memory that drivers ask for. Hosted tests give their own. */
#ifndef ARCH_X86_MAP_H
#define ARCH_X86_MAP_H

#include "hv/types.h"

/* Device registers, uncached, for ever. Never NULL: panics if the window is full. Any alignment. */
void *iomap(paddr_t pa, size_t len);
/* Any physical memory, cached, for reading during boot; valid until the init memory is freed. NULL if it cannot be mapped. */
const void *bios_map(paddr_t pa, size_t len);

static inline uint32_t mmio_read32(const volatile void *p)
{
    return *(const volatile uint32_t *)p;
}

static inline void mmio_write32(volatile void *p, uint32_t v)
{
    *(volatile uint32_t *)p = v;
}

#endif
