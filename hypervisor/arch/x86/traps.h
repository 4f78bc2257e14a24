/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Traps in the hypervisor, dumps, and what other parts hang onto NMI, machine check and panic. */
#ifndef ARCH_X86_TRAPS_H
#define ARCH_X86_TRAPS_H

#include "hv/types.h"
#include <xen/xen.h>

void hypervisor_trap(struct cpu_user_regs *r);
/* Interrupt vectors 32 to 255, from anywhere (arch/x86/irq). Interrupts off. */
void irq_dispatch(unsigned int vector);

const char *trap_name(unsigned int vector);
void dump_registers(const struct cpu_user_regs *r);
void dump_stack(uint64_t sp);

/* True if handled; NULL: none. trap_in_firmware is asked where nobody expects the trap: an EFI service may be under way. */
extern bool (*trap_in_firmware)(struct cpu_user_regs *r);
extern bool (*nmi_handler)(struct cpu_user_regs *r);
extern bool (*machine_check_handler)(struct cpu_user_regs *r);
/* How a panic stops the other processors, and then the machine. */
extern void (*panic_stop_others)(void);
extern void (*panic_end)(void) __noreturn;

#endif
