/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl: the scheduler, and pools of processors. There is one pool, number 0, with all processors and all
 * domains in it; it neither shrinks nor gets a brother.
 */
#include "control/sysctl.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "sched/policy.h"
#include "sched/sched.h"

long sysctl_sched_id(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc;
    sysctl->u.sched_id.sched_id = sched_policy_id();
    return 0;
}

long sysctl_scheduler_op(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_scheduler_op *op = &sysctl->u.scheduler_op;

    (void)hc;
    if (op->cmd != XEN_SYSCTL_SCHEDOP_putinfo && op->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
        return -EINVAL;
    return op->cpupool_id ? -ESRCH : sched_adjust_global(op);
}

/* As much of a bitmap as the guest has room for; what it has beyond ours is zero. */
static int write_bitmap(const struct xenctl_bitmap *out, const cpumask_t *mask)
{
    uint32_t room = DIV_ROUND_UP(out->nr_bits, 8u), ours = DIV_ROUND_UP(cpu_count, 8u);
    guest_ptr_t at = GUEST_PTR((uint64_t)out->bitmap.p);

    if (copy_to_guest(at, mask->bits, min(room, ours)))
        return -EFAULT;
    return room > ours ? clear_guest(guest_ptr_add(at, ours), room - ours) : 0;
}

static bool is_scheduler(uint32_t id)
{
    for (unsigned int i = 0; sched_policies[i]; i++)
        if (sched_policies[i]->id == id)
            return true;
    return false;
}

static long pool_create(const struct xen_sysctl_cpupool_op *op)
{
    if (op->cpupool_id == 0)
        return -EEXIST;
    return is_scheduler(op->sched_id) ? -EOPNOTSUPP : -ENOENT;
}

/* Of the first pool whose number is not below the one asked for: so the tools walk them. */
static long pool_info(struct xen_sysctl_cpupool_op *op)
{
    if (op->cpupool_id)
        return -ENOENT;
    op->sched_id = sched_policy_id();
    op->n_dom = 0;
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        op->n_dom += d->id < DOMID_FIRST_RESERVED;
    return write_bitmap(&op->cpumap, &cpu_online_mask);
}

static long pool_change(const struct xen_sysctl_cpupool_op *op)
{
    if (op->cpupool_id)
        return -ENOENT;
    if (op->cpu != XEN_SYSCTL_CPUPOOL_PAR_ANY && op->cpu >= cpu_count)
        return -EINVAL;
    return op->op == XEN_SYSCTL_CPUPOOL_OP_ADDCPU ? -ENODEV /* all are taken */ : -EOPNOTSUPP;
}

static long pool_move(const struct hypercall *hc, const struct xen_sysctl_cpupool_op *op)
{
    struct domain *d;

    if (op->domid == hc->vcpu->domain->id)
        return -EPERM;
    d = domain_get_guest(op->domid);
    if (!d)
        return -ESRCH;
    domain_put(d);
    return op->cpupool_id ? -ENOENT : 0;
}

static long pool_free_processors(const struct xen_sysctl_cpupool_op *op)
{
    const cpumask_t none = {0};

    return write_bitmap(&op->cpumap, &none);
}

long sysctl_cpupool_op(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpupool_op *op = &sysctl->u.cpupool_op;

    switch (op->op) {
    case XEN_SYSCTL_CPUPOOL_OP_CREATE:
        return pool_create(op);
    case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
        return op->cpupool_id ? -ENOENT : -EBUSY;
    case XEN_SYSCTL_CPUPOOL_OP_INFO:
        return pool_info(op);
    case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
    case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
        return pool_change(op);
    case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
        return pool_move(hc, op);
    case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
        return pool_free_processors(op);
    default:
        return -ENOSYS;
    }
}
