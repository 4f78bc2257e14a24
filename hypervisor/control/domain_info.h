/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is told of a domain: domctl getdomaininfo, sysctl getdomaininfolist. */
#ifndef CONTROL_DOMAIN_INFO_H
#define CONTROL_DOMAIN_INFO_H

#include "core/domain.h"
#include <xen/domctl.h>

/* The caller holds a reference to the domain. Nothing is stopped meanwhile: counts are of the moment they are read. */
void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

#endif
