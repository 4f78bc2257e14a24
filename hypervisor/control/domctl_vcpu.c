/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: the vcpus of a domain and their whole state. */
#include "control/domctl.h"
#include "core/guest_abi.h"
#include "core/vcpu_op.h"
#include "hv/alloc.h"
#include "pv/pv.h"
#include "sched/sched.h"

/* Neighbouring vcpus start on neighbouring processors. */
static unsigned int first_cpu(const struct domain *d, unsigned int id)
{
    unsigned int cpu = (d->id + id) % cpu_count;

    while (!cpumask_test(cpu, &cpu_online_mask))
        cpu = (cpu + 1) % cpu_count;
    return cpu;
}

/* One vcpu a call to the allocator's work: preempted between them, and those that are there already are left alone. */
static long create_vcpus(struct hypercall *hc, struct domain *d)
{
    struct vcpu *v;

    for (unsigned int id = 0; id < d->max_vcpus; id++) {
        int rc;

        if (d->vcpu[id])
            continue;
        rc = d->state == DOMAIN_ALIVE ? vcpu_create(d, id, first_cpu(d, id), &v) : -EINVAL;
        if (rc)
            return rc;
        hypercall_charge(hc, 4); /* some 3,000 instructions */
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

long domctl_max_vcpus(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    long rc;

    if (d == hc->vcpu->domain || op->u.max_vcpus.max != d->max_vcpus)
        return -EINVAL;
    lock(&d->control_lock);
    rc = create_vcpus(hc, d);
    unlock(&d->control_lock);
    return rc;
}

static int find_vcpu(const struct domain *d, uint32_t id, struct vcpu **out)
{
    if (id >= d->max_vcpus)
        return -EINVAL;
    *out = domain_vcpu(d, id);
    return *out ? 0 : -ESRCH;
}

/* The vcpu is off its processor. Page tables are validated meanwhile, so no lock is held; but nobody else sets this one's context. */
static long begin(struct vcpu *v)
{
    struct domain *d = v->domain;
    long rc = 0;

    lock(&d->control_lock);
    if (d->state != DOMAIN_ALIVE)
        rc = -EINVAL;
    else if (v->is_initialising)
        rc = -ERESTART;
    else
        v->is_initialising = true;
    unlock(&d->control_lock);
    return rc;
}

/* The context's flags say whether the vcpu is up. True: it is now, and was not. */
static bool end(struct vcpu *v, bool done, bool up)
{
    bool start = false;

    lock(&v->domain->control_lock);
    v->is_initialising = false;
    v->is_initialised |= done;
    if (done && !up)
        __atomic_fetch_or(&v->pause_flags, VCPU_DOWN, __ATOMIC_SEQ_CST);
    else if (done)
        start = __atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_DOWN, __ATOMIC_SEQ_CST) & VCPU_DOWN;
    unlock(&v->domain->control_lock);
    return start;
}

static long set_context(struct hypercall *hc, struct vcpu *v, const struct vcpu_guest_context *context)
{
    long rc = begin(v);

    if (rc)
        return rc;
    domain_pause_sync(v->domain);
    rc = v->domain->kind->set_context(v, context, hc);
    if (end(v, rc == 0, context->flags & VGCF_online))
        vcpu_start(v);
    domain_unpause(v->domain);
    return rc;
}

long domctl_setvcpucontext(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    guest_ptr_t from = GUEST_PTR((uint64_t)op->u.vcpucontext.ctxt.p);
    struct vcpu_guest_context *context;
    struct vcpu *v;
    long rc = d == hc->vcpu->domain || find_vcpu(d, op->u.vcpucontext.vcpu, &v) ? -EINVAL : 0;

    if (rc)
        return rc;
    if (guest_ptr_is_null(from))
        return v->is_initialised ? -EOPNOTSUPP : 0; /* a vcpu's reset */
    context = hv_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    rc = abi_read_as(d->width32, vcpu_guest_context, context, from); /* the vcpu's form, whoever calls */
    if (!rc)
        rc = set_context(hc, v, context);
    hv_free(context);
    return rc;
}

long domctl_getvcpucontext(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu_guest_context *context;
    struct vcpu *v;
    long rc = d == hc->vcpu->domain || find_vcpu(d, op->u.vcpucontext.vcpu, &v) ? -EINVAL : 0;

    if (rc)
        return rc;
    if (!v->is_initialised)
        return -ENODATA;
    context = hv_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    vcpu_pause_sync(v);
    pv_get_context(v, context);
    vcpu_unpause(v);
    rc = abi_write_as(d->width32, vcpu_guest_context, GUEST_PTR((uint64_t)op->u.vcpucontext.ctxt.p), context);
    hv_free(context);
    return rc;
}

long domctl_getvcpuinfo(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_getvcpuinfo *info = &op->u.getvcpuinfo;
    struct vcpu *v;
    long rc = find_vcpu(d, info->vcpu, &v);
    uint32_t flags;

    (void)hc;
    if (rc)
        return rc;
    flags = READ_ONCE(v->pause_flags);
    info->online = !(flags & VCPU_DOWN);
    info->blocked = (flags & VCPU_BLOCKED) != 0;
    info->running = READ_ONCE(v->is_running);
    info->cpu_time = (uint64_t)vcpu_runtime(v, time_now());
    info->cpu = v->cpu;
    return 0;
}

long domctl_sendtrigger(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;

    (void)hc;
    if (find_vcpu(d, op->u.sendtrigger.vcpu, &v))
        return -ESRCH;
    switch (op->u.sendtrigger.trigger) {
    case XEN_DOMCTL_SENDTRIGGER_NMI:
        break;
    case XEN_DOMCTL_SENDTRIGGER_POWER:
    case XEN_DOMCTL_SENDTRIGGER_SLEEP: /* buttons of an HVM domain's machine */
        return -EINVAL;
    default:
        return -ENOSYS;
    }
    v->nmi_pending = true;
    sched_unblock(v);
    sched_kick(v);
    return 0;
}
