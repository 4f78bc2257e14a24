/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The port table, for the files of this folder. docs/design/event-channels.md has the invariants (E1 to E9)
 * and says why this is safe.
 *
 *   event_domain.range[] -> 4096 ports: their bits, and .bucket[] -> 64 channels        a range or bucket, once
 * there, stays until the domain is freed
 *
 * Who may touch what:
 * - All changes of bindings are made under the domain's event lock; those of an interdomain binding under
 * both domains', the one with the lower address first.
 * - Sends take no lock. They run with interrupts off from the moment they read `peer` (or a VIRQ's or PIRQ's
 * channel) until they are done with what it led to; who takes such memory away unlinks it, then waits for
 * every processor to take an interrupt (event_quiesce()).
 * - A send that overlaps a close may still reach the port: the guest sees one spurious event, as it must be
 * ready to anyway.
 */
#ifndef EVENT_CHANNEL_H
#define EVENT_CHANNEL_H

#include "event/event.h"
#include "hv/bitops.h"
#include "hv/errno.h"
#include "hv/frame.h"
#include "hv/lock.h"
#include "hv/softirq.h"
#include "hv/speculation.h"

enum channel_state {
    CHANNEL_FREE,
    CHANNEL_RESERVED, /* port 0 */
    CHANNEL_UNBOUND,
    CHANNEL_INTERDOMAIN,
    CHANNEL_PIRQ,
    CHANNEL_VIRQ,
    CHANNEL_IPI,
};

struct channel {
    struct domain *domain; /* whose port this is; never changes */
    struct channel *peer;  /* where a send arrives: the other end, or itself for an IPI; NULL in every other
                              state. Atomic */
    port_t port;           /* never changes */
    uint16_t vcpu;         /* whom it notifies. Atomic */
    uint8_t state;         /* enum channel_state */
    uint8_t priority;      /* FIFO: EVTCHN_FIFO_PRIORITY_MAX..MIN. Atomic */
    union {
        uint32_t virq;
        uint32_t pirq;
        domid_id_t remote; /* UNBOUND: who may bind */
    };
    uint16_t queue; /* FIFO: queue_id() of the queue that it was put on last; guarded by that queue's vcpu's
                       queue lock */
    uint8_t early;  /* FIFO: was pending before its word was there; never cleared. Atomic */
    uint8_t reserved;
};
_Static_assert(sizeof(struct channel) == 32, "64 of them are one small object");

#define BUCKET_CHANNELS 64
#define RANGE_CHANNELS  4096 /* as many as there are in the two-level form: few domains have a second one */
#define MAX_CHANNELS    EVTCHN_FIFO_NR_CHANNELS
#define FIFO_PAGE_WORDS (PAGE_SIZE / sizeof(event_word_t))
#define RANGES          (MAX_CHANNELS / RANGE_CHANNELS)
#define FIFO_PAGES      (MAX_CHANNELS / FIFO_PAGE_WORDS)

struct port_range {
    struct channel
        *bucket[RANGE_CHANNELS / BUCKET_CHANNELS]; /* entries are set before `ports` grows over them */
    uint64_t used[RANGE_CHANNELS / 64]; /* a bit for each port that is not CHANNEL_FREE; the event lock's */
};

struct event_fifo {
    event_word_t *page[FIFO_PAGES]; /* NULL beyond `pages`. Atomic */
    struct frame *frame[FIFO_PAGES];
    unsigned int pages;
    port_t
        shown; /* those below have been looked at for events of before their words were there; the event lock's */
};

/* Ports that were sent to; more than POLL_PORTS: any may have been. */
#define POLL_PORTS 8
struct poll_ports {
    uint32_t count;
    port_t port[POLL_PORTS];
};

/* Pollers that sends have left to be woken (poll.c). */
struct poll_rest {
    lock_t lock; /* a leaf, interrupts off */
    bool
        wanted; /* the tasklet waits or runs, and holds a reference to the domain; `now` and `next` are its own then */
    uint16_t cpu;             /* which sent the first of `coming` */
    unsigned int next;        /* vcpu */
    struct poll_ports now;    /* for which it goes through the pollers */
    struct poll_ports coming; /* those sent to since it began to */
    struct tasklet tasklet;
};

struct event_domain {
    /* Read by sends. */
    port_t ports;     /* so many channels exist: BUCKET_CHANNELS times the buckets. Only grows. Atomic */
    uint32_t pollers; /* vcpus in SCHEDOP_poll, or that were and have not been told from the rest. Atomic */
    struct event_fifo *fifo; /* NULL: the two-level form. Atomic */
    struct channel **pirq;   /* by PIRQ number; NULL until the first one is bound. Entries atomic */
    unsigned int pirqs;
    /* The rest is the event lock's. */
    lock_t lock;
    port_t limit;     /* one more than the highest port the domain may have */
    port_t free_hint; /* no port below it is free */
    uint32_t in_use;  /* channels that are neither free nor reserved */
    port_t closed_to; /* an unfinished reset has been so far; 0: none is going on. The guest may never go on
                         with it, and bind new ports below: it proves nothing about them */
    bool dying;       /* nothing may be bound any more */
    bool detaching;   /* FIFO memory is being given back: no new one yet */
    uint64_t polling[BITS_TO_LONGS(MAX_VCPUS)]; /* which vcpus `pollers` counts. Atomic */
    struct poll_rest rest;                      /* its own lock's */
    struct port_range *range[RANGES];           /* set before `ports` grows over them */
};

