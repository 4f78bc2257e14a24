/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the assembly of arch/x86/entry calls. */
#ifndef PV_ENTRY_H
#define PV_ENTRY_H

#include "pv/pv.h"

void guest_trap(struct vcpu *v);
void guest_hypercall(struct vcpu *v);
void guest_syscall(struct vcpu *v);
void guest_syscall32(struct vcpu *v);
/* IRET to the guest faulted; `fault` is the frame of the fault, which lies in front of v->regs. */
void guest_exit_fault(struct vcpu *v, const struct cpu_user_regs *fault);
/* Returns the vcpu to run, interrupts off. */
struct vcpu *prepare_exit(void);

extern void (*idle_wait)(void);

#endif
