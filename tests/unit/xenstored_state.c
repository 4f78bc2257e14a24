/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state stream: it is always understood, whatever quotas say; what it gives behaves as what was saved; saving
 * changes nothing.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "toolstack/xenstored/lib/internal.h"
#include "toolstack/xenstored/lib/state.h"
#include "xenstored_client.h"

enum { DOM0, GUEST, OTHER, CONNS }; /* a socket, the domains 5 and 6 */

static struct client_memory memory[2];
static unsigned int which;
static struct st_store *store;
static struct st_conn *conn[CONNS];
static struct client_msg msg;
static struct client_buffer stream;

static int setup(void **state)
{
    which = 0;
    store = client_store(&memory[which], NULL);
    conn[DOM0] = st_conn_open_socket(store, false);
    conn[GUEST] = st_conn_open_domain(store, 5);
    conn[OTHER] = st_conn_open_domain(store, 6);
    assert_int_equal(client_write(conn[DOM0], 0, "/local/domain/5", ""), 0);
    assert_int_equal(client_two(conn[DOM0], XS_SET_PERMS, 0, "/local/domain/5", "n5"), 0);
    assert_int_equal(client_write(conn[DOM0], 0, "/local/domain/6", ""), 0);
    assert_int_equal(client_two(conn[DOM0], XS_SET_PERMS, 0, "/local/domain/6", "n6"), 0);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory[which].bytes, 0);
    return 0;
}

static size_t describe(void *ctx, struct st_conn *c, void *out)
{
    uint32_t i;

    for (i = 0; i < CONNS && conn[i] != c; i++)
        ;
    memcpy(out, &i, sizeof(i));
    return sizeof(i);
}

static int adopt(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    uint32_t i;

    memcpy(&i, p, sizeof(i));
    assert_true(i < CONNS);
    conn[i] = c;
    return 0;
}

static void save(void)
{
    const struct st_saver saver = {client_append, describe, &stream};

    stream.len = 0;
    assert_int_equal(st_state_save(store, &saver), 0);
    assert_int_equal(st_store_check(store), 0);
}

/* Everything goes on in another store. */
static void move(void)
{
    const struct st_loader loader = {adopt, NULL};
    struct st_store *old = store;

    save();
    which = !which;
    store = client_store(&memory[which], NULL);
    assert_int_equal(st_state_load(store, stream.p, stream.len, &loader), 0);
    st_store_free(old);
    assert_int_equal(st_store_check(store), 0);
}

static uint32_t used(void)
{
    return st_domain_bytes(conn[GUEST]);
}

/* ---- Quotas are for requests ---- */

/* The guest's nodes take its memory up to the last KiB. */
static void fill_memory(void)
{
    char value[1900], name[32];
    unsigned int i;

    memset(value, 'v', sizeof(value) - 1);
    value[sizeof(value) - 1] = 0;
    st_store_quota(store)->nodes = 100000;
    for (i = 0; used() + 3000 < st_store_quota(store)->memory; i++) {
        snprintf(name, sizeof(name), "d%u/n%u", i / 20, i);
        assert_int_equal(client_write(conn[GUEST], 0, name, value), 0);
    }
}

/* What a guest has when it is saved may be more than it could get: replies that it does not fetch are not refused. */
static void over_its_memory(void **state)
{
    uint32_t t;
    int i;

    fill_memory();
    t = client_start(conn[GUEST]);
    assert_int_not_equal(t, 0);
    for (i = 0; i < 19; i++)
        assert_int_equal(client_send(conn[GUEST], XS_READ, t, 1, "d0/n0", 6), ST_READY);
    assert_true(used() > st_store_quota(store)->memory);
    move();
    for (i = 0; i < 19; i++)
        assert_true(client_take(conn[GUEST], &msg));
    assert_false(client_take(conn[GUEST], &msg));
    assert_int_equal(client_write(conn[DOM0], 0, "/local/domain/5/d0/n0", "new"), 0);
    assert_int_equal(client_end(conn[GUEST], t, "T"), -EAGAIN); /* that it read is remembered, too */
}

