/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Large extents, up to 1 GiB, given to a domain and taken from it piece by piece, with a look at what is
 * pending after each: no guest can keep a processor for as long as 2^18 pages take. How far a call has come
 * is kept in the domain whose pages they are, since the caller's continuation may arrive on another vcpu, or
 * never.
 *
 * Growing: the block is the domain's from the start (it counts against the limit: memory_extent_rest()), its
 * frames are handed over one piece after the other. There is one such block a domain: a second caller who
 * wants the like takes it over, and one who wants another kind gets none meanwhile. It may stay for good,
 * until the domain dies. Shrinking: what stands in the domain is a hint, and each frame is checked when its
 * turn comes.
 */
#include "core/domain_nodes.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"

#define PIECE (1U << MEMORY_PIECE_ORDER)

static bool lies_below(const struct domain_extent *e, unsigned int width)
{
    return !width || width >= 64 || (e->first + (1ULL << e->order)) << PAGE_SHIFT <= 1ULL << width;
}

static bool lies_on(const struct domain_extent *e, struct heap_where where)
{
    return !where.nowhere_else || numa_node_of(e->first) == where.node;
}

/* Goes on with a block that was left. 1: there is none; -EAGAIN: somebody works on it. */
static int take_over(struct domain *d, unsigned int order, unsigned int width, struct heap_where where)
{
    struct domain_extent *e = &d->growing;
    int rc = 0;

    lock(&d->page_lock);
    if (!e->order)
        rc = 1;
    else if (e->busy)
        rc = -EAGAIN;
    else if (e->order != order || !lies_below(e, width) || !lies_on(e, where))
        rc = -ENOMEM;
    else
        e->busy = true;
    unlock(&d->page_lock);
    return rc;
}

static int start(struct domain *d, unsigned int order, unsigned int width, struct heap_where where)
{
    uint64_t count = 1ULL << order;
    struct frame *f;
    int rc = 0;

    if (!memory_claim_allows(d, count))
        return -ENOMEM;
    f = heap_take(order, width, domain_where(d, where));
    if (!f)
        return -ENOMEM;
    lock(&d->page_lock);
    if (d->growing.order)
        rc = -EAGAIN;
    else if (d->state != DOMAIN_ALIVE || d->tot_pages + count > d->max_pages)
        rc = -ENOMEM;
    else
        d->growing = (struct domain_extent){
            .first = (uint32_t)frame_to_mfn(f).n, .order = (uint8_t)order, .busy = true};
    unlock(&d->page_lock);
    if (rc)
        heap_put_back(f, count);
    return rc;
}

/* The block is nobody's work any more: to be gone on with, or none. */
static void leave(struct domain *d, bool ended)
{
    lock(&d->page_lock);
    if (ended)
        d->growing = (struct domain_extent){0};
    else
        d->growing.busy = false;
    unlock(&d->page_lock);
}

/* Busy. The domain died under it. */
static int abandon(struct domain *d, struct frame *first)
{
    uint32_t done = d->growing.done;
    uint64_t count = 1ULL << d->growing.order;

    leave(d, true);
    heap_free_clean(first + done, MEMORY_PIECE_ORDER);
    heap_put_back(first + done + PIECE, count - done - PIECE);
    return -ENOMEM;
}

int memory_grow_large(struct hypercall *hc, struct domain *d, unsigned int order, unsigned int width,
                      struct heap_where where, uint64_t pfn, struct frame **out)
{
    struct frame *f;
    int rc;

    if (d->address_width && (!width || width > d->address_width))
        width = d->address_width;
    rc = take_over(d, order, width, where);
    if (rc > 0)
        rc = start(d, order, width, where);
    if (rc)
        return rc == -EAGAIN ? -ERESTART : rc;
    f = mfn_to_frame(MFN(d->growing.first));
    for (uint32_t at = d->growing.done; at < 1U << order; at += PIECE) {
        heap_prepare(f + at, PIECE, 0);
        m2p_set_run(frame_to_mfn(f + at), PIECE, pfn == INVALID_M2P ? pfn : pfn + at);
        if (domain_assign_piece(d, f + at, PIECE))
            return abandon(d, f);
        memory_claim_use(d, PIECE);
        hypercall_charge(hc, PIECE);
        if (hypercall_preempt(hc) && at + PIECE < 1U << order) {
            leave(d, false);
            return -ERESTART;
        }
    }
    leave(d, true);
    *out = f;
    return 0;
}

int memory_extent_drop(struct domain *d)
{
    struct domain_extent e;

    lock(&d->page_lock);
    e = d->growing;
    if (!e.busy)
        d->growing = (struct domain_extent){0};
    unlock(&d->page_lock);
    if (e.busy)
        return -ERESTART;
    if (e.order)
        heap_put_back(mfn_to_frame(MFN(e.first + e.done)), (1ULL << e.order) - e.done);
    return 0;
}

/* How many frames of this extent are given up already, as the last call noted. */
static uint32_t shrunk_so_far(struct domain *d, uint64_t first, unsigned int order)
{
    struct domain_extent e;

    lock(&d->page_lock);
    e = d->shrinking;
    d->shrinking.order = 0;
    unlock(&d->page_lock);
    return e.order == order && e.first == first ? e.done : 0;
}

int memory_give_up_large(struct hypercall *hc, struct domain *d, uint64_t first, unsigned int order)
{
    for (uint32_t at = shrunk_so_far(d, first, order); at < 1U << order; at++) {
        mfn_t mfn = MFN(first + at);

        if (!mfn_valid_from_guest(&mfn) || !domain_give_up_frame(d, mfn_to_frame(mfn)))
            return -EINVAL;
        if (hypercall_preempt(hc) && at + 1 < 1U << order) {
            lock(&d->page_lock);
            d->shrinking =
                (struct domain_extent){.first = (uint32_t)first, .done = at + 1, .order = (uint8_t)order};
            unlock(&d->page_lock);
            return -ERESTART;
        }
    }
    return 0;
}
