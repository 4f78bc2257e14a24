/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl: what Xenios does not have and Debian's Xen has its own error for. Callers tell by it that the thing
 * is absent: -ENODEV no such hardware or driver, -EOPNOTSUPP not built in. (Performance counters and lock
 * profiles are -ENOSYS there, too: they are not in the table. So is the trace buffer on a Xen built without.)
 */
#include "control/sysctl.h"
#include "hv/errno.h"

#define PM_NO_SUB_STATE_LIMIT XEN_SYSCTL_CX_UNLIMITED

static bool is_online(uint32_t cpu)
{
    return cpu < cpu_count && cpumask_test(cpu, &cpu_online_mask);
}

/* There is no driver of frequencies or idle states whose statistics could be asked for. */
long sysctl_pmstat(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc;
    return is_online(sysctl->u.get_pmstat.cpuid) ? -ENODEV : -EINVAL;
}

long sysctl_pm_op(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_pm_op *op = &sysctl->u.pm_op;

    (void)hc;
    if (!is_online(op->cpuid) || (op->cmd & PM_PARA_CATEGORY_MASK) == CPUFREQ_PARA)
        return -EINVAL;
    switch (op->cmd) {
    case XEN_SYSCTL_pm_op_get_max_cstate:
        op->u.get_max_cstate = op->cpuid == 0 ? 1 : PM_NO_SUB_STATE_LIMIT; /* processors idle by HLT: C1 */
        return 0;
    case XEN_SYSCTL_pm_op_enable_turbo:
    case XEN_SYSCTL_pm_op_disable_turbo:
        return -EACCES;
    default:
        return -ENOSYS;
    }
}

long sysctl_coverage(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc, (void)sysctl;
    return -EOPNOTSUPP;
}

long sysctl_psr_cmt(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc, (void)sysctl;
    return -ENODEV;
}

long sysctl_psr_alloc(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc;
    return sysctl->u.psr_alloc.cmd <= XEN_SYSCTL_PSR_get_mba_info ? -ENODEV : -EOPNOTSUPP;
}

long sysctl_livepatch(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc, (void)sysctl;
    return -EOPNOTSUPP;
}