/* Domain 0 lowers quotas below what is in use. */
static void quotas_lowered(void **state)
{
    uint32_t t[3], i;

    assert_int_equal(client_write(conn[GUEST], 0, "seen", "old"), 0);
    for (i = 0; i < 3; i++) {
        t[i] = client_start(conn[GUEST]);
        assert_int_equal(client_write(conn[GUEST], t[i], i ? "b" : "a", "1"), 0);
        assert_int_equal(client_path(conn[GUEST], XS_READ, t[i], "seen", &msg), 0);
    }
    st_store_quota(store)->transactions = 1;
    st_store_quota(store)->transaction_nodes = 1;
    move();
    assert_int_equal(client_start(conn[GUEST]), 0);
    assert_int_equal(client_end(conn[GUEST], t[0], "T"), 0);
    assert_int_equal(client_write(conn[DOM0], 0, "/local/domain/5/seen", "new"), 0);
    assert_int_equal(client_end(conn[GUEST], t[1], "T"), -EAGAIN);
    assert_int_equal(client_end(conn[GUEST], t[2], "F"), 0);
}

/* ---- What a transaction holds ---- */

/* A write copies the node even if it stays as large as it was: ten transactions would hold ten times what a guest may. */
static void copies_are_charged(void **state)
{
    uint32_t t, before, high, moved;
    unsigned int i;
    char name[32];

    fill_memory();
    for (i = 0; i < 400; i++) { /* room for some copies */
        snprintf(name, sizeof(name), "d%u/n%u", i / 20, i);
        assert_int_equal(client_path(conn[GUEST], XS_RM, 0, name, &msg), 0);
    }
    before = used();
    t = client_start(conn[GUEST]);
    for (i = 400; i < 1100; i++) {
        char value[1900];

        memset(value, 'w', sizeof(value) - 1);
        value[sizeof(value) - 1] = 0;
        snprintf(name, sizeof(name), "d%u/n%u", i / 20, i);
        if (client_write(conn[GUEST], t, name, value))
            break;
    }
    assert_in_range(i, 450, 1099);
    high = used();
    assert_in_range(high, before + (i - 400) * 1900u, st_store_quota(store)->memory + 100000);
    move(); /* and stay so */
    moved = used();
    assert_in_range(moved, high - 10000, high + 10000);
    assert_int_equal(client_end(conn[GUEST], t, "F"), 0);
    assert_int_equal(used(), before);
}

/* The nodes that it made and removed again are not. */
static void charged_while_held(void **state)
{
    uint32_t t = client_start(conn[GUEST]), before, i;
    char value[1900];

    memset(value, 'w', sizeof(value) - 1);
    value[sizeof(value) - 1] = 0;
    assert_int_equal(client_write(conn[GUEST], t, "some/thing", value), 0);
    before = used();
    for (i = 0; i < 3000; i++) {
        assert_int_equal(client_write(conn[GUEST], t, "some/thing", i & 1 ? value : "short"), 0);
        assert_int_equal(client_write(conn[GUEST], t, "some/more", value), 0);
        assert_int_equal(client_path(conn[GUEST], XS_RM, t, "some/more", &msg), 0);
    }
    assert_in_range(used(), before, before + 200);
    move();
    assert_in_range(used(), before, before + 400);
    assert_int_equal(client_end(conn[GUEST], t, "T"), 0);
}

