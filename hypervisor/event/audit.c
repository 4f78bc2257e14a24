/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug key 'e', and the invariants E1 to E9 of docs/design/event-channels.md. */
#include "core/frame_audit.h"
#include "event/wire.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

bool event_is_pending(struct domain *d, port_t port)
{
    struct channel *c = channel_at(d->event, port);
    uint64_t flags = irq_save();
    struct event_fifo *f = event_fifo(d);
    bool pending = c && (f ? fifo_is_pending(f, c) : two_level_is_pending(d, port));

    irq_restore(flags);
    return pending;
}

bool event_is_masked(struct domain *d, port_t port)
{
    struct channel *c = channel_at(d->event, port);
    uint64_t flags = irq_save();
    struct event_fifo *f = event_fifo(d);
    bool masked = !c || (f ? fifo_is_masked(f, c) : two_level_is_masked(d, port));

    irq_restore(flags);
    return masked;
}

void event_vcpu_info_moved(struct vcpu *v)
{
    /* What was shown in the old place may not have been seen: every word, and an upcall that finds the rest.
     */
    if (v->domain->width32)
        __atomic_store_n(two_level_selector_32(v), ~0U, __ATOMIC_SEQ_CST);
    else
        __atomic_store_n(&v->info->evtchn_pending_sel, ~0UL, __ATOMIC_SEQ_CST);
    event_notify(v, NULL);
}

static const char *const state_names[] = {"free", "reserved", "unbound", "interdomain",
                                          "pirq", "virq",     "ipi"};

/* A line about a channel; the lock is held, so it is printed later. */
static void describe(char *line, size_t size, struct domain *d, const struct channel *c)
{
    char priority[16] = "", other[40] = "";

    if (d->event->fifo)
        snprintf(priority, sizeof(priority), " priority %u", c->priority);
    if (c->state == CHANNEL_UNBOUND)
        snprintf(other, sizeof(other), " for domain %u", c->remote);
    else if (c->state == CHANNEL_INTERDOMAIN)
        snprintf(other, sizeof(other), " to domain %u port %u", c->peer->domain->id, c->peer->port);
    else if (c->state == CHANNEL_PIRQ || c->state == CHANNEL_VIRQ)
        snprintf(other, sizeof(other), " number %u", c->virq);
    snprintf(line, size, "  %4u [%c%c] %s vcpu %u%s%s\n", c->port, event_is_pending(d, c->port) ? 'P' : '-',
             event_is_masked(d, c->port) ? 'M' : '-', state_names[c->state], c->vcpu, priority, other);
}

/* The next channel from `port` on. False: there is none. The key is pressed when something hangs: nobody is waited for, and nobody waits while a line goes out. */
static bool next_line(struct domain *d, port_t *port, char *line, size_t size)
{
    struct event_domain *e = d->event;
    bool found;

    if (*port >= e->ports)
        return false;
    if (!trylock(&e->lock)) {
        snprintf(line, size, "  the lock is held: try again\n");
        *port = e->ports;
        return true;
    }
    *port = port_find(e, *port, e->ports, true);
    found = *port < e->ports;
    if (found)
        describe(line, size, d, channel_at(e, *port));
    unlock(&e->lock);
    return found;
}

void event_dump(struct domain *d)
{
    struct event_domain *e = d->event;
    char line[120];
    struct vcpu *v;

    printk("Event channels of domain %u: %s, %u in use, %u pollers\n", d->id, e->fifo ? "FIFO" : "two-level",
           e->in_use, e->pollers);
    for_each_vcpu (v, d)
        printk("  vcpu %u: upcall %s%s, selector %#lx\n", v->id,
               v->info->evtchn_upcall_pending ? "pending" : "idle",
               v->info->evtchn_upcall_mask ? ", masked" : "", (unsigned long)v->info->evtchn_pending_sel);
    for (port_t port = 1; next_line(d, &port, line, sizeof(line)); port++)
        printk("%s", line);
}

void event_dump_locks(struct domain *d)
{
    struct vcpu *v;

    lock_show("event channels", -1, &d->event->lock);
    lock_show("pollers", -1, &d->event->rest.lock);
    for_each_vcpu (v, d)
        lock_show("FIFO queues of vcpu", (int)v->id, &v->event->queue_lock);
}

static bool channel_broken(struct domain *d, const struct channel *c)
{
    const struct event_domain *e = d->event;
    bool used = port_used(e, c->port), broken = used != (c->state != CHANNEL_FREE); /* E1 */

    broken |= c->domain != d;
    if (c->state == CHANNEL_INTERDOMAIN) /* E2 */
        return broken || !c->peer || c->peer->peer != c || c->peer->state != CHANNEL_INTERDOMAIN;
    broken |= c->peer != (c->state == CHANNEL_IPI ? c : NULL); /* E3 */
    if (c->state == CHANNEL_VIRQ) {                            /* E4 */
        const struct vcpu *v = domain_vcpu(d, virq_is_global(c->virq) ? 0 : c->vcpu);

        broken |= !v || v->event->virq[c->virq] != c;
    }
    if (c->state == CHANNEL_PIRQ) /* E5 */
        broken |= !e->pirq || c->pirq >= e->pirqs || e->pirq[c->pirq] != c;
    if (c->state > CHANNEL_RESERVED) /* E6 */
        broken |= !domain_vcpu(d, c->vcpu) || c->priority > EVTCHN_FIFO_PRIORITY_MIN;
    return broken;
}

static unsigned int audit_fifo(struct domain *d)
{
    const struct event_domain *e = d->event;
    unsigned int wrong = 0;
    struct vcpu *v;

    for (unsigned int i = 0; e->fifo && i < FIFO_PAGES; i++) /* E8 */
        wrong +=
            (i < e->fifo->pages) != (e->fifo->page[i] != NULL) || (i < e->fifo->pages && !e->fifo->frame[i]);
    for_each_vcpu (v, d) {
        wrong += (v->event->control != NULL) && (!e->fifo || !v->event->control_frame);
        for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++) /* E9 */
            wrong += v->event->tail[i] >= e->ports;
    }
    return wrong;
}

unsigned int event_audit(struct domain *d)
{
    struct event_domain *e = d->event;
    unsigned int wrong, in_use = 0;

    lock(&e->lock);
    wrong = virq_audit(d) + audit_fifo(d);
    for (port_t port = 0; port < e->ports; port++) {
        const struct channel *c = channel_at(e, port);

        if (channel_broken(d, c)) {
            log_err("Audit: domain %u's event channel %u (%s) is inconsistent\n", d->id, port,
                    state_names[c->state]);
            wrong++;
        }
        in_use += c->state > CHANNEL_RESERVED;
    }
    wrong += in_use != e->in_use;               /* E7 */
    for (unsigned int i = 0; i < e->pirqs; i++) /* E5 */
        wrong += e->pirq[i] && (e->pirq[i]->state != CHANNEL_PIRQ || e->pirq[i]->pirq != i);
    unlock(&e->lock);
    return wrong;
}

/* FIFO's control blocks and event arrays lie in the domain's memory. */
void event_name_holdings(struct domain *d, frame_holding_fn *hold, void *context)
{
    struct event_domain *e = d->event;
    struct vcpu *v;

    if (!e)
        return;
    for_each_vcpu (v, d)
        if (v->event && v->event->control_frame)
            hold(context, v->event->control_frame, 1, 1);
    for (unsigned int i = 0; e->fifo && i < e->fifo->pages; i++)
        hold(context, e->fifo->frame[i], 1, 1);
}
