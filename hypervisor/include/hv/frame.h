/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The frame table: what the hypervisor knows of each page of RAM, 32 bytes a page, in one array indexed by MFN. Holes in the machine's
 * memory have no backing there: mfn_valid() first. The meaning of `word` is core/frame_word.h's alone.
 */
#ifndef HV_FRAME_H
#define HV_FRAME_H

#include "hv/types.h"
#include "hv/bitops.h"
#include "hv/speculation.h"

struct frame {
    uint64_t word; /* types and references (core/frame_word.h); atomic */
    uint64_t
        data; /* owned by who owns the state: heap: order and flags of a free block; page table: validation progress */
    uint32_t next; /* links of the list the frame is on, as frame numbers; FRAME_LIST_END ends it */
    uint32_t prev;
    uint32_t tlb_stamp; /* the flush clock when the frame was last freed or lost its type (arch/x86/tlb.h) */
    uint16_t owner;     /* domain id; FRAME_OWNER_NONE: free or the hypervisor's */
    uint16_t flags;     /* enum frame_flags; changed by the owner of the state only */
};
_Static_assert(sizeof(struct frame) == 32, "the frame table's cost is promised in the documents");

enum frame_flags {
    FRAME_FREE = 1,       /* in the heap's free lists, first frame of a block or inside one */
    FRAME_HYPERVISOR = 2, /* allocated for the hypervisor itself */
    FRAME_XENHEAP =
        4, /* hypervisor memory that a domain may map (shared info, M2P, grant table): never returned to the heap by a last reference */
    FRAME_DIRTY = 8,    /* free, not scrubbed yet */
    FRAME_BROKEN = 16,  /* offlined after a machine check */
    FRAME_ON_LIST = 32, /* on its owner's page list */
    FRAME_GIVEN_UP =
        64,            /* its owner dropped the allocation's reference; it goes with the last of the others */
    FRAME_BLOCK = 128, /* first frame of a block in the heap's lists; core/heap.c, under its lock */
};

#define FRAME_LIST_END     UINT32_MAX
#define FRAME_OWNER_NONE   0x7fff
#define FRAME_OWNER_ORPHAN 0x7ffe /* of a domain that is gone (core/orphan.h) */

#ifdef UNIT_HOSTED
extern struct frame *frame_table;
extern uint8_t *direct_map;
extern uint64_t *m2p_table;
#else
#include "arch/x86/layout.h"
#define frame_table ((struct frame *)FRAME_TABLE_START)
#define direct_map  ((uint8_t *)DIRECT_MAP_START)
#define m2p_table   ((uint64_t *)M2P_RW_START)
#endif
/* One more than the highest MFN of RAM; and one bit for each 2 MiB (512 frames) that has a frame table, indexed by MFN >> 9. */
extern uint64_t max_mfn;
extern uint64_t *frame_valid_map;

static inline bool mfn_valid(mfn_t mfn)
{
    return mfn.n < max_mfn && test_bit((unsigned int)(mfn.n >> 9), frame_valid_map);
}

/*
 * As mfn_valid(), of a number that a guest chose. If it is valid, *mfn is from then on less than max_mfn when
 * the processor guesses wrong, too; make the pointer to its frame behind this.
 */
static inline bool mfn_valid_from_guest(mfn_t *mfn)
{
    uint64_t bound = max_mfn;

    if (unlikely(mfn->n >= bound))
        return false;
    mfn->n = array_index_clamp(mfn->n, bound);
    return test_bit((unsigned int)(mfn->n >> 9), frame_valid_map);
}

static inline struct frame *mfn_to_frame(mfn_t mfn)
{
    return &frame_table[mfn.n];
}

static inline mfn_t frame_to_mfn(const struct frame *f)
{
    return MFN((uint64_t)(f - frame_table));
}

static inline void *mfn_to_va(mfn_t mfn)
{
    return direct_map + mfn_to_paddr(mfn);
}

static inline void *frame_to_va(const struct frame *f)
{
    return mfn_to_va(frame_to_mfn(f));
}

static inline mfn_t va_to_mfn(const void *va)
{
    return MFN((uint64_t)((const uint8_t *)va - direct_map) >> PAGE_SHIFT);
}

#ifndef M2P_POINT
#define M2P_POINT(mfn) /* a test looks at whose frame it is */
#endif

/*
 * M2P: what a PV guest calls the frame. The guest sees a read-only image of this table. For who holds a
 * reference to the frame, or knows it to be on no domain's list (M8): what is on one may be another's in the
 * next moment.
 */
static inline void m2p_set(mfn_t mfn, uint64_t pfn)
{
    M2P_POINT(mfn);
    WRITE_ONCE(m2p_table[mfn.n], pfn);
}

/* Successive frames, successive numbers; or INVALID_M2P for all. */
static inline void m2p_set_run(mfn_t first, uint64_t count, uint64_t pfn)
{
    for (uint64_t i = 0; i < count; i++)
        m2p_set(mfn_add(first, i), pfn == INVALID_M2P ? pfn : pfn + i);
}

#endif