/* What is changed outside of transactions leaves old versions with them: those are bounded in bytes, too. */
static void old_versions(void **state)
{
    uint32_t t[10], i, k, doomed = 0;
    char value[1900], name[32];

    st_store_quota(store)->snapshot_bytes = 1024 * 1024;
    for (k = 0; k < 10; k++) {
        t[k] = client_start(conn[GUEST]);
        snprintf(name, sizeof(name), "mine%u", k);
        assert_int_equal(client_write(conn[GUEST], t[k], name, "1"), 0);
        memset(value, 'a' + (int)k, sizeof(value) - 1);
        value[sizeof(value) - 1] = 0;
        for (i = 0; i < 300; i++) {
            snprintf(name, sizeof(name), "n%u", i);
            assert_int_equal(client_write(conn[GUEST], 0, name, value), 0);
            assert_true(store->all_bytes - store->live_bytes <= 1024 * 1024);
        }
    }
    for (k = 0; k < 10; k++)
        doomed += client_end(conn[GUEST], t[k], "T") == -EAGAIN;
    assert_in_range(doomed, 5, 9);
}

/* ---- What it gives behaves as what was saved ---- */

static unsigned int count_events(unsigned int who)
{
    unsigned int n = 0;

    while (client_take(conn[who], &msg))
        n += msg.hdr.type == XS_WATCH_EVENT;
    return n;
}

/* An event that waits is still merged with, if its watch is still the one. */
static void events_merged(void **state)
{
    static const char path[] = "/local/domain/5/data/x";
    char token[8];
    int i;

    assert_int_equal(client_two(conn[OTHER], XS_WATCH, 0, "/", "all"), 0);
    for (i = 0; i < 3; i++) {
        snprintf(token, sizeof(token), "t%d", i);
        assert_int_equal(client_two(conn[GUEST], XS_WATCH, 0, i == 1 ? "/elsewhere" : "data", token), 0);
    }
    count_events(GUEST);
    assert_int_equal(client_write(conn[DOM0], 0, path, "1"), 0);
    move();
    assert_int_equal(client_write(conn[DOM0], 0, path, "2"), 0);
    move();
    assert_int_equal(client_write(conn[DOM0], 0, path, "3"), 0);
    assert_int_equal(count_events(GUEST), 2);
    assert_int_equal(client_write(conn[DOM0], 0, path, "4"), 0);
    assert_int_equal(count_events(GUEST), 2);
    assert_int_equal(client_write(conn[DOM0], 0, path, "5"), 0);
    assert_int_equal(client_send(conn[GUEST], XS_UNWATCH, 0, 1, "data\0t2", 8), ST_READY);
    assert_int_equal(client_send(conn[GUEST], XS_WATCH, 0, 1, "data\0t2", 8), ST_READY);
    move();
    assert_int_equal(client_write(conn[DOM0], 0, path, "6"), 0);
    assert_int_equal(count_events(GUEST),
                     4); /* the new watch's first, and its own: the old one's are not its */
}

/* 40 nodes without a value, /0 to /39. */
static void many_nodes(struct st_conn *c, const char *below)
{
    char name[32];
    int i;

    for (i = 0; i < 40; i++) {
        snprintf(name, sizeof(name), "%s/%d", below, i);
        assert_int_equal(client_write(c, 0, name, ""), 0);
    }
}

/* What is charged is the same after a move, whatever room a reply once had: what the client may do is decided by it. */
static void charged_alike(void **state)
{
    uint32_t before;

    many_nodes(conn[GUEST], "data");
    assert_int_equal(client_two(conn[GUEST], XS_WATCH, 0, "data", "a-token"), 0);
    count_events(GUEST);
    assert_int_equal(client_write(conn[DOM0], 0, "/local/domain/5/data/with-a-long-name", "1"), 0);
    assert_int_equal(client_send(conn[GUEST], XS_DIRECTORY_PART, 0, 1,
                                 "data\0"
                                 "100",
                                 9),
                     ST_READY);
    assert_int_equal(client_send(conn[GUEST], XS_DIRECTORY, 0, 1, "data", 5), ST_READY);
    assert_int_equal(client_send(conn[GUEST], XS_READ, 0, 1, "data/1", 7), ST_READY);
    before = used();
    move();
    assert_int_equal(used(), before);
    assert_int_equal(count_events(GUEST), 1);
}

