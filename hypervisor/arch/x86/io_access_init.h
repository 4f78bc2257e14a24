/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot: takes ports away from domain 0. The questions are asked through core/io_access.h. */
#ifndef ARCH_X86_IO_ACCESS_INIT_H
#define ARCH_X86_IO_ACCESS_INIT_H

#include "core/domain.h"
#include "hv/bitops.h"

/*
 * A bit for each port that is not domain 0's, in the form of a TSS's I/O permission bitmap, and the byte of
 * ones that the processor wants behind it; whole pages, since it is mapped behind each processor's TSS
 * (arch/x86/desc.c). Bits are only ever set.
 */
#define PORTS          65536
#define PORT_MAP_BYTES (PORTS / 8 + 1)
extern uint64_t denied_ports[3 * PAGE_SIZE / 8];

/* Those of the interrupt controllers and timers; after acpi_init(). */
void io_access_init(void);
/* A device that the hypervisor drives itself: a UART. */
void io_deny_ports(unsigned int first, unsigned int count);

#endif
