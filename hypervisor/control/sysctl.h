/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside control/: the operations of sysctl, one file a family. An operation gets its own copy of the
 * argument; the table (sysctl.c) says how much of it the caller gets back after success.
 */
#ifndef CONTROL_SYSCTL_H
#define CONTROL_SYSCTL_H

#include "control/write_back.h"
#include "core/hypercall.h"
#include "hv/cpumask.h"
#include "hv/types.h"
#include <xen/sysctl.h>

typedef long sysctl_fn(struct hypercall *hc, struct xen_sysctl *op);

sysctl_fn sysctl_readconsole, sysctl_debug_keys;                                  /* sysctl_console.c */
sysctl_fn sysctl_physinfo, sysctl_cputopoinfo, sysctl_numainfo, sysctl_availheap; /* sysctl_machine.c */
sysctl_fn sysctl_getcpuinfo, sysctl_pcitopoinfo, sysctl_cpu_hotplug;
sysctl_fn sysctl_getdomaininfolist;                                        /* sysctl_domains.c */
sysctl_fn sysctl_sched_id, sysctl_scheduler_op, sysctl_cpupool_op;         /* sysctl_sched.c */
sysctl_fn sysctl_levelling_caps, sysctl_cpu_featureset, sysctl_cpu_policy; /* sysctl_cpu_policy.c */
sysctl_fn sysctl_pmstat, sysctl_pm_op, sysctl_coverage, sysctl_psr_cmt, sysctl_psr_alloc,
    sysctl_livepatch; /* sysctl_absent.c */

#endif
