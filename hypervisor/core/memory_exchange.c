/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XENMEM_exchange: pages of the caller's against others that lie differently (contiguous, or below an
 * address). It goes chunk by chunk, the larger of the two extent sizes: allocate the new pages, take the old
 * ones out of anybody's reach, and only then let the old ones go; so a chunk is exchanged as a whole or not
 * at all. Scrubbing new pages takes longest. It may stop: they go back then, clean, and are the next to be
 * handed out.
 *
 * Chunks of more than 2 MiB, which only the privileged may ask for, are done in pieces
 * (memory_exchange_large.c).
 */
#include "core/memory_exchange.h"
#include "core/domain_nodes.h"
#include "core/frame_ref.h"

/* A chunk up to this one is exchanged without a look at what is pending. Linux asks for 2 MiB at most. */
#ifndef EXCHANGE_WHOLE_ORDER
#define EXCHANGE_WHOLE_ORDER 9
#endif

/* Beside the missing reference, the flag says to the audit that the allocation has none. */
bool exchange_take(struct domain *d, struct frame *f, uint32_t *list)
{
    uint64_t w = READ_ONCE(f->word);
    bool ok = false;

    if (READ_ONCE(f->owner) != d->id)
        return false;
    lock(&d->page_lock);
    if (READ_ONCE(f->owner) == d->id && (f->flags & (FRAME_ON_LIST | FRAME_GIVEN_UP)) == FRAME_ON_LIST &&
        fw_general(w) == 1 && fw_phase(w) == FW_IDLE)
        ok = frame_cas(f, &w, w - FW_GENERAL_ONE);
    if (ok)
        f->flags |= FRAME_GIVEN_UP;
    unlock(&d->page_lock);
    if (!ok)
        return false;
    f->data = *list;
    *list = (uint32_t)frame_to_mfn(f).n + 1;
    return true;
}

struct frame *exchange_next(uint32_t *list)
{
    struct frame *f = *list ? mfn_to_frame(MFN(*list - 1)) : NULL;

    if (f) {
        *list = (uint32_t)f->data;
        f->data = 0;
    }
    return f;
}

void exchange_put_back(struct domain *d, struct frame *f)
{
    bool alive;

    lock(&d->page_lock);
    alive = d->state == DOMAIN_ALIVE;
    if (alive) {
        f->flags &= (uint16_t)~FRAME_GIVEN_UP;
        __atomic_fetch_add(&f->word, FW_GENERAL_ONE, __ATOMIC_SEQ_CST);
    }
    unlock(&d->page_lock);
    if (!alive)
        frame_release(f);
}

static void put_all_back(struct exchange *x, uint32_t *taken)
{
    struct frame *f;

    while ((f = exchange_next(taken)) != NULL)
        exchange_put_back(x->d, f);
}

static void let_go(uint32_t *taken)
{
    struct frame *f;

    while ((f = exchange_next(taken)) != NULL)
        frame_release(f);
}

static int take_chunk(struct exchange *x, uint64_t first_extent, uint32_t *taken)
{
    uint64_t mfn;

    for (uint64_t e = 0; e < x->in_per_chunk; e++) {
        if (guest_words_read(&x->in, first_extent + e, &mfn))
            return -EFAULT;
        for (uint64_t i = 0; i < 1ULL << x->arg.in.extent_order; i++) {
            mfn_t one = MFN(mfn + i);

            if (!mfn_valid_from_guest(&one) || !exchange_take(x->d, mfn_to_frame(one), taken))
                return -EINVAL;
        }
    }
    return 0;
}

/* All of the extent, or, at -ERESTART, nothing of it. */
static int prepare_extent(const struct exchange *x, struct frame *f)
{
    uint64_t count = 1ULL << x->arg.out.extent_order;
    unsigned int piece_order = min(x->arg.out.extent_order, (unsigned int)MEMORY_PIECE_ORDER);
    unsigned int piece = 1U << piece_order;

    for (uint64_t at = 0; at < count; at += piece) {
        unsigned int scrubbed = heap_prepare(f + at, piece, 0);

        hypercall_charge(x->hc, scrubbed);
        if (!scrubbed || !hypercall_preempt(x->hc))
            continue;
        for (uint64_t i = 0; i <= at; i += piece)
            heap_free_clean(f + i, piece_order);
        heap_put_back(f + at + piece, count - at - piece);
        return -ERESTART;
    }
    return 0;
}

static void free_chunk(const struct exchange *x, struct frame *list)
{
    while (list) {
        struct frame *f = list;

        list = f->data ? mfn_to_frame(MFN(f->data - 1)) : NULL;
        f->data = 0;
        heap_free_clean(f, x->arg.out.extent_order);
    }
}

/* The new extents, linked through their first frame's data while they are nobody's. */
static int allocate_chunk(const struct exchange *x, struct frame **out)
{
    struct frame *list = NULL, *f;
    int ret;

    if (x->width && x->width <= PAGE_SHIFT)
        return -ENOMEM;
    for (unsigned int e = 0; e < x->out_per_chunk; e++) {
        f = heap_take(x->arg.out.extent_order, x->width, domain_where(x->d, x->where));
        ret = f ? prepare_extent(x, f) : -ENOMEM;
        if (ret) {
            free_chunk(x, list);
            return ret;
        }
        f->data = list ? frame_to_mfn(list).n + 1 : 0;
        list = f;
    }
    *out = list;
    return 0;
}

