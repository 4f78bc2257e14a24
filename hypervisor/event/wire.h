/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The seam between channels and their two wire forms, chosen by one inline test; and how a vcpu is told. A
 * wire form sets, clears and asks the pending and mask bits of a port in memory that the guest can write at
 * any time: nothing here trusts what it reads there. Interrupts are off in event_set_pending() (see
 * channel.h).
 */
#ifndef EVENT_WIRE_H
#define EVENT_WIRE_H

#include "abi/schema.h"
#include "event/channel.h"
#include "sched/sched.h"

/* two_level.c and fifo.c: the same operations twice. `self`: the vcpu that runs this, or NULL; saves waking
 * oneself. */
void two_level_unmask(struct channel *c, struct vcpu *self);
void two_level_clear_pending(struct channel *c);
bool two_level_is_pending(const struct domain *d, port_t port);
bool two_level_is_masked(const struct domain *d, port_t port);
void fifo_set_pending(struct event_fifo *f, struct channel *c, struct vcpu *self);
void fifo_unmask(struct event_fifo *f, struct channel *c, struct vcpu *self);
void fifo_clear_pending(struct event_fifo *f, struct channel *c);
bool fifo_is_pending(const struct event_fifo *f, const struct channel *c);
bool fifo_is_masked(const struct event_fifo *f, const struct channel *c);
/* The guest has not taken the port off its queue yet. */
bool fifo_is_linked(const struct event_fifo *f, port_t port);

static inline struct event_fifo *event_fifo(const struct domain *d)
{
    return __atomic_load_n(&d->event->fifo, __ATOMIC_ACQUIRE);
}

/* A vcpu other than the running one: wake it if it blocks, else make its processor look. */
void event_wake(struct vcpu *v);

/*
 * The vcpu has an event to see. Whoever sets evtchn_upcall_pending wakes the vcpu; if it was set, somebody has. The exchange orders it
 * before the look at the vcpu's pause flags, as sched_block()'s caller sets them before it looks at evtchn_upcall_pending.
 */
static inline void event_notify(struct vcpu *v, struct vcpu *self)
{
    if (v == self)
        WRITE_ONCE(v->info->evtchn_upcall_pending, 1); /* seen on the way out */
    else if (!__atomic_exchange_n(&v->info->evtchn_upcall_pending, 1, __ATOMIC_SEQ_CST))
        event_wake(v);
}

/* Two-level: bits in shared_info, one bit a word of them in vcpu_info. A 32-bit guest has words of 32 bits
 * and a shorter mask array behind. */
static inline uint64_t *two_level_pending(const struct domain *d)
{
    return (uint64_t *)d->shared_info->evtchn_pending;
}

static inline uint64_t *two_level_mask(const struct domain *d)
{
    size_t at =
        d->width32 ? offsetof(struct abi32_shared_info, evtchn_mask) : offsetof(shared_info_t, evtchn_mask);

    return (uint64_t *)((char *)d->shared_info + at);
}

static inline uint32_t *two_level_selector_32(const struct vcpu *v)
{
    return (uint32_t *)((char *)v->info + offsetof(struct abi32_vcpu_info, evtchn_pending_sel));
}

/* A word of the selector. */
static inline bool two_level_select(struct vcpu *v, port_t port)
{
    if (unlikely(v->domain->width32)) {
        uint32_t bit = 1U << port / 32 % 32;

        return __atomic_fetch_or(two_level_selector_32(v), bit, __ATOMIC_SEQ_CST) & bit;
    }
    return atomic_test_and_set_bit(port / 64 % 64, (uint64_t *)&v->info->evtchn_pending_sel);
}

/* The port has become pending: if it is not masked, the vcpu shall see it. */
static inline void two_level_tell(struct domain *d, const struct channel *c, struct vcpu *self)
{
    if (!test_bit(c->port, two_level_mask(d))) {
        struct vcpu *v = d->vcpu[READ_ONCE(c->vcpu)];

        if (!two_level_select(v, c->port))
            event_notify(v, self);
    }
}

/* The same while vcpus of the domain poll. */
void two_level_tell_pollers(struct domain *d, const struct channel *c, struct vcpu *self) __cold;

static inline void two_level_set_pending(struct domain *d, struct channel *c, struct vcpu *self)
{
    /* A locked operation even if the bit is set already: what the sender wrote before must be seen by whoever clears the bit. */
    if (unlikely(c->port >= EVTCHN_2L_NR_CHANNELS) || atomic_test_and_set_bit(c->port, two_level_pending(d)))
        return;
    if (unlikely(READ_ONCE(d->event->pollers)))
        two_level_tell_pollers(d, c, self);
    else
        two_level_tell(d, c, self);
}

static inline void event_set_pending(struct channel *c, struct vcpu *self)
{
    struct domain *d = c->domain;
    struct event_fifo *f = event_fifo(d);

    if (f)
        fifo_set_pending(f, c, self);
    else
        two_level_set_pending(d, c, self);
}

#endif
