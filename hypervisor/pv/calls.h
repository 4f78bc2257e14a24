/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypercalls of pv/, for the table in top/hypercalls.c, and what its parts offer each other. */
#ifndef PV_CALLS_H
#define PV_CALLS_H

#include "core/hypercall.h"
#include "pv/pv.h"

long do_iret(struct hypercall *hc);
long do_stack_switch(struct hypercall *hc);
long do_fpu_taskswitch(struct hypercall *hc);
long do_set_segment_base(struct hypercall *hc);
long do_set_trap_table(struct hypercall *hc);
long do_set_callbacks(struct hypercall *hc);
long do_callback_op(struct hypercall *hc);
long do_set_debugreg(struct hypercall *hc);
long do_get_debugreg(struct hypercall *hc);
long do_vm_assist(struct hypercall *hc);
long do_nmi_op(struct hypercall *hc);

/* SWAPGS, load the selector, SWAPGS: GS of the guest's user mode. False: bad selector; the null selector is loaded instead. */
bool pv_load_user_gs(struct pv_vcpu *p, uint16_t selector);
/* Debug registers: -EPERM (a breakpoint in the hypervisor), -EINVAL. Loads the processor if the vcpu is current. */
long pv_set_debugreg(struct pv_vcpu *p, unsigned int reg, uint64_t value);

#endif
