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

#include "core/guest_abi.h"
#include "grant/grant.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/speculation.h"
#include <xen/grant_table.h>

#define GRANT_CMD_BITS                                                                                       \
    12 /* of the call's number; above them cache_flush keeps the page of entries to go on with */

#define V1_PER_FRAME     (PAGE_SIZE / sizeof(grant_entry_v1_t))
#define V2_PER_FRAME     (PAGE_SIZE / sizeof(grant_entry_v2_t))
#define STATUS_PER_FRAME (PAGE_SIZE / sizeof(grant_status_t))
#define UNITS_PER_PAGE                                                                                       \
    4 /* of work: looking at the entries of a page is about as much as so many page table entries */
#define PAGES_AT_ONCE 16 /* of a growing table */
#define UNITS_PER_NEW 2  /* each is cleared, and so are the 8 KiB in which its uses are kept */

/*
 * What we know of an entry in use: while `readers` is not zero, who may use it and what it names stay what
 * they were when it first was taken, whatever the guest writes (G3). The use holds a general reference to the
 * frame, and a writable one while there are writers.
 */
struct grant_use {
    uint32_t lock;             /* guards the rest, and the entry's GTF_reading and GTF_writing */
    uint16_t readers, writers; /* mappings and copies under way; a writer is a reader, too */
    domid_id_t grantee, via;
    bool sub_page;   /* for copies only, of the part `offset` and `length` */
    bool transitive; /* for copies only: it names entry `via_ref` of `via`, and no frame */
    union {
        struct {
            uint16_t offset, length; /* the whole page, if not of a part */
        };
        uint32_t via_ref; /* if transitive */
    };
    uint8_t parts[4];    /* of the uses, by kind: GRANT_MOST_USES of each (use.c) */
    struct frame *frame; /* NULL if transitive */
};
_Static_assert(sizeof(struct grant_use) == 32, "four pages for a page of the table");

/*
 * One mapping of ours of somebody's entry. Its granter may die before it (G10): then it is MAPPING_ORPHAN and
 * names the frame itself, to which it holds a reference, a writable one if it may write.
 */
struct grant_mapping {
    union {
        struct domain *granter; /* holds a reference; NULL: the handle is free. Atomic */
        struct frame *orphan;
    };
    uint32_t ref;   /* of the granter; in a free one the next free handle */
    uint16_t flags; /* GNTMAP_*: host_map and device_map as long as that part is there; MAPPING_* */
    bool busy;      /* somebody works on it; maptrack_lock */
};
#define MAPPINGS_PER_PAGE (PAGE_SIZE / sizeof(struct grant_mapping))
#define NO_HANDLE         UINT32_MAX
#define MAPPING_ORPHAN    0x8000
#define MAPPING_WAS_HOST                                                                                     \
    0x4000 /* its host_map went before the rest: perhaps in a batch that has not flushed yet */

_Static_assert(PAGES_AT_ONCE *UNITS_PER_NEW == GRANT_UNITS_GROWN, "what resource.c counts");

struct grant_domain {
    rwlock_t lock;    /* writers: version, size */
    uint32_t version; /* 1 or 2 */
    uint32_t max_version;
    bool closed; /* the domain ends: no new pages, none is shown any more, and no entry is taken */
    uint32_t frames, max_frames;
    uint32_t
        usable; /* of these, pages whose entries count: all, but while a change of version clears them (version.c) */
    uint32_t status_frames; /* made when version 2 is first chosen, and with the table from then on */
    void **shared;          /* max_frames of them; NULL from `frames` on */
    grant_status_t **status;
    struct grant_use **use; /* for each page of version 1 */
    bool taken;             /* an entry was, since the search for entries in use began (version.c) */
    uint32_t searched;      /* pages in which that search has found none so far */
    /* What this domain has mapped. Pages are only added. */
    lock_t maptrack_lock;
    struct grant_mapping **maptrack;
    uint32_t maptrack_pages, max_maptrack; /* pages */
    uint32_t free_handle;
    uint32_t released_to;                      /* grant_domain_release() goes on from here */
    uint32_t closed_to;                        /* grant_domain_close() likewise: table, then status pages */
    uint32_t orphaned_domain, orphaned_handle; /* grant_domain_orphan() likewise */
};

