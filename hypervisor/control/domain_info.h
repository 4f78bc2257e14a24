/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the toolstack is told of a domain: domctl getdomaininfo and sysctl getdomaininfolist. */
#ifndef CONTROL_DOMAIN_INFO_H
#define CONTROL_DOMAIN_INFO_H

#include "core/domain.h"
#include <xen/domctl.h>

/* A moment's view: nothing is stopped for it. */
void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *out);
/* The first domain whose id is at least `id`, with a reference; NULL: none. */
struct domain *domain_get_from(unsigned int id);

#endif
