/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a PV guest run a handler of its own: exceptions, events, system calls. */
#ifndef PV_BOUNCE_H
#define PV_BOUNCE_H

#include "pv/pv.h"

#define PV_BOUNCE_EXTRA 4
/*
 * Pushes the frame that the interface asks for (rcx, r11, [extra words: an error code], rip, cs with the upcall mask as it was, rflags, rsp, ss) on the guest kernel's
 * stack and makes it continue at `address`, in kernel mode. Crashes the domain if the stack does not take it.
 */
void pv_bounce(struct pv_vcpu *p, uint64_t address, bool mask_events, const uint64_t *extra,
               unsigned int extra_count);
/* The failsafe callback, with the data segment selectors as they are: the guest's state could not be restored. */
void pv_failsafe(struct pv_vcpu *p);
/* The exception or INT n `vector`, to the handler in the guest's trap table. Crashes the domain if it has none. */
void pv_inject(struct pv_vcpu *p, unsigned int vector);
void pv_inject_error(struct pv_vcpu *p, unsigned int vector, uint32_t error_code);
void pv_inject_page_fault(struct pv_vcpu *p, uint64_t address, uint32_t error_code);
/* Guest user mode to guest kernel mode or back: page tables and GS. */
void pv_toggle_mode(struct pv_vcpu *p);

#endif
