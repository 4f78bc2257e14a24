/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Single words of the current PV guest's memory, one instruction each, for the paths that are taken most:
 * exception frames, iret, multicalls. The caller checks the range once (guest_range_is_allowed()), opens user
 * access around, and names the label to go to when the memory is not there.
 */
#ifndef ARCH_X86_GUEST_WORD_H
#define ARCH_X86_GUEST_WORD_H

#include "arch/x86/cpu_features.h"
#include "arch/x86/extable.h"
#include "arch/x86/layout.h"

/* Neither the hypervisor's addresses nor across the canonical hole; `bytes` at most a page. */
static inline bool guest_range_is_allowed(uint64_t address, uint64_t bytes)
{
    return address < 0x0000800000000000UL - PAGE_SIZE || (address >= HYPERVISOR_END && address <= -bytes);
}

/* As text, since clang-format takes the label's % for an operator. */
#define GUEST_STORE_FIXUP                                                                                    \
    ".pushsection .extable, \"a\"\n.balign 8\n.long 1b - .\n.long %l2 - .\n.popsection\n"
#define GUEST_STORE(p, value, fault)                                                                         \
    asm goto("1: movq %0, %1\n" GUEST_STORE_FIXUP : : "er"((uint64_t)(value)), "m"(*(p)) : "memory" : fault)

/*
 * Up to nine words that follow each other, one instruction each; `instructions` is made of GUEST_LOAD_n for n
 * from 0 up, the outputs follow in that order from %1 on, the address is "r" and named from. Sets `faulted`.
 * (A load by asm goto with an output would be plainer; gcc 12 crashes on it.)
 */
#define GUEST_LOAD_WORD(n, out) "4" #n ": movq 8*" #n "(%[from]), %" #out "\n" EXTABLE(4##n##b, 77f)
#define GUEST_LOAD_BEGIN        "clc\n"
#define GUEST_LOAD_END          "66:\n.pushsection .text.fixup, \"ax\"\n77: stc\n jmp 66b\n.popsection\n"

#endif
