/* SPDX-License-Identifier: GPL-2.0-or-later */
/* I/O ports of a PV guest: what it may use, and what stands between it and the ports that the hypervisor shares with it. */
#ifndef PV_PORTS_H
#define PV_PORTS_H

#include "pv/pv.h"

/* By privilege (IOPL, or the bitmap that it set) in the guest's own terms. */
bool pv_port_allowed(struct pv_vcpu *p, uint16_t port, unsigned int size);
/* IOPL or virtual level of the vcpu changed: which of its modes use ports without a trap. */
void pv_port_rights_changed(struct pv_vcpu *p);
/* Ports that the domain may not use read as all ones and take no writes. */
uint32_t pv_port_read(struct pv_vcpu *p, uint16_t port, unsigned int size);
void pv_port_write(struct pv_vcpu *p, uint16_t port, unsigned int size, uint32_t value);

#endif
