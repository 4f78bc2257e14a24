/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The output of a connection: a queue of messages, each charged to it until delivered. While its events are many they are in a
 * hash table, too, so that an equal one is found among them; who reads what it is sent never has one.
 */
#include "toolstack/xenstored/lib/internal.h"

#define INDEX_FROM 16u /* more events than about this: it is worth a table */

/*
 * It follows from the message alone, not from how it came to be: what a client is charged decides what it may do, and must be the same in
 * a store that is loaded. A reply that was made shorter keeps its buffer until it is fetched, uncharged; there are `outstanding` at most.
 */
static uint32_t msg_charge(const struct st_msg *m)
{
    return (uint32_t)sizeof(*m) + (m->len > sizeof(m->small) ? m->len : 0);
}

/* A message with room for @len bytes of header and payload. */
struct st_msg *st_msg_new(struct st_conn *c, uint32_t len)
{
    struct st_msg *m = st_alloc(c->store, sizeof(*m));

    if (!m)
        return NULL;
    list_init(&m->link);
    list_init(&m->pending);
    m->watch = NULL;
    m->event = false;
    m->buf = m->small;
    m->capacity = sizeof(m->small);
    m->len = 0;
    c->bytes += msg_charge(m);
    if (st_msg_resize(c, m, len)) {
        st_msg_free(c, m);
        return NULL;
    }
    return m;
}

static __attribute__((noinline)) int resize(struct st_conn *c, struct st_msg *m, uint32_t len)
{
    char *buf = len > m->capacity ? st_alloc(c->store, len) : m->buf;

    if (!buf)
        return -ENOMEM;
    if (buf != m->buf) {
        if (m->buf != m->small)
            st_dealloc(c->store, m->buf, m->capacity);
        m->buf = buf;
        m->capacity = len;
    }
    c->bytes -= msg_charge(m);
    m->len = len;
    c->bytes += msg_charge(m);
    return 0;
}

/* Makes room for @len bytes; what was written is lost if a new buffer is needed. 0; -ENOMEM: nothing changed. */
int st_msg_resize(struct st_conn *c, struct st_msg *m, uint32_t len)
{
    if (len > sizeof(m->small) || m->len > sizeof(m->small))
        return resize(c, m, len);
    m->len = len; /* nearly always; it is charged nothing */
    return 0;
}

/* ---- The table of events ---- */

static void index_put(struct st_conn *c, struct st_msg *m)
{
    const char *path = m->buf + sizeof(struct xsd_sockmsg);
    struct st_msg **bucket;

    m->hash = st_hash(c->store, path, strlen(path));
    bucket = &c->index[m->hash & (c->index_size - 1)];
    m->chain = *bucket;
    *bucket = m;
}

static void index_drop(struct st_conn *c)
{
    st_dealloc(c->store, c->index, c->index_size * sizeof(*c->index));
    c->index = NULL;
    c->index_size = 0;
}

/*
 * A table twice as large, with all events. Without memory the chains grow longer, no more. It is not charged: what a client is charged
 * decides what it may do, which must not depend on whether its events were queued in this process or came in a state stream. It is small
 * beside the events in it.
 */
static bool index_grow(struct st_conn *c)
{
    uint32_t size = c->index_size ? c->index_size * 2 : 4 * INDEX_FROM;
    struct st_msg **t;
    struct st_list *l;

    t = st_zalloc(c->store, size * sizeof(*t));
    if (!t)
        return false;
    index_drop(c);
    c->index = t;
    c->index_size = size;
    for (l = c->out.next; l != &c->out; l = l->next)
        if (list_of(l, struct st_msg, link)->watch)
            index_put(c, list_of(l, struct st_msg, link));
    return true;
}

static __attribute__((noinline)) void index_add(struct st_conn *c, struct st_msg *m)
{
    bool full = c->event_bytes / sizeof(*m) > (c->index ? c->index_size : INDEX_FROM);

    if (!m->watch) /* it came with a state stream */
        return;
    if ((!full || !index_grow(c)) && c->index)
        index_put(c, m);
}

static __attribute__((noinline)) void index_remove(struct st_conn *c, const struct st_msg *m)
{
    struct st_msg **link = &c->index[m->hash & (c->index_size - 1)];

    while (*link && *link != m)
        link = &(*link)->chain;
    if (*link)
        *link = m->chain;
    if (!c->event_bytes)
        index_drop(c);
}

