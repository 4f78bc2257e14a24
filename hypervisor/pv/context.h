/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switching the processor's state from and to a PV vcpu. Interrupts off, on the processor itself. */
#ifndef PV_CONTEXT_H
#define PV_CONTEXT_H

#include "pv/pv.h"

void pv_switch_from(struct vcpu *v);
void pv_switch_to(struct vcpu *v);
/* No guest's tables any more: for the idle vcpu. */
void pv_leave_for_host(void);

#endif
