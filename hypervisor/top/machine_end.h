/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the machine ends. */
#ifndef TOP_MACHINE_END_H
#define TOP_MACHINE_END_H

#include "hv/types.h"

/* Domain 0 has ended with this SHUTDOWN_* code. */
void machine_end(unsigned int reason);
void machine_after_panic(void) __noreturn;

#endif
