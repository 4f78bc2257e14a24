/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the assembly of arch/x86/entry calls. */
#ifndef PV_ENTRY_H
#define PV_ENTRY_H

#include "pv/pv.h"

void guest_trap(struct vcpu *v);
void guest_hypercall(struct vcpu *v);
void guest_syscall(struct vcpu *v);
void guest_syscall32(struct vcpu *v);
void guest_sysenter(struct vcpu *v);
/* IRET to the guest faulted; `fault` is the frame of the fault, which lies in front of v->regs. */
void guest_exit_fault(struct vcpu *v, const struct cpu_user_regs *fault);
/* Returns the vcpu to run, interrupts off. */
struct vcpu *prepare_exit(void);
/* With a split root, after prepare_exit(): what the guest is to run on, for CR3. */
struct leaving {
    struct vcpu *vcpu;
    uint64_t root;
} leave_full_root(struct vcpu *v);

extern void (*idle_wait)(void);

#endif