struct event_vcpu {
    struct channel *virq[NR_VIRQS]; /* changed under the event lock. Atomic */
    uint32_t poll_port;             /* the one port that SCHEDOP_poll waits for; POLL_ANY: several. Atomic */
    /* FIFO. The queue lock is taken with interrupts off. */
    lock_t queue_lock;
    struct evtchn_fifo_control_block *control; /* in guest memory; NULL: not set up. Atomic */
    struct frame *control_frame;
    struct frame *
        expanding; /* the page that its EVTCHNOP_expand_array has added, and not shown all of; the event lock's */
    port_t tail[EVTCHN_FIFO_MAX_QUEUES]; /* last port put on each queue; 0: none; guarded by queue_lock */
};

#define POLL_ANY 0xffffffffu

#define queue_id(vcpu, priority) ((uint16_t)((vcpu) << 4 | (priority)))
#define queue_vcpu(id)           ((id) >> 4)
#define queue_priority(id)       ((id)&15)
_Static_assert(EVTCHN_FIFO_MAX_QUEUES == 16 && MAX_VCPUS <= 4096, "queue_id() has room");

static inline struct channel **bucket_of(const struct event_domain *e, port_t port)
{
    return &e->range[port / RANGE_CHANNELS]->bucket[port % RANGE_CHANNELS / BUCKET_CHANNELS];
}

/* The port exists. */
static inline struct channel *channel_of(const struct event_domain *e, port_t port)
{
    return *bucket_of(e, port) + port % BUCKET_CHANNELS;
}

/* The port exists. The event lock is held. */
static inline bool port_used(const struct event_domain *e, port_t port)
{
    return test_bit(port % RANGE_CHANNELS, e->range[port / RANGE_CHANNELS]->used);
}

/* The channel of a port that exists, or NULL. */
static inline struct channel *channel_at(const struct event_domain *e, port_t port)
{
    port_t ports = __atomic_load_n(&e->ports, __ATOMIC_ACQUIRE);

    if (unlikely(port >= ports))
        return NULL;
    port = (port_t)array_index_clamp(port, ports);
    return channel_of(e, port);
}

/* --- channel.c: under the event lock of `d`. --- */

/* Takes the lowest free port, bound to vcpu 0 with the default priority; the caller sets its state. -ENOSPC,
 * -ENOMEM, -EINVAL: the domain is dying. */
int channel_alloc(struct domain *d, struct channel **out) __must_check;
void channel_free(struct channel *c);
/* The first port in [from, end) that is taken, or that is free; `end`: there is none. Without the lock it may just have changed. */
port_t port_find(const struct event_domain *e, port_t from, port_t end, bool used);
void channel_set_state(struct channel *c, enum channel_state state);
/* Closes a port of any state but FREE and RESERVED (-EINVAL). Takes the locks itself. */
int channel_close(struct domain *d, port_t port) __must_check;
/* Two domains' locks, or one twice, in the order that every caller uses. */
void event_lock_both(struct event_domain *a, struct event_domain *b);
void event_unlock_both(struct event_domain *a, struct event_domain *b);
/* Closes ports from *next on, which it moves; `hc` NULL: softirq_pending() decides. 0 when all from there are closed, -ERESTART. */
int event_close_ports(struct domain *d, port_t *next, struct hypercall *hc) __must_check;

/* --- fifo.c --- */
int fifo_init_control(struct domain *d, unsigned int vcpu, gfn_t gfn, uint32_t offset) __must_check;
/* By hc's vcpu. -ERESTART: the page is there, the vcpu calls again for the rest. */
int fifo_expand_array(struct hypercall *hc, gfn_t gfn) __must_check;
/* Back to the two-level form. All ports are closed. No lock held. */
void fifo_destroy(struct domain *d);

/* --- virq.c, pirq.c, poll.c --- */
int event_bind_virq(struct domain *d, unsigned int virq, unsigned int vcpu, port_t *port) __must_check;
bool virq_is_global(unsigned int virq);
void virq_unbind(struct channel *c);
unsigned int virq_audit(struct domain *d);
int event_bind_pirq(struct domain *d, unsigned int pirq, bool share, port_t *port) __must_check;
void pirq_unbind(struct channel *c);
void poll_domain_init(struct domain *d);
/* The port became pending: wakes vcpus that poll it, at once or soon. Interrupts off, for a bounded time. */
void poll_notify(struct domain *d, port_t port) __cold;

#endif
