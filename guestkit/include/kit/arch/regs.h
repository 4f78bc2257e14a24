/* SPDX-License-Identifier: MIT */
/*
 * What the trap stubs leave on the stack, and the layout of what Xen bounces to. The assembly in
 * lib/pv64 pushes exactly this; lib/pv64/arch.c asserts the offsets.
 */
#ifndef KIT_ARCH_REGS_H
#define KIT_ARCH_REGS_H

#include <kit/arch/registers.h>
#include <kit/types.h>

/* Pseudo vectors for entries that have none. */
#define KIT_VECTOR_EVENT     256
#define KIT_VECTOR_SYSCALL   257
#define KIT_VECTOR_FAILSAFE  258
#define KIT_VECTOR_NMI       259
#define KIT_VECTOR_SYSENTER  260
#define KIT_VECTOR_SYSCALL32 261
#define KIT_NR_VECTORS       262

struct kit_regs {
    uint64_t r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
    uint64_t vector, error;
    uint64_t rip;
    uint16_t cs, pad0;
    uint8_t upcall_mask, pad1[3]; /* the saved mask that Xen keeps beside CS in the frame */
    uint64_t rflags, rsp;
    uint64_t ss;
};

struct kit_jump {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp, rip;
};

static inline bool kit_regs_user(const struct kit_regs *regs)
{
    return (regs->cs & 3) == 3; /* Xen shows the kernel CS with RPL 0 in bounce frames */
}

#endif
