/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processors: bringing them up, making them call functions, stopping them. */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "hv/cpumask.h"

/*
 * Calls fn(data) on each processor of the mask, this one included if it is in it, with interrupts off. Interrupts must be on here (two
 * processors calling each other would else wait for ever). Returns when all have been told and, with `wait`, when all are done.
 */
void smp_call_mask(const cpumask_t *mask, void (*fn)(void *data), void *data, bool wait);
static inline void smp_call_cpu(unsigned int cpu, void (*fn)(void *data), void *data, bool wait)
{
    cpumask_t mask = cpumask_of(cpu);

    smp_call_mask(&mask, fn, data, wait);
}
/* Makes the processor enter the hypervisor and look at its softirqs. Any context. */
void smp_kick(unsigned int cpu);

/* How many processors ACPI lists and we use, at most `limit`. Numbers 0.. are given in ACPI's order, the boot processor first. Before irq_init(). */
unsigned int smp_enumerate(unsigned int limit);
/* Starts the others, one after the other. Returns how many are online in the end. Interrupts on. */
unsigned int smp_boot_others(void);
/* C entry of a processor that starts: on its stack, long mode, our page tables. Does not return. */
void smp_start_secondary(unsigned int cpu);

/* Stops all other processors for good: for panic, reboot, power off. Any context. */
void smp_stop_others(void);
void machine_reboot(void) __noreturn;
void machine_halt(void) __noreturn;
void machine_power_off(void) __noreturn;

/* Interrupt handlers. */
void smp_call_interrupt(void);
void smp_tlb_interrupt(void);
void smp_stop_interrupt(void);

/* What the boot part gives. */
extern paddr_t trampoline_page;        /* a page below 1 MiB, identity-mapped while processors start */
void cpu_init_this(unsigned int cpu);  /* descriptor tables, stack top, features of the calling processor */
void *cpu_stack_alloc(unsigned int cpu); /* a stack block and the per-CPU area; NULL: no memory */
void cpu_idle_start(unsigned int cpu) __noreturn; /* the idle vcpu's loop */

#endif
