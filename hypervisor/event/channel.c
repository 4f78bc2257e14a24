/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The port table: growing it, taking and closing ports, and the lifetime of a domain's and a vcpu's event
 * state. */
#include "event/wire.h"
#include "arch/x86/tlb.h"
#include "hv/alloc.h"

void event_quiesce(void)
{
    /* A send runs with interrupts off, so whoever has answered an interrupt sent now has left it. */
    tlb_flush_mask(&cpu_online_mask, TLB_FLUSH);
}

void event_lock_both(struct event_domain *a, struct event_domain *b)
{
    lock(a < b ? &a->lock : &b->lock);
    if (a != b)
        lock_second(a < b ? &b->lock : &a->lock);
}

void event_unlock_both(struct event_domain *a, struct event_domain *b)
{
    if (a != b)
        unlock(&b->lock);
    unlock(&a->lock);
}

void channel_set_state(struct channel *c, enum channel_state state)
{
    __atomic_store_n(&c->state, state, __ATOMIC_RELEASE);
}

static int add_bucket(struct domain *d)
{
    struct event_domain *e = d->event;
    struct port_range **range = &e->range[e->ports / RANGE_CHANNELS];
    struct channel *bucket;

    if (!*range)
        *range = hv_new(struct port_range);
    bucket = *range ? hv_new_array(struct channel, BUCKET_CHANNELS) : NULL;
    if (!bucket)
        return -ENOMEM;
    for (unsigned int i = 0; i < BUCKET_CHANNELS; i++) {
        bucket[i].domain = d;
        bucket[i].port = e->ports + i;
        bucket[i].priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
    }
    *bucket_of(e, e->ports) = bucket;
    __atomic_store_n(&e->ports, e->ports + BUCKET_CHANNELS, __ATOMIC_RELEASE);
    return 0;
}

port_t port_find(const struct event_domain *e, port_t from, port_t end, bool used)
{
    while (from < end) {
        port_t base = from - from % RANGE_CHANNELS, size = min(end - base, (port_t)RANGE_CHANNELS), at;
        const struct port_range *range = e->range[base / RANGE_CHANNELS];

        if (!range) /* nor is there one behind it */
            return used ? end : from;
        at = used ? find_next_bit(range->used, size, from - base)
                  : find_next_zero_bit(range->used, size, from - base);
        if (at < size)
            return base + at;
        from = base + RANGE_CHANNELS;
    }
    return end;
}

/* A closed port that the guest still has on a queue would arrive in the wrong place: passed over, so many
 * times. */
#define MAX_LINKED_SKIPPED 1024

static port_t find_free_port(struct domain *d)
{
    struct event_domain *e = d->event;
    struct event_fifo *f = e->fifo;
    port_t limit = min(e->limit, f            ? (port_t)MAX_CHANNELS
                                 : d->width32 ? 1024
                                              : (port_t)EVTCHN_2L_NR_CHANNELS);
    port_t port = port_find(e, e->free_hint, limit, false);

    e->free_hint = port;
    for (unsigned int skipped = 0; f && port < limit && fifo_is_linked(f, port); skipped++) {
        if (skipped == MAX_LINKED_SKIPPED)
            return 0;
        port = port_find(e, port + 1, limit, false);
    }
    return port < limit ? port : 0;
}

int channel_alloc(struct domain *d, struct channel **out)
{
    struct event_domain *e = d->event;
    struct channel *c;
    port_t port;

    if (e->dying)
        return -EINVAL;
    if (!domain_vcpu(d, 0))
        return -ENOENT; /* every port notifies some vcpu, that one at first */
    port = find_free_port(d);
    if (!port)
        return -ENOSPC;
    /* Ports are taken from the lowest, but linked ones may be passed over: more than one bucket at most in a
     * FIFO domain. */
    while (port >= e->ports) {
        int rc = add_bucket(d);

        if (rc)
            return rc;
    }
    c = channel_of(e, port);
    set_bit(port % RANGE_CHANNELS, e->range[port / RANGE_CHANNELS]->used);
    e->in_use++;
    WRITE_ONCE(c->vcpu, 0);
    WRITE_ONCE(c->priority, EVTCHN_FIFO_PRIORITY_DEFAULT);
    *out = c;
    return 0;
}

void channel_free(struct channel *c)
{
    struct event_domain *e = c->domain->event;

    __atomic_store_n(&c->peer, NULL, __ATOMIC_RELEASE);
    channel_set_state(c, CHANNEL_FREE);
    WRITE_ONCE(c->vcpu, 0);
    if (e->fifo)
        fifo_clear_pending(e->fifo, c);
    else
        two_level_clear_pending(c);
    clear_bit(c->port % RANGE_CHANNELS, e->range[c->port / RANGE_CHANNELS]->used);
    e->in_use--;
    e->free_hint = min(e->free_hint, c->port);
}

