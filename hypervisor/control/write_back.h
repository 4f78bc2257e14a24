/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside control/: what a sysctl or domctl gives back, in the caller's own argument. */
#ifndef CONTROL_WRITE_BACK_H
#define CONTROL_WRITE_BACK_H

#include "core/hypercall.h"
#include "hv/guest.h"

/* Writes `part`, `bytes` of our copy `op` of the whole argument, to its place in the caller's, which is the hypercall's first. 0 or -EFAULT. */
static inline __must_check int control_write_back(struct hypercall *hc, const void *op, const void *part,
                                                  size_t bytes)
{
    size_t at = (size_t)((const uint8_t *)part - (const uint8_t *)op);

    return copy_to_guest(guest_ptr_add(hypercall_ptr(hc, 0), at), part, bytes);
}

#endif
