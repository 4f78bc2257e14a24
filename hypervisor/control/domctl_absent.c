/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl: what PV domains of ours cannot have, with the error that Debian's Xen has for it (tests/guest/foreign): callers tell by it that the thing is absent. -EINVAL: for HVM
 * domains; -EOPNOTSUPP: needs an IOMMU, HVM or a paging pool; -ENODEV: no such hardware.
 */
#include "control/domctl.h"
#include "core/io_access.h"
#include "core/vnuma.h"
#include <xen/vm_event.h>

/* Who asks for the version learns it; there are no rings. */
static long vm_event(struct hypercall *hc, struct xen_domctl *op, bool is_self)
{
    if (op->u.vm_event_op.op != XEN_VM_EVENT_GET_VERSION)
        return is_self ? -EINVAL : -ENOSYS;
    op->u.vm_event_op.u.version = VM_EVENT_INTERFACE_VERSION;
    return control_write_back(hc, op, &op->u, sizeof(op->u.vm_event_op));
}

/* Of a PV domain nothing can be watched: no event is offered. */
static long monitor(struct hypercall *hc, struct xen_domctl *op)
{
    switch (op->u.monitor_op.op) {
    case XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES:
        op->u.monitor_op.event = 0;
        return control_write_back(hc, op, &op->u, sizeof(op->u.monitor_op));
    case XEN_DOMCTL_MONITOR_OP_EMULATE_EACH_REP:
        return -EINVAL;
    case XEN_DOMCTL_MONITOR_OP_CONTROL_REGISTERS:
        return 0;
    default:
        return -EOPNOTSUPP;
    }
}

/* Dirty pages are not logged: it cannot be switched on, and there were none. */
static long log_dirty(struct hypercall *hc, struct xen_domctl *op)
{
    switch (op->u.shadow_op.op) {
    case XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY:
        return -EOPNOTSUPP;
    case XEN_DOMCTL_SHADOW_OP_CLEAN:
    case XEN_DOMCTL_SHADOW_OP_PEEK:
        op->u.shadow_op.stats = (struct xen_domctl_shadow_op_stats){0};
        return control_write_back(hc, op, &op->u, sizeof(op->u.shadow_op));
    default:
        return -EINVAL;
    }
}

/* A PV kernel maps devices itself, if it may (domctl_permission.c): for a possible range, there is nothing to do. */
static long memory_mapping(const struct xen_domctl *op)
{
    const struct xen_domctl_memory_mapping *m = &op->u.memory_mapping;
    uint64_t last = m->first_mfn + m->nr_mfns - 1;

    if (last < m->first_mfn || m->first_gfn + m->nr_mfns - 1 < m->first_gfn || !io_is_possible(last))
        return -EINVAL;
    return 0;
}

long domctl_absent(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    bool is_self = d == hc->vcpu->domain;

    switch (op->cmd) {
    case XEN_DOMCTL_vm_event_op:
        return vm_event(hc, op, is_self);
    case XEN_DOMCTL_set_access_required: /* of who watches a domain's memory, and there is nobody */
        return is_self ? -EPERM : 0;
    case XEN_DOMCTL_monitor_op:
        return is_self ? -EPERM : monitor(hc, op);
    case XEN_DOMCTL_shadow_op:
        return is_self ? -EINVAL : log_dirty(hc, op);
    case XEN_DOMCTL_memory_mapping:
        return memory_mapping(op);
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

long domctl_setvnumainfo(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    (void)hc;
    return vnuma_set(d, &domctl->u.vnuma);
}
