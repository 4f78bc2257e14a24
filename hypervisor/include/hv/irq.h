/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Device interrupts that the hypervisor itself wants. */
#ifndef HV_IRQ_H
#define HV_IRQ_H

#include "hv/types.h"

/* Routes a global system interrupt to this function, called with interrupts off. -ENOENT, -EBUSY, -ENOSPC. */
int irq_request(unsigned int gsi, void (*function)(void *data), void *data) __must_check;

#endif
