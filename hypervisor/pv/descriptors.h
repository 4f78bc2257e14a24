/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Segment descriptors that guests may use, and the tables they stand in. A frame of a GDT or LDT in use has type FT_SEGDESC: the guest maps it
 * read-only and changes it by update_descriptor.
 */
#ifndef PV_DESCRIPTORS_H
#define PV_DESCRIPTORS_H

#include "core/hypercall.h"
#include "pv/pv.h"

/*
 * One descriptor: may the guest use it? If so it is made harmless, as Xen does: a present code or data segment of a 64-bit guest has DPL 3, a call
 * gate DPL 0 (ring 3 cannot use it) and a selector of RPL 3.
 */
bool pv_fix_descriptor(const struct domain *d, uint64_t *descriptor) __must_check;
/* All 512 of a page that is to become FT_SEGDESC: 0 or -EINVAL. */
int pv_check_descriptor_page(struct domain *d, uint64_t *page) __must_check;

/* set_gdt(frame_list, entries), update_descriptor(machine address, descriptor) */
long do_set_gdt(struct hypercall *hc);
long do_update_descriptor(struct hypercall *hc);

/* Installs the frames of a GDT of `entries` descriptors, one frame for each 512; none for 0. -EINVAL, -EPERM. The old one's are given back. */
int pv_set_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries) __must_check;
/* Is it installed already? */
bool pv_has_gdt(struct vcpu *v, const uint64_t *mfns, unsigned int entries);
void pv_drop_gdt(struct vcpu *v);
/* MMUEXT_SET_LDT: `entries` 0 for none, at most 8192 at a page-aligned base. -EINVAL. */
int pv_set_ldt(struct vcpu *v, uint64_t base, unsigned int entries) __must_check;
void pv_drop_ldt(struct vcpu *v);
/*
 * The vcpu touched its LDT at `offset` where the page is not mapped yet: maps the guest's page there. False: there is no such page, or it may not be
 * one of descriptors; the guest gets the page fault, at ldt_base + offset.
 */
bool pv_ldt_fault(struct vcpu *v, unsigned int offset) __must_check;

/* Given by the arch: v is on this processor and its LDT base or size changed: loads LDTR. */
void pv_load_ldt(struct vcpu *v);

#endif
