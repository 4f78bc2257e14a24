/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl getdomaininfolist: what is told of each domain, in the order of their numbers. */
#include "control/domain_info.h"
#include "control/sysctl.h"
#include "hv/errno.h"
#include "hv/guest.h"

long sysctl_getdomaininfolist(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_getdomaininfolist *op = &sysctl->u.getdomaininfolist;
    uint32_t count = 0;

    (void)hc;
    for (unsigned int id = op->first_domain;
         count < op->max_domains && (id = domain_id_next(id)) < DOMID_FIRST_RESERVED; id++) {
        struct xen_domctl_getdomaininfo info;
        struct domain *d = domain_get((domid_id_t)id);
        guest_ptr_t at;

        if (!d)
            continue;
        domain_info(d, &info);
        domain_put(d);
        if (guest_array_at(GUEST_PTR((uint64_t)op->buffer.p), count, sizeof(info), &at) ||
            copy_to_guest(at, &info, sizeof(info)))
            return -EFAULT;
        count++;
    }
    op->num_domains = count;
    return 0;
}
