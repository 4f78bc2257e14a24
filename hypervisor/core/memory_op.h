/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * memory_op: what its parts share. The command is in the low six bits of the first argument, the extent to go on with above them: that is
 * how Xen's own callers see a call continue, and what a guest may say itself.
 */
#ifndef CORE_MEMORY_OP_H
#define CORE_MEMORY_OP_H

#include "core/authority.h"
#include "core/domain.h"
#include "core/guest_abi.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "hv/frame.h"
#include "hv/guest.h"
#include <xen/memory.h>

#define MEMOP_EXTENT_SHIFT 6
#define MEMOP_CMD_MASK     ((1u << MEMOP_EXTENT_SHIFT) - 1)

/* The domain of an argument, with a reference; the caller may act on it: itself or, for the privileged, any. 0, -ESRCH, -EPERM. */
int memory_op_domain(struct hypercall *hc, domid_id_t id, struct domain **out) __must_check;

/* The largest extent the caller may ask for (xen-command-line: memop-max-order, its defaults for domUs and control domains). */
static inline unsigned int memory_op_max_order(const struct domain *caller)
{
    return authorise(caller, NULL, AUTHORITY_MEMORY_LARGE_EXTENTS) ? 9 : 18;
}

/*
 * core/memory_extent.c: extents of more than MEMORY_PIECE_ORDER, piece by piece. grow: 2^order frames for the domain, its numbers for them from `pfn` on (or INVALID_M2P). -ENOMEM; -ERESTART: call
 * again with the same arguments. give_up: the frames from `first` on. -EINVAL: one of them is not the domain's to give, those before it are given; -ERESTART likewise.
 */
#define MEMORY_PIECE_ORDER 4
int memory_grow_large(struct hypercall *hc, struct domain *d, unsigned int order, unsigned int width,
                      struct heap_where where, uint64_t pfn, struct frame **out) __must_check;
int memory_give_up_large(struct hypercall *hc, struct domain *d, uint64_t first, unsigned int order)
    __must_check;
/* The dying domain's unfinished extent goes back. 0, -ERESTART: somebody works on it. */
int memory_extent_drop(struct domain *d) __must_check;
/* Frames that the domain's unfinished extent, or exchange, will still add; page lock held. */
static inline uint64_t memory_extent_rest(const struct domain *d)
{
    return (d->growing.order ? (1ULL << d->growing.order) - d->growing.done : 0) + d->exchange.room;
}

/* core/memory_reservation.c: increase, decrease, populate. The number of extents done, from the first on. */
long memory_op_reservation(struct hypercall *hc, unsigned int cmd);
/* The domain gives up one of its pages: the allocation's reference goes, and the page with the last. False: it is not its to give. */
bool domain_give_up_frame(struct domain *d, struct frame *f) __must_check;

long memory_op_exchange(struct hypercall *hc); /* core/memory_exchange.c */
/* Ends the domain's unfinished exchange: core/memory_exchange_large.c. 0, -ERESTART: call again. */
int memory_exchange_drop(struct domain *d, struct hypercall *hc) __must_check;
long memory_op_claim(struct hypercall *hc); /* core/memory_claim.c */
long memory_op_map(struct hypercall *hc);   /* core/memory_map.c */
long memory_op_set_map(struct hypercall *hc);
long memory_op_vnuma(struct hypercall *hc);       /* core/vnuma.c */
void memory_map_free(struct domain *d);           /* the domain goes */
long memory_op_machine_map(struct hypercall *hc); /* pv/machine_map.c */
long memory_op_machphys_mapping(struct hypercall *hc);
long memory_op_machphys_list(struct hypercall *hc);
long memory_op_acquire_resource(struct hypercall *hc); /* grant/resource.c */

long do_memory_op(struct hypercall *hc);

#endif
