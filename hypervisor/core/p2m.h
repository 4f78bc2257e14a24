/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's memory by guest frame number: how generic code reaches it (DESIGN 5). For a PV domain the guest frame number is the machine frame
 * number; what it calls its pseudo-physical numbers is its own business, kept in M2P for its convenience.
 */
#ifndef CORE_P2M_H
#define CORE_P2M_H

#include "core/domain.h"
#include "hv/frame.h"

enum p2m_type {
    P2M_NONE, /* nothing there */
    P2M_RAM,
    P2M_RAM_RO,
    P2M_LOG_DIRTY,
    P2M_GRANT,
    P2M_FOREIGN,
    P2M_MMIO,
    P2M_IOREQ,
};

enum p2m_access {
    P2M_READ,  /* the frame stays allocated */
    P2M_WRITE, /* and writable: it does not become a page table or a descriptor table */
};

struct p2m_frame {
    mfn_t mfn;
    enum p2m_type type;
    enum p2m_access access;
    struct frame *frame; /* what is referenced; NULL for P2M_MMIO */
};

/*
 * Looks the frame up and takes a reference to it, for p2m_put() to drop. -EINVAL: no such frame, not RAM and not the domain's to map; with P2M_WRITE
 * also: it has another type. Interrupts on: a frame that changes its type may have to be flushed from TLBs, which waits for other processors. Both take
 * locks of the ranks from RANK_PAGE_LIST on, for a PV domain; callers hold none of these. The grant lock may be held.
 */
int p2m_get(struct domain *d, gfn_t gfn, enum p2m_access access, struct p2m_frame *out) __must_check;
void p2m_put(const struct p2m_frame *f);

/*
 * A frame of the domain's own RAM that the hypervisor will read and write for as long as it likes: takes a
 * general reference and a writable type reference, so that it neither is freed nor becomes a page table.
 * Reach it by frame_to_va(). -EINVAL: no such frame, not RAM, not the domain's, or of another type (a page table, a descriptor
 * table). Interrupts on; locks as above.
 */
int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out) __must_check;
void frame_put_writable(struct frame *f);

#endif
