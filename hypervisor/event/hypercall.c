/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HYPERVISOR_event_channel_op: the table of operations, and those that need no file of their own. Structures
 * are the same for both widths (no pointers, 64-bit members at aligned offsets), so decoding is one copy.
 * Send and unmask are fused.
 */
#include "event/ops.h"
#include "hv/guest.h"

/* A reset that was interrupted comes back under this number, which the interface keeps for the hypervisor
 * (event_channel.h). */
#define OP_RESET_CONTINUED 14

/* Nobody is there yet: the event is for whoever binds, who sees one anyway. Other kinds of ports are not sent to. */
static __noinline long send_to_nobody(const struct channel *c)
{
    return c && READ_ONCE(c->state) == CHANNEL_UNBOUND ? 0 : -EINVAL;
}

long event_send_from(struct domain *d, struct vcpu *self, port_t port)
{
    struct channel *c = channel_at(d->event, port), *peer;
    uint64_t flags = irq_save();

    peer = c ? __atomic_load_n(&c->peer, __ATOMIC_ACQUIRE) : NULL;
    if (peer)
        event_set_pending(peer, self);
    irq_restore(flags);
    return peer ? 0 : send_to_nobody(c);
}

/* The hypercall: interrupts are on. */
static inline long send_from_guest(struct vcpu *self, port_t port)
{
    struct channel *c = channel_at(self->domain->event, port), *peer;

    if (unlikely(!c))
        return -EINVAL;
    irq_disable();
    peer = __atomic_load_n(&c->peer, __ATOMIC_ACQUIRE);
    if (unlikely(!peer)) {
        irq_enable();
        return send_to_nobody(c);
    }
    event_set_pending(peer, self);
    irq_enable();
    return 0;
}

static long op_send(struct hypercall *hc, void *arg)
{
    const struct evtchn_send *op = arg;

    return send_from_guest(hc->vcpu, op->port);
}

static long op_close(struct hypercall *hc, void *arg)
{
    const struct evtchn_close *op = arg;

    return channel_close(hc->vcpu->domain, op->port);
}

static void status_of(const struct channel *c, struct evtchn_status *op)
{
    op->vcpu = c->vcpu;
    switch (c->state) {
    case CHANNEL_UNBOUND:
        op->status = EVTCHNSTAT_unbound;
        op->u.unbound.dom = c->remote;
        break;
    case CHANNEL_INTERDOMAIN:
        op->status = EVTCHNSTAT_interdomain;
        op->u.interdomain.dom = c->peer->domain->id;
        op->u.interdomain.port = c->peer->port;
        break;
    case CHANNEL_PIRQ:
        op->status = EVTCHNSTAT_pirq;
        op->u.pirq = c->pirq;
        break;
    case CHANNEL_VIRQ:
        op->status = EVTCHNSTAT_virq;
        op->u.virq = c->virq;
        break;
    case CHANNEL_IPI:
        op->status = EVTCHNSTAT_ipi;
        break;
    default:
        op->status = EVTCHNSTAT_closed;
    }
}

static long op_status(struct hypercall *hc, void *arg)
{
    struct evtchn_status *op = arg;
    struct channel *c;
    struct domain *d;
    int rc = event_target(hc->vcpu->domain, op->dom, &d);

    if (rc)
        return rc;
    c = channel_at(d->event, op->port);
    if (c) {
        lock(&d->event->lock);
        status_of(c, op);
        unlock(&d->event->lock);
    }
    domain_put(d);
    return c ? 0 : -EINVAL;
}

/* Of a port that nobody has, the bit is left as it is (as on Xen). */
static void unmask(struct channel *c, struct vcpu *self)
{
    struct event_fifo *f = event_fifo(c->domain);
    uint8_t state = READ_ONCE(c->state);

    if (state == CHANNEL_FREE || state == CHANNEL_RESERVED)
        return;
    if (f)
        fifo_unmask(f, c, self);
    else
        two_level_unmask(c, self);
}

