/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The n-th allocation fails, for every n, in each kind of request: the request waits or answers ENOMEM, the
 * store passes its audit, and the same request then succeeds. Watch events survive.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <errno.h>
#include <cmocka.h>
#include "toolstack/xenstored/lib/state.h"
#include "xenstored_client.h"

static struct client_memory memory;
static struct st_store *store;
static struct st_conn *dom0, *guest;
static uint32_t tx; /* the guest's open transaction */

static const struct {
    const char *name;
    uint32_t type;
    bool in_transaction, by_dom0;
    const char *payload;
    size_t len;
} requests[] = {
#define REQ(name, type, t, d, text)                                                                          \
    {                                                                                                        \
        name, type, t, d, text, sizeof(text) - 1                                                             \
    }
    REQ("read", XS_READ, false, false, "a/b\0"),
    REQ("read long", XS_READ, false, false, "long\0"),
    REQ("read in transaction", XS_READ, true, false, "a/b\0"),
    REQ("write", XS_WRITE, false, false, "a/b\0some longer value than there was"),
    REQ("write new", XS_WRITE, false, false, "new/with/parents\0v"),
    REQ("write in transaction", XS_WRITE, true, false, "a/b\0some longer value than there was"),
    REQ("write new in transaction", XS_WRITE, true, false, "new/with/parents\0v"),
    REQ("mkdir", XS_MKDIR, false, false, "dir/ect/ory\0"),
    REQ("mkdir in transaction", XS_MKDIR, true, false, "dir/ect/ory\0"),
    REQ("rm", XS_RM, false, false, "a\0"),
    REQ("rm in transaction", XS_RM, true, false, "a\0"),
    REQ("directory", XS_DIRECTORY, false, false, "a\0"),
    REQ("directory that is kept", XS_DIRECTORY, false, false, "many\0"),
    REQ("directory in transaction", XS_DIRECTORY, true, false, "many\0"),
    REQ("directory part", XS_DIRECTORY_PART, false, false,
        "a\0"
        "0\0"),
    REQ("get permissions", XS_GET_PERMS, false, false, "a\0"),
    REQ("set permissions", XS_SET_PERMS, false, false, "a\0n5\0r7\0"),
    REQ("set permissions in transaction", XS_SET_PERMS, true, false, "a\0n5\0r7\0"),
    REQ("watch", XS_WATCH, false, false, "a\0token\0"),
    REQ("unwatch", XS_UNWATCH, false, false, "w\0one\0"),
    REQ("transaction start", XS_TRANSACTION_START, false, false, "\0"),
    REQ("transaction end", XS_TRANSACTION_END, true, false, "T\0"),
    REQ("transaction abort", XS_TRANSACTION_END, true, false, "F\0"),
    REQ("reset watches", XS_RESET_WATCHES, false, false, "\0"),
    REQ("domain path", XS_GET_DOMAIN_PATH, false, false, "5\0"),
    REQ("introduced", XS_IS_DOMAIN_INTRODUCED, false, true, "5\0"),
    REQ("set target", XS_SET_TARGET, false, true,
        "5\0"
        "6\0"),
    REQ("introduce", XS_INTRODUCE, false, true,
        "7\0"
        "1\0"
        "2\0"),
    REQ("resume", XS_RESUME, false, true, "5\0"),
    REQ("release", XS_RELEASE, false, true, "6\0"),
    REQ("control", XS_CONTROL, false, true, "quota\0"),
    REQ("control check", XS_CONTROL, false, true, "check\0"),
};

static int introduce(void *ctx, unsigned int domid, uint64_t gfn, uint32_t port)
{
    return st_conn_open_domain(store, domid) ? 0 : -ENOMEM;
}

