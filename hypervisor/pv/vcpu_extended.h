/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What struct vcpu_guest_context has no room for, read and written for a toolstack: where 32-bit system calls go, machine check registers, extended processor state. */
#ifndef PV_VCPU_EXTENDED_H
#define PV_VCPU_EXTENDED_H

#include "hv/guest.h"
#include "pv/pv.h"
#include <xen/domctl.h>

/* Both on a vcpu whose state is in memory. -EINVAL: an address or a register cannot be so; nothing is changed. */
void pv_get_extended(struct vcpu *v, struct xen_domctl_ext_vcpucontext *out);
int pv_set_extended(struct vcpu *v, const struct xen_domctl_ext_vcpucontext *in) __must_check;

/* The form of extended state: XCR0, all components that the vcpu ever used, and an uncompacted XSAVE area (SDM 1, 13.4) with these. */
struct pv_xstate {
    uint64_t xcr0, used;
};

/* All components there are, and the bytes that the form takes with these components; with none it is the two words. */
uint64_t pv_xstate_components(void);
size_t pv_xstate_size(uint64_t components);
uint64_t pv_xstate_used(const struct vcpu *v);
/* v's state is in memory. -EFAULT, -ENOMEM. */
int pv_get_xstate(struct vcpu *v, guest_ptr_t to) __must_check;
/*
 * Reads and checks a form of so many bytes: -EFAULT; -ENOMEM; -EINVAL: not the form, or components that the domain cannot have; -EOPNOTSUPP: compacted; -EIO: reserved bits. `*area` is the
 * caller's to free.
 */
int pv_read_xstate(struct vcpu *v, guest_ptr_t from, uint64_t bytes, struct pv_xstate *head, uint8_t **area)
    __must_check;
/* Takes over what pv_read_xstate() gave; v's state is in memory. */
void pv_set_xstate(struct vcpu *v, const struct pv_xstate *head, const uint8_t *area);

#endif
