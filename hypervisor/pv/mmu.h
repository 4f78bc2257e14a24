/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Changing entries of page tables in use. The order is always: take what the new entry holds, store it under the table's entry lock after seeing there
 * that the table still is one and the old entry still the one we judged by, drop what the old entry held (DESIGN 4: at most two locked
 * operations beside the lock, which stands for the entry's own; none for a change of flags).
 */
#ifndef PV_MMU_H
#define PV_MMU_H

#include "pv/leaf.h"
#include "pv/pv.h"

/* Crashes the domain whose not-present entry breaks the L1TF rule, if it is the caller's own. -EINVAL. */
int pv_l1tf_broken(struct domain *d, struct hypercall *hc, uint64_t pte);

static inline bool pv_breaks_l1tf(const struct domain *d, enum frame_type type, uint64_t pte)
{
    return unlikely(container_of(d, const struct pv_domain, d)->l1tf_rule) && pte_names_memory(type, pte);
}

/* Whose tables, whose frames, on whose behalf. Page tables of `pt` map frames of `pg`. */
struct pv_mmu_context {
    struct hypercall *hc;
    struct domain *caller;
    struct domain *pt;
    struct domain *pg;
    bool referenced; /* pt and pg are held: somebody was named, so frames may be another's than pt's */
};

enum pv_store { PV_STORE_PLAIN, PV_STORE_PRESERVE_AD };

/*
 * Where entries are written by the rules: the lock is held. A writable mapping that goes away has to be gone for every processor before the frame's stamp
 * is read off the flush clock (PT8), so its store is a locked one; others need no order.
 */
static inline void pv_store_entry(uint64_t *slot, uint64_t old, uint64_t pte, enum pv_store how)
{
    uint64_t seen;

    if (how == PV_STORE_PLAIN) {
        if ((old & PTE_WRITE) && ((old ^ pte) & (PTE_ADDRESS | PTE_WRITE | PTE_PRESENT)))
            __atomic_exchange_n(slot, pte, __ATOMIC_SEQ_CST);
        else
            WRITE_ONCE(*slot, pte);
        return;
    }
    seen = READ_ONCE(*slot);
    while (!__atomic_compare_exchange_n(slot, &seen, pte | (seen & PTE_AD), false, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED))
        ;
}

/*
 * Stores if `f` is a VALID table of `type` of domain d and the slot holds `old`, accessed and dirty bits apart. 1: it does not hold `old`; -EINVAL: no such table.
 * The owner is read after the type: while we hold the lock, what was VALID cannot pass to another domain.
 */
static inline int pv_exchange_entry(const struct domain *d, struct frame *f, enum frame_type type,
                                    uint64_t *slot, uint64_t old, uint64_t pte, enum pv_store how)
{
    uint32_t *l = entry_lock(frame_to_mfn(f).n);
    int ret = 0;

    if (unlikely(!fw_is_valid(READ_ONCE(f->word), type) || READ_ONCE(f->owner) != d->id))
        ret = -EINVAL;
    else if (unlikely((READ_ONCE(*slot) ^ old) & ~PTE_AD))
        ret = 1;
    else {
        RACE_POINT();
        pv_store_entry(slot, old, pte, how);
    }
    entry_unlock(l);
    return ret;
}

/*
 * *slot = pte in L1 table f. -EINVAL: f is not an L1 table of c->pt any more; otherwise as pv_leaf_get().
 */
static inline __must_check int pv_update_l1(const struct pv_mmu_context *c, struct frame *f, uint64_t *slot,
                                            uint64_t pte, enum pv_store how)
{
    uint64_t old, changed;
    int ret;

    if (pte & PTE_PRESENT) {
        if (unlikely(pte & pte_rules[FT_L1].forbidden))
            return -EINVAL;
        pte = pte_adjust_leaf(pte);
    } else if (pv_breaks_l1tf(c->pt, FT_L1, pte)) {
        return pv_l1tf_broken(c->pt, c->hc, pte);
    }
    do {
        old = READ_ONCE(*slot);
        changed = (old ^ pte) & PV_LEAF_JUDGED;
        if ((pte & PTE_PRESENT) && changed) {
            ret = pv_leaf_get(c->caller, c->pg, pte, c->hc);
            if (unlikely(ret)) {
                if (ret < 0)
                    return ret;
                pte = pv_leaf_change(pte, ret);
            }
            if (unlikely(c->referenced) && (pte & PTE_WRITE))
                pv_leaf_note_strangers(c->pt, pte);
        }
        ret = pv_exchange_entry(c->pt, f, FT_L1, slot, old, pte, how);
        if (unlikely(ret)) {
            if ((pte & PTE_PRESENT) && changed)
                pv_leaf_put(pte);
        } else if ((old & PTE_PRESENT) && changed) {
            pv_leaf_put(old);
        }
    } while (unlikely(ret > 0));
    return ret;
}

/* *slot = pte if it holds exactly `old`, accessed and dirty bits included. 1: it does not. Otherwise as pv_update_l1(). */
int pv_cmpxchg_l1(const struct pv_mmu_context *c, struct frame *f, uint64_t *slot, uint64_t old, uint64_t pte)
    __must_check;

/* The same for L2 to L4. -ERESTART: not done, call again. What the old entry held may be left unfinished (below). */
int pv_update_table(const struct pv_mmu_context *c, struct frame *f, enum frame_type type, uint64_t *slot,
                    uint64_t pte, enum pv_store how) __must_check;

/*
 * Unfinished devalidation. A reference that a hypercall drops may be the last, and devalidation may be stopped; then the operation itself counts as done,
 * the vcpu remembers the frame, and the hypercall continues with it: every MMU hypercall starts with pv_finish_pending(), 0 or -ERESTART.
 */
int pv_finish_pending(struct hypercall *hc) __must_check;
static inline bool pv_has_pending(struct vcpu *v)
{
    return unlikely(pv_vcpu(v)->unfinished != NULL);
}
/* Drops a page table's type and general reference on behalf of hc->vcpu. hc NULL: to the end. */
void pv_put_table(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc);
void pv_note_unfinished(struct hypercall *hc, struct frame *f, struct domain *owner);

/*
 * The two domains of a foreigndom argument, with a reference each (0, -ESRCH, -EPERM, -EINVAL). One's own number is no foreign domain's: -ESRCH. For DOMID_SELF and no PFD this is the caller, with no
 * references taken.
 */
int pv_mmu_context_get(struct pv_mmu_context *c, struct hypercall *hc, uint32_t foreigndom) __must_check;
void pv_mmu_context_put(struct pv_mmu_context *c);

/* The processors on which vcpus of a guest's bitmap (of d->max_vcpus bits) may have left translations. -EFAULT. */
int pv_vcpus_to_cpus(struct domain *d, guest_ptr_t bitmap, cpumask_t *out) __must_check;

/*
 * Given by the arch. The hypervisor's slots of a frame that becomes an L4 of the domain; and: v, which runs on this processor in kernel mode, has
 * another root (cr3_kernel) now. Both roots share global translations (pv/pte.h), so loading a root by the guest's wish flushes them, too.
 */
void pv_fill_root_slots(uint64_t *l4, struct domain *d);
void pv_load_root(struct vcpu *v);

long do_update_va_mapping(struct hypercall *hc);
long do_update_va_mapping_otherdomain(struct hypercall *hc);
long do_mmu_update(struct hypercall *hc);
long do_mmuext_op(struct hypercall *hc);

/* A write of the guest's kernel to a page of its own page tables, which it maps read-only: performs it by the rules. False: not ours, or not allowed. */
bool pv_fixup_ro_pt_write(struct vcpu *v, uint64_t va, uint32_t error_code);

#endif
