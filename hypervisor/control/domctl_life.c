/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: making and ending domains, pausing, what is known of them. */
#include "control/domain_info.h"
#include "control/domctl.h"
#include "control/relinquish.h"
#include "core/authority.h"
#include "core/vcpu_area.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/panic.h"
#include "hv/string.h"
#include "pv/pv.h"

#define FLAGS_UNDERSTOOD XEN_DOMCTL_CDF_xs_domain /* all others ask for what is not there */

static int read_config(const struct xen_domctl_createdomain *c, struct domain_config *out)
{
    uint32_t version = XEN_DOMCTL_GRANT_version(c->grant_opts);

    if (c->flags & ~FLAGS_UNDERSTOOD || c->iommu_opts || c->vmtrace_size || c->cpupool_id ||
        c->arch.emulation_flags || c->arch.misc_flags & ~XEN_X86_MSR_RELAXED)
        return -EINVAL;
    if (!c->max_vcpus || c->max_vcpus > MAX_VCPUS || !version || version > 2 ||
        c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask)
        return -EINVAL;
    if (!c->max_grant_frames || c->max_grant_frames > GRANT_MOST_FRAMES ||
        c->max_maptrack_frames > GRANT_DEFAULT_MAPTRACK)
        return -EINVAL;
    *out = (struct domain_config){
        .max_vcpus = c->max_vcpus,
        .event_ports = c->max_evtchn_port < EVTCHN_FIFO_NR_CHANNELS ? c->max_evtchn_port + 1 : 0,
        .grant_frames = c->max_grant_frames < 0 ? GRANT_DEFAULT_FRAMES : (uint32_t)c->max_grant_frames,
        .maptrack_frames =
            c->max_maptrack_frames < 0 ? GRANT_DEFAULT_MAPTRACK : (uint32_t)c->max_maptrack_frames,
        .grant_version = version,
        .is_xenstore = c->flags & XEN_DOMCTL_CDF_xs_domain,
    };
    memcpy(out->handle, c->handle, sizeof(out->handle));
    return 0;
}

/* Until the toolstack says something else. */
static const struct guest_tsc_state default_tsc = {.mode = GUEST_TSC_DEFAULT};

long domctl_createdomain(struct hypercall *hc, struct domain *none, struct xen_domctl *op)
{
    domid_id_t id = op->domain && op->domain < DOMID_FIRST_RESERVED ? op->domain : DOMID_INVALID;
    struct domain_config config;
    struct domain *d;
    int rc = 0;

    (void)none;
    if (id != DOMID_INVALID)
        rc = domain_id_reserve(id, &id);
    if (rc)
        return rc;
    rc = read_config(&op->u.createdomain, &config);
    if (!rc && id == DOMID_INVALID)
        rc = domain_id_reserve(id, &id);
    if (rc) {
        if (id != DOMID_INVALID)
            domain_id_release(id);
        return rc == -ENOSPC ? -ENOMEM : rc;
    }
    rc = domain_create(id, &pv_kind, &config, &d);
    if (rc) {
        domain_id_release(id);
        return rc;
    }
    d->toolstack_pauses = 1;
    rc = domain_tsc_set(d, &default_tsc);
    panic_on(rc);
    op->domain = id;
    return control_write_back(hc, op, &op->domain, sizeof(op->domain));
}

long domctl_destroydomain(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)op;
    if (d == hc->vcpu->domain || d->is_hardware)
        return -EINVAL;
    return domain_relinquish(d);
}

long domctl_pausedomain(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    long rc = 0;

    (void)op;
    if (d == hc->vcpu->domain)
        return -EINVAL;
    lock(&d->control_lock);
    if (d->toolstack_pauses == INT32_MAX / 2)
        rc = -EOVERFLOW;
    else
        d->toolstack_pauses++;
    if (!rc)
        domain_pause_nosync(d); /* under the lock: an unpause that sees the one sees the other */
    unlock(&d->control_lock);
    if (!rc)
        domain_wait_paused(d);
    return rc;
}

long domctl_unpausedomain(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    long rc = 0;

    (void)hc, (void)op;
    lock(&d->control_lock);
    if (d->toolstack_pauses <= 0)
        rc = -EINVAL;
    else if (--d->toolstack_pauses == 0)
        d->has_run = true;
    unlock(&d->control_lock);
    if (!rc) {
        domain_wallclock_publish(d); /* not before: the toolstack clears the shared page while it builds */
        domain_unpause(d);
    }
    return rc;
}

long domctl_resumedomain(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)op;
    if (d == hc->vcpu->domain)
        return -EINVAL;
    lock(&d->control_lock);
    domain_resume(d);
    unlock(&d->control_lock);
    return 0;
}

/* Of the first domain from the given id on: the toolstack walks all by asking for one more than the last. */
long domctl_getdomaininfo(struct hypercall *hc, struct domain *none, struct xen_domctl *op)
{
    struct domain *d;

    (void)none;
    if (op->domain >= DOMID_FIRST_RESERVED)
        return -EINVAL;
    d = domain_get_from(op->domain);
    if (!d)
        return -ESRCH;
    domain_info(d, &op->u.getdomaininfo);
    op->domain = d->id;
    domain_put(d);
    return control_write_back(hc, op, &op->domain, sizeof(op->domain));
}

long domctl_setdomainhandle(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc;
    memcpy(d->handle, op->u.setdomainhandle.handle, sizeof(d->handle));
    return 0;
}

long domctl_setdebugging(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    if (d == hc->vcpu->domain)
        return -EINVAL;
    d->is_debugged = op->u.setdebugging.enable;
    return 0;
}

long domctl_subscribe(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc;
    WRITE_ONCE(d->suspend_port, op->u.subscribe.port);
    return 0;
}

static int set_target(struct domain *d, struct domain *target)
{
    struct domain *none = NULL;

    lock(&d->control_lock); /* its end takes the target away after it has set the state */
    if (d->state == DOMAIN_ALIVE) {
        domain_ref(target);
        if (__atomic_compare_exchange_n(&d->target, &none, target, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED)) {
            unlock(&d->control_lock);
            return 0;
        }
        domain_put(target);
    }
    unlock(&d->control_lock);
    return -EINVAL;
}

/* What is wrong with the domains comes before what the caller may. Only an HVM guest has a device model beside it. */
long domctl_set_target(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    domid_id_t id = op->u.set_target.target;
    struct domain *target = domain_get_guest(id);
    long rc;

    if (!target)
        return -ESRCH;
    rc = d == target ? -EINVAL : target->kind == &pv_kind ? -EOPNOTSUPP : 0;
    if (!rc)
        rc = authorise(hc->vcpu->domain, d, AUTHORITY_DOMCTL);
    if (!rc)
        rc = set_target(d, target);
    domain_put(target);
    return rc;
}

long domctl_set_virq_handler(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    long rc = -EINVAL;

    (void)hc;
    lock(&d->control_lock); /* its end takes the VIRQs away after it has set the state */
    if (d->state == DOMAIN_ALIVE)
        rc = event_set_virq_handler(d, op->u.set_virq_handler.virq);
    unlock(&d->control_lock);
    return rc;
}
