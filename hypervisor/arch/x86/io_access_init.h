/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Boot: takes ports away from domain 0. The questions are asked through core/io_access.h. */
#ifndef ARCH_X86_IO_ACCESS_INIT_H
#define ARCH_X86_IO_ACCESS_INIT_H

#include "core/domain.h"

/* As core/io_access.h has them. */
bool domain_may_use_port(const struct domain *d, uint32_t port, unsigned int size);
bool domain_may_map_mmio(struct domain *d, mfn_t mfn);

/* Those of the interrupt controllers and timers; after acpi_init(). */
void io_access_init(void);
/* A device that the hypervisor drives itself: a UART. */
void io_deny_ports(unsigned int first, unsigned int count);

#endif
