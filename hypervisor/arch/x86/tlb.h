/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * TLB flushes and the flush clock (DESIGN 11). The clock ticks whenever a processor flushes everything,
 * global translations included; a frame that is freed or loses its type is stamped with it. A processor that
 * has flushed since the stamp cannot hold a stale translation of the frame.
 */
#ifndef ARCH_X86_TLB_H
#define ARCH_X86_TLB_H

#include "hv/cpumask.h"
#include "hv/frame.h"

enum tlb_flush {
    TLB_FLUSH = 1,        /* translations, non-global */
    TLB_FLUSH_GLOBAL = 2, /* global ones, too */
    TLB_FLUSH_CACHE = 4,  /* write back and invalidate caches */
    TLB_FLUSH_ROOT =
        8, /* nothing but to come in and leave again: copies of a root are renewed on the way out */
};

/* The clock's present value: the stamp to give. Never 0, which is what a frame has that needs no flush. */
uint32_t tlb_clock_now(void);
/* Removes from `mask` the processors that have flushed since `stamp`. */
void tlb_filter(cpumask_t *mask, uint32_t stamp);
/* Flush on every processor of the mask, this one included if it is in it; returns when all have. Interrupts on; no lock of a rank above RANK_TLB. */
void tlb_flush_mask(const cpumask_t *mask, unsigned int flags);
void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va);
/* On this processor only. */
void tlb_flush_local(unsigned int flags);
void tlb_flush_page_local(uint64_t va);
/*
 * Another address space: loads CR3 and flushes everything, global translations too, which are those of a PV
 * guest's user mode (pv/pte.h); counts as the flush that it is. (Between the two roots of one PV vcpu a plain
 * load of CR3 does: they share what is global.)
 */
void tlb_load_root(uint64_t cr3);
/* The same with interrupts off, and with this in CR4 afterwards (PGE set). */
void tlb_load_root_and_cr4(uint64_t cr3, uint64_t cr4);
/* Called first of all where another processor asks for a flush, whatever its flags, 0 included; interrupts off. NULL: none. */
extern void (*tlb_asked)(void);

static inline void frame_stamp(struct frame *f)
{
    f->tlb_stamp = tlb_clock_now();
}

#endif
