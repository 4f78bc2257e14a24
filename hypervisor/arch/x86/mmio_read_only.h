/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Pages of devices that a domain may map, but never writable: the IO-APICs' registers, the HPET that is our
 * clock, MSI-X tables and their pending bits. Who maps one writable gets it read-only (pv/leaf.h); what a
 * kernel then stores there is dropped (pv/ro_fault.c).
 */
#ifndef ARCH_X86_MMIO_READ_ONLY_H
#define ARCH_X86_MMIO_READ_ONLY_H

#include "hv/types.h"

#define MMIO_READ_ONLY_PAGES_MAX ((1U << 24) - 1) /* of one range */

/*
 * `pages` from `first` on, from now on. Mappings made before stay as they are. Ranges may overlap, and the
 * same one may be named several times: each is taken back by itself. -ENOSPC: no room for another; -EINVAL:
 * no or too many pages, or not a frame of a machine.
 */
int mmio_make_read_only(mfn_t first, uint64_t pages) __must_check;
/* The range as it was given, or nothing. */
void mmio_make_writable(mfn_t first, uint64_t pages);
bool mmio_is_read_only(mfn_t mfn);

#endif
