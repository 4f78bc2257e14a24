/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl (xen/sysctl.h): operations on the whole machine. -EFAULT, then -EACCES for another interface
 * version, then -EPERM, then the operation's own answer.
 */
#include "control/sysctl.h"
#include "control/control.h"
#include "core/authority.h"
#include "hv/errno.h"
#include "hv/guest.h"

#define ROW(command, fn, member) [XEN_SYSCTL_##command] = {fn, sizeof(((struct xen_sysctl *)0)->u.member)}
#define ROW_IN(command, fn)      [XEN_SYSCTL_##command] = {fn, 0}

static const struct row {
    sysctl_fn *fn;
    uint8_t out; /* bytes of the union that the caller gets back after success */
} ops[] = {
    ROW_IN(readconsole, sysctl_readconsole),
    ROW_IN(debug_keys, sysctl_debug_keys),
    ROW(physinfo, sysctl_physinfo, physinfo),
    ROW(cputopoinfo, sysctl_cputopoinfo, cputopoinfo),
    ROW(numainfo, sysctl_numainfo, numainfo),
    ROW(availheap, sysctl_availheap, availheap),
    ROW(getcpuinfo, sysctl_getcpuinfo, getcpuinfo),
    ROW(pcitopoinfo, sysctl_pcitopoinfo, pcitopoinfo),
    ROW_IN(cpu_hotplug, sysctl_cpu_hotplug),
    ROW(getdomaininfolist, sysctl_getdomaininfolist, getdomaininfolist),
    ROW(sched_id, sysctl_sched_id, sched_id),
    ROW(scheduler_op, sysctl_scheduler_op, scheduler_op),
    ROW(cpupool_op, sysctl_cpupool_op, cpupool_op),
    ROW(get_cpu_levelling_caps, sysctl_levelling_caps, cpu_levelling_caps),
    ROW(get_cpu_featureset, sysctl_cpu_featureset, cpu_featureset),
    ROW(get_cpu_policy, sysctl_cpu_policy, cpu_policy),
    ROW_IN(get_pmstat, sysctl_pmstat),
    ROW(pm_op, sysctl_pm_op, pm_op),
    ROW_IN(coverage_op, sysctl_coverage),
    ROW_IN(psr_cmt_op, sysctl_psr_cmt),
    ROW_IN(psr_alloc, sysctl_psr_alloc),
    ROW_IN(livepatch_op, sysctl_livepatch),
};

long do_sysctl(struct hypercall *hc)
{
    struct xen_sysctl op;
    const struct row *row;
    long rc;

    if (copy_from_guest(&op, hypercall_ptr(hc, 0), sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
        return -EACCES;
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_SYSCTL))
        return -EPERM;
    if (op.cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    row = &ops[array_index_clamp(op.cmd, ARRAY_SIZE(ops))];
    if (!row->fn)
        return -ENOSYS;
    rc = row->fn(hc, &op);
    if (rc == 0 && row->out)
        rc = control_write_back(hc, &op, &op.u, row->out);
    return rc;
}
