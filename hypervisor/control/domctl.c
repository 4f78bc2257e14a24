/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl (xen/domctl.h): operations on one domain. None is there yet. */
#include "control/control.h"
#include "core/authority.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/domctl.h>

long do_domctl(struct hypercall *hc)
{
    struct xen_domctl op;

    if (copy_from_guest(&op, hypercall_ptr(hc, 0), sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_DOMCTL))
        return -EPERM;
    return -ENOSYS;
}
