/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCHEDOP_poll: a vcpu sleeps until one of the ports it names is pending, masked or not, or an upcall is due,
 * or the time has come.
 *
 * A poller puts itself into the domain's bitmap, then looks at the ports; a sender sets the port pending,
 * then looks at the bitmap. Both with a full barrier between, so one of them sees the other. A bit that is
 * left by a vcpu which woke for another reason costs one look.
 */
#include "core/guest_abi.h"
#include "event/wire.h"
#include "hv/alloc.h"
#include "hv/guest.h"

/* More ports than this are an error (so does Xen). */
#define POLL_MAX_PORTS 128

static void poll_end(struct event_domain *e, unsigned int vcpu)
{
    if (atomic_test_and_clear_bit(vcpu, e->polling))
        __atomic_fetch_sub(&e->pollers, 1, __ATOMIC_SEQ_CST);
}

static void poll_begin(struct vcpu *v, uint32_t port)
{
    struct event_domain *e = v->domain->event;

    __atomic_store_n(&v->event->poll_port, port, __ATOMIC_RELAXED);
    __atomic_fetch_or(&v->pause_flags, VCPU_BLOCKED | VCPU_POLLING, __ATOMIC_SEQ_CST);
    if (!atomic_test_and_set_bit(v->id, e->polling))
        __atomic_fetch_add(&e->pollers, 1, __ATOMIC_SEQ_CST);
}

void poll_notify(struct domain *d, port_t port)
{
    struct event_domain *e = d->event;
    unsigned int id;

    for_each_set_bit (id, e->polling, d->max_vcpus) {
        struct vcpu *v = d->vcpu[id];
        uint32_t wanted = __atomic_load_n(&v->event->poll_port, __ATOMIC_RELAXED);
        bool polls = __atomic_load_n(&v->pause_flags, __ATOMIC_SEQ_CST) & VCPU_POLLING;

        if (polls && wanted != POLL_ANY && wanted != port)
            continue;
        poll_end(e, id);
        if (polls)
            sched_unblock(v);
    }
}

/* 1: one of the ports is pending; 0: none is; -EFAULT, -EINVAL. */
static int any_pending(struct domain *d, const abi_sched_poll_t *r)
{
    for (uint32_t i = 0; i < r->nr_ports; i++) {
        guest_ptr_t at;
        const struct channel *c;
        port_t port;

        if (guest_array_at(r->ports, i, sizeof(port), &at) || copy_from_guest(&port, at, sizeof(port)))
            return -EFAULT;
        c = channel_at(d->event, port);
        if (!c || READ_ONCE(c->state) <= CHANNEL_RESERVED)
            return -EINVAL;
        if (event_is_pending(d, port))
            return 1;
    }
    return 0;
}

static void poll_timed_out(void *vcpu)
{
    struct vcpu *v = vcpu;

    if (__atomic_load_n(&v->pause_flags, __ATOMIC_SEQ_CST) & VCPU_POLLING)
        sched_unblock(v);
}

static void poll_cancel(struct vcpu *v)
{
    poll_end(v->domain->event, v->id);
    __atomic_fetch_and(&v->pause_flags, ~(VCPU_BLOCKED | VCPU_POLLING), __ATOMIC_SEQ_CST);
}

long event_poll(struct hypercall *hc, guest_ptr_t at)
{
    struct vcpu *v = hc->vcpu;
    abi_sched_poll_t r;
    uint32_t wanted = POLL_ANY;
    int rc = abi_read(hc, sched_poll, &r, at);

    if (rc)
        return rc;
    if (r.nr_ports > POLL_MAX_PORTS)
        return -EINVAL;
    if (r.nr_ports == 1 && copy_from_guest(&wanted, r.ports, sizeof(wanted)))
        return -EFAULT;
    poll_begin(v, wanted);
    /* The guest may have changed the list since: the port looked at below is then not the one waited for, at
     * its own cost. */
    rc = event_deliverable(v) ? 1 : any_pending(v->domain, &r);
    if (rc) {
        poll_cancel(v);
        return min(rc, 0);
    }
    timer_stop(&v->poll_timer); /* an earlier poll's that ended before its time */
    if (r.timeout) {
        timer_migrate(&v->poll_timer, v->cpu);
        timer_set(&v->poll_timer, (s_time_t)min(r.timeout, (uint64_t)INT64_MAX));
    }
    sched_block(v);
    return 0;
}

int event_vcpu_init(struct vcpu *v)
{
    v->event = hv_new(struct event_vcpu);
    if (!v->event)
        return -ENOMEM;
    lock_init(&v->event->queue_lock, RANK_EVENT_QUEUE);
    timer_init(&v->poll_timer, poll_timed_out, v, v->cpu);
    return 0;
}

void event_vcpu_free(struct vcpu *v)
{
    if (!v->event)
        return;
    timer_kill(&v->poll_timer);
    hv_free(v->event);
    v->event = NULL;
}