/* Of one that is known only because a list names it, too: when it comes it may do what it might have done. */
static void credit_of_who_is_to_come(void **state)
{
    char buf[64];

    assert_int_equal(
        client_do(conn[DOM0], XS_SET_PERMS, 0, buf, client_pack(buf, 3, "/local/domain/6", "n6", "r7"), &msg),
        0);
    st_domain_find(store, 7)->credit = 3;
    st_domain_find(store, 7)->credit_time = 1234;
    store->quota.credit_burst = 500;
    move();
    assert_int_equal(st_domain_find(store, 7)->credit, 3);
    assert_int_equal(st_domain_find(store, 7)->credit_time, 1234);
    st_domain_gone(store, 7);
    assert_null(st_domain_find(store, 7));
}

/* What old versions make fail does not depend on a request that comes in between, which may only look. */
static void doomed_by_an_end(void **state)
{
    uint32_t t;

    many_nodes(conn[OTHER], "node");
    store->quota.snapshot_nodes = 10;
    t = client_start(conn[GUEST]);
    assert_int_equal(client_write(conn[GUEST], t, "x", "1"), 0);
    st_domain_gone(store, 6);
    assert_int_equal(client_end(conn[GUEST], t, "T"), -EAGAIN);
}

/* One that is half delivered is not. */
static void half_an_event(void **state)
{
    static const char path[] = "/local/domain/5/data/x";

    assert_int_equal(client_two(conn[GUEST], XS_WATCH, 0, "data", "t"), 0);
    count_events(GUEST);
    assert_int_equal(client_write(conn[DOM0], 0, path, "1"), 0);
    st_conn_delivered(conn[GUEST], 5);
    move();
    assert_int_equal(client_write(conn[DOM0], 0, path, "2"), 0);
    assert_int_equal(conn[GUEST]->sent, 5);
    st_conn_delivered(conn[GUEST], sizeof(struct xsd_sockmsg) + sizeof("data/x") + sizeof("t") - 5);
    assert_int_equal(count_events(GUEST), 1);
}

/* Who is to pay for a conflict does not depend on what is not in the stream, nor on when the store moves. */
static unsigned int blamed(bool before, unsigned int after)
{
    uint32_t t, credit = store->quota.credit_burst;

    assert_int_equal(client_write(conn[GUEST], 0, "x", "1"), 0);
    assert_int_equal(client_write(conn[OTHER], 0, "x", "1"), 0);
    t = client_start(conn[DOM0]);
    assert_int_equal(client_path(conn[DOM0], XS_READ, t, "/local/domain/6/x", &msg), 0);
    assert_int_equal(client_path(conn[DOM0], XS_READ, t, "/local/domain/5/x", &msg), 0);
    if (before)
        move();
    assert_int_equal(client_write(conn[GUEST], 0, "x", "2"), 0);
    assert_int_equal(client_write(conn[OTHER], 0, "x", "2"), 0);
    while (after--)
        move();
    assert_int_equal(client_end(conn[DOM0], t, "T"), -EAGAIN);
    assert_int_equal(st_domain_find(store, 5)->credit + st_domain_find(store, 6)->credit, 2 * credit - 1);
    return st_domain_find(store, 5)->credit < credit ? 5 : 6;
}

static void blame(void **state)
{
    unsigned int first = blamed(false, 0), i;

    for (i = 1; i < 6; i++) {
        teardown(state);
        setup(state);
        assert_int_equal(blamed(i & 1, i / 2), first);
    }
}

static enum st_tap last_tap;

static void tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len)
{
    last_tap = what;
}

