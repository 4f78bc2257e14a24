/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One stack block per processor, aligned to its size so that any stack pointer inside leads to its top, where the processor finds itself.
 * From the bottom: two pages each for the IST stacks (double fault, NMI, machine check, debug), a guard page, the main stack.
 */
#ifndef ARCH_X86_STACK_H
#define ARCH_X86_STACK_H

#define STACK_ORDER      4
#define STACK_SIZE       (4096 << STACK_ORDER)
#define IST_STACK_SIZE   8192
#define IST_DOUBLE_FAULT 1
#define IST_NMI          2
#define IST_MCE          3
#define IST_DEBUG        4
#define STACK_GUARD_PAGE 8
#define STACK_TOP_SIZE   64

#ifndef __ASSEMBLER__
#include "hv/types.h"

struct vcpu;

struct stack_top {
    struct vcpu *current;   /* the vcpu whose registers the next entry is pushed into */
    uint64_t percpu_offset; /* see hv/percpu.h */
    uint32_t cpu;
    uint32_t apic_id;
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
