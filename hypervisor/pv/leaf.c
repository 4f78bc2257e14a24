/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rarer targets of L1 entries: device memory, and frames of a domain that the caller is privileged over. */
#include "pv/leaf.h"
#include "core/authority.h"

/* xen.h on mmu_update: I/O pages are mapped with the privilege of FD, and with the caller's if FD is DOMID_IO. */
static int get_mmio(struct domain *caller, struct domain *pg, uint64_t pte)
{
    mfn_t mfn = pte_mfn(pte);

    if (mfn.n == PTE_ADDRESS >> PAGE_SHIFT)
        return -EINVAL; /* the number that says no frame */
    if (pg == domain_xen || !domain_may_map_mmio(pg == domain_io ? caller : pg, mfn))
        return -EPERM;
    return ((pte & PTE_WRITE) && mmio_is_read_only(mfn) ? PV_LEAF_READ_ONLY : 0) |
           (pv_is_cacheable(pte) ? PV_LEAF_UNCACHED : 0);
}

int pv_leaf_get_other(struct domain *caller, struct domain *pg, uint64_t pte, struct hypercall *hc)
{
    mfn_t mfn = pte_mfn(pte);
    struct frame *f = mfn_valid_from_guest(&mfn) ? mfn_to_frame(mfn) : NULL;
    struct domain *owner;
    int ret = -EBUSY;

    if (!f || READ_ONCE(f->owner) == DOMID_IO)
        return get_mmio(caller, pg, pte);
    /* Whose frames these are has to be said: only a domain that is named lends its rights over others' (as on Xen). */
    if (pg == caller || pg == domain_io || pg == domain_xen || READ_ONCE(f->owner) == pg->id)
        return -EBUSY;
    owner = domain_get(READ_ONCE(f->owner));
    if (!owner)
        return -EBUSY;
    if (!authorise(pg, owner, AUTHORITY_MMU))
        ret = pv_leaf_hold(f, owner, pte, hc);
    domain_put(owner);
    return !ret || ret == -ERESTART ? ret : -EBUSY;
}

void pv_leaf_note_strangers(const struct domain *pt, uint64_t pte)
{
    mfn_t mfn = pte_mfn(pte);
    struct frame *f = mfn_to_frame(mfn);

    if (mfn_valid(mfn) && READ_ONCE(f->owner) != pt->id && READ_ONCE(f->owner) != DOMID_IO)
        frame_mark(f, FW_STRANGERS);
}
