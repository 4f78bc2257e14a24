/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside grant/: the table and what we remember of each entry.
 *
 *   shared[i]  page i of the table: 512 entries of version 1, or 256 of version 2
 *   status[i]  version 2: 2,048 status words, one for each entry
 *
 * Pages are added, never taken away, while the domain is there.
 */
#ifndef GRANT_TABLE_H
#define GRANT_TABLE_H

#include "grant/grant.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/grant_table.h>

#define V1_PER_FRAME     (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define V2_PER_FRAME     (PAGE_SIZE / sizeof(grant_entry_v2_t))
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))

struct grant_domain {
    rwlock_t lock;    /* writers: version, size */
    uint32_t version; /* 1 or 2 */
    uint32_t frames, max_frames;
    uint32_t status_frames; /* made when version 2 is first chosen, and with the table from then on */
    void **shared;          /* max_frames of them; NULL from `frames` on */
    grant_status_t **status;
    uint32_t max_maptrack; /* pages */
};

/* A guest chose the index: 0 if it is not below the bound, when the processor guesses wrong, too. */
static inline uint32_t grant_clamp(uint32_t index, uint32_t bound)
{
    uint64_t mask = 0;

#ifdef UNIT_HOSTED
    mask = index < bound ? ~0ULL : 0;
#else
    __asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "r"(bound) : "cc");
#endif
    return index & (uint32_t)mask;
}

/* Entries in the table. The lock is held, one way or the other. */
static inline uint32_t grant_entries(const struct grant_domain *g)
{
    return g->frames * (uint32_t)(g->version == 1 ? V1_PER_FRAME : V2_PER_FRAME);
}

static inline uint32_t grant_status_frames_for(uint32_t frames)
{
    return (uint32_t)DIV_ROUND_UP(frames * V2_PER_FRAME, STATUS_PER_FRAME);
}

static inline volatile grant_entry_v1_t *grant_v1(const struct grant_domain *g, uint32_t ref)
{
    return (grant_entry_v1_t *)g->shared[ref / V1_PER_FRAME] + ref % V1_PER_FRAME;
}

static inline volatile grant_entry_v2_t *grant_v2(const struct grant_domain *g, uint32_t ref)
{
    return (grant_entry_v2_t *)g->shared[ref / V2_PER_FRAME] + ref % V2_PER_FRAME;
}

static inline volatile grant_status_t *grant_status(const struct grant_domain *g, uint32_t ref)
{
    return g->status[ref / STATUS_PER_FRAME] + ref % STATUS_PER_FRAME;
}

/* table.c; the lock is held for writing. The table gets at least so many pages. -EINVAL over the limit, -ENOMEM. */
int grant_grow(struct domain *d, uint32_t frames) __must_check;
/* Status words for so many pages of version 2. */
int grant_grow_status(struct domain *d, uint32_t frames) __must_check;

/* The domain that a query names, with a reference; the caller may act on it. GNTST_okay, GNTST_bad_domain, GNTST_permission_denied. */
int16_t grant_target(struct domain *self, domid_id_t id, struct domain **out) __must_check;

/* One operation each, on its own copy of the argument. They return 0 or an errno; what the guest sees of the rest is in the structure. */
long grant_op_query_size(struct hypercall *hc, void *arg); /* setup.c */
long grant_op_setup_table(struct hypercall *hc, void *arg);
long grant_op_status_frames(struct hypercall *hc, void *arg);
long grant_op_set_version(struct hypercall *hc, void *arg); /* version.c */
long grant_op_get_version(struct hypercall *hc, void *arg);

/* struct gnttab_setup_table and gnttab_get_status_frames without their pointers. */
struct grant_setup {
    domid_id_t dom;
    uint16_t pad;
    uint32_t nr_frames;
    int16_t status;
    uint16_t pad2[3];
    uint64_t frame_list;
};
_Static_assert(sizeof(struct grant_setup) == sizeof(gnttab_setup_table_t) &&
                   offsetof(struct grant_setup, frame_list) == offsetof(gnttab_setup_table_t, frame_list) &&
                   offsetof(struct grant_setup, status) == offsetof(gnttab_setup_table_t, status),
               "the wire form");

struct grant_status_list {
    uint32_t nr_frames;
    domid_id_t dom;
    int16_t status;
    uint64_t frame_list;
};
_Static_assert(sizeof(struct grant_status_list) == sizeof(gnttab_get_status_frames_t) &&
                   offsetof(struct grant_status_list, frame_list) ==
                       offsetof(gnttab_get_status_frames_t, frame_list),
               "the wire form");

#endif