/* What could not be queued is, when there is room, and whoever keeps a journal is told: it was a change, not in another call. */
static void retries_are_told(void **state)
{
    char token[900];
    int i;

    memset(token, 't', sizeof(token) - 1);
    token[sizeof(token) - 1] = 0;
    assert_int_equal(client_two(conn[GUEST], XS_WATCH, 0, "/pub", token), 0);
    assert_int_equal(client_write(conn[DOM0], 0, "/pub", ""), 0);
    assert_int_equal(client_two(conn[DOM0], XS_SET_PERMS, 0, "/pub", "r0"), 0);
    count_events(GUEST);
    store->quota.memory = used() + 500;
    assert_int_equal(client_write(conn[DOM0], 0, "/pub/x", ""), 0);
    store->hooks.tap = tap;
    last_tap = ST_TAP_FEED;
    for (i = 0; i < 3; i++)
        assert_false(st_conn_has_output(conn[GUEST]));
    assert_true(st_conn_starved(conn[GUEST]));
    assert_int_equal(last_tap, ST_TAP_FEED);
    store->quota.memory *= 2;
    assert_true(st_conn_has_output(conn[GUEST]));
    assert_int_equal(last_tap, ST_TAP_RETRY);
    store->hooks.tap = NULL;
    assert_int_equal(count_events(GUEST), 1);
}

/* A guest may just have broken the protocol when the daemon died. */
static void broken(void **state)
{
    struct xsd_sockmsg hdr = {XS_READ, 1, 0, XENSTORE_PAYLOAD_MAX + 1};
    unsigned int budget = 1;
    enum st_stall stall;

    st_conn_feed(conn[GUEST], &hdr, sizeof(hdr), &budget, &stall);
    assert_int_equal(stall, ST_DEAD);
    move();
    st_conn_feed(conn[GUEST], NULL, 0, &budget, &stall);
    assert_int_equal(stall, ST_DEAD);
    st_conn_reset(conn[GUEST]);
    assert_int_equal(client_write(conn[GUEST], 0, "x", "1"), 0);
}

/* A live update was refused, and there is no memory for the reason: the reply stays what it was, to the last byte. */
static void reason_too_long(void **state)
{
    char text[600];
    struct st_iovec v;

    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = 0;
    client_send(conn[DOM0], XS_WRITE, 0, 1, "/x", 3);
    memory[which].fail_at = memory[which].calls + 1;
    assert_int_equal(st_conn_amend_reply(conn[DOM0], text), -ENOMEM);
    assert_int_equal(st_conn_output(conn[DOM0], &v, 1), 1);
    assert_int_equal(v.len, sizeof(struct xsd_sockmsg) + 3);
    assert_memory_equal((const char *)v.base + sizeof(struct xsd_sockmsg), "OK", 3);
    assert_int_equal(st_conn_amend_reply(conn[DOM0], text), 0);
    assert_int_equal(st_conn_output(conn[DOM0], &v, 1), 1);
    assert_int_equal(v.len, sizeof(struct xsd_sockmsg) + sizeof(text));
}

/* ---- Saving changes nothing ---- */

static void saved_in_vain(void **state)
{
    uint32_t t = client_start(conn[DOM0]), credit;
    int i;

    assert_int_equal(client_write(conn[DOM0], t, "/local/domain/6/mine", "1"), 0);
    assert_int_equal(client_path(conn[DOM0], XS_READ, t, "/local/domain/6/x", &msg), -ENOENT);
    assert_int_equal(client_write(conn[OTHER], 0, "x", "2"), 0);
    credit = st_domain_find(store, 6)->credit;
    for (i = 0; i < 10; i++)
        save();
    assert_int_equal(st_domain_find(store, 6)->credit, credit);
    assert_int_equal(client_path(conn[OTHER], XS_RM, 0, "x", &msg), 0);
    assert_int_equal(client_end(conn[DOM0], t, "T"), 0); /* as it would have been */
    assert_int_equal(client_path(conn[DOM0], XS_READ, 0, "/local/domain/6/mine", &msg), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(over_its_memory),
                                       T(quotas_lowered),
                                       T(copies_are_charged),
                                       T(charged_while_held),
                                       T(old_versions),
                                       T(charged_alike),
                                       T(credit_of_who_is_to_come),
                                       T(doomed_by_an_end),
                                       T(events_merged),
                                       T(half_an_event),
                                       T(blame),
                                       T(retries_are_told),
                                       T(broken),
                                       T(reason_too_long),
                                       T(saved_in_vain)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
