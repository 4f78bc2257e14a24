/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GNTTABOP_transfer: a page of the caller's becomes the page of a domain that said in an entry of its table
 * that it takes one. What is no page of the caller's, or is in use, stays what it is (bad_page). From there
 * on the page has left the caller, as on Xen: where the other domain does not take it after all, it is freed.
 */
#include "core/heap.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"
#include "grant/table.h"
#include "hv/speculation.h"

/* The entry takes a page from `giver` and nobody has begun: the first step of the protocol in the header. */
static bool commit(volatile uint32_t *entry, domid_id_t giver)
{
    uint32_t open = GTF_accept_transfer | (uint32_t)giver << 16;

    return __atomic_compare_exchange_n(entry, &open, open | GTF_transfer_committed, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
}

/* What the entry says that the taker calls the page. */
static uint64_t name_in(struct grant_domain *g, uint32_t ref)
{
    uint64_t pfn = INVALID_M2P;

    read_lock(&g->lock);
    if (ref < grant_entries(g)) {
        ref = (uint32_t)array_index_clamp(ref, grant_entries(g));
        pfn = g->version == 1 ? READ_ONCE(grant_v1(g, ref)->frame)
                              : READ_ONCE(grant_v2(g, ref)->full_page.frame);
    }
    read_unlock(&g->lock);
    return pfn;
}

static void complete(const struct grant_domain *g, uint32_t ref, uint64_t mfn)
{
    volatile uint16_t *flags;

    if (g->version == 1) {
        WRITE_ONCE(grant_v1(g, ref)->frame, (uint32_t)mfn);
        flags = &grant_v1(g, ref)->flags;
    } else {
        WRITE_ONCE(grant_v2(g, ref)->full_page.frame, mfn);
        flags = &grant_v2(g, ref)->hdr.flags;
    }
    __atomic_fetch_or(flags, GTF_transfer_completed, __ATOMIC_SEQ_CST);
}

/* The page is the taker's already: it is told so, or has to do without. */
static int16_t tell(struct domain *taker, domid_id_t giver, uint32_t ref, uint64_t mfn)
{
    struct grant_domain *g = taker->grant;
    int16_t status = GNTST_general_error;

    read_lock(&g->lock);
    if (ref < grant_entries(g)) {
        volatile uint32_t *entry;

        ref = (uint32_t)array_index_clamp(ref, grant_entries(g));
        entry =
            g->version == 1 ? (volatile uint32_t *)grant_v1(g, ref) : (volatile uint32_t *)grant_v2(g, ref);
        if (commit(entry, giver)) {
            complete(g, ref, mfn);
            status = GNTST_okay;
        }
    }
    read_unlock(&g->lock);
    return status;
}

static int16_t hand_over(struct domain *giver, struct domain *taker, struct frame *f, uint32_t ref)
{
    uint64_t mfn = frame_to_mfn(f).n;
    int16_t status;
    bool may_grow;

    if (taker->address_width && mfn >> (taker->address_width - PAGE_SHIFT)) {
        heap_free(f, 0);
        return GNTST_address_too_big;
    }
    may_grow = memory_claim_allows(taker, 1);
    if (may_grow)
        m2p_set(MFN(mfn), name_in(taker->grant, ref));
    if (!may_grow || domain_assign_frames(taker, f, 0)) {
        heap_free(f, 0);
        return GNTST_general_error;
    }
    status = tell(taker, giver->id, ref, mfn);
    if (!status) /* only what it accepts counts against its claim */
        memory_claim_use(taker, 1);
    else if (!domain_give_up_frame(taker, f))
        return GNTST_general_error; /* it has found and given up the page itself */
    return status;
}

static long transfer_one(struct hypercall *hc, void *arg, struct grant_batch *b)
{
    struct domain *giver = hc->vcpu->domain, *taker;
    struct gnttab_transfer *op = arg;
    mfn_t mfn = MFN(op->mfn);
    struct frame *f;

    op->status = GNTST_bad_page;
    if (!mfn_valid_from_guest(&mfn))
        return 0;
    f = mfn_to_frame(mfn);
    if (!domain_disown_frame(giver, f))
        return 0;
    taker = grant_batch_domain(b, 0, op->domid);
    op->status = taker && taker->grant ? hand_over(giver, taker, f, op->ref) : GNTST_bad_domain;
    if (op->status == GNTST_bad_domain)
        heap_free(f, 0);
    return 0;
}

long grant_op_transfer(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ARGUMENT(gnttab_transfer);

    return grant_for_each(hc, &argument, transfer_one);
}
