/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sources bound to guests. An edge (and every MSI) is passed on and forgotten; a level stays masked until
 * each guest that was told has said EOI. An unbinding guest counts as having said it.
 */
#include "arch/x86/irq/irq.h"
#include "core/domain.h"
#include "hv/errno.h"
#include "hv/percpu.h"

void (*irq_deliver_to_guest)(struct domain *d, unsigned int pirq, bool level);

static struct irq_guest *find(struct irq_desc *desc, const struct domain *d)
{
    for (unsigned int i = 0; i < desc->guests; i++)
        if (desc->guest[i].domain == d)
            return &desc->guest[i];
    return NULL;
}

static bool any_in_flight(const struct irq_desc *desc)
{
    for (unsigned int i = 0; i < desc->guests; i++)
        if (desc->guest[i].in_flight)
            return true;
    return false;
}

/* A level that everybody is done with may interrupt again. */
static void finish(struct irq_desc *desc)
{
    if ((desc->flags & (IRQ_LEVEL | IRQ_STORM)) == IRQ_LEVEL && !any_in_flight(desc))
        desc->controller->unmask(desc);
}

static int check_bind(const struct irq_desc *desc, bool share)
{
    if (!desc->controller)
        return -EINVAL;
    if (desc->handler || desc->flags & IRQ_RESERVED)
        return -EBUSY;
    if (desc->guests && (!share || !desc->shared || !(desc->flags & IRQ_LEVEL)))
        return -EBUSY;
    return desc->guests == IRQ_GUESTS_MAX ? -EBUSY : 0;
}

int irq_guest_bind(unsigned int irq, struct domain *d, unsigned int pirq, bool share)
{
    struct irq_desc *desc = irq_desc_get(irq);
    uint64_t flags;
    int rc;

    if (!desc)
        return -EINVAL;
    flags = lock_irqsave(&desc->lock);
    rc = find(desc, d) ? -EBUSY : check_bind(desc, share);
    if (!rc) {
        desc->guest[desc->guests++] = (struct irq_guest){.domain = d, .pirq = pirq};
        desc->shared = share;
        if (desc->guests == 1)
            rc = irq_startup(desc, cpu_id());
        if (rc)
            desc->guests--;
    }
    unlock_irqrestore(&desc->lock, flags);
    return rc;
}

void irq_guest_unbind(unsigned int irq, struct domain *d)
{
    struct irq_desc *desc = irq_desc_find(irq);
    struct irq_guest *g;
    uint64_t flags;

    if (!desc)
        return;
    flags = lock_irqsave(&desc->lock);
    g = find(desc, d);
    if (g) {
        *g = desc->guest[--desc->guests];
        if (desc->guests)
            finish(desc);
        else
            irq_shutdown(desc);
    }
    unlock_irqrestore(&desc->lock, flags);
}

void irq_guest_eoi(unsigned int irq, struct domain *d)
{
    struct irq_desc *desc = irq_desc_find(irq);
    struct irq_guest *g;
    uint64_t flags;

    if (!desc)
        return;
    flags = lock_irqsave(&desc->lock);
    g = find(desc, d);
    if (g && g->in_flight) {
        g->in_flight = false;
        finish(desc);
    }
    unlock_irqrestore(&desc->lock, flags);
}

bool irq_guest_is_shared(unsigned int irq)
{
    const struct irq_desc *desc = irq_desc_find(irq);

    return desc && READ_ONCE(desc->guests) > 1;
}

void irq_guest_deliver(struct irq_desc *desc)
{
    struct irq_guest told[IRQ_GUESTS_MAX];
    unsigned int n = desc->guests;

    for (unsigned int i = 0; i < n; i++) {
        desc->guest[i].in_flight = desc->flags & IRQ_LEVEL;
        told[i] = desc->guest[i];
    }
    desc->unserved = 0;
    /* Events have locks of a lower rank. A domain that is unbound meanwhile is not freed: this processor is
     * not quiescent. */
    unlock(&desc->lock);
    for (unsigned int i = 0; i < n; i++)
        irq_deliver_to_guest(told[i].domain, told[i].pirq, told[i].in_flight);
    lock(&desc->lock);
}
