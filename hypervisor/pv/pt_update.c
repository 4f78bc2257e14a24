/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of page table entries above L1, and what they may leave unfinished; the domains that an MMU hypercall acts on (pv/mmu.h). */
#include "arch/x86/tlb.h"
#include "core/authority.h"
#include "core/vcpu_state.h"
#include "hv/guest.h"
#include "hv/percpu.h"
#include "pv/mmu.h"
#include "pv/validate.h"

int pv_cmpxchg_l1(const struct pv_mmu_context *c, struct frame *f, uint64_t *slot, uint64_t old, uint64_t pte)
{
    uint64_t seen = old, changed;
    uint32_t *l;
    int ret = 0;

    if (pte & PTE_PRESENT)
        pte = pte_adjust_leaf(pte);
    else if (pv_breaks_l1tf(c->pt, FT_L1, pte))
        return pv_l1tf_broken(c->pt, c->hc, pte);
    changed = (old ^ pte) & PV_LEAF_JUDGED;
    if ((pte & PTE_PRESENT) && changed) {
        ret = pv_leaf_get(c->caller, c->pg, pte, c->hc);
        if (ret < 0)
            return ret;
        pte = pv_leaf_change(pte, ret);
        if (unlikely(c->referenced) && (pte & PTE_WRITE))
            pv_leaf_note_strangers(c->pt, pte);
    }
    /* As pv_exchange_entry(), against the processor's setting of bits, too. */
    l = entry_lock(frame_to_mfn(f).n);
    if (!fw_is_valid(READ_ONCE(f->word), FT_L1) || READ_ONCE(f->owner) != c->pt->id)
        ret = -EINVAL;
    else
        ret = !__atomic_compare_exchange_n(slot, &seen, pte, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED);
    entry_unlock(l);
    if (changed && ((ret ? pte : old) & PTE_PRESENT))
        pv_leaf_put(ret ? pte : old);
    return ret;
}

/*
 * Copies of the root are to get the entry. One that went away does nobody harm until the frame is reused, before which every processor that may know it flushes, in the hypervisor;
 * but vcpus that run on the root elsewhere would miss a new one: they are brought in.
 */
static void tell_copies(struct domain *d)
{
    cpumask_t others;

    pv_root_changed(d); /* a full barrier: who is not in the mask yet will see the new count */
    if (likely(!pv_domain(d)->split_root))
        return;
    others = d->dirty_cpus;
    cpumask_clear(cpu_id(), &others);
    tlb_flush_mask(&others, TLB_FLUSH_ROOT);
}

int pv_update_table(const struct pv_mmu_context *c, struct frame *f, enum frame_type type, uint64_t *slot,
                    uint64_t pte, enum pv_store how)
{
    unsigned int index = (unsigned int)((uintptr_t)slot & (PAGE_SIZE - 1)) / sizeof(*slot);
    uint64_t old, changed;
    int ret;

    if (pte_slot_is_ours(type, index))
        return -EINVAL;
    if (pte & PTE_PRESENT) {
        if (pte & pte_rules[type].forbidden)
            return -EINVAL;
        pte = pte_adjust_table(pte);
    } else if (pv_breaks_l1tf(c->pt, type, pte)) {
        return pv_l1tf_broken(c->pt, c->hc, pte);
    }
    do {
        old = READ_ONCE(*slot);
        changed = (old ^ pte) & (PTE_ADDRESS | PTE_PRESENT);
        /* A linear entry must not become writable: judge it as a new one. */
        if ((pte & ~old & PTE_WRITE) && (old & PTE_PRESENT))
            changed |= PTE_WRITE;
        if ((pte & PTE_PRESENT) && changed) {
            ret = pv_child_get(c->pt, f, type, pte, c->hc);
            if (ret)
                return ret;
        }
        ret = pv_exchange_entry(c->pt, f, type, slot, old, pte, how);
        if (ret == 0 && type == FT_L4)
            tell_copies(c->pt);
        if (!changed)
            continue;
        if (ret) {
            if ((pte & PTE_PRESENT) && pv_child_put(c->pt, f, type, pte, c->hc))
                pv_note_unfinished(c->hc, mfn_to_frame(pte_mfn(pte)), c->pt);
            if (ret > 0 && pv_has_pending(c->hc->vcpu))
                return -ERESTART;
        } else if ((old & PTE_PRESENT) && pv_child_put(c->pt, f, type, old, c->hc)) {
            pv_note_unfinished(c->hc, mfn_to_frame(pte_mfn(old)), c->pt);
        }
    } while (ret > 0);
    return ret;
}

