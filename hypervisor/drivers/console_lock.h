/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What console.c and console_line.c share: the lock, and each other's parts. */
#ifndef DRIVERS_CONSOLE_LOCK_H
#define DRIVERS_CONSOLE_LOCK_H

#include "hv/types.h"

/* Interrupts off, then the lock, which a processor that has called console_force_unlock() goes without. The flags go to console_drop(). */
uint64_t console_take(void) __must_check;
void console_drop(uint64_t flags);
/* Console lock held. Sends what the serial line takes; sees to it that somebody looks after the rest. */
void console_push(void);
/* What console_push() put off because it holds the lock; no lock held. */
void console_watch_line(void);
/* The keyboard is domain 0's, or the hypervisor's, and the console says so. */
void console_switch_input(bool to_domain0);

#endif
