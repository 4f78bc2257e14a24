/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The maps. Answers follow Debian's Xen 4.17 (docs/design/interrupts.md has the table of what was recorded). */
#include "core/frame_audit.h"
#include "arch/x86/irq/pirq.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/irq/msi.h"
#include "core/p2m.h"
#include "event/event.h"
#include "hv/alloc.h"
#include "hv/bitops.h"
#include "hv/errno.h"
#include "hv/log.h"
#include "hv/speculation.h"

#define GUEST_PIRQS 32 /* beyond the GSIs, of a domain that is not the hardware's */

static void free_map(struct irq_domain *i)
{
    if (!i)
        return;
    hv_free(i->pirq);
    hv_free(i->revoked);
    hv_free(i->given);
    hv_free(i);
}

struct irq_domain *irq_domain_of(struct domain *d)
{
    struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE), *expected = NULL;

    if (likely(i))
        return i;
    i = hv_new(struct irq_domain);
    if (!i)
        return NULL;
    lock_init(&i->lock, RANK_PIRQ);
    i->pirqs = d->is_hardware ? irq_count : irq_gsis + GUEST_PIRQS;
    i->pirq = hv_new_array(struct pirq, i->pirqs);
    i->revoked = hv_new_array(uint64_t, BITS_TO_LONGS(irq_gsis));
    i->given = hv_new_array(uint64_t, BITS_TO_LONGS(irq_count));
    if (!i->pirq || !i->revoked || !i->given) {
        free_map(i);
        return NULL;
    }
    if (!__atomic_compare_exchange_n(&d->irq, &expected, i, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
        free_map(i);
        i = expected;
    }
    return i;
}

static struct pirq *mapped(struct irq_domain *i, unsigned int pirq)
{
    struct pirq *p;

    if (pirq >= i->pirqs)
        return NULL;
    p = &i->pirq[array_index_clamp(pirq, i->pirqs)];
    return p->state == PIRQ_MAPPED ? p : NULL;
}

int pirq_irq(struct domain *d, unsigned int pirq)
{
    struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);
    const struct pirq *p = i ? mapped(i, pirq) : NULL;

    return p ? READ_ONCE(p->irq) : -EINVAL;
}

/* The number that the interrupt has already, or -1. */
static int find_irq(const struct irq_domain *i, unsigned int irq)
{
    for (unsigned int pirq = 0; pirq < i->pirqs; pirq++)
        if (i->pirq[pirq].state == PIRQ_MAPPED && i->pirq[pirq].irq == irq)
            return (int)pirq;
    return -1;
}

/* From the top, clear of the GSIs' own numbers. */
static int find_free(const struct irq_domain *i)
{
    for (unsigned int pirq = i->pirqs; pirq-- > irq_gsis;)
        if (i->pirq[pirq].state == PIRQ_FREE)
            return (int)pirq;
    return -ENOSPC;
}

/* The lowest of the GSIs' numbers that is no ISA line's, or any. */
static int find_free_gsi(const struct irq_domain *i)
{
    for (unsigned int pirq = 16; pirq < irq_gsis; pirq++)
        if (i->pirq[pirq].state == PIRQ_FREE)
            return (int)pirq;
    return find_free(i);
}

int pirq_reserve(struct domain *d, bool gsi)
{
    struct irq_domain *i = irq_domain_of(d);
    uint64_t flags;
    int pirq;

    if (!i)
        return -ENOMEM;
    flags = lock_irqsave(&i->lock);
    pirq = gsi ? find_free_gsi(i) : find_free(i);
    if (pirq >= 0)
        i->pirq[pirq].state = PIRQ_RESERVED;
    unlock_irqrestore(&i->lock, flags);
    return pirq;
}

bool pirq_exists(struct domain *d, unsigned int pirq)
{
    const struct irq_domain *i = irq_domain_of(d);

    return i && pirq < i->pirqs;
}

bool pirq_is_reserved(struct domain *d, unsigned int pirq)
{
    const struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);

    return i && pirq < i->pirqs &&
           READ_ONCE(i->pirq[array_index_clamp(pirq, i->pirqs)].state) == PIRQ_RESERVED;
}

static int map_locked(struct irq_domain *i, unsigned int irq, int *pirq)
{
    int have = find_irq(i, irq);

    if (have >= 0) {
        if (*pirq >= 0 && *pirq != have)
            return -EEXIST;
        *pirq = have;
        return 0;
    }
    if (irq < irq_gsis && test_bit(irq, i->revoked))
        return -EPERM;
    if (*pirq >= 0 && (unsigned int)*pirq >= i->pirqs)
        return -EINVAL;
    if (*pirq < 0)
        *pirq = irq < irq_gsis ? find_free_gsi(i) : find_free(i);
    if (*pirq < 0)
        return *pirq;
    *pirq = (int)array_index_clamp((unsigned int)*pirq, i->pirqs);
    if (i->pirq[*pirq].state ==
        PIRQ_MAPPED) /* a number that has an interrupt keeps it; for a GSI, Xen calls that success */
        return irq < irq_gsis ? 0 : -EEXIST;
    i->pirq[*pirq] = (struct pirq){.irq = (uint16_t)irq, .state = PIRQ_MAPPED};
    return 0;
}

