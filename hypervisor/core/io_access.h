/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the machine's ports and memory-mapped devices a domain may touch. Domain 0: everything that is not
 * the hypervisor's own (arch/x86/io_access.c) and that it has not given up. Others: what they were given, one
 * by one.
 */
#ifndef CORE_IO_ACCESS_H
#define CORE_IO_ACCESS_H

#include "core/domain.h"

enum io_space { IO_PORTS, IO_MEMORY /* page frame numbers */, IO_SPACES };

/* All of the ports [port, port + size). */
bool domain_may_use_port(const struct domain *d, uint32_t port, unsigned int size);
/* The page of the machine is no RAM of anybody's and the domain may map it. */
bool domain_may_map_mmio(struct domain *d, mfn_t mfn);

/* Is all of [first, last] the domain's to use, so that it may pass it on? What is RAM there is nobody's by that: mapping still asks who owns it. */
bool domain_has_io(const struct domain *d, enum io_space space, uint64_t first, uint64_t last);
/*
 * Gives or takes [first, last]. What is mapped already stays mapped; ports are asked for at each access. What
 * domain 0 gives up does not come back. Control lock. -ENOMEM; -ENOSPC: more pieces than are remembered;
 * nothing is changed then.
 */
int domain_change_io(struct domain *d, enum io_space space, uint64_t first, uint64_t last, bool allow)
    __must_check;
void domain_io_free(struct domain *d);

/* core/io_grants.c: what a domain was given, or the hardware domain has given up. */
bool io_given(const struct domain *d, enum io_space space, uint64_t first, uint64_t last);
bool io_given_up(const struct domain *d, enum io_space space, uint64_t first, uint64_t last);
/* arch: is all of it the hardware domain's, as the machine was started? And: it never uses these ports again. */
bool io_is_possible(uint64_t last); /* a page frame number that the processors can address */
bool io_is_for_guests(enum io_space space, uint64_t first, uint64_t last);
void io_deny_ports(unsigned int first, unsigned int count);

#endif
