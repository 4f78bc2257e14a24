/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's memory grows and shrinks: increase_reservation, populate_physmap, decrease_reservation. All three answer how many
 * extents were done, never an error (tests/guest/memory records it of Xen).
 */
#include "core/domain_nodes.h"
#include "core/frame_ref.h"
#include "core/memory_op.h"

struct work {
    struct hypercall *hc;
    struct domain *d;
    guest_ptr_t list;
    struct guest_words *extents; /* what is read of it */
    unsigned int order;
    unsigned int width; /* address bits; 0: any */
    struct heap_where where;
};

/* What is dropped is the allocation's reference, which holds the frame until then. */
bool domain_give_up_frame(struct domain *d, struct frame *f)
{
    bool ours = false, again = false;

    if (READ_ONCE(f->owner) != d->id)
        return false;
    lock(&d->page_lock);
    if (READ_ONCE(f->owner) == d->id && (f->flags & FRAME_ON_LIST)) {
        again = f->flags & FRAME_GIVEN_UP; /* to give it up twice does no harm, as long as somebody uses it */
        ours = !again || fw_general(READ_ONCE(f->word));
        f->flags |= FRAME_GIVEN_UP;
    }
    unlock(&d->page_lock);
    if (ours && !again)
        frame_put(f);
    return ours;
}

static int decrease(const struct work *w, uint64_t index)
{
    uint64_t first;

    if (guest_words_read(w->extents, index, &first))
        return -EFAULT;
    if (w->order > MEMORY_PIECE_ORDER)
        return memory_give_up_large(w->hc, w->d, first, w->order);
    for (uint64_t i = 0; i < 1ULL << w->order; i++) {
        mfn_t mfn = MFN(first + i);

        if (!mfn_valid_from_guest(&mfn) || !domain_give_up_frame(w->d, mfn_to_frame(mfn)))
            return -EINVAL;
    }
    hypercall_charge(w->hc, 1ULL << w->order);
    return 0;
}

static int increase_small(const struct work *w, uint64_t pfn, struct frame **out)
{
    if (domain_alloc_frames(w->d, w->order, w->width, w->where, 0, pfn, out))
        return -ENOMEM;
    hypercall_charge(w->hc, 1ULL << w->order);
    return 0;
}

static int increase(const struct work *w, uint64_t index, bool populate)
{
    uint64_t pfn = INVALID_M2P;
    struct frame *f;
    int rc;

    if (populate && guest_words_read(w->extents, index, &pfn))
        return -EFAULT;
    rc = w->order > MEMORY_PIECE_ORDER ? memory_grow_large(w->hc, w->d, w->order, w->width, w->where, pfn, &f)
                                       : increase_small(w, pfn, &f);
    if (rc)
        return rc;
    return guest_ptr_is_null(w->list) ? 0 : guest_word_write(w->hc, w->list, index, frame_to_mfn(f).n);
}

/* Goes on from `done`. Returns how many are done then; stops early at one that cannot be, or when it is time for something else. */
static uint64_t run(const struct work *w, unsigned int cmd, uint64_t done, uint64_t count, bool *preempted)
{
    while (done < count) {
        int rc = cmd == XENMEM_decrease_reservation ? decrease(w, done)
                                                    : increase(w, done, cmd == XENMEM_populate_physmap);

        *preempted = rc == -ERESTART;
        if (rc)
            break;
        done++;
        if (hypercall_preempt(w->hc) && done < count) {
            *preempted = true;
            break;
        }
    }
    return done;
}

long memory_op_reservation(struct hypercall *hc, unsigned int cmd)
{
    uint64_t start = hc->arg[0] >> MEMOP_EXTENT_SHIFT, done = start;
    abi_xen_memory_reservation_t r;
    struct guest_words extents;
    struct work w = {.hc = hc, .extents = &extents};
    bool preempted = false;

    if (abi_read(hc, xen_memory_reservation, &r, hypercall_ptr(hc, 1)))
        return (long)start;
    if (r.nr_extents > ~0ULL >> MEMOP_EXTENT_SHIFT || start >= r.nr_extents ||
        r.extent_order > memory_op_max_order(hc->vcpu->domain))
        return (long)start;
    w.list = r.extent_start;
    guest_words_start(&extents, hc, w.list, r.nr_extents);
    w.order = r.extent_order;
    w.width = XENMEMF_get_address_bits(r.mem_flags);
    if (guest_ptr_is_null(w.list) && cmd != XENMEM_increase_reservation)
        return (long)start;
    /* Nothing is populated on demand in a domain that sees machine frames. */
    if (cmd == XENMEM_populate_physmap && r.mem_flags & XENMEMF_populate_on_demand)
        return (long)start;
    if (w.width && w.width <= PAGE_SHIFT)
        return (long)start;
    if (memory_op_domain(hc, r.domid, &w.d))
        return (long)start;
    if (cmd == XENMEM_decrease_reservation || !memory_where(hc, w.d, r.mem_flags, &w.where))
        done = run(&w, cmd, start, r.nr_extents, &preempted);
    domain_put(w.d);
    if (!preempted)
        return (long)done;
    hc->arg[0] = cmd | done << MEMOP_EXTENT_SHIFT;
    return -ERESTART;
}
