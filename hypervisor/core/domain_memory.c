/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's frames: the list through struct frame, the count against the limit, claims, and the way back to
 * the heap. The page lock guards list and counts. A frame on the list carries the allocation's own general
 * reference, dropped when the domain gives the page up.
 */
#include "arch/x86/tlb.h"
#include "core/frame_list.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "core/domain_nodes.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"
#include "core/orphan.h"
#include "hv/errno.h"
#include "hv/panic.h"
#include "hv/string.h"

/* The walk leaves this frame behind. */
static void step_over(struct domain *d, const struct frame *f)
{
    if (unlikely(d->page_walk == (uint32_t)frame_to_mfn(f).n))
        d->page_walk = f->next;
}

void domain_pages_rewind(struct domain *d)
{
    lock(&d->page_lock);
    d->page_walk = d->page_list;
    unlock(&d->page_lock);
}

struct frame *domain_pages_current(struct domain *d)
{
    uint32_t number = READ_ONCE(d->page_walk);

    return number == FRAME_LIST_END ? NULL : mfn_to_frame(MFN(number));
}

void domain_pages_advance(struct domain *d, const struct frame *f)
{
    lock(&d->page_lock);
    step_over(d, f);
    unlock(&d->page_lock);
}

/* Page lock held. */
static void assign(struct domain *d, struct frame *f, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        panic_on(f[i].owner != FRAME_OWNER_NONE);
        f[i].word = FW_GENERAL_ONE;
        __atomic_store_n(&f[i].owner, d->id, __ATOMIC_RELEASE); /* from here on others may find it */
        frame_list_add(&d->page_list, &f[i]);
    }
    if (!d->tot_pages)
        domain_ref(d); /* all pages together hold one */
    d->tot_pages += count;
}

/* They remain nobody's: what the domain would have called them must not remain either. */
static int forget_names(struct frame *f, uint64_t count, int rc)
{
    m2p_set_run(frame_to_mfn(f), count, INVALID_M2P);
    return rc;
}

int domain_assign_frames(struct domain *d, struct frame *f, unsigned int order)
{
    uint64_t count = 1ULL << order;
    int rc = 0;

    lock(&d->page_lock);
    if (d->state != DOMAIN_ALIVE)
        rc = -EINVAL;
    else if (d->tot_pages + memory_extent_rest(d) + count > d->max_pages)
        rc = -E2BIG;
    else
        assign(d, f, count);
    unlock(&d->page_lock);
    return rc ? forget_names(f, count, rc) : 0;
}

int domain_assign_piece(struct domain *d, struct frame *f, unsigned int count)
{
    int rc = 0;

    lock(&d->page_lock);
    if (d->state != DOMAIN_ALIVE) {
        rc = -EINVAL;
    } else {
        assign(d, f, count);
        d->growing.done += count;
    }
    unlock(&d->page_lock);
    return rc ? forget_names(f, count, rc) : 0;
}

int domain_alloc_frames(struct domain *d, unsigned int order, unsigned int width, struct heap_where where,
                        unsigned int flags, uint64_t pfn, struct frame **out)
{
    struct frame *f;
    int rc;

    if (d->address_width && (!width || width > d->address_width))
        width = d->address_width;
    if (!memory_claim_allows(d, 1ULL << order))
        return -ENOMEM;
    f = heap_alloc(order, width, domain_where(d, where), flags);
    if (!f)
        return -ENOMEM;
    m2p_set_run(frame_to_mfn(f), 1ULL << order, pfn);
    rc = domain_assign_frames(d, f, order);
    if (rc) {
        heap_free(f, order);
        return -ENOMEM;
    }
    memory_claim_use(d, 1ULL << order);
    *out = f;
    return 0;
}

void domain_page_leaves(struct domain *d, struct frame *f)
{
    step_over(d, f);
    frame_list_del(&d->page_list, f);
    d->tot_pages--;
}

/* False: it has become an orphan meanwhile. */
static bool release_from(struct domain *d, struct frame *f)
{
    bool ours, last = false;

    lock(&d->page_lock);
    ours = READ_ONCE(f->owner) == d->id;
    if (ours) {
        domain_page_leaves(d, f);
        last = !d->tot_pages;
    }
    unlock(&d->page_lock);
    if (!ours)
        return false;
    m2p_set(frame_to_mfn(f), INVALID_M2P);
    heap_free(f, 0);
    if (unlikely(last))
        domain_put(d);
    return true;
}

