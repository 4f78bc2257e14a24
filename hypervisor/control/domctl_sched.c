/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: where vcpus may run, and the scheduler's parameters of a domain. */
#include "control/bitmap.h"
#include "control/domctl.h"
#include "core/domain_nodes.h"
#include "sched/sched.h"

static bool lacks_map(bool wanted, const struct xenctl_bitmap *map)
{
    return wanted && !map->bitmap.p;
}

static int find_vcpu(const struct domain *d, const struct xen_domctl_vcpuaffinity *a, struct vcpu **out)
{
    if (!a->flags || lacks_map(a->flags & XEN_VCPUAFFINITY_HARD, &a->cpumap_hard) ||
        lacks_map(a->flags & XEN_VCPUAFFINITY_SOFT, &a->cpumap_soft) || a->vcpu >= d->max_vcpus)
        return -EINVAL;
    *out = domain_vcpu(d, a->vcpu);
    return *out ? 0 : -ESRCH;
}

/* What came of it: the processors that are there, of the soft affinity those which the hard one allows. */
static int tell_effective(const struct vcpu *v, const struct xen_domctl_vcpuaffinity *a)
{
    cpumask_t hard, soft;

    cpumask_and(&hard, &v->hard_affinity, &cpu_online_mask);
    cpumask_and(&soft, &v->soft_affinity, &hard);
    if (a->flags & XEN_VCPUAFFINITY_HARD && bitmap_write(&a->cpumap_hard, hard.bits, MAX_CPUS))
        return -EFAULT;
    if (a->flags & XEN_VCPUAFFINITY_SOFT && bitmap_write(&a->cpumap_soft, soft.bits, MAX_CPUS))
        return -EFAULT;
    return 0;
}

static long set_affinity(struct vcpu *v, const struct xen_domctl_vcpuaffinity *a)
{
    cpumask_t hard, soft;
    bool with_hard = a->flags & XEN_VCPUAFFINITY_HARD, with_soft = a->flags & XEN_VCPUAFFINITY_SOFT;
    int rc;

    if (with_hard && bitmap_read(&a->cpumap_hard, hard.bits, MAX_CPUS))
        return -EFAULT;
    if (with_soft && bitmap_read(&a->cpumap_soft, soft.bits, MAX_CPUS))
        return -EFAULT;
    if (a->flags & XEN_VCPUAFFINITY_FORCE)
        (void)!sched_pin_override(v, -1);
    rc = sched_set_affinity(v, with_hard ? &hard : NULL, with_soft ? &soft : NULL);
    if (rc)
        return rc;
    domain_nodes_follow(v->domain);
    return tell_effective(v, a);
}

long domctl_setvcpuaffinity(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    int rc = find_vcpu(d, &op->u.vcpuaffinity, &v);

    (void)hc;
    return rc ? rc : set_affinity(v, &op->u.vcpuaffinity);
}

long domctl_getvcpuaffinity(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuaffinity *a = &op->u.vcpuaffinity;
    struct vcpu *v;
    int rc = find_vcpu(d, a, &v);

    (void)hc;
    if (!rc && a->flags & XEN_VCPUAFFINITY_HARD)
        rc = bitmap_write(&a->cpumap_hard, v->hard_affinity.bits, MAX_CPUS);
    if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
        rc = bitmap_write(&a->cpumap_soft, v->soft_affinity.bits, MAX_CPUS);
    return rc;
}

long domctl_setnodeaffinity(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    uint64_t nodes;

    (void)hc;
    if (bitmap_read(&op->u.nodeaffinity.nodemap, &nodes, NUMA_MAX_NODES))
        return -EFAULT;
    return domain_set_nodes(d, nodes);
}

long domctl_getnodeaffinity(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    uint64_t nodes = d->node_affinity ? d->node_affinity : numa_all_nodes();

    (void)hc;
    return bitmap_write(&op->u.nodeaffinity.nodemap, &nodes, NUMA_MAX_NODES);
}

long domctl_scheduler_op(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc;
    return sched_adjust_domain(d, &op->u.scheduler_op);
}
