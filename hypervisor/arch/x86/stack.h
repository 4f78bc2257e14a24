/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stack block per processor, aligned to its size so that any stack pointer inside leads to its top, where
 * the processor finds itself. From the bottom:
 *
 *   page 0      four doors of IST_DOOR_SIZE: where the processor pushes frames of double fault, NMI, machine check and debug exception. The only page of the block that is seen on the copy of
 *               a guest's root, so nothing but entry code runs here; at its bottom stand the split roots (arch/x86/split_root.h)
 *   pages 1-8   two pages for each of the four, in the same order, on which C goes on
 *   page 9      guard
 *   pages 10-15 the main stack
 */
#ifndef ARCH_X86_STACK_H
#define ARCH_X86_STACK_H

#define STACK_ORDER      4
#define STACK_SIZE       (4096 << STACK_ORDER)
#define IST_DOOR_SHIFT   10
#define IST_DOOR_SIZE    (1 << IST_DOOR_SHIFT)
#define IST_WORK_SHIFT   13
#define IST_WORK_SIZE    (1 << IST_WORK_SHIFT)
#define IST_WORK_START   4096
#define IST_DOUBLE_FAULT 1
#define IST_NMI          2
#define IST_MCE          3
#define IST_DEBUG        4
#define STACK_GUARD_PAGE 9
#define STACK_TOP_SIZE   64

#ifndef __ASSEMBLER__
#include "hv/types.h"

struct vcpu;

struct stack_top {
    struct vcpu *current;   /* the vcpu whose registers the next entry is pushed into */
    uint64_t percpu_offset; /* see hv/percpu.h */
    uint32_t cpu;
    uint64_t reserved[5];
};
_Static_assert(sizeof(struct stack_top) == STACK_TOP_SIZE, "assembler counts on it");

static inline struct stack_top *stack_top(void)
{
    uintptr_t sp = (uintptr_t)__builtin_frame_address(0);

    return (struct stack_top *)((sp | (STACK_SIZE - 1)) + 1 - STACK_TOP_SIZE);
}

static inline struct vcpu *current_vcpu(void)
{
    return stack_top()->current;
}
#endif
#endif
