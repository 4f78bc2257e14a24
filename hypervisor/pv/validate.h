/* SPDX-License-Identifier: GPL-2.0-or-later */
/* References that entries of upper-level page tables hold. See pv/validate.c. */
#ifndef PV_VALIDATE_H
#define PV_VALIDATE_H

#include "core/frame_ref.h"
#include "pv/pte.h"

/*
 * Takes what a present entry of `table` (of type `type`, FT_L2 to FT_L4, owned by d) holds: the child as the next lower type, or, for a linear entry,
 * as the same type; an entry that names its own table holds nothing. -EINVAL, -EPERM, -ENOSPC, -ERESTART.
 */
int pv_child_get(struct domain *d, struct frame *table, enum frame_type type, uint64_t pte,
                 struct hypercall *hc) __must_check;
/* Gives it back. 0 or -ERESTART, as frame_put_type(). */
int pv_child_put(struct domain *d, struct frame *table, enum frame_type type, uint64_t pte,
                 struct hypercall *hc);

#endif
