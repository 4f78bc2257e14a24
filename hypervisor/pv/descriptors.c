/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GDT and LDT of PV vcpus. Both are mapped in the vcpu's part of the per-domain area: the GDT's pages when it is set, the LDT's one by one as
 * they are touched.
 */
#include "arch/x86/hostmap.h"
#include "core/guest_abi.h"
#include "arch/x86/tlb.h"
#include "core/frame_ref.h"
#include "hv/guest.h"
#include "pv/descriptors.h"
#include "pv/walk.h"

#define DESCRIPTORS_PER_PAGE 512
#define LDT_MAX_ENTRIES      8192

bool pv_fix_descriptor(const struct domain *d, uint64_t *descriptor)
{
    (void)d;
    if (!(*descriptor & DESC_PRESENT))
        return true; /* loading it faults */
    if (*descriptor & DESC_S) {
        *descriptor |= DESC_DPL;
        return true;
    }
    /* The second half of a 64-bit gate looks like this. */
    if (!(*descriptor & DESC_TYPE))
        return true;
    /* Gates and system segments lead past our entry points. A call gate may stand there if ring 3 cannot use it. */
    if ((*descriptor & DESC_TYPE) != DESC_TYPE_CALL_GATE || *descriptor & GATE_RESERVED)
        return false;
    *descriptor = (*descriptor & ~DESC_DPL) | GATE_RPL;
    return true;
}

/* A GDT has 7168 of them: what is absent or a segment is dealt with here, in few instructions. */
int pv_check_descriptor_page(struct domain *d, uint64_t *page)
{
    for (unsigned int i = 0; i < DESCRIPTORS_PER_PAGE; i++) {
        uint64_t descriptor = READ_ONCE(page[i]), fixed = descriptor | DESC_DPL;

        if (!(descriptor & DESC_PRESENT))
            continue;
        if (unlikely(!(descriptor & DESC_S))) {
            fixed = descriptor;
            if (!pv_fix_descriptor(d, &fixed))
                return -EINVAL;
        }
        if (fixed != descriptor)
            WRITE_ONCE(page[i], fixed);
    }
    return 0;
}

/* --- GDT --- */

void pv_drop_gdt(struct vcpu *v)
{
    struct pv_vcpu *pv = pv_vcpu(v);

    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++) {
        if (!pv->gdt_frame[i])
            continue;
        WRITE_ONCE(*pv_gdt_pte(v, i), 0);
        frame_put_type(pv->gdt_frame[i], v->domain, FT_SEGDESC, NULL);
        pv->gdt_frame[i] = NULL;
    }
    pv->gdt_entries = 0;
}

bool pv_has_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries)
{
    struct pv_vcpu *pv = pv_vcpu(v);

    if (pv->gdt_entries != entries)
        return false;
    for (unsigned int i = 0; i < DIV_ROUND_UP(entries, DESCRIPTORS_PER_PAGE); i++)
        if (!pv->gdt_frame[i] || frame_to_mfn(pv->gdt_frame[i]).n != mfns[i])
            return false;
    return true;
}

int pv_set_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries)
{
    unsigned int pages = DIV_ROUND_UP(entries, DESCRIPTORS_PER_PAGE), i;
    struct pv_vcpu *pv = pv_vcpu(v);
    struct frame *frames[PV_GDT_FRAMES];
    int ret = 0;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    for (i = 0; i < pages; i++) {
        mfn_t mfn = MFN(mfns[i]);

        ret = mfn_valid_from_guest(&mfn) ? 0 : -EINVAL;
        frames[i] = mfn_to_frame(mfn);
        if (ret || frame_get_type(frames[i], v->domain, FT_SEGDESC, NULL)) {
            ret = -EINVAL;
            break;
        }
    }
    if (ret) {
        while (i-- > 0)
            frame_put_type(frames[i], v->domain, FT_SEGDESC, NULL);
        return ret;
    }
    pv_drop_gdt(v);
    for (i = 0; i < pages; i++) {
        pv->gdt_frame[i] = frames[i];
        WRITE_ONCE(*pv_gdt_pte(v, i), mfn_to_paddr(frame_to_mfn(frames[i])) | (MAP_DATA & ~PTE_GLOBAL));
    }
    pv->gdt_entries = entries;
    return 0;
}

