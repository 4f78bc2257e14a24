/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Pages of devices that a domain may map, but never writable: the I/O APICs' registers, MSI-X tables. */
#ifndef ARCH_X86_MMIO_READ_ONLY_H
#define ARCH_X86_MMIO_READ_ONLY_H

#include "hv/types.h"

/* From now on. Mappings made before stay as they are: call it before the domain that could have them runs. -ENOSPC. */
int mmio_make_read_only(mfn_t mfn) __must_check;
void mmio_make_writable(mfn_t mfn);
bool mmio_is_read_only(mfn_t mfn);

#endif
