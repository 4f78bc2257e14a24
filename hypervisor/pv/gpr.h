/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the emulator is given of a vcpu: where its general registers are in its frame, by their encoding in instructions, for `struct quick_regs`; a copy of them; the instruction. */
#ifndef PV_GPR_H
#define PV_GPR_H

#include "core/domain.h"
#include "emulate/exec.h"
#include "hv/guest.h"

static const uint8_t pv_gpr_offset[16] = {
    offsetof(struct cpu_user_regs, rax), offsetof(struct cpu_user_regs, rcx),
    offsetof(struct cpu_user_regs, rdx), offsetof(struct cpu_user_regs, rbx),
    offsetof(struct cpu_user_regs, rsp), offsetof(struct cpu_user_regs, rbp),
    offsetof(struct cpu_user_regs, rsi), offsetof(struct cpu_user_regs, rdi),
    offsetof(struct cpu_user_regs, r8),  offsetof(struct cpu_user_regs, r9),
    offsetof(struct cpu_user_regs, r10), offsetof(struct cpu_user_regs, r11),
    offsetof(struct cpu_user_regs, r12), offsetof(struct cpu_user_regs, r13),
    offsetof(struct cpu_user_regs, r14), offsetof(struct cpu_user_regs, r15),
};

static inline void pv_copy_registers(struct emu_regs *to, const struct cpu_user_regs *from)
{
    *to = (struct emu_regs){.rip = from->rip, .rflags = from->rflags};
    for (unsigned int i = 0; i < ARRAY_SIZE(pv_gpr_offset); i++)
        to->gpr[i] = *(const uint64_t *)((const char *)from + pv_gpr_offset[i]);
}

/* And back, but for RFLAGS, of which the caller knows what may change. */
static inline void pv_take_registers(struct cpu_user_regs *to, const struct emu_regs *from)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(pv_gpr_offset); i++)
        *(uint64_t *)((char *)to + pv_gpr_offset[i]) = from->gpr[i];
    to->rip = from->rip;
}

/* As many bytes of the instruction as can be read. */
static inline size_t pv_fetch(uint64_t rip, uint8_t bytes[INSN_MAX_LENGTH])
{
    size_t here = min((size_t)INSN_MAX_LENGTH, (size_t)(PAGE_SIZE - (rip & (PAGE_SIZE - 1))));

    if (likely(!copy_from_guest(bytes, GUEST_PTR(rip), INSN_MAX_LENGTH)))
        return INSN_MAX_LENGTH;
    return here < INSN_MAX_LENGTH && !copy_from_guest(bytes, GUEST_PTR(rip), here) ? here : 0;
}

#endif
