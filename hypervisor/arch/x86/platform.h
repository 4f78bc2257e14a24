/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine around the processor, brought up as one list of steps. */
#ifndef ARCH_X86_PLATFORM_H
#define ARCH_X86_PLATFORM_H

#include "hv/types.h"

/*
 * Boot processor: ACPI, local APIC, clock, interrupts, processor numbers, wall clock. After hostmap_init(),
 * cpu_enter(0) and the options; interrupts off before and after. `rsdp`: from the boot loader, or 0. Options
 * read: acpi=, x2apic, maxcpus=, nosmp. From here on time_now(), irq_request() and timers (once core/timer
 * runs) work; smp_boot_others() may be called when interrupts are on.
 */
void platform_init(paddr_t rsdp);
/* Each further processor: its PAT, its APIC. */
void platform_init_cpu(void);

/* NMIs from the chipset are counted and handed to domain 0, from here on. Key 'i' shows the counts. */
void nmi_init(void);
void nmi_dump(void);

/* What each processor's PAT holds: the interface's, WB WT UC- UC WC WP UC UC (recorded from Xen 4.17 through
 * Linux's boot messages). */
#define PLATFORM_PAT 0x0000050100070406ULL

#endif