long event_unmask(struct domain *d, struct vcpu *self, port_t port)
{
    struct channel *c = channel_at(d->event, port);
    uint64_t flags;

    if (!c)
        return -EINVAL;
    flags = irq_save();
    unmask(c, self);
    irq_restore(flags);
    return 0;
}

static inline long unmask_from_guest(struct vcpu *self, port_t port)
{
    struct channel *c = channel_at(self->domain->event, port);

    if (unlikely(!c))
        return -EINVAL;
    irq_disable();
    unmask(c, self);
    irq_enable();
    return 0;
}

static long op_unmask(struct hypercall *hc, void *arg)
{
    const struct evtchn_unmask *op = arg;

    return unmask_from_guest(hc->vcpu, op->port);
}

/* One reset at a time: the first call claims `closed_to`, continuations find it set, and several vcpus may go on with it. */
static int begin_reset(struct domain *d, bool continued, port_t *next)
{
    struct event_domain *e = d->event;
    int rc = 0;

    lock(&e->lock);
    if (e->dying)
        rc = -EINVAL;
    else if (continued ? !e->closed_to : e->closed_to != 0)
        rc = -EBUSY;
    else if (!continued)
        e->closed_to = 1;
    *next = e->closed_to;
    unlock(&e->lock);
    return rc;
}

/* `next` 0: it is over. Whoever else went on with it finds that, and leaves it so. */
static void note_reset(struct event_domain *e, port_t next)
{
    lock(&e->lock);
    if (e->closed_to)
        e->closed_to = next;
    unlock(&e->lock);
}

static int reset(struct hypercall *hc, struct domain *d, bool continued)
{
    port_t next;
    int rc = begin_reset(d, continued, &next);

    if (rc)
        return rc;
    rc = event_close_ports(d, &next, hc);
    if (rc == 0 && d == hc->vcpu->domain)
        fifo_destroy(d);
    note_reset(d->event, rc ? next : 0);
    return rc;
}

static long do_reset(struct hypercall *hc, const struct evtchn_reset *op, bool continued)
{
    struct domain *self = hc->vcpu->domain, *d;
    int rc = event_target(self, op->dom, &d);

    if (rc)
        return rc;
    /* Somebody else's events are only taken away while it cannot miss them. */
    rc = d != self && READ_ONCE(d->pause_count) <= 0 ? -EINVAL : reset(hc, d, continued);
    domain_put(d);
    if (rc == -ERESTART)
        hc->arg[0] = OP_RESET_CONTINUED;
    return rc;
}

static long op_reset(struct hypercall *hc, void *arg)
{
    return do_reset(hc, arg, false);
}

static long op_reset_continued(struct hypercall *hc, void *arg)
{
    return do_reset(hc, arg, true);
}

static long op_init_control(struct hypercall *hc, void *arg)
{
    struct evtchn_init_control *op = arg;

    op->link_bits = EVTCHN_FIFO_LINK_BITS;
    return fifo_init_control(hc->vcpu->domain, op->vcpu, GFN(op->control_gfn), op->offset);
}

static long op_expand_array(struct hypercall *hc, void *arg)
{
    const struct evtchn_expand_array *op = arg;

    return fifo_expand_array(hc, GFN(op->array_gfn));
}

static long op_set_priority(struct hypercall *hc, void *arg)
{
    const struct evtchn_set_priority *op = arg;
    struct domain *d = hc->vcpu->domain;
    struct channel *c = channel_at(d->event, op->port);

    if (!c)
        return -EINVAL;
    if (!event_fifo(d))
        return -ENOSYS;
    if (READ_ONCE(c->state) <= CHANNEL_RESERVED)
        return -EACCES;
    if (op->priority > EVTCHN_FIFO_PRIORITY_MIN)
        return -EINVAL;
    WRITE_ONCE(c->priority, (uint8_t)op->priority);
    return 0;
}

