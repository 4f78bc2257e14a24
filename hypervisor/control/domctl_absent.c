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
        return -ENODEV;
    case XEN_DOMCTL_psr_alloc:
        return op->u.psr_alloc.cmd <= XEN_DOMCTL_PSR_GET_MBA_THRTL ? -ENODEV : -EOPNOTSUPP;
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
