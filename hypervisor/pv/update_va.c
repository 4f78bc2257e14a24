/* SPDX-License-Identifier: GPL-2.0-or-later */
/* update_va_mapping: one L1 entry of the current address space, named by the virtual address it translates. Hot. */
#include "arch/x86/tlb.h"
#include "hv/guest.h"
#include "pv/mmu.h"
#include "pv/walk.h"

static int flush(struct domain *d, uint64_t va, uint64_t flags)
{
    guest_ptr_t bitmap = GUEST_PTR(flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK);
    bool page = (flags & UVMF_FLUSHTYPE_MASK) == UVMF_INVLPG;
    const cpumask_t *mask = &d->dirty_cpus;
    cpumask_t some;

    if (bitmap.addr == UVMF_LOCAL) {
        if (page)
            tlb_flush_page_local(va);
        else
            tlb_flush_local(TLB_FLUSH | TLB_FLUSH_GLOBAL);
        return 0;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* LS6 */
    if (bitmap.addr != UVMF_ALL) {
        if (pv_vcpus_to_cpus(d, bitmap, &some))
            return -EFAULT;
        mask = &some;
    }
    if (page)
        tlb_flush_page_mask(mask, va);
    else
        tlb_flush_mask(mask, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    return 0;
}

static inline long update(const struct pv_mmu_context *c)
{
    struct hypercall *hc = c->hc;
    uint64_t va = hc->arg[0], flags = hc->arg[2], type = flags & UVMF_FLUSHTYPE_MASK;
    struct vcpu *v = hc->vcpu;
    uint64_t *slot;
    struct frame *f;
    int ret;

    if (pv_has_pending(v) && pv_finish_pending(hc))
        return -ERESTART;
    f = pv_find_l1(pv_vcpu(v), va, &slot);
    if (unlikely(!f))
        return -EINVAL;
    ret = pv_update_l1(c, f, slot, hc->arg[1], PV_STORE_PLAIN);
    if (unlikely(ret))
        return ret;
    if (type == UVMF_INVLPG && (flags & ~(uint64_t)UVMF_FLUSHTYPE_MASK) == UVMF_LOCAL)
        tlb_flush_page_local(va);
    else if (type == UVMF_INVLPG || type == UVMF_TLB_FLUSH)
        ret = flush(v->domain, va, flags);
    return ret;
}

/* update_va_mapping(va, val, flags) */
long do_update_va_mapping(struct hypercall *hc)
{
    struct domain *d = hc->vcpu->domain;
    const struct pv_mmu_context c = {.hc = hc, .caller = d, .pt = d, .pg = d};

    return update(&c);
}

/* update_va_mapping_otherdomain(va, val, flags, domid): the frame mapped is that domain's. */
long do_update_va_mapping_otherdomain(struct hypercall *hc)
{
    struct pv_mmu_context c;
    long ret = pv_mmu_context_get(&c, hc, (uint16_t)hc->arg[3]);

    if (ret)
        return ret;
    ret = update(&c);
    pv_mmu_context_put(&c);
    return ret;
}