long do_set_gdt(struct hypercall *hc)
{
    unsigned int entries = (unsigned int)hc->arg[1], pages = DIV_ROUND_UP(entries, DESCRIPTORS_PER_PAGE);
    uint64_t mfns[PV_GDT_FRAMES];
    int ret;

    if (entries > FIRST_RESERVED_GDT_ENTRY)
        return -EINVAL;
    if (pages && guest_words_copy(hc, mfns, hypercall_ptr(hc, 0), pages)) /* for none, no list is looked at */
        return -EFAULT;
    ret = pv_set_gdt(hc->vcpu, mfns, entries);
    if (ret == 0) /* the translations of the old table's pages */
        tlb_flush_local(TLB_FLUSH);
    return ret;
}

long do_update_descriptor(struct hypercall *hc)
{
    uint64_t address = hc->arg[0], descriptor = hc->arg[1];
    struct domain *d = hc->vcpu->domain;
    mfn_t mfn = paddr_to_mfn(address);
    enum frame_type type;
    struct frame *f;
    int ret;

    if (!IS_ALIGNED(address, sizeof(descriptor)) || !mfn_valid_from_guest(&mfn) ||
        !pv_fix_descriptor(d, &descriptor))
        return -EINVAL;
    f = mfn_to_frame(mfn);
    /* A page that is in no table yet is written as the memory it is. */
    type = fw_is_valid(READ_ONCE(f->word), FT_SEGDESC) ? FT_SEGDESC : FT_WRITABLE;
    ret = frame_get_type(f, d, type, hc);
    if (ret)
        return ret == -ERESTART ? ret : -EINVAL;
    WRITE_ONCE(*(uint64_t *)((uint8_t *)mfn_to_va(mfn) + (address & (PAGE_SIZE - 1))), descriptor);
    frame_put_type(f, d, type, hc);
    return 0;
}

/* --- LDT --- */

void pv_drop_ldt(struct vcpu *v)
{
    struct frame *frames[PV_LDT_PAGES];
    struct pv_vcpu *pv = pv_vcpu(v);
    unsigned int count = 0;

    lock(&pv->ldt_lock);
    for (unsigned int page = 0; page < PV_LDT_PAGES; page++) {
        uint64_t *pte = pv_ldt_pte(v, page);

        if (!(pv->ldt_mapped & 1u << page))
            continue;
        frames[count++] = mfn_to_frame(MFN((READ_ONCE(*pte) & PTE_ADDRESS) >> PAGE_SHIFT));
        WRITE_ONCE(*pte, 0);
    }
    pv->ldt_mapped = 0;
    unlock(&pv->ldt_lock);
    for (unsigned int i = 0; i < count; i++) /* the last reference takes locks of its own */
        frame_put_type(frames[i], v->domain, FT_SEGDESC, NULL);
    if (count)
        tlb_flush_local(TLB_FLUSH);
}

int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries)
{
    struct pv_vcpu *pv = pv_vcpu(v);

    if (entries > LDT_MAX_ENTRIES || (entries && (!IS_ALIGNED(base, PAGE_SIZE) || !is_canonical(base) ||
                                                  (base >= HYPERVISOR_START && base < HYPERVISOR_END))))
        return -EINVAL;
    if (pv->ldt_base == base && pv->ldt_entries == entries)
        return 0;
    pv_drop_ldt(v);
    pv->ldt_base = base;
    pv->ldt_entries = entries;
    pv_load_ldt(v);
    return 0;
}

bool pv_ldt_fault(struct vcpu *v, unsigned int offset)
{
    struct pv_vcpu *pv = pv_vcpu(v);
    unsigned int page = offset >> PAGE_SHIFT;
    struct frame *f;
    uint64_t entry;
    mfn_t mfn;

    if (page >= PV_LDT_PAGES || offset / sizeof(uint64_t) >= pv->ldt_entries)
        return false;
    entry = pv_leaf_of(pv, pv->ldt_base + ((uint64_t)page << PAGE_SHIFT));
    mfn = paddr_to_mfn(entry & PTE_ADDRESS);
    if (!(entry & PTE_PRESENT) || !mfn_valid_from_guest(&mfn))
        return false;
    f = mfn_to_frame(mfn);
    if (frame_get_type(f, v->domain, FT_SEGDESC, NULL))
        return false;
    lock(&pv->ldt_lock);
    if (pv->ldt_mapped & 1u << page) {
        unlock(&pv->ldt_lock);
        frame_put_type(f, v->domain, FT_SEGDESC, NULL);
        return true;
    }
    pv->ldt_mapped |= 1u << page;
    WRITE_ONCE(*pv_ldt_pte(v, page), mfn_to_paddr(frame_to_mfn(f)) | (MAP_DATA & ~PTE_GLOBAL));
    unlock(&pv->ldt_lock);
    return true;
}
