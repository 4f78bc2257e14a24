/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Whether domain 0 can be built as its kernel's notes say. They are the file's, which may be corrupt or made for something else: every address among them is checked
 * here, before anything is placed, written or mapped by it. Pure.
 *
 * HV_START_LOW is not looked at: no 64-bit kernel can say anything by it (elfnote.h: not above HYPERVISOR_VIRT_START, where the hypervisor begins).
 */
#include "pv/dom0/dom0.h"
#include <xen/features.h>
#include <xen/xen.h>

#define LOWER_END (1ULL << 47) /* of the lower half of the canonical addresses */

/* May a guest have all of these addresses for itself? `bytes` is not 0. */
static bool are_guests(uint64_t start, uint64_t bytes)
{
    uint64_t last = start + bytes - 1;

    return last >= start && (last < LOWER_END || start >= HYPERVISOR_VIRT_END);
}

static bool is_in_kernel(const struct kernel_image *k, uint64_t va)
{
    return va >= k->virt_start && va < k->virt_end;
}

/* What Debian's Xen asks, too. The features that it lets a kernel require in vain, auto_translated_physmap and those of HVM guests, are let through here as well. */
const char *dom0_check_features(const struct kernel_notes *n)
{
    if (n->unknown_feature[0])
        return "it requires a feature that Xenios does not have: ";
    if (n->features_required & BIT(XENFEAT_supervisor_mode_kernel))
        return "it requires supervisor mode (its note FEATURES), which no 64-bit PV kernel has: "
               "take another";
    if (n->present & BIT(XEN_ELFNOTE_SUPPORTED_FEATURES) && !(n->features_supported & BIT(XENFEAT_dom0)))
        return "it is not made to be domain 0 (its note SUPPORTED_FEATURES): take a kernel built with "
               "CONFIG_XEN_DOM0";
    return NULL;
}

const char *dom0_check_notes(const struct kernel_image *k, uint64_t nr_pages)
{
    const struct kernel_notes *n = &k->notes;

    if (n->virt_base & (PAGE_SIZE - 1))
        return "its note VIRT_BASE is no page's address: the file is corrupt";
    if (n->paddr_offset > k->paddr_start)
        return "its parts lie below its note PADDR_OFFSET: the file is corrupt";
    if (k->paddr_end - n->paddr_offset > nr_pages << PAGE_SHIFT)
        return "it does not fit into domain 0's memory: give domain 0 more with dom0_mem=";
    if (!are_guests(n->virt_base, k->paddr_end - n->paddr_offset))
        return "its note VIRT_BASE puts it where no kernel can be, or the hypervisor is: the file is corrupt";
    if (!is_in_kernel(k, k->virt_entry))
        return "its note ENTRY is outside of it: the file is corrupt";
    if (n->present & BIT(XEN_ELFNOTE_HYPERCALL_PAGE) &&
        (n->hypercall_page & (PAGE_SIZE - 1) || !is_in_kernel(k, n->hypercall_page)))
        return "its note HYPERCALL_PAGE is no page of its own: the file is corrupt";
    return NULL;
}

const char *dom0_check_places(const struct dom0_build *b)
{
    uint64_t mapped = b->end_va - b->virt_base;

    if (!are_guests(b->virt_base, mapped))
        return "what follows it does not fit between its VIRT_BASE and the end of the addresses: "
               "give domain 0 less with dom0_mem=, or a smaller initrd";
    if (!b->p2m_apart)
        return NULL;
    if (b->p2m_va & (PAGE_SIZE - 1) || !are_guests(b->p2m_va, b->p2m_pages << PAGE_SHIFT))
        return "its note INIT_P2M is no page's address, or one that is not a guest's: the file is corrupt";
    if (b->p2m_va - b->virt_base < mapped || b->virt_base - b->p2m_va < b->p2m_pages << PAGE_SHIFT)
        return "its note INIT_P2M is an address that itself is to be mapped at: the file is corrupt";
    return NULL;
}
