/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state stream: it is always understood, whatever quotas say; what it gives behaves as what was saved; saving
 * changes nothing.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/alloc.c toolstack/xenstored/lib/conn.c
 * UNIT-SOURCES: toolstack/xenstored/lib/control.c toolstack/xenstored/lib/dispatch.c
 * UNIT-SOURCES: toolstack/xenstored/lib/domain.c toolstack/xenstored/lib/msg.c
 * UNIT-SOURCES: toolstack/xenstored/lib/node.c toolstack/xenstored/lib/ops.c
 * UNIT-SOURCES: toolstack/xenstored/lib/path.c toolstack/xenstored/lib/perms.c
 * UNIT-SOURCES: toolstack/xenstored/lib/store.c toolstack/xenstored/lib/treap.c
 * UNIT-SOURCES: toolstack/xenstored/lib/tree.c toolstack/xenstored/lib/txn.c
 * UNIT-SOURCES: toolstack/xenstored/lib/watch.c toolstack/xenstored/lib/state_save.c
 * UNIT-SOURCES: toolstack/xenstored/lib/state_load.c toolstack/xenstored/lib/listing.c toolstack/xenstored/lib/state_nodes.c
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
static char stream[8u * 1024 * 1024];
static size_t stream_len;

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

static int to_stream(void *ctx, const void *data, size_t len)
{
    assert_true(stream_len + len <= sizeof(stream));
    if (len)
        memcpy(stream + stream_len, data, len);
    stream_len += len;
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
    const struct st_saver saver = {to_stream, describe, NULL};

    stream_len = 0;
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
    assert_int_equal(st_state_load(store, stream, stream_len, &loader), 0);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(over_its_memory), T(quotas_lowered), T(copies_are_charged),
                                       T(charged_while_held), T(old_versions)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
