/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside control/: the operations of domctl, one file a family. The table (domctl.c) finds the domain, asks
 * authority and copies the argument; an operation gets its own copy and the domain with a reference that
 * lasts for the call. One that returns -ERESTART is called again with the same argument, so what it has done
 * is kept in the domain.
 */
#ifndef CONTROL_DOMCTL_H
#define CONTROL_DOMCTL_H

#include "control/write_back.h"
#include "core/hypercall.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/domctl.h>

/*
 * `d` is NULL for operations that name no domain (DOMCTL_NO_DOMAIN in the table). 0 (then the table's part of
 * the argument is copied back) or a result to return.
 */
typedef long domctl_fn(struct hypercall *hc, struct domain *d, struct xen_domctl *op);

/* domctl_life.c: making, ending, pausing, what is known of a domain */
domctl_fn domctl_createdomain, domctl_destroydomain, domctl_pausedomain, domctl_unpausedomain,
    domctl_resumedomain, domctl_getdomaininfo, domctl_setdomainhandle, domctl_setdebugging, domctl_subscribe,
    domctl_set_target, domctl_set_virq_handler;
/* domctl_vcpu.c */
domctl_fn domctl_max_vcpus, domctl_setvcpucontext, domctl_getvcpucontext, domctl_getvcpuinfo,
    domctl_sendtrigger;
/* domctl_machine.c: what the domain's machine is like */
domctl_fn domctl_max_mem, domctl_hypercall_init, domctl_set_address_size, domctl_get_address_size,
    domctl_settscinfo, domctl_gettscinfo, domctl_settimeoffset;
/* The same for who makes a domain: its TSC. -EINVAL. The domain is not the caller's own. */
int domain_tsc_set(struct domain *d, const struct guest_tsc_state *asked) __must_check;
/* domctl_vcpu_extended.c */
domctl_fn domctl_get_ext_vcpucontext, domctl_set_ext_vcpucontext, domctl_getvcpuextstate,
    domctl_setvcpuextstate;
/* domctl_sched.c */
domctl_fn domctl_setvcpuaffinity, domctl_getvcpuaffinity, domctl_setnodeaffinity, domctl_getnodeaffinity,
    domctl_scheduler_op;

/* domctl_cpu_policy.c */
domctl_fn domctl_get_cpu_policy, domctl_set_cpu_policy, domctl_get_vcpu_msrs, domctl_set_vcpu_msrs;
/* domctl_absent.c: a number of operations answer by their errors alone */
domctl_fn domctl_absent, domctl_setvnumainfo;
/* domctl_permission.c */
domctl_fn domctl_ioport_permission, domctl_iomem_permission, domctl_irq_permission;
/* domctl_memory.c */
domctl_fn domctl_getpageframeinfo3;

#endif
