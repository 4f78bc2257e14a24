/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FIFO form's memory: control blocks and event array pages are frames of the guest's own, held by a
 * writable reference each from EVTCHNOP_init_control or EVTCHNOP_expand_array until the domain resets or
 * dies. Changed under the event lock.
 */
#include "event/wire.h"
#include "core/p2m.h"
#include "hv/alloc.h"

/*
 * Bits of the two-level form that are set when the first vcpu changes to FIFO are carried over. As on Xen (tests/guest/events), whether or not the
 * port is in use, and for good: each time the guest gives the port a word again, it is pending there.
 */
static void carry_over(struct domain *d)
{
    struct event_domain *e = d->event;

    for (port_t port = 0; port < min(e->ports, (port_t)EVTCHN_2L_NR_CHANNELS); port++)
        if (two_level_is_pending(d, port))
            WRITE_ONCE(channel_at(e, port)->early, 1);
}

static int become_fifo(struct domain *d)
{
    struct event_fifo *f;

    if (d->event->fifo)
        return 0;
    f = hv_new(struct event_fifo);
    if (!f)
        return -ENOMEM;
    carry_over(d);
    __atomic_store_n(&d->event->fifo, f, __ATOMIC_RELEASE);
    return 0;
}

static int attach_control(struct domain *d, struct vcpu *v, struct frame *frame, uint32_t offset)
{
    struct evtchn_fifo_control_block *control = (void *)((char *)frame_to_va(frame) + offset);
    struct event_domain *e = d->event;
    int rc;

    if (v->event->control || e->dying)
        return -EINVAL;
    if (e->detaching)
        return -EBUSY;
    rc = become_fifo(d);
    if (rc)
        return rc;
    for (unsigned int i = 0; i < EVTCHN_FIFO_MAX_QUEUES; i++)
        v->event->tail[i] = 0;
    v->event->control_frame = frame;
    __atomic_store_n(&v->event->control, control, __ATOMIC_SEQ_CST);
    return 0;
}

int fifo_init_control(struct domain *d, unsigned int vcpu, gfn_t gfn, uint32_t offset)
{
    struct vcpu *v = domain_vcpu(d, vcpu);
    struct frame *frame;
    int rc;

    if (!v)
        return -ENOENT;
    if (offset > PAGE_SIZE - sizeof(struct evtchn_fifo_control_block) || offset % 8)
        return -EINVAL;
    rc = frame_get_writable(d, gfn, &frame);
    if (rc)
        return rc;
    lock(&d->event->lock);
    rc = attach_control(d, v, frame, offset);
    unlock(&d->event->lock);
    if (rc)
        frame_put_writable(frame);
    return rc;
}

static int attach_page(struct domain *d, struct frame *frame)
{
    struct event_domain *e = d->event;
    struct event_fifo *f = e->fifo;
    event_word_t *page = frame_to_va(frame);

    if (!f)
        return -EOPNOTSUPP;
    if (f->pages == FIFO_PAGES || f->pages * FIFO_PAGE_WORDS >= ROUND_UP((size_t)e->limit, FIFO_PAGE_WORDS))
        return -ENOSPC;
    f->frame[f->pages] = frame;
    __atomic_store_n(&f->page[f->pages], page, __ATOMIC_SEQ_CST);
    f->pages++;
    return 0;
}

static void show_if_early(struct event_fifo *f, struct channel *c)
{
    uint64_t flags;

    if (!__atomic_load_n(&c->early, __ATOMIC_SEQ_CST))
        return;
    flags = irq_save();
    fifo_set_pending(f, c, NULL);
    irq_restore(flags);
}

#define SHOWN_PER_UNIT 8 /* some 200 instructions each */

/* What came before its port had a word, for all pages that are there. 0, -ERESTART. */
static int show_early(struct hypercall *hc, struct event_domain *e)
{
    struct event_fifo *f = e->fifo;
    port_t words = f->pages * (port_t)FIFO_PAGE_WORDS, end = min(e->ports, words);

    while (f->shown < end) {
        show_if_early(f, channel_at(e, f->shown));
        f->shown++;
        if (f->shown % SHOWN_PER_UNIT == 0 && f->shown < end && hypercall_preempt(hc))
            return -ERESTART;
    }
    f->shown = words;
    return 0;
}

/*
 * Adds the page, unless this goes on with a call of the vcpu's that has; *added: it did now, and holds the reference. That a call goes on is the vcpu's own to
 * know: another one may add a page at the same time.
 */
static int expand(struct hypercall *hc, struct frame *frame, bool *added)
{
    struct vcpu *v = hc->vcpu;
    int rc = 0;

    *added = v->event->expanding != frame;
    if (*added)
        rc = attach_page(v->domain, frame);
    if (rc) {
        *added = false;
        return rc;
    }
    rc = show_early(hc, v->domain->event);
    v->event->expanding = rc ? frame : NULL;
    return rc;
}

int fifo_expand_array(struct hypercall *hc, gfn_t gfn)
{
    struct domain *d = hc->vcpu->domain;
    struct frame *frame;
    bool added;
    int rc;

    if (!event_fifo(d))
        return -EOPNOTSUPP;
    rc = frame_get_writable(d, gfn, &frame);
    if (rc)
        return rc;
    lock(&d->event->lock);
    rc = expand(hc, frame, &added);
    unlock(&d->event->lock);
    if (!added)
        frame_put_writable(frame);
    return rc;
}

/* Takes everything out of the reach of new sends. False if somebody else is at it, or there is nothing to do.
 */
static bool detach(struct domain *d, struct event_fifo **out)
{
    struct event_domain *e = d->event;
    struct vcpu *v;

    if (!e->fifo || e->detaching)
        return false;
    e->detaching = true;
    *out = e->fifo;
    __atomic_store_n(&e->fifo, NULL, __ATOMIC_SEQ_CST);
    for_each_vcpu (v, d) {
        __atomic_store_n(&v->event->control, NULL, __ATOMIC_SEQ_CST);
        v->event->expanding = NULL;
    }
    return true;
}

static void put_frames(struct domain *d, struct event_fifo *f)
{
    struct vcpu *v;

    for_each_vcpu (v, d) {
        struct event_vcpu *ev = v->event;

        if (ev->control_frame)
            frame_put_writable(ev->control_frame);
        ev->control_frame = NULL;
    }
    for (unsigned int i = 0; i < f->pages; i++)
        frame_put_writable(f->frame[i]);
    hv_free(f);
}

void fifo_destroy(struct domain *d)
{
    struct event_domain *e = d->event;
    struct event_fifo *f;
    bool mine;

    lock(&e->lock);
    mine = detach(d, &f);
    unlock(&e->lock);
    if (!mine)
        return;
    event_quiesce();
    put_frames(d, f);
    lock(&e->lock);
    e->detaching = false;
    unlock(&e->lock);
}
