/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A domain's memory by guest frame number: how generic code reaches it (DESIGN 5). */
#ifndef CORE_P2M_H
#define CORE_P2M_H

#include "core/domain.h"
#include "hv/frame.h"

/*
 * A frame of the domain's own RAM that the hypervisor will read and write for as long as it likes: takes a
 * general reference and a writable type reference, so that it neither is freed nor becomes a page table.
 * Reach it by frame_to_va(). -EINVAL: no such frame, not RAM, not the domain's; -EBUSY or -EINVAL: it has
 * another type (a page table, a descriptor table). Interrupts on; no lock of a rank above RANK_P2M.
 */
int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out) __must_check;
void frame_put_writable(struct frame *f);

#endif