/* The new extents become the domain's, and their numbers go into its list. */
static int assign_chunk(struct exchange *x, struct frame *list, uint64_t first_extent)
{
    unsigned int order = x->arg.out.extent_order;
    uint64_t index = first_extent;
    int ret = 0;

    while (list) {
        struct frame *f = list;
        uint64_t pfn;

        list = f->data ? mfn_to_frame(MFN(f->data - 1)) : NULL;
        f->data = 0;
        if (guest_words_read(&x->out, index, &pfn)) {
            ret = -EFAULT;
            pfn = INVALID_M2P;
        }
        m2p_set_run(frame_to_mfn(f), 1ULL << order, pfn);
        if (domain_assign_frames(x->d, f, order)) {
            heap_free(f, order);
            ret = -ENOMEM;
            continue;
        }
        if (guest_word_write(x->hc, x->arg.out.extent_start, index, frame_to_mfn(f).n))
            ret = -EFAULT;
        index++;
    }
    return ret;
}

static int exchange_small(struct exchange *x)
{
    uint64_t in = x->arg.nr_exchanged, out = in / x->in_per_chunk * x->out_per_chunk;
    struct frame *list = NULL;
    uint32_t taken = 0;
    int no_memory = allocate_chunk(x, &list), ret;

    if (no_memory == -ERESTART)
        return -ERESTART;
    ret = take_chunk(x, in, &taken);
    if (ret || no_memory) {
        put_all_back(x, &taken);
        free_chunk(x, list);
        return ret ? ret : no_memory;
    }
    let_go(&taken);
    ret = assign_chunk(x, list, out);
    x->arg.nr_exchanged += x->in_per_chunk;
    hypercall_charge(x->hc, (uint64_t)x->in_per_chunk << x->arg.in.extent_order);
    return ret;
}

static int exchange_chunk(struct exchange *x)
{
    int ret;

    if (max(x->arg.in.extent_order, x->arg.out.extent_order) <= EXCHANGE_WHOLE_ORDER)
        return exchange_small(x);
    ret = exchange_large(x);
    if (!ret)
        x->arg.nr_exchanged += x->in_per_chunk;
    return ret;
}

static unsigned int address_width(const struct exchange *x)
{
    unsigned int width = XENMEMF_get_address_bits(x->arg.out.mem_flags), limit = x->d->address_width;

    return limit && (!width || width > limit) ? limit : width;
}

static int check(const struct hypercall *hc, const abi_xen_memory_exchange_t *a)
{
    unsigned int in = a->in.extent_order, out = a->out.extent_order,
                 limit = memory_op_max_order(hc->vcpu->domain);

    if (in > limit || out > limit)
        return -EPERM;
    if (a->in.domid != a->out.domid || a->nr_exchanged > a->in.nr_extents)
        return -EINVAL;
    if (a->in.nr_extents > ~0ULL >> in || a->out.nr_extents > ~0ULL >> out ||
        a->in.nr_extents << in != a->out.nr_extents << out)
        return -EINVAL;
    /* Whole chunks only: what was exchanged before was, too. */
    if (out > in && a->nr_exchanged & ((1ULL << (out - in)) - 1))
        return -EINVAL;
    return 0;
}

long memory_op_exchange(struct hypercall *hc)
{
    guest_ptr_t at = hypercall_ptr(hc, 1);
    struct exchange x = {.hc = hc};
    abi_xen_memory_exchange_t *a = &x.arg;
    uint64_t before;
    long ret;

    if (abi_read(hc, xen_memory_exchange, a, at))
        return -EFAULT;
    ret = check(hc, a);
    if (!ret && a->nr_exchanged == a->in.nr_extents)
        return 0;
    if (!ret)
        ret = memory_op_domain(hc, a->in.domid, &x.d);
    if (ret)
        return ret;
    ret = memory_where(hc, x.d, a->out.mem_flags, &x.where);
    guest_words_start(&x.in, hc, a->in.extent_start, a->in.nr_extents);
    guest_words_start(&x.out, hc, a->out.extent_start, a->out.nr_extents);
    x.width = address_width(&x);
    before = a->nr_exchanged;
    x.in_per_chunk =
        a->out.extent_order > a->in.extent_order ? 1u << (a->out.extent_order - a->in.extent_order) : 1;
    x.out_per_chunk =
        a->in.extent_order > a->out.extent_order ? 1u << (a->in.extent_order - a->out.extent_order) : 1;
    while (!ret && a->nr_exchanged < a->in.nr_extents) {
        ret = exchange_chunk(&x);
        if (!ret && hypercall_preempt(hc) && a->nr_exchanged < a->in.nr_extents)
            ret = -ERESTART;
    }
    domain_put(x.d);
    if (a->nr_exchanged != before &&
        guest_word_write(hc, guest_ptr_add(at, abi_offset(hc, xen_memory_exchange, nr_exchanged)), 0,
                         a->nr_exchanged))
        ret = -EFAULT;
    return ret;
}
