/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Processors: bringing them up (smpboot.c), making them call functions (smp.c), stopping them and the machine
 * (reboot.c). */
#ifndef ARCH_X86_SMP_H
#define ARCH_X86_SMP_H

#include "hv/cpumask.h"

struct acpi_sleep;

/*
 * Calls fn(data) on each processor of the mask, this one included if it is in it, with interrupts off.
 * Interrupts must be on here, and no lock may be held that somebody takes with interrupts off. Returns when
 * all have been told and, with `wait`, when all are done.
 */
void smp_call_mask(const cpumask_t *mask, void (*fn)(void *data), void *data, bool wait);
static inline void smp_call_cpu(unsigned int cpu, void (*fn)(void *data), void *data, bool wait)
{
    cpumask_t mask = cpumask_of(cpu);

    smp_call_mask(&mask, fn, data, wait);
}
/* Makes the processor enter the hypervisor and look at its softirqs. Any context. Fits
 * sched_machine.send_kick. */
void smp_kick(unsigned int cpu);
/*
 * Waits until no bit of *pending is left, calling poll() (may be NULL) all the while. Processors that do not
 * answer are named in the log after a few seconds, and after half a minute it is the end. *pending is
 * static: the watchdog looks at it from outside.
 */
void smp_wait_for(const volatile cpumask_t *pending, void (*poll)(void), const char *what);
/* The mask that the processor waits for just now; NULL: none. Any context, NMI too. */
const volatile cpumask_t *smp_waits_for(unsigned int cpu);

/* Numbers the processors that ACPI lists, the boot processor 0, then in ACPI's order, at most `limit`;
 * returns how many. Only 0 is online. */
unsigned int smp_enumerate(unsigned int limit);
/* Starts the others, one after the other. Returns how many are online in the end. Interrupts on. */
unsigned int smp_boot_others(void);
/* From the trampoline: on the processor's own stack, our page tables. */
void smp_start_secondary(unsigned int cpu) __noreturn;

/* Stops all other processors for good: for panic, reboot, power off. Any context. */
void smp_stop_others(void);
/* Somebody is about to, or has: the machine ends. */
bool smp_is_stopping(void);
/* By ACPI's reset register, the keyboard controller, port CF9, and a triple fault. */
void machine_reboot(void) __noreturn;
void machine_halt(void) __noreturn;
/*
 * By ACPI: as `wish` says (may be NULL; it has passed acpi_check_sleep()), then by our own reading of the tables.
 * Says so and halts if the machine is still there.
 */
void machine_power_off(const struct acpi_sleep *wish) __noreturn;

/* Interrupt handlers. */
void smp_call_interrupt(void);
void smp_tlb_interrupt(void);
void smp_stop_interrupt(void);

/*
 * Given by the top, for a processor that has its descriptor tables, its APIC and its clock; interrupts are off. The first before it is online:
 * who finds it there may have vcpus wait for it. The second after: becomes the idle vcpu's loop.
 */
void cpu_join_scheduler(unsigned int cpu);
void cpu_idle_start(void) __noreturn;

#endif
