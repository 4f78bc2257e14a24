/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Chunks of an exchange that are too large to be done in one go, up to 1 GiB: step by step, with a look at
 * what is pending after each page. How far it has come is kept in the domain whose pages they are, as with
 * large extents (memory_extent.c), since the call may be gone on with on another vcpu, or never:
 *
 *   TAKE     the old pages leave anybody's reach, one by one. One that cannot: UNDO
 *            the new memory is reserved, as one block whatever extents it shall have. There is none: UNDO
 *   LET_GO   the old pages go to the heap. Their room under the domain's limit is kept
 *   ASSIGN   the new frames are scrubbed and given to the domain, piece by piece; their numbers go into the guest's list
 *   UNDO     what was taken is put back; then the call has failed
 *
 * Who comes with other arguments meanwhile waits: his call is executed again and again. One that is never
 * gone on with is ended by the EXCHANGE_PATIENCE-th that waits for it, and by the domain's end: what it has
 * taken is put back, what it has not given yet is lost to the domain.
 */
#include "core/domain_nodes.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "core/memory_exchange.h"

#ifndef EXCHANGE_PATIENCE
#define EXCHANGE_PATIENCE 100000 /* calls: some 50 ms of a processor that does nothing else */
#endif

enum phase { NONE, TAKE, LET_GO, ASSIGN, UNDO };

static bool is_of(const struct domain_exchange *c, const struct exchange *x)
{
    return c->in == x->arg.in.extent_start.addr && c->out == x->arg.out.extent_start.addr &&
           c->in_order == x->arg.in.extent_order && c->out_order == x->arg.out.extent_order &&
           c->width == x->width && c->at == x->arg.nr_exchanged;
}

/*
 * 0: the domain's state is the caller's to work on, at NONE or where it was left. -EAGAIN: so it is, but
 * somebody else's to be ended first. -ERESTART: somebody is at it.
 */
static int claim(struct domain *d, const struct exchange *x)
{
    struct domain_exchange *c = &d->exchange;
    int rc = 0;

    lock(&d->page_lock);
    if (c->busy)
        rc = -ERESTART;
    else if (c->phase != NONE && !(x && is_of(c, x)))
        rc = !x || ++c->waiting > EXCHANGE_PATIENCE ? -EAGAIN : -ERESTART;
    if (rc != -ERESTART)
        c->busy = true;
    unlock(&d->page_lock);
    return rc;
}

static void leave(struct domain *d)
{
    lock(&d->page_lock);
    d->exchange.busy = false;
    unlock(&d->page_lock);
}

static void begin(struct domain_exchange *c, const struct exchange *x)
{
    c->in = x->arg.in.extent_start.addr;
    c->out = x->arg.out.extent_start.addr;
    c->at = x->arg.nr_exchanged;
    c->in_order = (uint8_t)x->arg.in.extent_order;
    c->out_order = (uint8_t)x->arg.out.extent_order;
    c->width = (uint8_t)x->width;
    c->waiting = 0;
    c->done = 0;
    c->taken = 0;
    c->error = 0;
    c->phase = TAKE;
}

static unsigned int order_of(const struct domain_exchange *c)
{
    return (unsigned int)max(c->in_order, c->out_order);
}

static uint32_t frames_of(const struct domain_exchange *c)
{
    return 1U << order_of(c);
}

/* -EFAULT, -EINVAL. */
static int take_one(struct exchange *x, struct domain_exchange *c)
{
    uint64_t mfn;
    mfn_t one;

    if (guest_words_read(&x->in, c->at + (c->done >> c->in_order), &mfn))
        return -EFAULT;
    one = MFN(mfn + (c->done & ((1U << c->in_order) - 1)));
    if (!mfn_valid_from_guest(&one) || !exchange_take(x->d, mfn_to_frame(one), &c->taken))
        return -EINVAL;
    c->done++;
    return 0;
}

static int take(struct exchange *x, struct domain_exchange *c)
{
    struct frame *block;

    while (c->done < frames_of(c) && !c->error) {
        c->error = (int16_t)take_one(x, c);
        if (hypercall_preempt(x->hc))
            return -ERESTART;
    }
    if (!c->error) {
        block = x->width && x->width <= PAGE_SHIFT
                    ? NULL
                    : heap_take(order_of(c), x->width, domain_where(x->d, x->where));
        if (block)
            c->block = (uint32_t)frame_to_mfn(block).n;
        else
            c->error = -ENOMEM;
    }
    c->phase = c->error ? UNDO : LET_GO;
    c->done = 0;
    return 0;
}

static void keep_room(struct domain *d, int32_t frames)
{
    lock(&d->page_lock);
    d->exchange.room += (uint32_t)frames;
    unlock(&d->page_lock);
}

static int let_go(struct exchange *x, struct domain_exchange *c)
{
    struct frame *f;

    while ((f = exchange_next(&c->taken)) != NULL) {
        keep_room(x->d, 1);
        frame_release(f);
        if (hypercall_preempt(x->hc))
            return -ERESTART;
    }
    c->phase = ASSIGN;
    return 0;
}

