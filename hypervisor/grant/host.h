/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Where a granted frame appears in the mapper's address space. Given by the guest kind (pv/grant_host.c), or
 * by a test. The caller holds the entry, so the frame stays what it is; a page table entry holds references
 * of its own on top.
 */
#ifndef GRANT_HOST_H
#define GRANT_HOST_H

#include "core/hypercall.h"
#include "hv/frame.h"

struct grant_host {
    uint64_t address; /* virtual, or with GNTMAP_contains_pte the machine address of the L1 entry */
    uint32_t flags;   /* GNTMAP_* */
    mfn_t mfn;
};

/* GNTST_okay or general_error, with nothing changed. */
int16_t grant_host_map(struct hypercall *hc, struct domain *granter, const struct grant_host *h) __must_check;
/* The entry must be what grant_host_map() made of `h`. TLBs are the caller's to flush, even after an error. */
int16_t grant_host_unmap(struct hypercall *hc, const struct grant_host *h) __must_check;
/* The same, and what the virtual address `replacement` maps goes there instead; nothing is mapped at `replacement` then. */
int16_t grant_host_replace(struct hypercall *hc, const struct grant_host *h, uint64_t replacement)
    __must_check;

#endif
