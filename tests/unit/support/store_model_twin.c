/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a journal relies on: a store made from a stream, on which the same calls are played, is the same to the last byte as the store
 * that went on, be it made from that stream, too, or, without transactions, the one that was saved.
 * From one of these moments to the next the calls that the tap was told of are kept; the twin is made and compared before the next.
 */
#include "tests/unit/support/store_model.h"
#include "toolstack/xenstored/lib/internal.h"
#include "toolstack/xenstored/lib/state.h"

#define OPENED 100u /* a call that is not tapped: the daemon knows of it itself */

struct call {
    uint32_t what, client, arg, len; /* client: CLIENTS for none */
    uint64_t seq, gen;               /* the store's before it */
};

static struct client_buffer base, calls;
static struct st_conn *twin[CLIENTS];

static uint32_t client_of(const struct st_conn *c)
{
    uint32_t i;

    for (i = 0; i < CLIENTS && (!c || client[i].conn != c); i++)
        ;
    return i;
}

/* Requests that only look, and what was delivered since: if no output is left the twin need not know of them (daemon/journal.c). */
static struct {
    struct client_buffer calls;
    uint32_t who;
    unsigned int requests; /* of all that were dropped: they are counted */
    uint64_t before;
} looks = {.who = CLIENTS};

static void put(struct client_buffer *to, uint32_t what, uint32_t who, uint32_t arg, const void *data,
                size_t len)
{
    struct call call = {what, who, arg, (uint32_t)len, store->seq, store->gen};

    client_append(to, &call, sizeof(call));
    client_append(to, data, len);
}

static void settle(void)
{
    if (looks.who == CLIENTS)
        return;
    if (st_conn_idle(client[looks.who].conn))
        looks.requests += (unsigned int)(store->requests - looks.before);
    else
        client_append(&calls, looks.calls.p, looks.calls.len);
    looks.calls.len = 0;
    looks.who = CLIENTS;
}

static void keep(uint32_t what, uint32_t who, uint32_t arg, const void *data, size_t len)
{
    if (!base.len)
        return;
    if (what == ST_TAP_DELIVERED && who == looks.who && !st_conn_idle(client[who].conn)) {
        put(&looks.calls, what, who, arg, data, len);
        return;
    }
    settle();
    if (what == ST_TAP_LOOK) {
        looks.who = who;
        looks.before = store->requests;
        put(&looks.calls, what, who, arg, data, len);
    } else {
        put(&calls, what, who, arg, data, len);
    }
}

void twin_tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len)
{
    keep(what, client_of(c), arg, data, len);
}

void twin_opened(int i)
{
    keep(OPENED, (uint32_t)i, 0, NULL, 0);
}

void twin_begin(const void *stream, size_t len)
{
    base.len = calls.len = looks.calls.len = 0;
    looks.who = CLIENTS;
    looks.requests = 0;
    client_append(&base, stream, len);
}

void twin_end(void)
{
    free(base.p);
    free(calls.p);
    free(looks.calls.p);
    looks.calls = base = calls = (struct client_buffer){0};
}

static void play(struct st_store *s, const struct call *call, const char *data)
{
    struct st_conn *c = call->client < CLIENTS ? twin[call->client] : NULL;
    unsigned int budget = call->arg;
    enum st_stall stall;

    assert_int_equal(s->seq, call->seq);
    assert_int_equal(s->gen, call->gen);
    switch (call->what) {
    case ST_TAP_FEED:
    case ST_TAP_LOOK:
        st_conn_feed(c, data, call->len, &budget, &stall);
        break;
    case ST_TAP_DELIVERED:
        st_conn_delivered(c, call->arg);
        break;
    case ST_TAP_RETRY:
        st_conn_has_output(c);
        break;
    case ST_TAP_RESET:
        st_conn_reset(c);
        break;
    case ST_TAP_GONE:
        st_domain_gone(s, call->arg);
        break;
    case ST_TAP_RELEASE_EVENT:
        st_fire_release(s);
        break;
    case OPENED:
        twin[call->client] = st_conn_open_domain(s, call->client);
        assert_non_null(twin[call->client]);
        break;
    default:
        fail_msg("a call that cannot be played: %u", call->what);
    }
}

static int adopt(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    int i;

    memcpy(&i, p, sizeof(i));
    twin[i] = c;
    return 0;
}

static size_t describe(void *ctx, struct st_conn *c, void *out)
{
    int i;

    for (i = 0; i < CLIENTS && twin[i] != c; i++)
        ;
    memcpy(out, &i, sizeof(i));
    return sizeof(i);
}

/* What is charged is not in the stream: it follows from what is. */
static void compare_charges(void)
{
    int i;

    for (i = 0; i < CLIENTS; i++) {
        assert_int_equal(twin[i]->bytes, client[i].conn->bytes);
        assert_int_equal(twin[i]->event_bytes, client[i].conn->event_bytes);
        assert_int_equal(st_domain_bytes(twin[i]), st_domain_bytes(client[i].conn));
    }
}

void twin_compare(const void *stream, size_t len)
{
    static struct client_memory memory;
    struct client_buffer b = {0};
    struct st_saver saver = {client_append, describe, &b};
    struct st_loader loader = {adopt, NULL};
    struct st_store *s;
    struct call call;
    size_t at;

    if (!base.len)
        return;
    settle();
    s = client_store(&memory, NULL);
    assert_int_equal(st_state_load(s, base.p, base.len, &loader), 0);
    for (at = 0; at < calls.len; at += sizeof(call) + call.len) {
        memcpy(&call, calls.p + at, sizeof(call));
        play(s, &call, calls.p + at + sizeof(call));
    }
    s->requests += looks.requests;
    assert_int_equal(st_state_save(s, &saver), 0);
    assert_int_equal(b.len, len);
    assert_memory_equal(b.p, stream, len);
    compare_charges();
    st_store_free(s);
    free(b.p);
}