static int map(struct domain *d, unsigned int irq, int *pirq)
{
    struct irq_domain *i = irq_domain_of(d);
    uint64_t flags;
    int rc;

    if (!i)
        return -ENOMEM;
    flags = lock_irqsave(&i->lock);
    rc = map_locked(i, irq, pirq);
    if (!rc)
        set_bit(irq, i->given);
    unlock_irqrestore(&i->lock, flags);
    return rc;
}

/* May it be used and passed on? The first is the machine's timer. */
static bool has_gsi(struct domain *d, unsigned int gsi)
{
    const struct irq_domain *i = irq_domain_of(d);

    return d->is_hardware && i && gsi && !test_bit(gsi, i->revoked);
}

int pirq_map_gsi(struct domain *caller, struct domain *d, unsigned int gsi, int *pirq)
{
    const struct irq_desc *desc = gsi < irq_gsis ? irq_desc_find(gsi) : NULL;
    int named;

    if (!desc || !desc->controller)
        return -EINVAL;
    /* As recorded: where the index is one of the caller's own numbers, its interrupt is meant. */
    named = pirq_irq(caller, gsi);
    if (named >= 0)
        gsi = (unsigned int)named;
    if (d != caller && (gsi >= irq_gsis || !has_gsi(caller, gsi)))
        return -EPERM;
    return caller->is_hardware && gsi ? map(d, gsi, pirq) : -EPERM;
}

int pirq_permit(struct domain *caller, struct domain *d, unsigned int pirq, bool allow)
{
    struct irq_domain *i = irq_domain_of(d);
    uint64_t flags;
    int irq;

    if (!i || !irq_domain_of(caller))
        return -ENOMEM;
    if (!pirq_exists(caller, pirq))
        return -EINVAL;
    irq = pirq_irq(caller, pirq);
    if (irq < 0 || ((unsigned int)irq < irq_gsis && !has_gsi(caller, (unsigned int)irq)))
        return -EPERM;
    flags = lock_irqsave(&i->lock);
    if (allow)
        set_bit((unsigned int)irq, i->given);
    else
        clear_bit((unsigned int)irq, i->given);
    if (!allow && d->is_hardware && (unsigned int)irq < irq_gsis)
        atomic_set_bit((unsigned int)irq, i->revoked); /* release_interrupt() has no lock */
    unlock_irqrestore(&i->lock, flags);
    return 0;
}

int pirq_map_msi(struct domain *d, unsigned int irq, int *pirq)
{
    return map(d, irq, pirq);
}

static void release_interrupt(struct domain *d, struct irq_domain *i, unsigned int irq)
{
    irq_guest_unbind(irq, d);
    if (irq >= irq_gsis)
        msi_free(irq);
    else if (d->is_hardware)
        atomic_set_bit(irq, i->revoked);
}

int pirq_unmap(struct domain *d, unsigned int pirq)
{
    struct irq_domain *i = irq_domain_of(d);
    struct pirq was = {0};
    uint64_t flags;

    if (!i)
        return -ENOMEM;
    if (pirq >= i->pirqs)
        return -EINVAL;
    pirq = (unsigned int)array_index_clamp(pirq, i->pirqs);
    flags = lock_irqsave(&i->lock);
    if (i->pirq[pirq].state == PIRQ_MAPPED) {
        was = i->pirq[pirq];
        i->pirq[pirq] = (struct pirq){0};
        clear_bit(was.irq, i->given);
    }
    unlock_irqrestore(&i->lock, flags);
    if (was.state != PIRQ_MAPPED)
        return -EINVAL;
    release_interrupt(d, i, was.irq);
    return 0;
}

static int op_bind(struct domain *d, unsigned int pirq, bool share)
{
    struct irq_domain *i = irq_domain_of(d);
    struct pirq *p;
    uint64_t flags;
    int rc = -EPERM;

    if (!i)
        return -ENOMEM;
    flags = lock_irqsave(&i->lock);
    p = mapped(i, pirq);
    if (p && (d->is_hardware || test_bit(p->irq, i->given)))
        rc = p->bound ? -EEXIST : irq_guest_bind(p->irq, d, pirq, share);
    if (!rc)
        p->bound = true;
    unlock_irqrestore(&i->lock, flags);
    if (rc == -EBUSY)
        log_guest(LOG_INFO, "d%d: PIRQ %u is in use by the hypervisor or by a domain that does not share\n",
                  d->id, pirq);
    return rc;
}