static bool is_pending(const struct st_watch *w, const struct st_msg *m, const char *path, size_t len)
{
    const struct st_conn *c = w->conn;

    return m->watch == w && m->len == sizeof(struct xsd_sockmsg) + len + 1 + w->token_len + 1 &&
           !memcmp(m->buf + sizeof(struct xsd_sockmsg), path, len) && !(m->link.prev == &c->out && c->sent);
}

static __attribute__((noinline)) bool index_has(const struct st_watch *w, const char *path, size_t len)
{
    const struct st_conn *c = w->conn;
    uint32_t hash = st_hash(c->store, path, len);
    const struct st_msg *m;

    for (m = c->index[hash & (c->index_size - 1)]; m; m = m->chain)
        if (m->hash == hash && is_pending(w, m, path, len))
            return true;
    return false;
}

/* ---- The queue. With few events, as nearly always, there is no table. ---- */

bool st_event_pending(const struct st_watch *w, const char *path, size_t len)
{
    const struct st_list *l = w->pending.prev;
    unsigned int i;

    if (w->conn->index)
        return index_has(w, path, len);
    for (i = 0; i < INDEX_FROM && l != &w->pending; i++, l = l->prev)
        if (is_pending(w, list_of(l, struct st_msg, pending), path, len))
            return true;
    return false;
}

void st_msg_free(struct st_conn *c, struct st_msg *m)
{
    uint32_t charge = msg_charge(m);

    c->bytes -= charge;
    if (m->event) {
        c->event_bytes -= charge;
        if (c->index)
            index_remove(c, m);
    }
    list_del(&m->link);
    list_del(&m->pending);
    if (m->buf != m->small)
        st_dealloc(c->store, m->buf, m->capacity);
    st_dealloc(c->store, m, sizeof(*m));
}

void st_conn_mark_ready(struct st_conn *c)
{
    if (list_empty(&c->on_ready))
        list_add_tail(&c->store->ready, &c->on_ready);
}

void st_msg_queue(struct st_conn *c, struct st_msg *m)
{
    list_add_tail(&c->out, &m->link);
    c->nr_replies++;
    st_conn_mark_ready(c);
}

void st_event_queue(struct st_conn *c, struct st_msg *m, struct st_watch *w)
{
    m->event = true;
    m->watch = w;
    m->hash = 0;
    if (w)
        list_add_tail(&w->pending, &m->pending);
    list_add_tail(&c->out, &m->link);
    c->event_bytes += msg_charge(m);
    if (c->index || c->event_bytes > INDEX_FROM * sizeof(*m))
        index_add(c, m);
    st_conn_mark_ready(c);
}

bool st_conn_starved(const struct st_conn *c)
{
    return c->overflows && list_empty(&c->out);
}

/* What could not be queued for want of memory. Rare, and so not part of what each request does. */
static __attribute__((noinline, cold)) void queue_again(struct st_conn *c)
{
    if (!st_watch_may_retry(c))
        return;
    st_tap(c->store, ST_TAP_RETRY, c, 0, NULL, 0);
    st_watch_retry(c);
}

bool st_conn_has_output(struct st_conn *c)
{
    if (st_conn_starved(c))
        queue_again(c);
    return !list_empty(&c->out);
}

unsigned int st_conn_output(struct st_conn *c, struct st_iovec *iov, unsigned int max)
{
    struct st_list *l;
    uint32_t skip = c->sent;
    unsigned int n = 0;

    if (!st_conn_has_output(c))
        return 0;
    for (l = c->out.next; l != &c->out && n < max; l = l->next) {
        const struct st_msg *m = list_of(l, struct st_msg, link);

        iov[n].base = m->buf + skip;
        iov[n++].len = m->len - skip;
        skip = 0;
    }
    return n;
}

void st_conn_delivered(struct st_conn *c, size_t n)
{
    st_tap(c->store, ST_TAP_DELIVERED, c, (uint32_t)n, NULL, 0);
    while (n && !list_empty(&c->out)) {
        struct st_msg *m = list_of(c->out.next, struct st_msg, link);

        if (n < m->len - c->sent) {
            c->sent += (uint32_t)n;
            break;
        }
        n -= m->len - c->sent;
        c->sent = 0;
        if (!m->event)
            c->nr_replies--;
        st_msg_free(c, m);
    }
    if (c->overflows)
        st_watch_retry(c);
    else if (!list_empty(&c->on_ready) && list_empty(&c->out))
        list_del(&c->on_ready);
}
