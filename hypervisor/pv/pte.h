/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page table entries of 64-bit PV guests: how an entry that a guest asks for becomes the one we
 * store. Kernel and user mode of the guest both run in ring 3, so every page of the guest is a user page to the processor; what keeps the
 * guest's kernel from its user mode is the second root. Translations of the guest's user pages are the same under both roots: they are global.
 * PTE_KERNEL marks pages that the guest meant for its kernel, so that an entry may be adjusted any number of times.
 */
#ifndef PV_PTE_H
#define PV_PTE_H

#include "core/frame_word.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "hv/frame.h"

#define PTE_KERNEL BIT(52) /* of the software's bits, as on Xen */
#define PTE_AD     (PTE_ACCESSED | PTE_DIRTY)

#define PT_ENTRIES 512

static inline mfn_t pte_mfn(uint64_t pte)
{
    return MFN((pte & PTE_ADDRESS) >> PAGE_SHIFT);
}

/* One row for each level: what a guest may not set in a present entry, and what entries lead to (FT_NONE: pages). */
struct pte_rule {
    uint64_t forbidden;
    enum frame_type child;
};
extern const struct pte_rule pte_rules[FT_L4 + 1];

/* Is it a slot of an L4 that the hypervisor fills? */
static inline bool pte_slot_is_ours(enum frame_type type, unsigned int index)
{
    return type == FT_L4 && index >= HYPERVISOR_SLOT && index < HYPERVISOR_SLOT + HYPERVISOR_SLOTS;
}

/* `pte` is present and breaks no rule. */
static inline uint64_t pte_adjust_leaf(uint64_t pte)
{
    if ((pte & (PTE_USER | PTE_KERNEL)) == PTE_USER)
        return pte | PTE_GLOBAL;
    return pte | PTE_USER | PTE_KERNEL;
}

static inline uint64_t pte_adjust_table(uint64_t pte)
{
    return pte | PTE_USER;
}

/*
 * The L1TF rule (docs/design/speculation.md, S5). An affected processor follows the address in a not-present entry, for speculation, to what its first-level cache
 * has of it. So an entry has to have none, or one beyond all memory: kernels that know of it store the complement.
 */
struct l1tf_limits {
    uint64_t address; /* the bits of an entry that the cache compares */
    uint64_t end;     /* one past the last byte of memory */
};
extern struct l1tf_limits l1tf_limits;

static inline bool pte_names_memory(enum frame_type type, uint64_t pte)
{
    /* A large page at 0 reaches up to 1 GiB. */
    if (!(pte & (PTE_ADDRESS | (type == FT_L1 ? 0 : PTE_LARGE))))
        return false;
    return (pte & l1tf_limits.address) < l1tf_limits.end;
}

#endif
