/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Virtual interrupts. Each vcpu has a table of the channels bound to its VIRQs; a global VIRQ stands in that
 * of vcpu 0 of the domain that gets it, whichever vcpu its channel notifies.
 */
#include "event/wire.h"
#include "hv/lock_shown.h"

/* Who gets each global VIRQ; NULL: the hardware domain. Changed under the lock, each with a reference. */
static struct {
    lock_t lock;
    struct domain *handler[NR_VIRQS];
} global = {.lock = LOCK_INIT(RANK_EVENT)};
LOCK_SHOWN(global, global.lock, "global VIRQs");

/* xen.h marks them "V." and "G."; numbers that it leaves out are global. */
bool virq_is_global(unsigned int virq)
{
    return virq != VIRQ_TIMER && virq != VIRQ_DEBUG && virq != VIRQ_XENOPROF && virq != VIRQ_XENPMU;
}

int event_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, port_t *port)
{
    struct vcpu *v;
    struct channel *c;
    int rc;

    if (virq >= NR_VIRQS || (virq_is_global(virq) && vcpu != 0))
        return -EINVAL;
    virq = (unsigned int)array_index_clamp(virq, NR_VIRQS);
    v = domain_vcpu(d, vcpu);
    if (!v)
        return -ENOENT;
    lock(&d->event->lock);
    rc = v->event->virq[virq] ? -EEXIST : channel_alloc(d, &c);
    if (rc == 0) {
        c->virq = virq;
        WRITE_ONCE(c->vcpu, (uint16_t)vcpu);
        channel_set_state(c, CHANNEL_VIRQ);
        __atomic_store_n(&v->event->virq[virq], c, __ATOMIC_RELEASE);
        *port = c->port;
    }
    unlock(&d->event->lock);
    return rc;
}

/* The vcpu in whose table the channel stands. */
static struct vcpu *virq_vcpu(const struct channel *c)
{
    return c->domain->vcpu[virq_is_global(c->virq) ? 0 : c->vcpu];
}

void virq_unbind(struct channel *c)
{
    __atomic_store_n(&virq_vcpu(c)->event->virq[c->virq], NULL, __ATOMIC_RELEASE);
}

void event_send_virq(struct vcpu *v, unsigned int virq)
{
    uint64_t flags = irq_save();
    struct channel *c = __atomic_load_n(&v->event->virq[virq], __ATOMIC_ACQUIRE);

    if (c)
        event_set_pending(c, NULL);
    irq_restore(flags);
}

void event_send_global_virq(unsigned int virq)
{
    uint64_t flags = irq_save();
    struct domain *d = __atomic_load_n(&global.handler[virq], __ATOMIC_ACQUIRE);
    struct vcpu *v;

    if (!d)
        d = hardware_domain;
    v = d && d->max_vcpus ? domain_vcpu(d, 0) : NULL;
    if (v)
        event_send_virq(v, virq);
    irq_restore(flags);
}

static void put_handler(struct domain *d)
{
    if (!d)
        return;
    event_quiesce();
    domain_put(d);
}

int event_set_virq_handler(struct domain *d, unsigned int virq)
{
    struct domain *before;

    if (virq >= NR_VIRQS || !virq_is_global(virq))
        return -EINVAL;
    domain_ref(d);
    lock(&global.lock);
    before = __atomic_exchange_n(&global.handler[virq], d, __ATOMIC_SEQ_CST);
    unlock(&global.lock);
    put_handler(before);
    return 0;
}

void event_drop_virq_handler(struct domain *d)
{
    for (unsigned int virq = 0; virq < NR_VIRQS; virq++) {
        struct domain *expected = d;

        if (__atomic_compare_exchange_n(&global.handler[virq], &expected, NULL, false, __ATOMIC_SEQ_CST,
                                        __ATOMIC_RELAXED))
            put_handler(d);
    }
}

unsigned int virq_audit(struct domain *d)
{
    unsigned int wrong = 0;
    struct vcpu *v;

    for_each_vcpu (v, d)
        for (unsigned int virq = 0; virq < NR_VIRQS; virq++) {
            const struct channel *c = v->event->virq[virq];

            wrong +=
                c && (c->domain != d || c->state != CHANNEL_VIRQ || c->virq != virq || virq_vcpu(c) != v);
        }
    return wrong;
}