void domain_release_frame(struct frame *f)
{
    bool done = false;

    while (!done) {
        uint16_t owner = READ_ONCE(f->owner);
        struct domain *d;

        if (unlikely(owner == FRAME_OWNER_ORPHAN || (READ_ONCE(f->flags) & FRAME_XENHEAP))) {
            done = orphan_release(f);
            continue;
        }
        d = domain_get(owner);
        panic_on(!d && READ_ONCE(f->owner) == owner);
        if (d) {
            done = release_from(d, f);
            domain_put(d);
        }
    }
}

void domain_share_hypervisor_page(struct domain *d, void *va, bool writable)
{
    struct frame *f = mfn_to_frame(va_to_mfn(va));

    f->flags |= FRAME_XENHEAP;
    f->word = fw_make(writable ? FT_WRITABLE : FT_READONLY, FW_VALID, 1,
                      1); /* never a page table: we write to it */
    m2p_set(frame_to_mfn(f), INVALID_M2P);
    __atomic_store_n(&f->owner, d->id, __ATOMIC_RELEASE); /* from here on the domain may find it */
}

/* Page lock held. Takes the allocation's reference, the last one: nobody gets a new one. */
static bool take_last(const struct domain *d, struct frame *f)
{
    uint64_t w = READ_ONCE(f->word);

    return READ_ONCE(f->owner) == d->id &&
           (f->flags & (FRAME_ON_LIST | FRAME_GIVEN_UP | FRAME_XENHEAP)) == FRAME_ON_LIST &&
           fw_general(w) == 1 && fw_phase(w) == FW_IDLE && frame_cas(f, &w, w - FW_GENERAL_ONE);
}

/*
 * Takes from the domain a page that nobody else holds. *last: it was its last one, and domain_put() is due.
 * False: somebody holds it, or it is not the domain's.
 */
static inline bool take_from(struct domain *d, struct frame *f, bool *last)
{
    bool taken;

    lock(&d->page_lock);
    taken = take_last(d, f);
    if (taken)
        domain_page_leaves(d, f);
    *last = taken && !d->tot_pages;
    unlock(&d->page_lock);
    return taken;
}

bool domain_disown_frame(struct domain *d, struct frame *f)
{
    bool last;

    if (READ_ONCE(f->owner) != d->id || !take_from(d, f, &last))
        return false;
    if (last)
        domain_put(d);
    m2p_set(frame_to_mfn(f), INVALID_M2P);
    frame_stamp(f);
    heap_prepare(f, 1, HEAP_NO_SCRUB); /* the old owner's translations go before anybody else has the page */
    return true;
}

/* Nobody can still write to the frame through a translation of when it was mapped: everybody has flushed since its last type went. */
static bool is_forgotten(const struct frame *f)
{
    cpumask_t all;

    if (!f->tlb_stamp)
        return true;
    all = cpu_online_mask;
    tlb_filter(&all, f->tlb_stamp);
    return cpumask_empty(&all);
}

bool domain_reclaim_frame(struct domain *d, struct frame *f)
{
    bool last;

    if (!take_from(d, f, &last))
        return false;
    m2p_set(frame_to_mfn(f), INVALID_M2P);
    if (likely(is_forgotten(f))) {
        frame_stamp(f); /* those who may only read it */
        memset(frame_to_va(f), 0, PAGE_SIZE);
        heap_free_clean(f, 0);
    } else {
        frame_stamp(f);
        heap_free(f, 0);
    }
    if (unlikely(last))
        domain_put(d);
    return true;
}

void domain_unshare_hypervisor_page(struct domain *d, void *va)
{
    struct frame *f = mfn_to_frame(va_to_mfn(va));

    if (f->flags & FRAME_GIVEN_UP || f->owner != d->id)
        return;
    f->flags |= FRAME_GIVEN_UP;
    frame_put_type(f, d, fw_type(READ_ONCE(f->word)), NULL);
}