static void op_unbind(struct domain *d, unsigned int pirq)
{
    struct irq_domain *i = irq_domain_of(d);
    struct pirq *p;
    uint64_t flags;

    if (!i)
        return;
    flags = lock_irqsave(&i->lock);
    p = mapped(i, pirq);
    if (p && p->bound) {
        irq_guest_unbind(p->irq, d);
        p->bound = false;
    }
    unlock_irqrestore(&i->lock, flags);
}

static unsigned int op_count(struct domain *d)
{
    return d->is_hardware ? irq_count : irq_gsis + GUEST_PIRQS;
}

void pirq_eoi(struct domain *d, unsigned int pirq)
{
    struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);
    int irq = pirq_irq(d, pirq);
    uint64_t *eoi_map;

    if (irq < 0)
        return;
    eoi_map = __atomic_load_n(&i->eoi_map, __ATOMIC_ACQUIRE);
    if (eoi_map)
        atomic_clear_bit(pirq, eoi_map);
    irq_guest_eoi((unsigned int)irq, d);
}

/* An interrupt for the guest, interrupts off. `level`: it stays masked until the guest's EOI. */
static void deliver(struct domain *d, unsigned int pirq, bool level)
{
    struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);
    uint64_t *eoi_map = i ? __atomic_load_n(&i->eoi_map, __ATOMIC_ACQUIRE) : NULL;

    if (level && eoi_map)
        atomic_set_bit(pirq, eoi_map);
    event_send_pirq(d, pirq);
}

void pirq_init(void)
{
    event_pirq_ops = (struct event_pirq_ops){.bind = op_bind,
                                             .unbind = op_unbind,
                                             .eoi = pirq_eoi,
                                             .count = op_count,
                                             .end = irq_domain_end,
                                             .free = irq_domain_free,
                                             .set_cpu = pirq_set_cpu,
                                             .permit = pirq_permit};
    irq_deliver_to_guest = deliver;
}

int pirq_set_eoi_page(struct domain *d, gfn_t gfn, bool unmasks)
{
    struct irq_domain *i = irq_domain_of(d);
    struct frame *frame = NULL;
    uint64_t flags;
    int rc;

    if (!i)
        return -ENOMEM;
    if (i->pirqs > PAGE_SIZE * 8)
        return -ENOSPC;
    rc = frame_get_writable(d, gfn, &frame);
    if (rc)
        return rc;
    flags = lock_irqsave(&i->lock);
    if (i->eoi_frame) {
        rc = -EBUSY;
    } else {
        i->eoi_frame = frame;
        i->eoi_unmasks = unmasks;
        __atomic_store_n(&i->eoi_map, (uint64_t *)frame_to_va(frame), __ATOMIC_RELEASE);
    }
    unlock_irqrestore(&i->lock, flags);
    if (rc)
        frame_put_writable(frame);
    return rc;
}

void pirq_set_cpu(struct domain *d, unsigned int pirq, unsigned int cpu)
{
    int irq = pirq_irq(d, pirq);

    if (irq >= 0)
        irq_set_cpu((unsigned int)irq, cpu);
}

/* Takes the mapping out: whoever comes later finds none. */
static bool take_mapped(struct irq_domain *i, unsigned int pirq, unsigned int *irq)
{
    uint64_t flags = lock_irqsave(&i->lock);
    bool is = i->pirq[pirq].state == PIRQ_MAPPED;

    *irq = i->pirq[pirq].irq;
    i->pirq[pirq] = (struct pirq){0};
    unlock_irqrestore(&i->lock, flags);
    return is;
}

void irq_domain_end(struct domain *d)
{
    struct irq_domain *i = __atomic_load_n(&d->irq, __ATOMIC_ACQUIRE);
    struct frame *frame;
    uint64_t flags;
    unsigned int irq;

    if (!i)
        return;
    for (unsigned int pirq = 0; pirq < i->pirqs; pirq++)
        if (take_mapped(i, pirq, &irq))
            release_interrupt(d, i, irq);
    flags = lock_irqsave(&i->lock);
    frame = i->eoi_frame;
    i->eoi_frame = NULL;
    __atomic_store_n(&i->eoi_map, NULL, __ATOMIC_RELEASE);
    unlock_irqrestore(&i->lock, flags);
    if (!frame)
        return;
    event_quiesce(); /* whose interrupt was on its way when it was unbound may still set a bit there */
    frame_put_writable(frame);
}

void irq_domain_free(struct domain *d)
{
    irq_domain_end(d);
    free_map(d->irq);
    d->irq = NULL;
}

void pirq_name_holdings(struct domain *d, frame_holding_fn *hold, void *context)
{
    if (d->irq && irq_domain_of(d)->eoi_frame)
        hold(context, irq_domain_of(d)->eoi_frame, 1, 1);
}
