/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl: what PV domains of ours cannot have, with the error that Debian's Xen has for it (tests/guest/foreign): callers tell by it that the thing is absent. -EINVAL: for HVM
 * domains; -EOPNOTSUPP: needs an IOMMU, HVM or a paging pool; -ENODEV: no such hardware.
 */
#include "control/domctl.h"

long domctl_absent(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    bool is_self = d == hc->vcpu->domain;

    switch (op->cmd) {
    case XEN_DOMCTL_vm_event_op:
        return is_self ? -EINVAL : -ENOSYS;
    case XEN_DOMCTL_set_access_required: /* of who watches a domain's memory, and there is nobody */
        return is_self ? -EPERM : 0;
    case XEN_DOMCTL_monitor_op:
        return is_self ? -EPERM : -EOPNOTSUPP;
    case XEN_DOMCTL_assign_device:
    case XEN_DOMCTL_test_assign_device:
    case XEN_DOMCTL_deassign_device:
    case XEN_DOMCTL_get_device_group:
    case XEN_DOMCTL_ioport_mapping:
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

/* A domain sees one node: what is no layout at all is told apart, as on Xen. */
long domctl_setvnumainfo(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    const struct xen_domctl_vnuma *op = &domctl->u.vnuma;

    (void)hc;
    if (!op->nr_vnodes || !op->nr_vmemranges || op->nr_vcpus != d->max_vcpus || op->pad)
        return -EINVAL;
    return -EOPNOTSUPP;
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