/* Both ends' locks are held. The other end waits for this domain to bind again. */
static void disconnect(struct channel *c)
{
    struct channel *other = c->peer;

    __atomic_store_n(&c->peer, NULL, __ATOMIC_RELEASE);
    __atomic_store_n(&other->peer, NULL, __ATOMIC_RELEASE);
    other->remote = c->domain->id;
    channel_set_state(other, CHANNEL_UNBOUND);
}

/*
 * Locks the domain and, if the port is an end of an interdomain channel, the other domain as well, which is
 * returned with a reference. The peer may change while no lock is held: look again until it has not.
 */
static struct domain *lock_ends(struct domain *d, const struct channel *c)
{
    struct event_domain *e = d->event;
    struct domain *other;

    for (;;) {
        lock(&e->lock);
        if (c->state != CHANNEL_INTERDOMAIN || c->peer->domain == d)
            return NULL;
        other = c->peer->domain;
        domain_ref(other); /* it cannot be gone: it would have closed its end first, under our lock */
        unlock(&e->lock);
        event_lock_both(e, other->event);
        if (c->state == CHANNEL_INTERDOMAIN && c->peer->domain == other)
            return other;
        event_unlock_both(e, other->event);
        domain_put(other);
    }
}

static int close_locked(struct channel *c)
{
    switch (c->state) {
    case CHANNEL_FREE:
    case CHANNEL_RESERVED:
        return -EINVAL;
    case CHANNEL_INTERDOMAIN:
        disconnect(c);
        break;
    case CHANNEL_VIRQ:
        virq_unbind(c);
        break;
    case CHANNEL_PIRQ:
        pirq_unbind(c);
        break;
    }
    channel_free(c);
    return 0;
}

int channel_close(struct domain *d, port_t port)
{
    struct channel *c = channel_at(d->event, port);
    struct domain *other;
    int rc;

    if (!c)
        return -EINVAL;
    other = lock_ends(d, c);
    rc = close_locked(c);
    if (other) {
        event_unlock_both(d->event, other->event);
        domain_put(other);
    } else {
        unlock(&d->event->lock);
    }
    return rc;
}

int event_close_ports(struct domain *d, port_t *next, struct hypercall *hc)
{
    struct event_domain *e = d->event;

    for (;;) {
        port_t end = __atomic_load_n(&e->ports, __ATOMIC_ACQUIRE), port = port_find(e, *next, end, true);

        if (port >= end)
            return 0;
        *next = port + 1;
        /* Another vcpu of the domain may have closed it since: all the same. */
        if (channel_close(d, port) == 0 && e->in_use && (hc ? hypercall_preempt(hc) : softirq_pending()))
            return -ERESTART;
    }
}

int event_domain_init(struct domain *d, unsigned int max_ports)
{
    port_t limit = max_ports && max_ports < MAX_CHANNELS ? max_ports : MAX_CHANNELS;
    struct event_domain *e = hv_new(struct event_domain);
    int rc;

    if (!e)
        return -ENOMEM;
    lock_init(&e->lock, RANK_EVENT);
    e->limit = limit;
    e->free_hint = 1;
    d->event = e;
    poll_domain_init(d);
    rc = add_bucket(d);
    if (rc) {
        event_domain_free(d);
        return rc;
    }
    channel_of(e, 0)->state = CHANNEL_RESERVED;
    set_bit(0, e->range[0]->used);
    return 0;
}

int event_domain_close_all(struct domain *d)
{
    struct event_domain *e = d->event;
    port_t next = 1; /* each time: a reset that was never finished may have left open ports anywhere */
    int rc;

    lock(&e->lock);
    e->dying = true;
    unlock(&e->lock);
    rc = event_close_ports(d, &next, NULL);
    if (rc == 0)
        fifo_destroy(d);
    return rc;
}

#define BUCKETS_FREED 256

bool event_domain_free_some(struct domain *d)
{
    struct event_domain *e = d->event;

    for (unsigned int n = 0; e && e->ports && n < BUCKETS_FREED; n++) {
        e->ports -= BUCKET_CHANNELS;
        hv_free(*bucket_of(e, e->ports));
    }
    return e && e->ports;
}

void event_domain_free(struct domain *d)
{
    struct event_domain *e = d->event;

    if (!e)
        return;
    for (port_t port = 0; port < e->ports; port += BUCKET_CHANNELS)
        hv_free(*bucket_of(e, port));
    for (unsigned int i = 0; i < RANGES; i++)
        hv_free(e->range[i]);
    hv_free(e->pirq);
    hv_free(e);
    d->event = NULL;
}
