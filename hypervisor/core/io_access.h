/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What of the machine's ports and memory-mapped devices a domain may touch. Domain 0: everything that is not the hypervisor's own. */
#ifndef CORE_IO_ACCESS_H
#define CORE_IO_ACCESS_H

#include "core/domain.h"

/* All of the ports [port, port + size). */
bool domain_may_use_port(const struct domain *d, uint32_t port, unsigned int size);
/* The page of the machine is no RAM of anybody's and the domain may map it. */
bool domain_may_map_mmio(struct domain *d, mfn_t mfn);

#endif
