/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FIFO form (xen/event_channel.h; the protocol is described in Xen's public design page "FIFO-based event
 * channel ABI").
 *
 *   control block of a vcpu: READY bits, HEAD[16] --> word --LINK--> word --LINK--> word <-- our tail[16]
 *
 * One event word a port: PENDING, MASKED, LINKED, BUSY, and the next port of the queue. The guest takes words
 * off at the head, we put them on at the tail. The guest can write all of it at any time. What keeps us safe:
 * no LINK or HEAD is ever read as an index, the tail is kept by us, and every compare-and-swap loop has a
 * bounded number of rounds; a guest that scribbles loses its own events.
 *
 * Locks: the queue lock of a vcpu guards its tails and the `queue` of the channels that were put last on one
 * of them. Interrupts are off.
 */
#include "event/wire.h"
#include "core/p2m.h"
#include "hv/alloc.h"

#define WORD_PENDING (1U << EVTCHN_FIFO_PENDING)
#define WORD_MASKED  (1U << EVTCHN_FIFO_MASKED)
#define WORD_LINKED  (1U << EVTCHN_FIFO_LINKED)
#define WORD_BUSY    (1U << EVTCHN_FIFO_BUSY)

/* Rounds of set_link() before the guest is asked to hold still, and after. A guest that honours BUSY changes
 * a word at most once more. */
#define LINK_ROUNDS 4

/* The event word of a port, or NULL if the guest has not given a page for it. */
static event_word_t *word_of(const struct event_fifo *f, port_t port)
{
    event_word_t *page = __atomic_load_n(&f->page[port / FIFO_PAGE_WORDS % FIFO_PAGES], __ATOMIC_ACQUIRE);

    return page ? page + port % FIFO_PAGE_WORDS : NULL;
}

static event_word_t word_or(event_word_t *word, event_word_t bits)
{
    return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST);
}

static event_word_t word_and(event_word_t *word, event_word_t bits)
{
    return __atomic_fetch_and(word, bits, __ATOMIC_SEQ_CST);
}

/* 1: linked; 0: the word is on no queue any more, that is, the queue was drained; -1: it changed in every
 * round. */
