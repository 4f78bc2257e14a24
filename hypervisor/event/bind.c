/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making channels: unbound, interdomain, IPI; and moving them between vcpus. */
#include "event/ops.h"
#include "core/authority.h"

/* What DOMID_SELF stands for. Domains that only own frames (DOMID_XEN, DOMID_IO) have no event channels, and do not exist here. */
static domid_id_t number_of(domid_id_t id, const struct domain *self)
{
    return id == DOMID_SELF ? self->id : id;
}

int event_target(struct domain *self, domid_id_t id, struct domain **out)
{
    return domain_get_for(self, number_of(id, self), AUTHORITY_EVENT_CHANNELS, out);
}

long op_alloc_unbound(struct hypercall *hc, void *arg)
{
    struct evtchn_alloc_unbound *op = arg;
    struct domain *self = hc->vcpu->domain, *d;
    struct channel *c;
    int rc = event_target(self, op->dom, &d);

    if (rc)
        return rc;
    lock(&d->event->lock);
    rc = channel_alloc(d, &c);
    if (rc == 0) {
        c->remote = op->remote_dom == DOMID_SELF ? self->id : op->remote_dom;
        channel_set_state(c, CHANNEL_UNBOUND);
        op->port = c->port;
    }
    unlock(&d->event->lock);
    domain_put(d);
    return rc;
}

static int connect(struct domain *local, struct domain *remote, port_t remote_port, port_t *local_port)
{
    struct channel *far = channel_at(remote->event, remote_port), *near;
    int rc;

    if (!far || far->state != CHANNEL_UNBOUND || far->remote != local->id)
        return -EINVAL;
    rc = channel_alloc(local, &near);
    if (rc)
        return rc;
    channel_set_state(near, CHANNEL_INTERDOMAIN);
    channel_set_state(far, CHANNEL_INTERDOMAIN);
    __atomic_store_n(&near->peer, far, __ATOMIC_RELEASE);
    __atomic_store_n(&far->peer, near, __ATOMIC_RELEASE);
    *local_port = near->port;
    return 0;
}

long op_bind_interdomain(struct hypercall *hc, void *arg)
{
    struct evtchn_bind_interdomain *op = arg;
    struct domain *local = hc->vcpu->domain;
    struct domain *remote = domain_get_guest(number_of(op->remote_dom, local));
    int rc;

    if (!remote)
        return -ESRCH;
    event_lock_both(local->event, remote->event);
    rc = connect(local, remote, op->remote_port, &op->local_port);
    if (rc == 0) {
        /* The other side may have sent before we were there (event_channel.h). */
        uint64_t flags = irq_save();

        event_set_pending(channel_at(local->event, op->local_port), hc->vcpu);
        irq_restore(flags);
    }
    event_unlock_both(local->event, remote->event);
    domain_put(remote);
    return rc;
}

long op_bind_virq(struct hypercall *hc, void *arg)
{
    struct evtchn_bind_virq *op = arg;

    return event_bind_virq(hc->vcpu->domain, op->virq, op->vcpu, &op->port);
}

long op_bind_pirq(struct hypercall *hc, void *arg)
{
    struct evtchn_bind_pirq *op = arg;

    return event_bind_pirq(hc->vcpu->domain, op->pirq, op->flags & BIND_PIRQ__WILL_SHARE, &op->port);
}

long op_bind_ipi(struct hypercall *hc, void *arg)
{
    struct evtchn_bind_ipi *op = arg;
    struct domain *d = hc->vcpu->domain;
    struct channel *c;
    int rc;

    if (!domain_vcpu(d, op->vcpu))
        return -ENOENT;
    lock(&d->event->lock);
    rc = channel_alloc(d, &c);
    if (rc == 0) {
        WRITE_ONCE(c->vcpu, (uint16_t)op->vcpu);
        channel_set_state(c, CHANNEL_IPI);
        __atomic_store_n(&c->peer, c, __ATOMIC_RELEASE);
        op->port = c->port;
    }
    unlock(&d->event->lock);
    return rc;
}

/* The vcpu of an IPI or a per-vcpu VIRQ stays. */
static int move_to_vcpu(struct channel *c, uint32_t vcpu)
{
    switch (c->state) {
    case CHANNEL_VIRQ:
        if (!virq_is_global(c->virq))
            return -EINVAL;
        break;
    case CHANNEL_UNBOUND:
    case CHANNEL_INTERDOMAIN:
    case CHANNEL_PIRQ:
        break;
    default:
        return -EINVAL;
    }
    WRITE_ONCE(c->vcpu, (uint16_t)vcpu);
    return 0;
}

long op_bind_vcpu(struct hypercall *hc, void *arg)
{
    const struct evtchn_bind_vcpu *op = arg;
    struct domain *d = hc->vcpu->domain;
    struct channel *c;
    int rc;

    if (!domain_vcpu(d, op->vcpu))
        return -ENOENT;
    c = channel_at(d->event, op->port);
    if (!c)
        return -EINVAL;
    lock(&d->event->lock);
    rc = move_to_vcpu(c, op->vcpu);
    if (!rc && c->state == CHANNEL_PIRQ && event_pirq_ops.set_cpu)
        event_pirq_ops.set_cpu(d, c->pirq, domain_vcpu(d, op->vcpu)->cpu);
    unlock(&d->event->lock);
    return rc;
}
