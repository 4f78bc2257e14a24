/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * SCHEDOP_poll: a vcpu sleeps until one of the ports it names is pending, masked or not, or an upcall is due,
 * or the time has come.
 *
 * A poller puts itself into the domain's bitmap, then looks at the ports; a sender sets the port pending,
 * then looks at the bitmap. Both with a full barrier between, so one of them sees the other. A bit that is
 * left by a vcpu which woke for another reason costs one look.
 *
 * A send has interrupts off, and a domain may have hundreds of pollers: a send looks at a few and wakes one,
 * and leaves the rest to a tasklet, which goes through all of them a few at a time, interrupts on, and holds
 * a reference to the domain as long as it is wanted. It is told the ports, not the vcpus: too many different
 * ones wake pollers in vain, which a poller must be ready to. Each pass of it runs on the processor whose
 * send it is for: nobody else's guest waits for what a domain does with its own pollers.
 */
#include "core/guest_abi.h"
#include "event/wire.h"
#include "hv/alloc.h"
#include "hv/guest.h"
#include "hv/percpu.h"

/* More ports than this are an error (so does Xen). */
#define POLL_MAX_PORTS 128

/* What a send does itself: looks, some 15 to 40 instructions each; it wakes one, 1,000 (docs/design/hypercalls.md). */
#define LOOKS_OF_A_SEND 16
/* What the tasklet does before the processor's other work has its turn, in vcpus. */
#define REST_AT_ONCE 32

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

static bool polls(const struct vcpu *v)
{
    return __atomic_load_n(&v->pause_flags, __ATOMIC_SEQ_CST) & VCPU_POLLING;
}

/* It is no poller any more; true if it was asleep as one. Asked only now: one that begins to poll while its old bit goes has none then, and goes on in vain. */
static bool poll_wake(struct event_domain *e, struct vcpu *v)
{
    bool asleep;

    poll_end(e, v->id);
    asleep = polls(v);
    if (asleep)
        sched_unblock(v);
    return asleep;
}

/* --- The rest --- */

static void ports_add(struct poll_ports *p, port_t port)
{
    for (unsigned int i = 0; i < min(p->count, (uint32_t)POLL_PORTS); i++)
        if (p->port[i] == port)
            return;
    if (p->count < POLL_PORTS)
        p->port[p->count] = port;
    if (p->count <= POLL_PORTS)
        p->count++;
}

static bool ports_have(const struct poll_ports *p, uint32_t wanted)
{
    bool found = wanted == POLL_ANY || p->count > POLL_PORTS;

    for (unsigned int i = 0; !found && i < p->count; i++)
        found = p->port[i] == wanted;
    return found;
}

/* Interrupts are off. Who sends holds no reference: the last one may have gone, and then nobody waits. */
static __noinline void leave_rest(struct domain *d, port_t port)
{
    struct poll_rest *r = &d->event->rest;
    unsigned int cpu = cpu_id();
    bool start;

    lock(&r->lock);
    start = !r->wanted && domain_ref_living(d);
    if (start) {
        r->wanted = true;
        r->next = 0;
        r->now = (struct poll_ports){.count = 1, .port = {port}};
    } else if (r->wanted) {
        if (!r->coming.count)
            r->cpu = cpu;
        ports_add(&r->coming, port);
    }
    unlock(&r->lock);
    if (start)
        tasklet_schedule_cpu(&r->tasklet, cpu);
}

/* Another pass, for what was sent since this one began. False: nothing was. */
static bool next_pass(struct poll_rest *r, unsigned int *cpu)
{
    uint64_t flags = lock_irqsave(&r->lock);

    r->wanted = r->coming.count;
    r->now = r->coming;
    r->coming.count = 0;
    r->next = 0;
    *cpu = r->cpu;
    unlock_irqrestore(&r->lock, flags);
    return r->now.count;
}

static void wake_rest(void *domain)
{
    struct domain *d = domain;
    struct event_domain *e = d->event;
    struct poll_rest *r = &e->rest;
    unsigned int end = min(r->next + REST_AT_ONCE, d->max_vcpus), cpu = cpu_id();

    for (; r->next < end; r->next++) {
        struct vcpu *v = test_bit(r->next, e->polling) ? d->vcpu[r->next] : NULL;
        uint32_t wanted;

        if (!v)
            continue;
        wanted = __atomic_load_n(&v->event->poll_port, __ATOMIC_RELAXED);
        if (!polls(v) || ports_have(&r->now, wanted))
            poll_wake(e, v);
    }
    if (r->next == d->max_vcpus && !next_pass(r, &cpu))
        domain_put(d);
    else
        tasklet_schedule_cpu(&r->tasklet, cpu);
}

void poll_notify(struct domain *d, port_t port)
{
    struct event_domain *e = d->event;
    unsigned int looks = 0, id;
    bool woken = false;

    for_each_set_bit (id, e->polling, d->max_vcpus) {
        struct vcpu *v = d->vcpu[id];
        uint32_t wanted = __atomic_load_n(&v->event->poll_port, __ATOMIC_RELAXED);
        bool asleep = polls(v), meant = !asleep || wanted == POLL_ANY || wanted == port;

        if (looks++ == LOOKS_OF_A_SEND || (meant && asleep && woken)) {
            leave_rest(d, port);
            return;
        }
        if (meant)
            woken |= poll_wake(e, v);
    }
}

void poll_domain_init(struct domain *d)
{
    struct poll_rest *r = &d->event->rest;

    lock_init(&r->lock, RANK_LEAF);
    tasklet_init(&r->tasklet, wake_rest, d);
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
