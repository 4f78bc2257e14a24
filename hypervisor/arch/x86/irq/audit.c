/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of interrupts: what a domain has mapped and bound, what the descriptors say of their guests, and the event channels agree
 * (docs/design/interrupts.md, "What the audit checks"). All domains are paused; nothing is followed that was not found in a list.
 */
#include "arch/x86/irq/irq.h"
#include "arch/x86/irq/pirq.h"
#include "event/event.h"
#include "hv/log.h"

static bool is_guest_of(const struct irq_desc *desc, const struct domain *d, unsigned int pirq)
{
    for (unsigned int i = 0; desc && i < desc->guests; i++)
        if (desc->guest[i].domain == d && desc->guest[i].pirq == pirq)
            return true;
    return false;
}

static bool is_mapped_twice(const struct irq_domain *i, unsigned int pirq)
{
    for (unsigned int other = 0; other < pirq; other++)
        if (i->pirq[other].state == PIRQ_MAPPED && i->pirq[other].irq == i->pirq[pirq].irq)
            return true;
    return false;
}

static bool pirq_is_broken(struct domain *d, const struct irq_domain *i, unsigned int pirq)
{
    const struct pirq *p = &i->pirq[pirq];

    if (p->state != PIRQ_MAPPED)
        return p->state > PIRQ_MAPPED || p->bound;
    /* Not the reverse of the second: what is unmapped while it is bound leaves the port behind. */
    return p->irq >= irq_count || (p->bound && !event_pirq_port(d, pirq)) || is_mapped_twice(i, pirq) ||
           p->bound != is_guest_of(irq_desc_find(p->irq), d, pirq);
}

static unsigned int audit_domain(struct domain *d)
{
    const struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);
    unsigned int wrong = 0;

    for (unsigned int pirq = 0; i && pirq < i->pirqs; pirq++)
        if (pirq_is_broken(d, i, pirq)) {
            log_err("Audit: domain %u's PIRQ %u is inconsistent\n", d->id, pirq);
            wrong++;
        }
    return wrong;
}

/* Does a domain of the list have the interrupt under the number that the descriptor says? */
static bool is_anybodys(const struct irq_desc *desc, const struct irq_guest *g)
{
    for (struct domain *d = domain_first(); d; d = domain_next(d)) {
        const struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);

        if (d == g->domain)
            return i && g->pirq < i->pirqs && i->pirq[g->pirq].state == PIRQ_MAPPED &&
                   i->pirq[g->pirq].irq == desc->number && i->pirq[g->pirq].bound;
    }
    return false;
}

unsigned int irq_audit(void)
{
    unsigned int wrong = 0;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        wrong += audit_domain(d);
    for (unsigned int irq = 0; irq < irq_count; irq++) {
        const struct irq_desc *desc = irq_desc_find(irq);
        bool broken =
            desc && (desc->number != irq || desc->guests > IRQ_GUESTS_MAX || (desc->guests && desc->handler));

        for (unsigned int i = 0; desc && !broken && i < desc->guests; i++)
            broken = !is_anybodys(desc, &desc->guest[i]);
        if (broken) {
            log_err("Audit: interrupt %u's guests are inconsistent\n", irq);
            wrong++;
        }
    }
    return wrong;
}
