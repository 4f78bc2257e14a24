/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest's page tables, walked by the direct map under the vcpu's kernel root. Nothing is held: another vcpu may free or retype the tables while we
 * walk. What is read then is some RAM's contents, and the result some frame's number or some entry: whoever uses it has to take a reference, or
 * pv_exchange_entry()'s lock, and look again there.
 */
#ifndef PV_WALK_H
#define PV_WALK_H

#include "pv/pte.h"
#include "pv/pv.h"

/* The table that would hold the L1 entry of `va`, and the slot in it. NULL: there is none that is the domain's. */
static inline struct frame *pv_find_l1(struct pv_vcpu *pv, uint64_t va, uint64_t **slot)
{
    const uint64_t *table = mfn_to_va(paddr_to_mfn(pv->cr3_kernel));
    const domid_id_t owner = pv->v.domain->id;
    struct frame *f = NULL;

    for (unsigned int shift = 39; shift > PAGE_SHIFT; shift -= 9) {
        uint64_t entry = READ_ONCE(table[va >> shift & (PT_ENTRIES - 1)]);
        mfn_t mfn = pte_mfn(entry);

        /* What is not present may hold any number, and a guess may run on with it. */
        if (unlikely((entry & (PTE_PRESENT | PTE_LARGE)) != PTE_PRESENT || !mfn_valid_from_guest(&mfn)))
            return NULL;
        f = mfn_to_frame(mfn);
        /* Owned by a domain: so it is RAM, and the direct map has it. */
        if (unlikely(READ_ONCE(f->owner) != owner))
            return NULL;
        table = mfn_to_va(mfn);
    }
    *slot = (uint64_t *)table + (va >> PAGE_SHIFT & (PT_ENTRIES - 1));
    return f;
}

/* The L1 entry of `va`; 0 if there is none. */
static inline uint64_t pv_leaf_of(struct pv_vcpu *pv, uint64_t va)
{
    uint64_t *slot;

    return pv_find_l1(pv, va, &slot) ? READ_ONCE(*slot) : 0;
}

#endif
