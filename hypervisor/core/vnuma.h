/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The NUMA layout that a domain is told. */
#ifndef CORE_VNUMA_H
#define CORE_VNUMA_H

#include "core/domain.h"
#include <xen/domctl.h>

/* XEN_DOMCTL_setvnumainfo; pointers are of the caller. -EINVAL, -E2BIG: no layout; -EFAULT, -ENOMEM. */
int vnuma_set(struct domain *d, const struct xen_domctl_vnuma *op) __must_check;
/* Where its node with this number is placed. 0; -EINVAL: it has no such node; 1: it has no layout. */
int vnuma_placement(struct domain *d, unsigned int node, unsigned int *out) __must_check;
/* The domain goes. */
void vnuma_free(struct domain *d);

#endif
