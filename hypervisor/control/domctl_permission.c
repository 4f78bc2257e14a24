/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl: ports, device memory and interrupts of the machine for a domain. Who has something may pass it on
 * or take it away, and nothing else: -EPERM. -EINVAL: there is no such thing. The answers are recorded of
 * Debian's Xen in tests/guest/control/permissions.c.
 */
#include "control/domctl.h"
#include "core/io_access.h"
#include "event/event.h"

#define PORTS 65536

static long change(const struct domain *caller, struct domain *d, enum io_space space,
                   const uint64_t range[2], bool allow)
{
    long rc;

    if (!domain_has_io(caller, space, range[0], range[1]))
        return -EPERM;
    lock(&d->control_lock);
    rc = d->state == DOMAIN_ALIVE ? domain_change_io(d, space, range[0], range[1], allow) : -EINVAL;
    unlock(&d->control_lock);
    return rc;
}

long domctl_ioport_permission(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_ioport_permission *op = &domctl->u.ioport_permission;
    const uint64_t range[2] = {op->first_port, (uint64_t)op->first_port + op->nr_ports - 1};

    if (!op->nr_ports || range[1] >= PORTS)
        return -EINVAL;
    return change(hc->vcpu->domain, d, IO_PORTS, range, op->allow_access);
}

/* No pages at all, from the first one on, are all that there could be: nobody's. */
long domctl_iomem_permission(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_iomem_permission *op = &domctl->u.iomem_permission;
    const uint64_t range[2] = {op->first_mfn, op->first_mfn + op->nr_mfns - 1};

    if (range[1] < range[0])
        return -EINVAL;
    return change(hc->vcpu->domain, d, IO_MEMORY, range, op->allow_access);
}

long domctl_irq_permission(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_irq_permission *op = &domctl->u.irq_permission;

    return event_pirq_ops.permit(hc->vcpu->domain, d, op->pirq, op->allow_access);
}
