/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Switching the processor's state from and to a PV vcpu. Interrupts off, on the processor itself. */
#ifndef PV_CONTEXT_H
#define PV_CONTEXT_H

#include "pv/pv.h"

void pv_switch_from(struct vcpu *v);
void pv_switch_to(struct vcpu *v);
/* The processor's vector registers, which are those of v, the current vcpu, are put away for somebody who uses them in between, starting with what a reset leaves. */
void pv_lend_fpu(struct vcpu *v);
void pv_take_fpu_back(struct vcpu *v);
/*
 * Selectors of v, which has just come to this processor, did not load: tries again with the pages of its LDT that they need. True: they do not load all the same. Interrupts off, and on meanwhile.
 */
bool pv_segments_failed(struct vcpu *v);

/* What RDTSCP gives beside the time, from now on. */
void pv_load_tsc_aux(uint32_t value);

#endif