/* Entries in the table. The lock is held, one way or the other. */
static inline uint32_t grant_entries(const struct grant_domain *g)
{
    return g->usable * (uint32_t)(g->version == 1 ? V1_PER_FRAME : V2_PER_FRAME);
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

static inline struct grant_use *grant_use(const struct grant_domain *g, uint32_t ref)
{
    return &g->use[ref / V1_PER_FRAME][ref % V1_PER_FRAME];
}

/* Held for a flush of TLBs at most; interrupts are on. */
static inline void grant_use_lock(struct grant_use *u)
{
    while (unlikely(__atomic_exchange_n(&u->lock, 1, __ATOMIC_ACQUIRE)))
        while (__atomic_load_n(&u->lock, __ATOMIC_RELAXED))
            __builtin_ia32_pause();
}

static inline void grant_use_unlock(struct grant_use *u)
{
    __atomic_store_n(&u->lock, 0, __ATOMIC_RELEASE);
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

long grant_op_map(struct hypercall *hc);   /* map.c */
long grant_op_unmap(struct hypercall *hc); /* unmap.c */
long grant_op_replace(struct hypercall *hc);
long grant_op_copy(struct hypercall *hc);        /* copy.c */
long grant_op_swap(struct hypercall *hc);        /* swap.c */
long grant_op_transfer(struct hypercall *hc);    /* transfer.c */
long grant_op_cache_flush(struct hypercall *hc); /* cache_flush.c */

/*
 * What the elements of one call's array share: the domains named last, one for each side of a copy, with a
 * reference that lasts until another is named or the call returns. Most arrays name one again and again.
 */
struct grant_batch {
    struct domain *named[2];
};

/* The domain, or NULL; the batch holds it. */
struct domain *grant_batch_domain(struct grant_batch *b, unsigned int side, domid_id_t id);

/*
 * An operation on each element of an array of `count`, preempted between them: what is left then stands in
 * hc->arg. `arg` is a copy of the element, copied back after; what `one` returns, unless zero, ends the call.
 */
long grant_for_each(struct hypercall *hc, const struct abi_argument *argument,
                    long (*one)(struct hypercall *hc, void *arg, struct grant_batch *b));

/*
 * use.c: takes the entry for `grantee`, to copy or, with `map`, to map. `flags`: GNTMAP_readonly, and
 * host_map and device_map as the mapping has them; a copy counts as a host_map. GNTST_okay; bad_gntref: no
 * such entry; general_error: it does not grant this, or has GRANT_MOST_USES of the kind; bad_page: it names
 * no page of the granter's RAM.
 */
#define GRANT_MOST_USES 128 /* as on Xen, of each of: for reading or writing, by a processor or a device */
struct grant_hold {
    struct frame *
        frame; /* NULL: the entry is transitive, and the frame is what `via` grants the granter by `via_ref` */
    uint16_t offset, length;
    domid_id_t via;
    uint32_t via_ref;
};
int16_t grant_hold(struct domain *granter, domid_id_t grantee, uint32_t ref, uint32_t flags, bool map,
                   struct grant_hold *out) __must_check;
/* `flags`: readonly as it was taken, and the parts that still are there. */
void grant_release(struct domain *granter, uint32_t ref, uint32_t flags);
/* These parts of a mapping, given with GNTMAP_readonly as it was taken, are no more; the mapping is. */
void grant_drop_parts(struct domain *granter, uint32_t ref, uint32_t flags);

/* maptrack.c. A new handle, marked busy, or NO_HANDLE. */
uint32_t grant_handle_new(struct grant_domain *g) __must_check;
/* The mapping of a handle, busy now; NULL: there is none, or it is busy. */
struct grant_mapping *grant_handle_take(struct grant_domain *g, uint32_t handle) __must_check;
void grant_handle_give_back(struct grant_domain *g, struct grant_mapping *m);
void grant_handle_free(struct grant_domain *g, uint32_t handle, struct grant_mapping *m);
/* orphan.c. The mapping was made, and its granter may have ended meanwhile: then it is made an orphan now. */
void grant_handle_check(struct grant_domain *g, uint32_t handle, struct domain *granter);
/* The frame of a mapping that is busy, or that nobody works on; and the end of such a mapping, TLBs flushed. */
struct frame *grant_mapping_frame(const struct grant_mapping *m);
void grant_mapping_put(struct grant_mapping *m);
static inline struct grant_mapping *grant_mapping_at(const struct grant_domain *g, uint32_t handle)
{
    return &g->maptrack[handle / MAPPINGS_PER_PAGE][handle % MAPPINGS_PER_PAGE];
}

#endif
