/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The validator of page tables: one loop for every level, driven by a row of rules. It runs in phase WORK (core/frame_word.h): nobody else looks at
 * or writes the table's entries. PT5: entries [0, progress) hold references; it goes up to validate and down to devalidate, and may stop
 * and turn at any entry. PT12: linear page tables.
 */
#include "pv/validate.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"

/* As Xen has it (tests/guest/mm): superpages are not for PV guests, nor are cache attributes and bit 8 above L1; the address is judged by what it names. */
#define TABLE_FORBIDDEN (PTE_LARGE | PTE_GLOBAL | PTE_PWT | PTE_PCD)
const struct pte_rule pte_rules[FT_L4 + 1] = {
    [FT_L1] = {.forbidden = 0, .child = FT_NONE},
    [FT_L2] = {.forbidden = TABLE_FORBIDDEN, .child = FT_L1},
    [FT_L3] = {.forbidden = TABLE_FORBIDDEN, .child = FT_L2},
    [FT_L4] = {.forbidden = TABLE_FORBIDDEN, .child = FT_L3},
};

/* Adds `one` to a count in a table's data unless the other count forbids it (a table with entries out is not named by others, PT12). */
static bool linear_count(struct frame *f, uint64_t one, uint64_t count_mask, uint64_t must_be_zero)
{
    uint64_t data = READ_ONCE(f->data);

    do {
        if ((data & must_be_zero) || (data & count_mask) == count_mask)
            return false;
    } while (
        !__atomic_compare_exchange_n(&f->data, &data, data + one, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
    return true;
}

#define IN_MASK  (0xffffULL << 32)
#define OUT_MASK (0xffffULL << 48)

/* Somebody may have dropped the other references meanwhile: then ours is the last, and who takes the target next finishes what we leave. */
static int linear_get(struct domain *d, struct frame *table, struct frame *target, enum frame_type type,
                      struct hypercall *hc)
{
    uint64_t w = READ_ONCE(target->word);

    if (!linear_count(table, TD_LINEAR_OUT, OUT_MASK, IN_MASK))
        return -EINVAL;
    /* Only what is valid already: waiting for another table of this level could wait for one that waits for us. */
    if (READ_ONCE(target->owner) == d->id && fw_is_ready(w, type) && frame_cas(target, &w, w + FW_BOTH_ONE)) {
        RACE_POINT();
        if (READ_ONCE(target->owner) == d->id && linear_count(target, TD_LINEAR_IN, IN_MASK, OUT_MASK))
            return 0;
        frame_put_type(target, d, type, hc);
    }
    __atomic_fetch_sub(&table->data, TD_LINEAR_OUT, __ATOMIC_SEQ_CST);
    return -EINVAL;
}

static int linear_put(struct domain *d, struct frame *table, struct frame *target, enum frame_type type,
                      struct hypercall *hc)
{
    __atomic_fetch_sub(&target->data, TD_LINEAR_IN, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&table->data, TD_LINEAR_OUT, __ATOMIC_SEQ_CST);
    return frame_put_type(target, d, type, hc);
}

int pv_child_get(struct domain *d, struct frame *table, enum frame_type type, uint64_t pte,
                 struct hypercall *hc)
{
    mfn_t mfn = pte_mfn(pte);
    struct frame *child;

    if (!mfn_valid_from_guest(&mfn))
        return -EINVAL;
    child = mfn_to_frame(mfn);
    if (child == table || fw_is_valid(READ_ONCE(child->word), type)) {
        if (pte & PTE_WRITE)
            return -EINVAL;
        __atomic_fetch_or(&table->data, TD_LINEAR, __ATOMIC_SEQ_CST); /* before anybody can copy the entry */
        return child == table ? 0 : linear_get(d, table, child, type, hc);
    }
    return frame_get_type(child, d, pte_rules[type].child, hc);
}

int pv_child_put(struct domain *d, struct frame *table, enum frame_type type, uint64_t pte,
                 struct hypercall *hc)
{
    struct frame *child = mfn_to_frame(pte_mfn(pte));

    if (child == table)
        return 0;
    /* The entry's own reference keeps the child's type: it tells which kind of entry this is. */
    if (fw_type(READ_ONCE(child->word)) == type)
        return linear_put(d, table, child, type, hc);
    return frame_put_type(child, d, pte_rules[type].child, hc);
}

static void set_progress(struct frame *f, unsigned int progress, uint64_t flags)
{
    uint64_t data = READ_ONCE(f->data), now;

    do
        now = (data & ~(TD_PROGRESS_MASK | TD_CHILD)) | progress | flags;
    while (!__atomic_compare_exchange_n(&f->data, &data, now, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED));
}

/* `pte` is what was read from the slot, once. */
static int validate_leaf(struct domain *d, uint64_t *slot, uint64_t pte, struct hypercall *hc)
{
    uint64_t adjusted;
    int ret;

    if (pte & pte_rules[FT_L1].forbidden)
        return -EINVAL;
    ret = pv_leaf_get(d, d, pte, hc);
    if (unlikely(ret < 0))
        return ret;
    adjusted = pte_adjust_leaf(pv_leaf_change(pte, ret));
    if (adjusted != pte)
        WRITE_ONCE(*slot, adjusted);
    return 0;
}

static int validate_entry(struct domain *d, struct frame *f, enum frame_type type, uint64_t *slot,
                          uint64_t pte, struct hypercall *hc)
{
    int ret;

    if (pte & pte_rules[type].forbidden)
        return -EINVAL;
    ret = pv_child_get(d, f, type, pte, hc);
    if (ret == 0)
        WRITE_ONCE(*slot, pte_adjust_table(pte));
    return ret;
}

#define RUN 8 /* entries that are looked at together */

/* A hint, and read as one: what it calls used is read again, what is zero refers to nothing. */
static inline bool run_is_empty(const uint64_t *e)
{
    return !(e[0] | e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]);
}

/* Most entries of most tables are zero, which is valid. The first at or after i that is not. */
static inline unsigned int used_from(const uint64_t *table, unsigned int i)
{
    while (i < PT_ENTRIES && !table[i]) {
        unsigned int next = i + 1;

        for (; i % RUN == 0 && i < PT_ENTRIES && run_is_empty(table + i); i += RUN)
            next = i + RUN;
        i = next;
    }
    return i;
}

/* One more than the last below i that is not zero; 0: there is none. */
static inline unsigned int used_below(const uint64_t *table, unsigned int i)
{
    while (i && !table[i - 1]) {
        unsigned int next = i - 1;

        for (; i % RUN == 0 && i && run_is_empty(table + i - RUN); i -= RUN)
            next = i - RUN;
        i = next;
    }
    return i;
}

int frame_type_validate(struct domain *d, struct frame *f, enum frame_type type, struct hypercall *hc)
{
    uint64_t *table = frame_to_va(f);
    unsigned int i;
    int ret;

    if (type == FT_SEGDESC)
        return pv_check_descriptor_page(d, table);
    for (i = used_from(table, f->data & TD_PROGRESS_MASK); i < PT_ENTRIES; i = used_from(table, i + 1)) {
        uint64_t pte = READ_ONCE(table[i]);

        if (pte_slot_is_ours(type, i))
            continue;
        if (!(pte & PTE_PRESENT)) {
            if (!pv_breaks_l1tf(d, type, pte))
                continue;
            set_progress(f, i, 0);
            return pv_l1tf_broken(d, hc, pte);
        }
        ret = type == FT_L1 ? validate_leaf(d, &table[i], pte, hc)
                            : validate_entry(d, f, type, &table[i], pte, hc);
        if (unlikely(ret)) {
            set_progress(f, i, ret == -ERESTART ? TD_CHILD : 0);
            return ret;
        }
        if (hc && unlikely(hypercall_preempt(hc))) {
            set_progress(f, i + 1, 0);
            return -ERESTART;
        }
    }
    set_progress(f, PT_ENTRIES, 0);
    if (type == FT_L4)
        pv_fill_root_slots(table, d);
    return 0;
}

/* The child that was left half done when validation or devalidation stopped at it. */
static int resume_child(struct domain *d, enum frame_type type, uint64_t pte, struct hypercall *hc)
{
    mfn_t mfn = pte_mfn(pte);

    if (type == FT_L1 || !(pte & PTE_PRESENT) || !mfn_valid_from_guest(&mfn))
        return 0;
    return frame_resume(mfn_to_frame(mfn), d, hc);
}

int frame_type_devalidate(struct domain *d, struct frame *f, enum frame_type type, struct hypercall *hc)
{
    uint64_t *table = frame_to_va(f);
    unsigned int i = f->data & TD_PROGRESS_MASK;

    if (f->data & TD_CHILD) {
        if (resume_child(d, type, table[i], hc))
            return -ERESTART;
        set_progress(f, i, 0);
    }
    while ((i = used_below(table, i)) > 0) {
        uint64_t pte = table[--i];

        if (!(pte & PTE_PRESENT) || pte_slot_is_ours(type, i))
            continue;
        if (type == FT_L1) {
            pv_leaf_put(pte);
        } else if (pv_child_put(d, f, type, pte, hc)) {
            set_progress(f, i, TD_CHILD);
            return -ERESTART;
        }
        if (hc && i && unlikely(hypercall_preempt(hc))) {
            set_progress(f, i, 0);
            return -ERESTART;
        }
    }
    return 0;
}