void pv_note_unfinished(struct hypercall *hc, struct frame *f, struct domain *owner)
{
    struct pv_vcpu *pv = pv_vcpu(hc->vcpu);

    assert(
        !pv->unfinished); /* each hypercall finishes the last one's first, and stops at the first of its own */
    pv->unfinished = f;
    pv->unfinished_owner = owner->id;
}

int pv_finish_pending(struct hypercall *hc)
{
    struct pv_vcpu *pv = pv_vcpu(hc->vcpu);
    struct domain *owner;
    int ret = 0;

    if (likely(!pv->unfinished))
        return 0;
    owner = domain_get(pv->unfinished_owner);
    if (owner) {
        ret = frame_resume(pv->unfinished, owner, hc);
        domain_put(owner);
    }
    if (ret == 0)
        pv->unfinished = NULL;
    return ret;
}

void pv_put_table(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    if (frame_put_type(f, owner, type, hc))
        pv_note_unfinished(hc, f, owner);
}

static int find_owner(struct domain *caller, domid_id_t id, struct domain **out)
{
    struct domain *d;

    if (id == DOMID_SELF) {
        *out = caller;
        domain_ref(caller);
        return 0;
    }
    if (id == DOMID_IO || id == DOMID_XEN) {
        d = id == DOMID_IO ? domain_io : domain_xen;
        if (id == DOMID_XEN && authorise(caller, NULL, AUTHORITY_HYPERVISOR_PAGES))
            return -EPERM;
        domain_ref(d);
        *out = d;
        return 0;
    }
    return domain_get_for(caller, id, AUTHORITY_MMU, out);
}

int pv_mmu_context_get(struct pv_mmu_context *c, struct hypercall *hc, uint32_t foreigndom)
{
    uint16_t pfd = (uint16_t)(foreigndom >> 16);
    struct domain *caller = hc->vcpu->domain;
    int ret;

    *c = (struct pv_mmu_context){.hc = hc, .caller = caller, .pt = caller, .pg = caller};
    if (likely(foreigndom == DOMID_SELF))
        return 0;
    /* xen.h: x stands for PFD x - 1. As Xen has it, PFD may be the caller's number but not SELF, and FD SELF but not the caller's number. */
    ret =
        pfd == DOMID_SELF + 1 ? -ESRCH : find_owner(caller, pfd ? (domid_id_t)(pfd - 1) : DOMID_SELF, &c->pt);
    if (ret) {
        c->pt = NULL;
        return ret;
    }
    if (c->pt->kind != &pv_kind)
        ret = -EINVAL;
    else if ((uint16_t)foreigndom == caller->id)
        ret = -ESRCH;
    else
        ret = find_owner(caller, (domid_id_t)foreigndom, &c->pg);
    if (ret)
        domain_put(c->pt);
    c->referenced = !ret;
    return ret;
}

void pv_mmu_context_put(struct pv_mmu_context *c)
{
    if (likely(!c->referenced))
        return;
    domain_put(c->pt);
    domain_put(c->pg);
}

int pv_vcpus_to_cpus(struct domain *d, guest_ptr_t bitmap, cpumask_t *out)
{
    struct vcpu *v;
    uint8_t byte = 0;
    unsigned int cpu;

    cpumask_zero(out);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* LS6: the entry was changed before we look who has it */
    for (unsigned int i = 0; i < d->max_vcpus; i++) {
        if (i % 8 == 0 && copy_from_guest(&byte, guest_ptr_add(bitmap, i / 8), 1))
            return -EFAULT;
        v = byte >> (i % 8) & 1 ? domain_vcpu(d, i) : NULL;
        cpu = v ? vcpu_loaded_cpu(v) : MAX_CPUS;
        if (cpu < MAX_CPUS)
            set_bit(cpu, out->bits);
    }
    return 0;
}
