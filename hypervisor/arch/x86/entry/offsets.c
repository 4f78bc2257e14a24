/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Offsets of structure members for assembly; compiled to assembly only, from which the build takes the marked lines. */
#include "core/domain.h"
#include "pv/pv.h"

#define OFFSET(name, value) __asm__ volatile("\n->" #name " %0" ::"i"(value))

void offsets(void);
void offsets(void)
{
    OFFSET(VCPU_regs, offsetof(struct vcpu, regs));
    OFFSET(VCPU_stack_from_regs, (long)offsetof(struct vcpu, stack) - (long)offsetof(struct vcpu, regs));
    OFFSET(VCPU_root_from_regs, (long)offsetof(struct vcpu, root) - (long)offsetof(struct vcpu, regs));
    OFFSET(VCPU_kernel_mode_from_regs,
           (long)offsetof(struct pv_vcpu, kernel_mode) - (long)offsetof(struct vcpu, regs));
    OFFSET(REGS_error, offsetof(struct cpu_user_regs, error_code));
    OFFSET(REGS_vector, offsetof(struct cpu_user_regs, entry_vector));
    OFFSET(REGS_rip, offsetof(struct cpu_user_regs, rip));
    OFFSET(REGS_cs, offsetof(struct cpu_user_regs, cs));
    OFFSET(REGS_rsp, offsetof(struct cpu_user_regs, rsp));
    OFFSET(REGS_rax, offsetof(struct cpu_user_regs, rax));
    OFFSET(REGS_es, offsetof(struct cpu_user_regs, es));
}