static const struct {
    long (*fn)(struct hypercall *hc, void *arg);
    uint8_t size;
    bool copy_out;
} operations[] = {
    [EVTCHNOP_bind_interdomain] = {op_bind_interdomain, sizeof(struct evtchn_bind_interdomain), true},
    [EVTCHNOP_bind_virq] = {op_bind_virq, sizeof(struct evtchn_bind_virq), true},
    [EVTCHNOP_bind_pirq] = {op_bind_pirq, sizeof(struct evtchn_bind_pirq), true},
    [EVTCHNOP_close] = {op_close, sizeof(struct evtchn_close), false},
    [EVTCHNOP_send] = {op_send, sizeof(struct evtchn_send), false},
    [EVTCHNOP_status] = {op_status, sizeof(struct evtchn_status), true},
    [EVTCHNOP_alloc_unbound] = {op_alloc_unbound, sizeof(struct evtchn_alloc_unbound), true},
    [EVTCHNOP_bind_ipi] = {op_bind_ipi, sizeof(struct evtchn_bind_ipi), true},
    [EVTCHNOP_bind_vcpu] = {op_bind_vcpu, sizeof(struct evtchn_bind_vcpu), false},
    [EVTCHNOP_unmask] = {op_unmask, sizeof(struct evtchn_unmask), false},
    [EVTCHNOP_reset] = {op_reset, sizeof(struct evtchn_reset), false},
    [EVTCHNOP_init_control] = {op_init_control, sizeof(struct evtchn_init_control), true},
    [EVTCHNOP_expand_array] = {op_expand_array, sizeof(struct evtchn_expand_array), false},
    [EVTCHNOP_set_priority] = {op_set_priority, sizeof(struct evtchn_set_priority), false},
    [OP_RESET_CONTINUED] = {op_reset_continued, sizeof(struct evtchn_reset), false},
};

/* Larger than any operation's structure, and aligned for all of them. */
union operation {
    uint64_t words[4];
    struct evtchn_status status;
    struct evtchn_init_control init_control;
};

static long perform(struct hypercall *hc, uint32_t cmd, guest_ptr_t arg)
{
    union operation op;
    long rc;

    if (cmd >= ARRAY_SIZE(operations))
        return -ENOSYS;
    cmd = (uint32_t)array_index_clamp(cmd, ARRAY_SIZE(operations));
    if (copy_from_guest(&op, arg, operations[cmd].size))
        return -EFAULT;
    rc = operations[cmd].fn(hc, &op);
    if (rc == 0 && operations[cmd].copy_out && copy_to_guest(arg, &op, operations[cmd].size))
        rc = -EFAULT; /* what was made stays: undoing it could fail, too */
    return rc;
}

/* The form of before 0x00030202: the command stands in front of the structure. It ends with unmask. */
static long do_event_channel_op_old(struct hypercall *hc)
{
    guest_ptr_t at = hypercall_ptr(hc, 0);
    struct evtchn_op op; /* all of it must be there, whatever the command needs */

    if (copy_from_guest(&op, at, sizeof(op)))
        return -EFAULT;
    if (op.cmd > EVTCHNOP_unmask)
        return -ENOSYS;
    return perform(hc, op.cmd, guest_ptr_add(at, offsetof(struct evtchn_op, u)));
}

long do_event_channel_op(struct hypercall *hc)
{
    guest_ptr_t arg = hypercall_ptr(hc, 1);
    uint64_t cmd = hc->arg[0];
    port_t port; /* all that either structure holds */

    if (unlikely(hc->number == __HYPERVISOR_event_channel_op_compat))
        return do_event_channel_op_old(hc);
    if (cmd != EVTCHNOP_send && cmd != EVTCHNOP_unmask)
        return perform(hc, (uint32_t)cmd, arg);
    if (copy_from_guest(&port, arg, sizeof(port)))
        return -EFAULT;
    return likely(cmd == EVTCHNOP_send) ? send_from_guest(hc->vcpu, port) : unmask_from_guest(hc->vcpu, port);
}
