/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Physical interrupts bound to ports. The interrupt itself is the irq code's (event_pirq_ops); here is which
 * port it comes in at. */
#include "event/wire.h"
#include "hv/alloc.h"

/* No machine of today has more interrupt lines and MSI vectors that one domain could name. */
#define MAX_PIRQS 8192

static int no_bind(struct domain *d, unsigned int pirq, bool share)
{
    return -ENOENT;
}

static void no_unbind(struct domain *d, unsigned int pirq)
{
}

static void no_end(struct domain *d)
{
}

static unsigned int no_count(struct domain *d)
{
    return 0;
}

/* Until the irq code has filled it there are no PIRQs. */
struct event_pirq_ops event_pirq_ops = {
    .bind = no_bind, .unbind = no_unbind, .eoi = no_unbind, .count = no_count, .end = no_end, .free = no_end};

static int make_table(struct domain *d)
{
    struct event_domain *e = d->event;
    unsigned int count = min(event_pirq_ops.count(d), (unsigned int)MAX_PIRQS);
    struct channel **table;

    if (e->pirq)
        return 0;
    table = hv_new_array(struct channel *, count);
    if (!table)
        return -ENOMEM;
    e->pirqs = count;
    __atomic_store_n(&e->pirq, table, __ATOMIC_RELEASE);
    return 0;
}

static int bind_locked(struct domain *d, unsigned int pirq, bool share, port_t *port)
{
    struct event_domain *e = d->event;
    struct channel *c;
    int rc = make_table(d);

    if (rc)
        return rc;
    if (pirq >= e->pirqs)
        return -EINVAL;
    pirq = (unsigned int)array_index_clamp(pirq, e->pirqs);
    if (e->pirq[pirq])
        return -EEXIST;
    rc = channel_alloc(d, &c);
    if (rc)
        return rc;
    c->pirq = pirq;
    channel_set_state(c, CHANNEL_PIRQ);
    /* The channel first: an interrupt may come as soon as it is bound. */
    __atomic_store_n(&e->pirq[pirq], c, __ATOMIC_RELEASE);
    rc = event_pirq_ops.bind(d, pirq, share);
    if (rc) {
        __atomic_store_n(&e->pirq[pirq], NULL, __ATOMIC_RELEASE);
        channel_free(c);
        return rc;
    }
    *port = c->port;
    return 0;
}

int event_bind_pirq(struct domain *d, unsigned int pirq, bool share, port_t *port)
{
    int rc;

    if (pirq >= event_pirq_ops.count(d))
        return -EINVAL;
    lock(&d->event->lock);
    rc = bind_locked(d, pirq, share, port);
    unlock(&d->event->lock);
    return rc;
}

void pirq_unbind(struct channel *c)
{
    event_pirq_ops.unbind(c->domain, c->pirq);
    __atomic_store_n(&c->domain->event->pirq[c->pirq], NULL, __ATOMIC_RELEASE);
}

static struct channel *pirq_channel(struct domain *d, unsigned int pirq)
{
    struct event_domain *e = d->event;
    struct channel **table = __atomic_load_n(&e->pirq, __ATOMIC_ACQUIRE);

    if (!table || pirq >= e->pirqs)
        return NULL;
    return __atomic_load_n(&table[array_index_clamp(pirq, e->pirqs)], __ATOMIC_ACQUIRE);
}

void event_send_pirq(struct domain *d, unsigned int pirq)
{
    uint64_t flags = irq_save();
    struct channel *c = pirq_channel(d, pirq);

    if (c)
        event_set_pending(c, NULL);
    irq_restore(flags);
}

port_t event_pirq_port(struct domain *d, unsigned int pirq)
{
    const struct channel *c = pirq_channel(d, pirq);

    return c ? c->port : 0;
}
