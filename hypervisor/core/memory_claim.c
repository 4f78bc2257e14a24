/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XENMEM_claim_pages: a domain's claim on memory not allocated yet. A claim is a total: so many pages the
 * domain is to have; outstanding is what it lacks. One lock guards the sum of all claims; taken for a few
 * instructions, by the toolstack's calls and by allocations of domains with a claim.
 */
#include "core/heap.h"
#include "core/authority.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"

static struct {
    lock_t lock;
    uint64_t outstanding; /* of all domains */
} claims = {.lock = LOCK_INIT(RANK_PAGE_LIST)};
LOCK_SHOWN(claims, claims.lock, "claims");

bool memory_claim_allows(const struct domain *d, uint64_t pages)
{
    uint64_t of_others = READ_ONCE(claims.outstanding) - READ_ONCE(d->outstanding_claim);

    return likely(!of_others) || pages + of_others <= heap_free_frames();
}

void memory_claim_use(struct domain *d, uint64_t pages)
{
    if (likely(!READ_ONCE(d->outstanding_claim)))
        return;
    lock(&claims.lock);
    pages = min(pages, d->outstanding_claim);
    d->outstanding_claim -= pages;
    claims.outstanding -= pages;
    unlock(&claims.lock);
}

uint64_t memory_claims_outstanding(void)
{
    return READ_ONCE(claims.outstanding);
}

void memory_claim_drop(struct domain *d)
{
    memory_claim_use(d, ~0ULL);
}

static int set_claim(struct domain *d, uint64_t pages)
{
    /* The domain may get and give pages meanwhile: each is read once. */
    uint64_t has = READ_ONCE(d->tot_pages), most = min(READ_ONCE(d->max_pages), (uint64_t)UINT32_MAX);
    int ret = 0;

    lock(&claims.lock);
    if (pages == 0) {
        claims.outstanding -= d->outstanding_claim;
        d->outstanding_claim = 0;
    } else if (d->outstanding_claim || pages <= has || pages > most) {
        ret = -EINVAL;
    } else if (pages - has > heap_free_frames() - min(heap_free_frames(), claims.outstanding)) {
        ret = -ENOMEM;
    } else {
        d->outstanding_claim = pages - has;
        claims.outstanding += d->outstanding_claim;
    }
    unlock(&claims.lock);
    return ret;
}

long memory_op_claim(struct hypercall *hc)
{
    abi_xen_memory_reservation_t r;
    struct domain *d;
    long ret;

    if (abi_read(hc, xen_memory_reservation, &r, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (!guest_ptr_is_null(r.extent_start) || r.extent_order || r.mem_flags)
        return -EINVAL;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_MEMORY_CLAIM))
        return -EPERM;
    d = domain_get_guest(r.domid); /* SELF is not understood, as on Xen */
    if (!d)
        return -EINVAL;
    ret = set_claim(d, r.nr_extents);
    domain_put(d);
    return ret;
}
