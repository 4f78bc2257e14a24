/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Connections: opening, closing, and the stream of requests, taken one at a time. */
#include "toolstack/xenstored/lib/internal.h"

static void set_base(const struct st_store *s, struct st_base *b, unsigned int domid)
{
    char text[40];
    size_t end = st_path_base(domid, text), pos, n;
    unsigned int i;

    text[end] = '/';
    b->len = (uint8_t)(end + 1);
    memcpy(b->text, text, b->len);
    for (i = 0, pos = 1; i < 3; i++, pos += n + 1) {
        n = (size_t)((char *)memchr(text + pos, '/', b->len - pos) - text) - pos;
        b->name[i] = (struct st_component){(uint32_t)n, st_hash(s, text + pos, n)};
    }
}

static struct st_conn *conn_new(struct st_store *s, unsigned int domid)
{
    struct st_conn *c = st_alloc(s, sizeof(*c));

    if (!c)
        return NULL;
    memset(c, 0, offsetof(struct st_conn, in));
    c->store = s;
    c->domid = (uint16_t)domid;
    set_base(s, &c->base, domid);
    list_init(&c->out);
    list_init(&c->watches);
    list_init(&c->txns);
    list_init(&c->on_ready);
    list_add_tail(&s->conns, &c->on_store);
    s->nr_conns++;
    return c;
}

struct st_conn *st_conn_open_socket(struct st_store *s, bool readonly)
{
    struct st_conn *c = conn_new(s, 0);

    if (c) {
        c->privileged = true;
        c->readonly = readonly;
    }
    return c;
}

struct st_conn *st_conn_open_domain(struct st_store *s, unsigned int domid)
{
    struct st_domain *d;
    struct st_conn *c;

    if (domid >= ST_DOMID_FIRST_RESERVED)
        return NULL;
    d = st_domain_find(s, domid);
    if (d && d->conn)
        return NULL;
    d = st_domain_get(s, domid);
    if (!d)
        return NULL;
    c = conn_new(s, domid);
    if (!c) {
        st_domain_put(s, d);
        return NULL;
    }
    if (!d->introduced)
        d->ref++;
    d->introduced = true;
    d->conn = c;
    c->domain = d;
    c->privileged = domid == 0;
    return c;
}

static void drop_txns(struct st_conn *c)
{
    while (!list_empty(&c->txns))
        st_txn_abort(list_of(c->txns.next, struct st_txn, on_conn));
}

static void conn_reset(struct st_conn *c)
{
    drop_txns(c);
    st_watch_reset(c);
    while (!list_empty(&c->out))
        st_msg_free(c, list_of(c->out.next, struct st_msg, link));
    c->nr_replies = 0;
    c->sent = 0;
    c->in_have = 0;
    c->complete = false;
    c->dead = false;
}

void st_conn_reset(struct st_conn *c)
{
    st_tap(c->store, ST_TAP_RESET, c, 0, NULL, 0);
    conn_reset(c);
}

void st_conn_close(struct st_conn *c)
{
    struct st_store *s = c->store;

    st_tap(s, ST_TAP_CLOSE, c, 0, NULL, 0);
    conn_reset(c);
    list_del(&c->on_store);
    list_del(&c->on_ready);
    s->nr_conns--;
    if (c->domain) {
        c->domain->conn = NULL;
        st_domain_put(s, c->domain);
    }
    st_dealloc(s, c, sizeof(*c));
}

void *st_conn_user(const struct st_conn *c)
{
    return c->user;
}

void st_conn_set_user(struct st_conn *c, void *user)
{
    c->user = user;
}

struct st_conn *st_store_next_ready(struct st_store *s)
{
    struct st_conn *c;

    if (list_empty(&s->ready))
        return NULL;
    c = list_of(s->ready.next, struct st_conn, on_ready);
    list_del(&c->on_ready);
    return c;
}

uint64_t st_conn_resume_time(const struct st_conn *c)
{
    return c->domain ? st_domain_credit_time(c->store, c->domain) : 0;
}

/* ---- Input ---- */

size_t st_conn_wants(const struct st_conn *c)
{
    if (c->complete || c->dead)
        return 0;
    if (c->in_have < sizeof(c->in.hdr))
        return sizeof(c->in.hdr) - c->in_have;
    return sizeof(c->in.hdr) + c->in.hdr.len - c->in_have;
}

/* The usual case: a whole request is there. */
static bool take_whole(struct st_conn *c, const void *data, size_t len)
{
    struct xsd_sockmsg hdr;

    memcpy(&hdr, data, sizeof(hdr));
    if (hdr.len > XENSTORE_PAYLOAD_MAX || len - sizeof(hdr) < hdr.len)
        return false;
    c->in_have = (uint32_t)sizeof(hdr) + hdr.len;
    memcpy(&c->in, data, c->in_have);
    c->complete = true;
    return true;
}

/* Copies what belongs to the request being received. */
static size_t take(struct st_conn *c, const void *data, size_t len)
{
    size_t n;

    if (!c->in_have && len >= sizeof(c->in.hdr) && take_whole(c, data, len))
        return c->in_have;
    n = st_conn_wants(c);
    if (n > len)
        n = len;
    if (!n)
        return 0;
    memcpy((char *)&c->in + c->in_have, data, n);
    c->in_have += (uint32_t)n;
    if (c->in_have < sizeof(c->in.hdr))
        return n;
    if (c->in.hdr.len > XENSTORE_PAYLOAD_MAX)
        c->dead = true;
    else if (c->in_have == sizeof(c->in.hdr) + c->in.hdr.len)
        c->complete = true;
    return n;
}

/* Requests that change what others see: they wait for credit. */
static bool invalidates(uint32_t type)
{
    return type == XS_WRITE || type == XS_MKDIR || type == XS_RM || type == XS_SET_PERMS ||
           type == XS_TRANSACTION_END;
}

