/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The output of a connection: a queue of messages, each charged to it until delivered. */
#include "toolstack/xenstored/lib/internal.h"

static uint32_t msg_charge(const struct st_msg *m)
{
    return (uint32_t)sizeof(*m) + (m->buf != m->small ? m->capacity : 0);
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

/* Makes room for @len bytes; what was written is lost if a new buffer is needed. 0 or -ENOMEM. */
int st_msg_resize(struct st_conn *c, struct st_msg *m, uint32_t len)
{
    char *buf;

    m->len = len;
    if (len <= m->capacity)
        return 0;
    buf = st_alloc(c->store, len);
    if (!buf)
        return -ENOMEM;
    c->bytes -= msg_charge(m);
    if (m->buf != m->small)
        st_dealloc(c->store, m->buf, m->capacity);
    m->buf = buf;
    m->capacity = len;
    c->bytes += msg_charge(m);
    return 0;
}

void st_msg_free(struct st_conn *c, struct st_msg *m)
{
    c->bytes -= msg_charge(m);
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
    if (!m->event)
        c->nr_replies++;
    st_conn_mark_ready(c);
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
}

bool st_conn_has_output(struct st_conn *c)
{
    if (list_empty(&c->out) && st_watch_may_retry(c)) { /* what could not be queued for want of memory */
        st_tap(c->store, ST_TAP_RETRY, c, 0, NULL, 0);
        st_watch_retry(c);
    }
    return !list_empty(&c->out);
}

bool st_conn_starved(const struct st_conn *c)
{
    return c->overflows && list_empty(&c->out);
}