static int try_link(event_word_t *word, port_t port)
{
    event_word_t old = __atomic_load_n(word, __ATOMIC_RELAXED);

    for (unsigned int i = 0; i < LINK_ROUNDS; i++) {
        if (!(old & WORD_LINKED))
            return 0;
        if (__atomic_compare_exchange_n(word, &old, (old & ~(EVTCHN_FIFO_LINK_MASK | WORD_BUSY)) | port,
                                        false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return 1;
    }
    return -1;
}

/* Makes `port` the successor of the word. False if the word is not on a queue: `port` becomes its head then.
 */
static bool set_link(event_word_t *word, port_t port)
{
    int rc = try_link(word, port);

    if (likely(rc >= 0))
        return rc;
    word_or(word, WORD_BUSY);
    rc = try_link(word, port);
    if (rc != 1)
        word_and(word, ~WORD_BUSY);
    return rc == 1;
}

/*
 * Locks the queues that a channel is (perhaps) on and shall go to; they may belong to two vcpus. While the
 * locks are being taken the channel may be put on another queue: look again.
 */
static struct event_vcpu *lock_queues(struct domain *d, struct channel *c, struct event_vcpu *to)
{
    for (;;) {
        uint16_t queue = READ_ONCE(c->queue);
        struct event_vcpu *from = d->vcpu[queue_vcpu(queue)]->event;

        lock(from <= to ? &from->queue_lock : &to->queue_lock);
        if (from != to)
            lock_second(from < to ? &to->queue_lock : &from->queue_lock);
        if (likely(d->vcpu[queue_vcpu(READ_ONCE(c->queue))]->event == from))
            return from;
        unlock(&from->queue_lock);
        if (from != to)
            unlock(&to->queue_lock);
    }
}

/* The port has just been marked LINKED by us. Returns true if the queue was empty and the guest must be told
 * to look at it. */
static bool append(struct event_fifo *f, struct event_vcpu *from, struct event_vcpu *to, struct channel *c,
                   uint16_t queue, struct evtchn_fifo_control_block *control)
{
    unsigned int priority = queue_priority(queue);
    port_t *tail = &to->tail[priority];
    event_word_t *last;
    bool linked = false;

    if (c->queue != queue) {
        /* Its word is about to mean a place on another queue: the old one must not go on behind it. */
        if (from->tail[queue_priority(c->queue)] == c->port)
            from->tail[queue_priority(c->queue)] = 0;
        WRITE_ONCE(c->queue, queue);
    }
    /* A tail that is the port itself was taken off already, or it could not have been unlinked. */
    if (*tail && *tail != c->port) {
        last = word_of(f, *tail);
        linked = last && set_link(last, c->port);
    }
    *tail = c->port;
    if (!linked)
        __atomic_store_n(&control->head[priority], c->port, __ATOMIC_RELEASE); /* seen before READY */
    return !linked;
}

/* Puts a pending, unmasked port on the queue of its vcpu and priority, unless it is on one. */
static void enqueue(struct event_fifo *f, struct channel *c, event_word_t *word, struct vcpu *self)
{
    struct domain *d = c->domain;
    struct vcpu *v = d->vcpu[READ_ONCE(c->vcpu)];
    uint16_t queue = queue_id(v->id, READ_ONCE(c->priority));
    struct event_vcpu *to = v->event, *from;
    struct evtchn_fifo_control_block *control = __atomic_load_n(&to->control, __ATOMIC_ACQUIRE);
    uint32_t ready = 1U << queue_priority(queue);
    bool tell = false;

    if (unlikely(!control))
        return;
    from = lock_queues(d, c, to);
    /* The guest leaves LINK 0 when it takes a word off; a link that it forged leads nowhere but into its own words. */
    if (!(word_or(word, WORD_LINKED) & WORD_LINKED))
        tell = append(f, from, to, c, queue, control);
    if (from != to)
        unlock(&from->queue_lock);
    unlock(&to->queue_lock);
    if (tell && !(__atomic_fetch_or(&control->ready, ready, __ATOMIC_SEQ_CST) & ready))
        event_notify(v, self);
}

void fifo_set_pending(struct event_fifo *f, struct channel *c, struct vcpu *self)
{
    event_word_t *word = word_of(f, c->port), old;

    if (unlikely(!word)) {
        /* fifo_expand_array() looks at `early` after it has shown the page. */
        __atomic_store_n(&c->early, 1, __ATOMIC_SEQ_CST);
        word = word_of(f, c->port);
        if (!word)
            return;
    }
    if (unlikely(!__atomic_load_n(&c->domain->vcpu[READ_ONCE(c->vcpu)]->event->control, __ATOMIC_ACQUIRE)))
        return; /* as on Xen: an event for a vcpu without a control block is lost */
    old = word_or(word, WORD_PENDING);
    if (!(old & (WORD_MASKED | WORD_LINKED)))
        enqueue(f, c, word, self);
    if (unlikely(READ_ONCE(c->domain->event->pollers)))
        poll_notify(c->domain, c->port);
}

void fifo_unmask(struct event_fifo *f, struct channel *c, struct vcpu *self)
{
    event_word_t *word = word_of(f, c->port);

    if (word && (word_and(word, ~WORD_MASKED) & (WORD_PENDING | WORD_LINKED)) == WORD_PENDING)
        enqueue(f, c, word, self);
}

void fifo_clear_pending(struct event_fifo *f, struct channel *c)
{
    event_word_t *word = word_of(f, c->port);

    if (word)
        word_and(word, ~WORD_PENDING);
}

bool fifo_is_pending(const struct event_fifo *f, const struct channel *c)
{
    const event_word_t *word = word_of(f, c->port);

    return word ? __atomic_load_n(word, __ATOMIC_RELAXED) & WORD_PENDING
                : __atomic_load_n(&c->early, __ATOMIC_RELAXED);
}

bool fifo_is_masked(const struct event_fifo *f, const struct channel *c)
{
    const event_word_t *word = word_of(f, c->port);

    return !word || __atomic_load_n(word, __ATOMIC_RELAXED) & WORD_MASKED;
}

bool fifo_is_linked(const struct event_fifo *f, port_t port)
{
    const event_word_t *word = word_of(f, port);

    return word && __atomic_load_n(word, __ATOMIC_RELAXED) & WORD_LINKED;
}