static int put_back(struct domain *d, struct domain_exchange *c, struct hypercall *hc)
{
    struct frame *f;

    while ((f = exchange_next(&c->taken)) != NULL) {
        exchange_put_back(d, f);
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
    c->phase = NONE;
    return 0;
}

/* The place in the guest's list of the extent that frame `at` of the chunk belongs to. */
static uint64_t index_of(const struct domain_exchange *c, uint32_t at)
{
    uint64_t first = (c->at >> (c->out_order > c->in_order ? c->out_order - c->in_order : 0))
                     << (c->in_order > c->out_order ? c->in_order - c->out_order : 0);

    return first + (at >> c->out_order);
}

/*
 * What the guest's list calls the frames of a piece goes into the M2P; the piece is not the domain's yet. An
 * error is remembered: it does not undo what is done.
 */
static void name(struct exchange *x, struct domain_exchange *c, struct frame *piece, uint32_t frames)
{
    uint32_t within = (1U << c->out_order) - 1;

    for (uint32_t i = 0; i < frames; i++) {
        uint32_t at = c->done + i;

        if (!(at & within) && guest_words_read(&x->out, index_of(c, at), &c->pfn)) {
            c->error = -EFAULT;
            c->pfn = INVALID_M2P;
        }
        m2p_set(mfn_add(frame_to_mfn(piece), i), c->pfn == INVALID_M2P ? c->pfn : c->pfn + (at & within));
    }
}

/* The numbers of the extents that begin in a piece, which is the domain's now, into the guest's list. */
static void tell(struct exchange *x, struct domain_exchange *c, struct frame *piece, uint32_t frames)
{
    uint32_t extent = 1U << c->out_order;

    for (uint32_t i = ROUND_UP(c->done, extent) - c->done; i < frames; i += extent)
        if (guest_word_write(x->hc, x->arg.out.extent_start, index_of(c, c->done + i),
                             frame_to_mfn(piece + i).n))
            c->error = -EFAULT;
}

/* What the domain was not given of the block. */
static void free_rest(struct domain *d, struct domain_exchange *c)
{
    keep_room(d, -(int32_t)d->exchange.room);
    heap_put_back(mfn_to_frame(MFN(c->block + c->done)), frames_of(c) - c->done);
    c->phase = NONE;
}

static int assign(struct exchange *x, struct domain_exchange *c)
{
    unsigned int order = min(order_of(c), (unsigned int)MEMORY_PIECE_ORDER);
    uint32_t piece = 1U << order;

    while (c->done < frames_of(c)) {
        struct frame *f = mfn_to_frame(MFN(c->block + c->done));

        heap_prepare(f, piece, 0);
        keep_room(x->d, -(int32_t)piece);
        name(x, c, f, piece);
        if (domain_assign_frames(x->d, f, order)) {
            heap_free_clean(f, order);
            c->done += piece;
            free_rest(x->d, c);
            return -ENOMEM;
        }
        tell(x, c, f, piece);
        c->done += piece;
        hypercall_charge(x->hc, piece);
        if (hypercall_preempt(x->hc) && c->done < frames_of(c))
            return -ERESTART;
    }
    c->phase = NONE;
    return c->error;
}

static int go_on(struct exchange *x, struct domain_exchange *c)
{
    int rc = 0;

    if (c->phase == NONE)
        begin(c, x);
    c->waiting = 0;
    if (c->phase == TAKE)
        rc = take(x, c);
    if (!rc && c->phase == LET_GO)
        rc = let_go(x, c);
    if (!rc && c->phase == ASSIGN)
        return assign(x, c);
    if (!rc && c->phase == UNDO) {
        rc = put_back(x->d, c, x->hc);
        return rc ? rc : c->error;
    }
    return rc;
}

/* Busy. Ends what was left. 0, -ERESTART. */
static int end(struct domain *d, struct domain_exchange *c, struct hypercall *hc)
{
    struct frame *f;

    if (c->phase == TAKE || c->phase == UNDO)
        return put_back(d, c, hc);
    while ((f = exchange_next(&c->taken)) != NULL) {
        frame_release(f);
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
    if (c->phase != NONE)
        free_rest(d, c);
    return 0;
}

int exchange_large(struct exchange *x)
{
    struct domain *d = x->d;
    int rc = claim(d, x);

    if (rc == -ERESTART)
        return rc;
    if (rc == -EAGAIN)
        rc = end(d, &d->exchange, x->hc);
    if (!rc)
        rc = go_on(x, &d->exchange);
    leave(d);
    return rc;
}

int memory_exchange_drop(struct domain *d, struct hypercall *hc)
{
    int rc = claim(d, NULL);

    if (rc == -ERESTART)
        return rc;
    rc = end(d, &d->exchange, hc);
    leave(d);
    return rc;
}
