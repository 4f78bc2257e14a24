/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: what a vcpu's context has no room for (pv/vcpu_extended.h). Not of the vcpu that asks; but of its neighbours, as on Xen. */
#include "control/domctl.h"
#include "hv/alloc.h"
#include "pv/vcpu_extended.h"

/* Two who wait for each other to stop would do so for ever. One waits at a time; others try again, and on the way there stop if they are to. */
static bool somebody_waits;

/* Paused, its state in memory. -ESRCH: there is none; `own`: it is the one that asks. */
static long pause(struct hypercall *hc, struct domain *d, uint32_t id, long own, struct vcpu **out)
{
    *out = domain_vcpu(d, id);
    if (!*out)
        return -ESRCH;
    if (*out == hc->vcpu)
        return own;
    if (__atomic_exchange_n(&somebody_waits, true, __ATOMIC_ACQUIRE))
        return -ERESTART;
    vcpu_pause_sync(*out);
    __atomic_store_n(&somebody_waits, false, __ATOMIC_RELEASE);
    return 0;
}

long domctl_get_ext_vcpucontext(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    long rc = pause(hc, d, op->u.ext_vcpucontext.vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    pv_get_extended(v, &op->u.ext_vcpucontext);
    vcpu_unpause(v);
    return 0;
}

long domctl_set_ext_vcpucontext(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    long rc = pause(hc, d, op->u.ext_vcpucontext.vcpu, -ESRCH, &v);

    if (rc)
        return rc;
    lock(&d->control_lock);
    rc = pv_set_extended(v, &op->u.ext_vcpucontext);
    unlock(&d->control_lock);
    vcpu_unpause(v);
    return rc;
}

static long get_xstate(struct vcpu *v, struct xen_domctl_vcpuextstate *op)
{
    guest_ptr_t to = GUEST_PTR((uint64_t)op->buffer.p);
    size_t bytes = pv_xstate_size(pv_xstate_used(v));
    long rc;

    if (guest_ptr_is_null(to) || (!op->size && !op->xfeature_mask)) { /* how much there can be */
        op->xfeature_mask = pv_xstate_components();
        op->size = pv_xstate_size(op->xfeature_mask);
        return 0;
    }
    if (op->xfeature_mask != pv_xstate_components() || op->size < bytes)
        return -EINVAL;
    rc = pv_get_xstate(v, to);
    if (!rc)
        op->size = bytes;
    return rc;
}

long domctl_getvcpuextstate(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct vcpu *v;
    long rc = pause(hc, d, op->u.vcpuextstate.vcpu, -EINVAL, &v);

    if (rc)
        return rc;
    lock(&d->control_lock); /* how much there is stays what was found */
    rc = get_xstate(v, &op->u.vcpuextstate);
    unlock(&d->control_lock);
    vcpu_unpause(v);
    return rc;
}

long domctl_setvcpuextstate(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_vcpuextstate *arg = &op->u.vcpuextstate;
    struct pv_xstate head;
    uint8_t *area;
    struct vcpu *v;
    long rc = pause(hc, d, arg->vcpu, -EINVAL, &v);

    if (rc)
        return rc;
    rc = pv_read_xstate(v, GUEST_PTR((uint64_t)arg->buffer.p), arg->size, &head, &area);
    if (!rc) {
        lock(&d->control_lock);
        pv_set_xstate(v, &head, area);
        unlock(&d->control_lock);
        hv_free(area);
    }
    vcpu_unpause(v);
    return rc;
}