static void set_up(void)
{
    static const struct st_hooks hooks = {.introduce = introduce};
    char buf[4096];
    unsigned int i;

    store = client_store(&memory, &hooks);
    dom0 = st_conn_open_socket(store, false);
    guest = st_conn_open_domain(store, 5);
    assert_non_null(st_conn_open_domain(store, 6));
    assert_int_equal(client_write(dom0, 0, "/local/domain/5", ""), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/5", "n5"), 0);
    assert_int_equal(client_write(dom0, 0, "/local/domain/6", ""), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/6", "n6"), 0);
    assert_int_equal(client_write(guest, 0, "a/b", "1"), 0);
    assert_int_equal(client_write(guest, 0, "a/c/d", "2"), 0);
    memset(buf, 'x', 1500);
    buf[1500] = 0;
    assert_int_equal(client_write(guest, 0, "long", buf), 0);
    for (i = 0; i < 6; i++) {
        snprintf(buf, sizeof(buf), "many/%u", i);
        assert_int_equal(client_write(guest, 0, buf, "5"), 0);
    }
    assert_int_equal(client_two(guest, XS_WATCH, 0, "w", "one"), 0);
    assert_int_equal(client_two(dom0, XS_WATCH, 0, "/local/domain/5", "all"), 0);
    tx = client_start(guest);
    assert_int_equal(client_write(guest, tx, "in/txn", "3"), 0);
    assert_int_equal(client_path(guest, XS_RM, tx, "a/c", NULL), 0);
    assert_int_equal(client_write(dom0, 0, "/elsewhere", "4"), 0); /* the commit must merge */
}

static unsigned int drain(struct st_conn *c, struct client_msg *reply)
{
    static struct client_msg m;
    unsigned int events = 0;

    while (client_take(c, &m)) {
        if (m.hdr.type == XS_WATCH_EVENT)
            events++;
        else if (reply)
            *reply = m;
    }
    return events;
}

/* Runs request @k with the n-th allocation failing; says whether that one was reached. */
static bool run(unsigned int k, long n)
{
    static struct client_msg m;
    struct st_conn *c;
    unsigned int budget = 1, events;
    enum st_stall stall;
    bool reached;

    set_up();
    drain(dom0, NULL);
    drain(guest, NULL);
    c = requests[k].by_dom0 ? dom0 : guest;
    memory.calls = 0;
    memory.fail_at = n;
    stall = client_send(c, requests[k].type, requests[k].in_transaction ? tx : 0, 1, requests[k].payload,
                        requests[k].len);
    reached = memory.calls >= n;
    memory.fail_at = 0;
    if (stall == ST_STALL_MEMORY)
        st_conn_feed(c, NULL, 0, &budget, &stall);
    assert_int_equal(stall, ST_READY);
    assert_int_equal(st_store_check(store), 0);
    events = drain(dom0, c == dom0 ? &m : NULL) + drain(guest, c == guest ? &m : NULL);
    if (m.hdr.type == XS_ERROR) {
        assert_string_equal(m.data, "ENOMEM");
        assert_int_equal(events, 0);
        if (requests[k].type == XS_TRANSACTION_END && requests[k].payload[0] == 'T') {
            assert_int_equal(client_path(guest, XS_READ, 0, "a/c/d", &m), 0); /* nothing of it was done */
        } else {
            assert_int_equal(client_send(c, requests[k].type, requests[k].in_transaction ? tx : 0, 1,
                                         requests[k].payload, requests[k].len),
                             ST_READY);
            events = drain(dom0, c == dom0 ? &m : NULL) + drain(guest, c == guest ? &m : NULL);
            assert_int_not_equal(m.hdr.type, XS_ERROR);
        }
    }
    if (requests[k].type == XS_WATCH)
        assert_int_equal(events, 1);
    if (!requests[k].in_transaction && (requests[k].type == XS_WRITE || requests[k].type == XS_RM))
        assert_int_equal(events, 1);
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return reached;
}

static void each_request(void **state)
{
    unsigned int k;
    long n;

    for (k = 0; k < sizeof(requests) / sizeof(requests[0]); k++) {
        for (n = 1; run(k, n); n++)
            ;
        printf("%s: %ld allocations\n", requests[k].name, n - 1);
    }
}

/* Nobody adds a request without adding it here: each type that is not answered ENOSYS is in the table. */
static void every_type(void **state)
{
    static struct client_msg m;
    unsigned int type, k;

    set_up();
    for (type = 0; type < XS_TYPE_COUNT; type++) {
        for (k = 0; k < sizeof(requests) / sizeof(requests[0]) && requests[k].type != type;)
            k++;
        drain(dom0, NULL);
        assert_int_equal(client_send(dom0, type, 0, 1, "", 0), ST_READY);
        drain(dom0, &m);
        if (m.hdr.type != XS_ERROR || strcmp(m.data, "ENOSYS"))
            assert_true(k < sizeof(requests) / sizeof(requests[0]));
    }
    st_store_free(store);
}

/* A live update: every allocation of the saving fails, then every one of the loading. */
static void each_update(void **state)
{
    static struct client_memory other;
    struct client_buffer stream = {0};
    struct st_saver saver = {client_append, NULL, &stream};
    struct st_loader loader = {NULL, NULL};
    struct st_store *s;
    long n;
    int rc = -ENOMEM;

    set_up();
    for (n = 1; rc; n++) {
        stream.len = 0;
        memory.calls = 0;
        memory.fail_at = n;
        rc = st_state_save(store, &saver);
        assert_true(!rc || rc == -ENOMEM);
    }
    memory.fail_at = 0;
    for (rc = -ENOMEM, n = 1; rc; n++) {
        s = client_store(&other, NULL);
        other.calls = 0;
        other.fail_at = n;
        rc = st_state_load(s, stream.p, stream.len, &loader);
        assert_true(!rc || rc == -ENOMEM);
        other.fail_at = 0;
        if (!rc)
            assert_int_equal(st_store_check(s), 0);
        st_store_free(s);
        assert_int_equal(other.bytes, 0);
    }
    printf("live update: %ld allocations\n", n - 1);
    free(stream.p);
    st_store_free(store);
}

static void creation(void **state)
{
    struct st_allocator a = {client_alloc, client_free, &memory};
    struct st_store *s = NULL;
    long n;

    for (n = 1; !s; n++) {
        memset(&memory, 0, sizeof(memory));
        memory.fail_at = n;
        s = st_store_new(&a, NULL, 1);
        if (!s)
            assert_int_equal(memory.bytes, 0);
    }
    assert_true(n > 5);
    memory.fail_at = memory.calls + 1;
    assert_null(st_conn_open_socket(s, false));
    memory.fail_at = memory.calls + 1;
    assert_null(st_conn_open_domain(s, 3));
    assert_int_equal(st_store_check(s), 0);
    st_store_free(s);
    assert_int_equal(memory.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_request), cmocka_unit_test(every_type),
                                       cmocka_unit_test(each_update), cmocka_unit_test(creation)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
