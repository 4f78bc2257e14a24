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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(over_its_memory), T(quotas_lowered)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
