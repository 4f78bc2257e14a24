/* SPDX-License-Identifier: GPL-2.0-or-later */
/* EVTCHNOP_* handlers, as the table in hypercall.c names them: `arg` is the operation's structure, copied in,
 * and copied out on success. */
#ifndef EVENT_OPS_H
#define EVENT_OPS_H

#include "event/wire.h"

long op_alloc_unbound(struct hypercall *hc, void *arg);
long op_bind_interdomain(struct hypercall *hc, void *arg);
long op_bind_virq(struct hypercall *hc, void *arg);
long op_bind_pirq(struct hypercall *hc, void *arg);
long op_bind_ipi(struct hypercall *hc, void *arg);
long op_bind_vcpu(struct hypercall *hc, void *arg);

/* The domain that the caller names and may act on, with a reference. -ESRCH, -EPERM. */
int event_target(struct domain *self, domid_id_t id, struct domain **out) __must_check;

#endif
