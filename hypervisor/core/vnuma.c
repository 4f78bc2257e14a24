/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The NUMA layout of a domain: set by who builds it, read by its kernel; where its nodes are placed decides where memory comes from that is
 * asked for by their numbers. What is refused, and how, is as recorded of Debian's Xen in tests/guest/foreign/vnuma.c: the
 * ranges' nodes and limits are not looked at.
 */
#include "core/vnuma.h"
#include "core/authority.h"
#include "core/memory_op.h"
#include "core/numa.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/speculation.h"
#include "hv/string.h"

/* Each array has a page at most: so many distances, and no more than so many ranges. */
#define MAX_NODES  32
#define MAX_RANGES (PAGE_SIZE / sizeof(xen_vmemrange_t))

/* Behind it: the distances, the vcpus' nodes, and on which of the machine's each is placed. */
struct domain_vnuma {
    uint32_t nodes, vcpus, ranges;
    xen_vmemrange_t range[];
};

static uint32_t *distances(struct domain_vnuma *n)
{
    return (uint32_t *)(n->range + n->ranges);
}

static uint32_t *vcpu_nodes(struct domain_vnuma *n)
{
    return distances(n) + n->nodes * n->nodes;
}

static size_t size_of(uint32_t nodes, uint32_t vcpus, uint32_t ranges)
{
    return sizeof(struct domain_vnuma) + ranges * sizeof(xen_vmemrange_t) +
           (nodes * nodes + vcpus + nodes) * sizeof(uint32_t);
}

static uint32_t *placements(struct domain_vnuma *n)
{
    return vcpu_nodes(n) + n->vcpus;
}

void vnuma_free(struct domain *d)
{
    (void)domain_replace_part(d, &d->vnuma, NULL);
}

/* -E2BIG if one of so many numbers is `end` or more. */
static int check_below(const uint32_t *number, uint32_t count, uint32_t end)
{
    for (uint32_t i = 0; i < count; i++)
        if (number[i] >= end)
            return -E2BIG;
    return 0;
}

static int fill(struct domain_vnuma *n, const struct xen_domctl_vnuma *op)
{
    int ret;

    if (copy_from_guest(distances(n), GUEST_PTR((uint64_t)op->vdistance.p),
                        n->nodes * n->nodes * sizeof(uint32_t)) ||
        copy_from_guest(vcpu_nodes(n), GUEST_PTR((uint64_t)op->vcpu_to_vnode.p), n->vcpus * sizeof(uint32_t)))
        return -EFAULT;
    ret = check_below(vcpu_nodes(n), n->vcpus, n->nodes);
    if (ret)
        return ret;
    if (copy_from_guest(placements(n), GUEST_PTR((uint64_t)op->vnode_to_pnode.p),
                        n->nodes * sizeof(uint32_t)))
        return -EFAULT;
    ret = check_below(placements(n), n->nodes, NUMA_MAX_NODES);
    if (ret)
        return ret;
    if (copy_from_guest(n->range, GUEST_PTR((uint64_t)op->vmemrange.p), n->ranges * sizeof(xen_vmemrange_t)))
        return -EFAULT;
    for (uint32_t i = 0; i < n->ranges; i++)
        if (n->range[i].flags)
            return -EINVAL;
    return 0;
}

int vnuma_set(struct domain *d, const struct xen_domctl_vnuma *op)
{
    struct domain_vnuma *n;
    int ret;

    if (!op->nr_vnodes || op->nr_vcpus != d->max_vcpus || op->pad)
        return -EINVAL;
    if (op->nr_vnodes > MAX_NODES || op->nr_vmemranges > MAX_RANGES)
        return -EINVAL;
    n = hv_zalloc(size_of(op->nr_vnodes, op->nr_vcpus, op->nr_vmemranges));
    if (!n)
        return -ENOMEM;
    n->nodes = op->nr_vnodes;
    n->vcpus = op->nr_vcpus;
    n->ranges = op->nr_vmemranges;
    ret = fill(n, op);
    if (ret) {
        hv_free(n);
        return ret;
    }
    return domain_replace_part(d, &d->vnuma, n);
}

int vnuma_placement(struct domain *d, unsigned int node, unsigned int *out)
{
    int ret = 0;

    lock(&d->control_lock);
    if (!d->vnuma)
        ret = 1;
    else if (node >= d->vnuma->nodes)
        ret = -EINVAL;
    else
        *out = placements(d->vnuma)[array_index_clamp(node, d->vnuma->nodes)];
    unlock(&d->control_lock);
    return ret;
}

/* The layout's own copy, so that nothing is locked while it is written to the guest. */
static int copy_layout(struct domain *d, struct domain_vnuma **out)
{
    int ret = -EOPNOTSUPP;
    size_t size;

    lock(&d->control_lock);
    if (d->vnuma) {
        size = size_of(d->vnuma->nodes, d->vnuma->vcpus, d->vnuma->ranges);
        *out = hv_zalloc(size);
        ret = *out ? 0 : -ENOMEM;
        if (*out)
            memcpy(*out, d->vnuma, size);
    }
    unlock(&d->control_lock);
    return ret;
}

static long answer(struct hypercall *hc, abi_xen_vnuma_topology_info_t *arg, struct domain_vnuma *n)
{
    bool room = arg->nr_vnodes >= n->nodes && arg->nr_vcpus >= n->vcpus && arg->nr_vmemranges >= n->ranges;

    arg->nr_vnodes = n->nodes;
    arg->nr_vcpus = n->vcpus;
    arg->nr_vmemranges = n->ranges;
    if (room && (copy_to_guest(arg->vmemrange, n->range, n->ranges * sizeof(xen_vmemrange_t)) ||
                 copy_to_guest(arg->vdistance, distances(n), n->nodes * n->nodes * sizeof(uint32_t)) ||
                 copy_to_guest(arg->vcpu_to_vnode, vcpu_nodes(n), n->vcpus * sizeof(uint32_t))))
        return -EFAULT;
    if (abi_write(hc, xen_vnuma_topology_info, hypercall_ptr(hc, 1), arg))
        return -EFAULT;
    return room ? 0 : -ENOBUFS;
}

long memory_op_vnuma(struct hypercall *hc)
{
    abi_xen_vnuma_topology_info_t arg;
    struct domain_vnuma *n = NULL;
    struct domain *d;
    long ret;

    if (abi_read(hc, xen_vnuma_topology_info, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (arg.pad)
        return -EINVAL;
    ret = memory_op_domain(hc, arg.domid, &d);
    if (ret)
        return ret;
    ret = copy_layout(d, &n);
    domain_put(d);
    if (ret)
        return ret;
    ret = answer(hc, &arg, n);
    hv_free(n);
    return ret;
}
