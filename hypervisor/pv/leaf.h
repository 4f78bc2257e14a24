/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a present L1 entry holds: a general reference to the frame it maps, and a writable one, taken and dropped together, if it maps it writable. What is not
 * RAM (no frame, or owned by DOMID_IO) is not counted.
 */
#ifndef PV_LEAF_H
#define PV_LEAF_H

#include "core/frame_ref.h"
#include "arch/x86/mmio_read_only.h"
#include "pv/pte.h"

/* Given by the parts that keep I/O permissions (core/io_access.h), or by a test. */
bool domain_may_map_mmio(struct domain *d, mfn_t mfn);

/* What pv_leaf_get() answers, as bits, for an entry that may only be stored changed (it holds nothing: it is not RAM). */
#define PV_LEAF_READ_ONLY 1
#define PV_LEAF_UNCACHED  2

#define PTE_CACHE_BITS (PTE_LARGE | PTE_PCD | PTE_PWT) /* bit 7 is PAT in an L1 entry */

/* Who changes one of these in an entry is judged as if it were new; the rest is the guest's own affair. */
#define PV_LEAF_JUDGED (PTE_ADDRESS | PTE_WRITE | PTE_PRESENT | PTE_CACHE_BITS)

/* PAT as Xen has it (xen.h): 0 WB, 1 WT, 2 UC-, 3 UC, 4 WC, 5 WP. Devices' memory must not be cached: WB, WT and WP become UC. */
static inline bool pv_is_cacheable(uint64_t pte)
{
    return !(pte & PTE_PCD) && (pte & (PTE_LARGE | PTE_PWT)) != PTE_LARGE;
}

static inline uint64_t pv_leaf_change(uint64_t pte, int answer)
{
    if (answer & PV_LEAF_READ_ONLY)
        pte &= ~PTE_WRITE;
    if (answer & PV_LEAF_UNCACHED)
        pte = (pte & ~PTE_LARGE) | PTE_PCD | PTE_PWT;
    return pte;
}

/* The references of an entry for a frame of RAM. PT14: before it is stored, what is written past the caches is noted. */
static inline __must_check int pv_leaf_hold(struct frame *f, struct domain *owner, uint64_t pte,
                                            struct hypercall *hc)
{
    int ret;

    if (!(pte & PTE_WRITE))
        return frame_get(f, owner) ? 0 : -EBUSY;
    ret = frame_get_type(f, owner, FT_WRITABLE, hc);
    if (unlikely(pte & PTE_CACHE_BITS) && !ret)
        frame_mark(f, FW_UNCACHED);
    return ret;
}

int pv_leaf_get_other(struct domain *caller, struct domain *pg, uint64_t pte, struct hypercall *hc)
    __must_check;

/*
 * `pg`: who has to own the frame. `caller`: whose permissions count for DOMID_IO. Errors as Xen's: -EPERM for device memory that is not the domain's, -EBUSY for
 * RAM that is not or has another type; -EINVAL for a cache attribute from a domain without devices, -EACCES on what the hypervisor shows of itself; -ERESTART only while somebody retypes
 * the frame.
 */
static inline __must_check int pv_leaf_get(struct domain *caller, struct domain *pg, uint64_t pte,
                                           struct hypercall *hc)
{
    mfn_t mfn = pte_mfn(pte);
    struct frame *f;
    int ret;

    if (unlikely(pte & PTE_CACHE_BITS) && !READ_ONCE(caller->has_devices))
        return -EINVAL;
    if (unlikely(!mfn_valid_from_guest(&mfn)))
        return pv_leaf_get_other(caller, pg, pte, hc);
    f = mfn_to_frame(mfn);
    if (unlikely(READ_ONCE(f->owner) != pg->id))
        return pv_leaf_get_other(caller, pg, pte, hc);
    if (unlikely(pte & PTE_CACHE_BITS) && f->flags & FRAME_XENHEAP)
        return -EACCES; /* we have it cached */
    ret = pv_leaf_hold(f, pg, pte, hc);
    return likely(!ret) || ret == -ERESTART ? ret : pv_leaf_get_other(caller, pg, pte, hc);
}

/* PT13: before the writable entry, for which pv_leaf_get() answered 0, is stored in a table of `pt`. */
void pv_leaf_note_strangers(const struct domain *pt, uint64_t pte);

static inline void pv_leaf_put(uint64_t pte)
{
    mfn_t mfn = pte_mfn(pte);
    struct frame *f = mfn_to_frame(mfn);

    if (unlikely(!mfn_valid(mfn) || READ_ONCE(f->owner) == DOMID_IO))
        return;
    if (pte & PTE_WRITE)
        frame_put_type(f, NULL, FT_WRITABLE, NULL);
    else
        frame_put(f);
}

#endif
