/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whole frames: a buddy allocator by node and address width. Blocks are 2^order frames, naturally aligned, order 0 to HEAP_MAX_ORDER.
 * Frames come scrubbed (zero) unless HEAP_NO_SCRUB is given. A frame that may still be in somebody's TLB is flushed there before it is handed out.
 * Any context with interrupts on; takes the heap lock.
 */
#ifndef CORE_HEAP_H
#define CORE_HEAP_H

#include "hv/frame.h"
#include "core/domain.h"
#include "core/numa.h"

#define HEAP_MAX_ORDER 18 /* 1 GiB */
#define HEAP_ANY_NODE  0xff

enum heap_flags {
    HEAP_NO_SCRUB = 1, /* the caller overwrites all of it before anyone else sees it */
};

/*
 * On which nodes a block may lie (core/numa.h): first those of `preferred`, then the others, each time the nearest to `node` first. `node`
 * is less than numa.nodes, or HEAP_ANY_NODE: the caller's processor's.
 */
struct heap_where {
    uint64_t preferred; /* bit for each node */
    uint8_t node;
    bool nowhere_else; /* not on the others */
};
#define HEAP_ANYWHERE ((struct heap_where){.node = HEAP_ANY_NODE})
#define HEAP_NEAR(n)  ((struct heap_where){.node = (uint8_t)(n)})

/*
 * `width`: the whole block lies below 1 << width bytes; 0 for anywhere. Returns the first frame, owner
 * FRAME_OWNER_NONE, word 0; NULL if there is none.
 */
struct frame *heap_alloc(unsigned int order, unsigned int width, struct heap_where where, unsigned int flags)
    __must_check;
void heap_free(struct frame *f, unsigned int order);
/* The same of frames that are as heap_alloc() gave them, zero, and that nobody has seen: who gets them next need not scrub them. */
void heap_free_clean(struct frame *f, unsigned int order);
/*
 * heap_alloc() in two steps, for who must not take the time for a large block at once: take, without a look
 * at its contents; then prepare all of it, from the first frame on, some frames at a time (flushed, scrubbed,
 * reset; how many had to be scrubbed). Frames not prepared are put back: `count` of them, from `f` to the end
 * of what was taken.
 */
struct frame *heap_take(unsigned int order, unsigned int width, struct heap_where where) __must_check;
unsigned int heap_prepare(struct frame *f, unsigned int count, unsigned int flags);
void heap_put_back(struct frame *f, uint64_t count);
/* Frames free now / in all. */
uint64_t heap_free_frames(void);
uint64_t heap_total_frames(void);
/*
 * Free frames that lie at or above 1 << (min_width - 1) bytes and below 1 << max_width; 0 for either: no such bound. Of one node, or of
 * all (HEAP_ANY_NODE).
 */
uint64_t heap_free_frames_between(unsigned int min_width, unsigned int max_width, unsigned int node);
/* Boot: hands a range of frames to the heap. */
void heap_add_range(mfn_t start, mfn_t end);
/*
 * Boot, once: `numa` becomes these nodes, and what is free is sorted by them. False: no memory for the lists; then all is as before. One
 * processor, nobody else allocates.
 */
bool heap_set_nodes(const struct numa *nodes) __must_check;

/* One page, or more, for the hypervisor itself, mapped through the direct map, zeroed. */
void *hv_alloc_pages(unsigned int order) __must_check;
void hv_free_pages(void *va, unsigned int order);
static inline void *hv_alloc_page(void)
{
    return hv_alloc_pages(0);
}
static inline void hv_free_page(void *va)
{
    hv_free_pages(va, 0);
}

/*
 * Frames of a domain (core/domain_memory.c). Allocates 2^order frames, each with one general reference (the
 * allocation's), on the domain's page list, and called `pfn` and so on, or INVALID_M2P, in the M2P. -ENOMEM:
 * no memory, over max_pages, or the domain is dying. `where`: domain_where().
 */
int domain_alloc_frames(struct domain *d, unsigned int order, unsigned int width, struct heap_where where,
                        unsigned int flags, uint64_t pfn, struct frame **out) __must_check;
/*
 * Puts frames that nobody owns on the domain's list, each with the allocation's reference. -EINVAL, -E2BIG
 * over the limit. The domain's other vcpus may give them up at once: what the M2P is to say of them is set
 * before, and taken back where it fails.
 */
int domain_assign_frames(struct domain *d, struct frame *f, unsigned int order) __must_check;
/* The same for the next frames of d->growing, for which the limit was asked. -EINVAL. */
int domain_assign_piece(struct domain *d, struct frame *f, unsigned int count) __must_check;
/* Called when the last general reference of a domain's frame goes (core/frame_ref.c): off the list, counted down, back to the heap. */
void domain_release_frame(struct frame *f);
/*
 * A walk over the domain's pages, one at a time for each domain, that may stop after any page and go on
 * another day: the domain keeps the place. Pages may leave the list meanwhile, the current one too. One that
 * joins it is not seen. current: no reference is taken, it may be gone already; NULL at the end. advance:
 * past `f`, if the walk still is there.
 */
void domain_pages_rewind(struct domain *d);
struct frame *domain_pages_current(struct domain *d);
void domain_pages_advance(struct domain *d, const struct frame *f);
/*
 * Takes a page that nobody maps or otherwise holds from its domain: it is nobody's then, with what is in it,
 * for domain_assign_frames() or heap_free(). False: it is not the domain's, or is in use. Interrupts on, no
 * lock held: it may flush TLBs.
 */
bool domain_disown_frame(struct domain *d, struct frame *f) __must_check;
/* The frame leaves the domain's list and count; page lock held. The last one: the caller drops the reference that all pages hold together. */
void domain_page_leaves(struct domain *d, struct frame *f);
/*
 * The domain is dying: takes a page from it that nobody else holds, scrubs it if nobody can write to it any
 * more (who makes the next domain need not wait for that), and frees it. False: somebody holds it. No lock
 * held. About a copy of a page.
 */
bool domain_reclaim_frame(struct domain *d, struct frame *f) __must_check;
/* Makes a page of ours mappable by the domain (shared info, grant frames). */
void domain_share_hypervisor_page(struct domain *d, void *va, bool writable);
/*
 * The domain ends: our hold on the page goes, and with the last other one it can be mapped by nobody. It is
 * freed by orphan_free_shared_page(). Again: nothing.
 */
void domain_unshare_hypervisor_page(struct domain *d, void *va);

#endif
