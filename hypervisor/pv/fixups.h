/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a PV guest's fault may turn out to be, other than the guest's own business. Each returns true if it dealt with the fault. */
#ifndef PV_FIXUPS_H
#define PV_FIXUPS_H

#include "pv/pv.h"

/* A write by the guest's kernel to a page table that is mapped read-only (pv/ro_fault.c). */
bool pv_fixup_ro_pt_write(struct vcpu *v, uint64_t va, uint32_t error_code);
/* An LDT page not mapped yet, at this offset of the table (pv/descriptors.c). */
bool pv_ldt_fault(struct vcpu *v, unsigned int offset);
/* An instruction that only ring 0 may execute (pv/privileged.c). */
bool pv_emulate_privileged(struct vcpu *v);
/* UD2 followed by "xen": the next instruction, CPUID, as the guest is to see it. */
bool pv_forced_emulation(struct vcpu *v);

/* IRET to the guest faulted with regs.entry_vector and error_code: an LDT page to map, or an exception for the guest. */
void pv_exit_fault(struct pv_vcpu *p, uint64_t cr2);

#endif