static enum st_stall may_run(struct st_conn *c, unsigned int budget)
{
    struct st_store *s = c->store;

    if (c->nr_replies >= s->quota.outstanding)
        return ST_STALL_OUTPUT;
    if (!c->privileged && invalidates(c->in.hdr.type) && !st_domain_has_credit(s, c->domain))
        return ST_STALL_CREDIT;
    return budget ? ST_READY : ST_STALL_BUDGET;
}

/* Runs the request. What it takes of the budget: one, and one more for each so many events and nodes. False: no memory. */
static bool run(struct st_conn *c, unsigned int *budget)
{
    struct st_store *s = c->store;
    /* Others are only refused, and nobody amends that. */
    bool last = c->privileged && c->in.hdr.type == XS_CONTROL;
    uint32_t events = s->events, nodes = s->all_nodes, work;

    if (!st_dispatch(c))
        return false;
    work = s->events - events + (s->all_nodes > nodes ? s->all_nodes - nodes : nodes - s->all_nodes);
    work = 1 + work / ST_WORK_OF_REQUEST;
    *budget -= *budget < work || last ? *budget : work;
    s->requests++;
    return true;
}

static size_t feed(struct st_conn *c, const void *data, size_t len, unsigned int *budget,
                   enum st_stall *stall)
{
    size_t used = 0;

    *stall = ST_READY;
    while (!c->dead) {
        if (!c->complete)
            used += take(c, (const char *)data + used, len - used);
        if (!c->complete) {
            if (c->dead || used == len)
                break;
            continue;
        }
        *stall = may_run(c, *budget);
        if (*stall != ST_READY)
            return used;
        if (!run(c, budget)) {
            *stall = ST_STALL_MEMORY;
            return used;
        }
        c->complete = false;
        c->in_have = 0;
    }
    if (c->dead)
        *stall = ST_DEAD;
    return used;
}

/* The same for requests that only look: they are whole, and all of them may run. */
static size_t feed_looks(struct st_conn *c, const char *data, size_t len, unsigned int *budget,
                         enum st_stall *stall)
{
    size_t used = 0;

    *stall = ST_READY;
    do {
        take_whole(c, data + used, len - used);
        used += c->in_have;
        if (!run(c, budget)) {
            *stall = ST_STALL_MEMORY;
            break;
        }
        c->complete = false;
        c->in_have = 0;
    } while (used < len);
    return used;
}

/* Bytes that are still missing of the message of which @have are in @hdr and what follows it; @len if there are not so many. */
static size_t missing(struct xsd_sockmsg hdr, size_t have, const char *data, size_t len)
{
    size_t head = have < sizeof(hdr) ? sizeof(hdr) - have : 0, n;

    if (head > len)
        return len;
    if (head)
        memcpy((char *)&hdr + have, data, head);
    n = sizeof(hdr) + hdr.len - have;
    return hdr.len > XENSTORE_PAYLOAD_MAX || n > len ? len : n;
}

/*
 * How much of what is offered can be taken: the requests that may run now, and one more, which then waits. The tap is told of that
 * alone, or whoever offers much and lets little be done would fill a journal with it.
 */
static size_t reach(const struct st_conn *c, const char *data, size_t len, unsigned int budget)
{
    uint32_t most = c->store->quota.outstanding, room = most > c->nr_replies ? most - c->nr_replies : 0;
    uint32_t n = budget < room ? budget : room;
    size_t have = c->complete ? 0 : c->in_have, at = 0;

    if (len <= n * sizeof(c->in.hdr)) /* no more requests than may run have room in it */
        return len;
    for (n += !c->complete; n && at < len; n--, have = 0)
        at += missing(c->in.hdr, have, data + at, len - at);
    return at;
}

bool st_conn_idle(const struct st_conn *c)
{
    return !c->in_have && !c->overflows && list_empty(&c->out);
}

/*
 * The bytes of the whole requests that only look, outside of transactions, as many as may run now, if there is nothing else before them or
 * between; 0 if there is, also under way. To feed these and to deliver all that they give then changes nothing (but what CONTROL
 * tells of the work done).
 */
static size_t only_looks(const struct st_conn *c, const char *data, size_t len, unsigned int budget)
{
    uint32_t most = c->store->quota.outstanding, n = budget < most ? budget : most;
    struct xsd_sockmsg hdr;
    size_t at = 0;

    while (at < len && n--) {
        if (len - at < sizeof(hdr))
            return 0;
        memcpy(&hdr, data + at, sizeof(hdr));
        if (!st_only_looks(&hdr) || hdr.len > XENSTORE_PAYLOAD_MAX || len - at - sizeof(hdr) < hdr.len)
            return 0;
        at += sizeof(hdr) + hdr.len;
    }
    return st_conn_idle(c) ? at : 0;
}

size_t st_conn_feed(struct st_conn *c, const void *data, size_t len, unsigned int *budget,
                    enum st_stall *stall)
{
    struct st_store *s = c->store;
    size_t used, looks;

    if (c->complete && !c->dead) {
        *stall = may_run(c, *budget);
        if (*stall != ST_READY)
            return 0;
    }
    looks = only_looks(c, data, len, *budget);
    if (!looks)
        len = reach(c, data, len, *budget);
    if (len || c->complete)
        st_tap(s, looks ? ST_TAP_LOOK : ST_TAP_FEED, c, *budget, data, looks ? looks : len);
    s->depth++;
    used = looks ? feed_looks(c, data, looks, budget, stall) : feed(c, data, len, budget, stall);
    s->depth--;
    if (looks && used < len && *stall == ST_READY)
        *stall = ST_STALL_BUDGET;
    return used;
}
