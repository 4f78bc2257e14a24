/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `watchdog`: a processor that makes no progress is found by an NMI, which shows where it is and ends the machine. */
#ifndef ARCH_X86_WATCHDOG_H
#define ARCH_X86_WATCHDOG_H

#include "hv/types.h"

struct cpu_user_regs;

/* Boot processor, when all are up and domain 0 is built (which takes long without looking at timers): starts it if the command line asks for it. */
void watchdog_init(void);
/* `hang=N`, for tests: processor N stops two seconds from now with interrupts off, for ever. Nothing without the option. */
void watchdog_start_test(void);
/*
 * From the NMI handler; `from_chipset`: the chipset names a cause of its own. True: it was the watchdog's.
 * Does not return if this processor is the one that hangs.
 */
bool watchdog_nmi(struct cpu_user_regs *r, bool from_chipset);
/* Long dumps on a slow console are no hang: between the two nobody is accused. They nest. */
void watchdog_hold(void);
void watchdog_release(void);
/* Key 'i' prints it. */
void watchdog_dump(void);

#endif
