/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl: what PV domains of ours cannot have, with the error that Debian's Xen has for it (tests/guest/foreign): callers tell by it that the thing is absent. -EINVAL: for HVM
 * domains; -EOPNOTSUPP: needs an IOMMU, HVM or a paging pool; -ENODEV: no such hardware.
 */
#include "control/domctl.h"

long domctl_absent(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc, (void)d;
    switch (op->cmd) {
    case XEN_DOMCTL_assign_device:
    case XEN_DOMCTL_test_assign_device:
    case XEN_DOMCTL_deassign_device:
    case XEN_DOMCTL_get_device_group:
    case XEN_DOMCTL_ioport_mapping:
    case XEN_DOMCTL_monitor_op:
    case XEN_DOMCTL_get_paging_mempool_size:
    case XEN_DOMCTL_set_paging_mempool_size:
        return -EOPNOTSUPP;
    case XEN_DOMCTL_psr_cmt_op:
    case XEN_DOMCTL_psr_alloc:
        return -ENODEV;
    default:
        return -EINVAL;
    }
}

/* No domain but the hardware domain reaches devices, so there is nothing to take away; and nothing is given. */
static long permission(const struct domain *d, bool range_is_valid, bool allow)
{
    if (!range_is_valid)
        return -EINVAL;
    return d->is_hardware || allow ? -EOPNOTSUPP : 0;
}

long domctl_ioport_permission(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_ioport_permission *op = &domctl->u.ioport_permission;

    (void)hc;
    return permission(d, op->nr_ports && op->first_port < 0x10000 && op->nr_ports <= 0x10000 - op->first_port,
                      op->allow_access);
}

long domctl_iomem_permission(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_iomem_permission *op = &domctl->u.iomem_permission;

    (void)hc;
    return permission(d, op->nr_mfns && op->first_mfn + op->nr_mfns > op->first_mfn, op->allow_access);
}
