/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Granted frames in a PV domain's page tables. An entry that maps one is like any other: it holds references of its own (pv/leaf.h), so a guest that drops it by other
 * means hurts nobody but itself: the mapping stays accounted.
 */
#include "grant/host.h"
#include "hv/errno.h"
#include "pv/mmu.h"
#include "pv/walk.h"
#include <xen/grant_table.h>

/* Xen takes three bits of GNTMAP_guest_avail_mask, for bits 9 to 11 of the entry. */
#define AVAILABLE(flags) ((uint64_t)((flags) >> _GNTMAP_guest_avail0 & 7) << 9)

static struct frame *find_slot(struct vcpu *v, uint64_t address, bool is_pte, uint64_t **slot)
{
    mfn_t mfn = paddr_to_mfn(address);
    struct frame *f;

    if (!is_pte)
        return pv_find_l1(pv_vcpu(v), address, slot);
    if ((address & 7) || !mfn_valid_from_guest(&mfn))
        return NULL;
    f = mfn_to_frame(mfn);
    if (READ_ONCE(f->owner) != v->domain->id || !fw_is_valid(READ_ONCE(f->word), FT_L1))
        return NULL;
    *slot = (uint64_t *)((uint8_t *)mfn_to_va(mfn) + (address & (PAGE_SIZE - 1)));
    return f;
}

int16_t grant_host_map(struct hypercall *hc, struct domain *granter, const struct grant_host *h)
{
    struct domain *d = hc->vcpu->domain;
    const struct pv_mmu_context c = {.hc = NULL, .caller = d, .pt = d, .pg = granter};
    uint64_t pte =
        mfn_to_paddr(h->mfn) | PTE_PRESENT | PTE_ACCESSED | PTE_DIRTY | PTE_NX | AVAILABLE(h->flags);
    uint64_t *slot;
    struct frame *f = find_slot(hc->vcpu, h->address, h->flags & GNTMAP_contains_pte, &slot);

    if (!(h->flags & GNTMAP_readonly))
        pte |= PTE_WRITE;
    if (h->flags & GNTMAP_application_map)
        pte |= PTE_USER;
    return f && !pv_update_l1(&c, f, slot, pte, PV_STORE_PLAIN) ? GNTST_okay : GNTST_general_error;
}

static bool is_mapping(uint64_t pte, const struct grant_host *h)
{
    uint64_t want = mfn_to_paddr(h->mfn) | PTE_PRESENT | (h->flags & GNTMAP_readonly ? 0 : PTE_WRITE);

    return (pte & (PTE_ADDRESS | PTE_PRESENT | PTE_WRITE)) == want;
}

/* The mapping's entry becomes `pte`, whose references are the entry's then. */
static int16_t exchange_mapping(struct domain *d, struct frame *f, uint64_t *slot, const struct grant_host *h,
                                uint64_t pte)
{
    uint64_t old;
    int ret;

    do {
        old = READ_ONCE(*slot);
        if (!is_mapping(old, h))
            return GNTST_general_error;
        ret = pv_exchange_entry(d, f, FT_L1, slot, old, pte, PV_STORE_PLAIN);
    } while (ret > 0);
    if (ret)
        return GNTST_general_error;
    pv_leaf_put(old);
    return GNTST_okay;
}

int16_t grant_host_unmap(struct hypercall *hc, const struct grant_host *h)
{
    uint64_t *slot;
    struct frame *f = find_slot(hc->vcpu, h->address, h->flags & GNTMAP_contains_pte, &slot);

    return f ? exchange_mapping(hc->vcpu->domain, f, slot, h, 0) : GNTST_general_error;
}

int16_t grant_host_replace(struct hypercall *hc, const struct grant_host *h, uint64_t replacement)
{
    struct domain *d = hc->vcpu->domain;
    uint64_t *slot, *from, pte;
    struct frame *f = find_slot(hc->vcpu, h->address, h->flags & GNTMAP_contains_pte, &slot);
    struct frame *other = find_slot(hc->vcpu, replacement, false, &from);
    int ret;

    if (!f || !other || slot == from || !is_mapping(READ_ONCE(*slot), h))
        return GNTST_general_error;
    /* The entry moves with what it holds. */
    do {
        pte = READ_ONCE(*from);
        ret = pv_exchange_entry(d, other, FT_L1, from, pte, 0, PV_STORE_PLAIN);
    } while (ret > 0);
    if (ret)
        return GNTST_general_error;
    if (exchange_mapping(d, f, slot, h, pte) == GNTST_okay)
        return GNTST_okay;
    /* Somebody changed the mapping's entry meanwhile: back with it, if there is room still. */
    if (pv_exchange_entry(d, other, FT_L1, from, 0, pte, PV_STORE_PLAIN) && (pte & PTE_PRESENT))
        pv_leaf_put(pte);
    return GNTST_general_error;
}
