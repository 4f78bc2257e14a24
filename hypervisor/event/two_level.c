/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two-level form's cold half (the hot one is in wire.h), and waking. */
#include "event/wire.h"

void event_wake(struct vcpu *v)
{
    if (__atomic_load_n(&v->pause_flags, __ATOMIC_RELAXED) & VCPU_BLOCKED)
        sched_unblock(v);
    else
        sched_kick(v);
}

void two_level_tell_pollers(struct domain *d, const struct channel *c, struct vcpu *self)
{
    two_level_tell(d, c, self);
    poll_notify(d, c->port);
}

void two_level_unmask(struct channel *c, struct vcpu *self)
{
    struct domain *d = c->domain;
    struct vcpu *v = d->vcpu[READ_ONCE(c->vcpu)];

    /* The guest may have missed an event while the port was masked: show it again. */
    if (c->port < EVTCHN_2L_NR_CHANNELS && atomic_test_and_clear_bit(c->port, two_level_mask(d)) &&
        test_bit(c->port, two_level_pending(d)) && !two_level_select(v, c->port))
        event_notify(v, self);
}

void two_level_clear_pending(struct channel *c)
{
    if (c->port < EVTCHN_2L_NR_CHANNELS)
        atomic_clear_bit(c->port, two_level_pending(c->domain));
}

bool two_level_is_pending(const struct domain *d, port_t port)
{
    return port < EVTCHN_2L_NR_CHANNELS && test_bit(port, two_level_pending(d));
}

bool two_level_is_masked(const struct domain *d, port_t port)
{
    return port >= EVTCHN_2L_NR_CHANNELS || test_bit(port, two_level_mask(d));
}
