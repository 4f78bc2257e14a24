/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The split root (docs/design/speculation.md, S6): on processors that let a guest read, speculatively,
 * whatever is mapped, a guest runs on a copy of its L4 in which our slots lead to nothing but the doors: our
 * code, the IDT, this processor's TSS, SYSCALL gate and IST doors, and the page of the vcpu that runs. All at
 * the addresses that they have anyway, so the entry code is the same with and without; it only loads the full
 * root before it goes on, and the copy last of all.
 */
#ifndef ARCH_X86_SPLIT_ROOT_H
#define ARCH_X86_SPLIT_ROOT_H

/* At the bottom of a stack block (arch/x86/stack.h), where the entry code of NMI, machine check, #DB and #DF finds it. */
#define SPLIT_FULL   0
#define SPLIT_COPIES 8

#ifndef __ASSEMBLER__
#include "hv/types.h"

struct split_roots {
    uint64_t full;    /* the root that the last exit to a guest left */
    uint64_t copy[2]; /* physical addresses of the copies; 0: there is no split */
};
_Static_assert(offsetof(struct split_roots, copy) == SPLIT_COPIES, "assembler counts on it");

/* Is any domain to run on a copy? Constant after spec_init(), and readable on every root. */
extern bool split_root_on;

/* The copies for a processor whose stack block and the pages from `gate` on are mapped. False: no memory. */
bool split_root_prepare(unsigned int cpu, uint64_t stack, uint64_t gate, size_t gate_bytes) __must_check;
/*
 * Interrupts off, on the way out: the copy (0 or 1: which of a vcpu's two roots) to load for `full`, whose
 * content is of that generation; `page` of the direct map, and no other, is to be seen through it.
 */
uint64_t split_root_for(unsigned int which, uint64_t full, uint64_t generation, const void *page);
#endif
#endif
