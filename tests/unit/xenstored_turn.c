/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE /* memmem */
/*
 * What one turn of a client may cost, and what of it a journal is told.
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

static struct client_memory memory;
static struct st_store *store;
static struct st_conn *guest;
static struct client_msg msg;
static struct {
    enum st_tap last;
    unsigned int calls;
    size_t bytes;
} told;

static void tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len)
{
    told.last = what;
    if (what != ST_TAP_FEED && what != ST_TAP_LOOK)
        return;
    told.calls++;
    told.bytes += len;
}

static int setup(void **state)
{
    const struct st_hooks hooks = {.tap = tap};
    struct st_conn *dom0;
    char buf[64];

    store = client_store(&memory, &hooks);
    dom0 = st_conn_open_socket(store, false);
    assert_int_equal(client_write(dom0, 0, "/local/domain/5", ""), 0);
    assert_int_equal(
        client_do(dom0, XS_SET_PERMS, 0, buf, client_pack(buf, 2, "/local/domain/5", "n5"), &msg), 0);
    guest = st_conn_open_domain(store, 5);
    told.calls = 0;
    told.bytes = 0;
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

/* @n equal requests one after the other; returns the length of all. */
static size_t requests(char *to, unsigned int n, uint32_t type, const char *payload)
{
    struct xsd_sockmsg hdr = {type, 1, 0, (uint32_t)strlen(payload) + 1};
    char *p = to;

    while (n--) {
        memcpy(p, &hdr, sizeof(hdr));
        memcpy(p + sizeof(hdr), payload, hdr.len);
        p += sizeof(hdr) + hdr.len;
    }
    return (size_t)(p - to);
}

/* Replies, events left out. */
static unsigned int replies(void)
{
    unsigned int n = 0;

    while (client_take(guest, &msg))
        n += msg.hdr.type != XS_WATCH_EVENT;
    return n;
}

/* A request that fires many watches, or removes many nodes, counts as many. */
static void costly(void **state)
{
    unsigned int budget, i;
    enum st_stall stall;
    char buf[1024], path[16];
    size_t len;

    for (i = 0; i < 100; i++) {
        sprintf(path, "t%u", i);
        assert_int_equal(client_do(guest, XS_WATCH, 0, buf, client_pack(buf, 2, "n", path), &msg), 0);
        replies();
    }
    len = requests(buf, 16, XS_WRITE, "n/x");
    budget = 16;
    st_conn_feed(guest, buf, len, &budget, &stall);
    assert_int_equal(stall, ST_STALL_BUDGET);
    assert_int_equal(budget, 0);
    i = replies();
    assert_in_range(i, 1, 16 * ST_WORK_OF_REQUEST / 100 + 1);
    printf("%u requests that fire 100 watches in a turn of 16\n", i);
    st_conn_reset(guest);
    for (i = 0; i < 100; i++) {
        sprintf(path, "m/%u", i);
        assert_int_equal(client_path(guest, XS_MKDIR, 0, path, NULL), 0);
    }
    len = requests(buf, 1, XS_RM, "m");
    budget = 16;
    st_conn_feed(guest, buf, len, &budget, &stall);
    assert_in_range(budget, 16 - 2 - 100 / ST_WORK_OF_REQUEST, 16 - 1 - 100 / ST_WORK_OF_REQUEST);
}

/* Whoever offers much and lets little be done fills no journal. */
static void told_of_progress_alone(void **state)
{
    unsigned int budget = 4, i;
    enum st_stall stall;
    char buf[1024];
    size_t len = requests(buf, 40, XS_UNWATCH, "a"), one = len / 40, used;

    used = st_conn_feed(guest, buf, len, &budget, &stall);
    assert_int_equal(stall, ST_STALL_BUDGET);
    assert_int_equal(used, 5 * one); /* four are done, one waits */
    assert_int_equal(told.bytes, used);
    budget = 16;
    used += st_conn_feed(guest, buf + used, len - used, &budget, &stall);
    assert_int_equal(stall, ST_STALL_OUTPUT);
    assert_int_equal(used, 21 * one);
    assert_int_equal(told.bytes, used);
    told.calls = 0;
    for (i = 0; i < 100; i++) {
        budget = 16;
        assert_int_equal(st_conn_feed(guest, buf + used, len - used, &budget, &stall), 0);
        assert_int_equal(stall, ST_STALL_OUTPUT);
    }
    assert_int_equal(told.calls, 0);
    while (used < len) { /* cut anywhere */
        i = used % 7 + 1 < len - used ? (unsigned int)(used % 7 + 1) : (unsigned int)(len - used);
        replies();
        budget = 16;
        used += st_conn_feed(guest, buf + used, i, &budget, &stall);
    }
    assert_int_equal(told.bytes, len);
}

/* ---- Requests that only look ---- */

/* Appends a request. */
static size_t add(char *to, size_t at, uint32_t type, uint32_t tx, const char *payload, size_t len)
{
    struct xsd_sockmsg hdr = {type, 1, tx, (uint32_t)len};

    memcpy(to + at, &hdr, sizeof(hdr));
    memcpy(to + at + sizeof(hdr), payload, len);
    return at + sizeof(hdr) + len;
}

static struct client_buffer before, after;

/* The state without the number of requests. */
static void save(struct client_buffer *to)
{
    const struct st_saver saver = {client_append, NULL, to};
    struct st_stats stats;
    char *p;

    st_store_stats(store, &stats);
    to->len = 0;
    assert_int_equal(st_state_save(store, &saver), 0);
    p = memmem(to->p, to->len, &stats.requests, sizeof(stats.requests));
    assert_non_null(p);
    memset(p, 0, sizeof(stats.requests));
}

static size_t fed;

/* Is the tap told that they only look? */
static bool feed(const char *data, size_t len, unsigned int budget)
{
    enum st_stall stall;

    told.last = ST_TAP_RESET;
    fed = st_conn_feed(guest, data, len, &budget, &stall);
    assert_int_equal(fed < len, stall == ST_STALL_BUDGET && told.last == ST_TAP_LOOK);
    return told.last == ST_TAP_LOOK;
}

/* Does what is said to change nothing change nothing? Returns whether it is said. */
static bool looks(const char *data, size_t len)
{
    uint32_t bytes = guest->bytes;
    bool said;

    save(&before);
    said = feed(data, len, 16);
    replies();
    save(&after);
    if (!said)
        return false;
    assert_int_equal(after.len, before.len);
    assert_memory_equal(after.p, before.p, before.len);
    assert_int_equal(guest->bytes, bytes);
    assert_true(st_conn_idle(guest));
    return true;
}

static void only_looks(void **state)
{
    static const char *const payloads[] = {"data", "missing", "/local/domain/5/data", "0", "5", "",
                                           "//",   "data\0t"};
    uint32_t type, tx;
    unsigned int i, said[XS_TYPE_COUNT] = {0};
    char buf[512];
    size_t len;

    assert_int_equal(client_write(guest, 0, "data/1", "x"), 0);
    assert_int_equal(client_two(guest, XS_WATCH, 0, "data", "w"), 0);
    replies();
    tx = client_start(guest);
    for (type = 0; type < XS_TYPE_COUNT + 3; type++)
        for (i = 0; i < 2 * sizeof(payloads) / sizeof(payloads[0]); i++) {
            bool inside = i & 1;

            len = add(buf, 0, type, inside ? tx : 0, payloads[i / 2], strlen(payloads[i / 2]) + 1);
            if (looks(buf, len)) {
                assert_false(inside);
                said[type]++;
            }
        }
    for (type = 0; type < XS_TYPE_COUNT; type++)
        assert_int_equal(said[type] > 0, type == XS_DIRECTORY || type == XS_READ || type == XS_GET_PERMS ||
                                             type == XS_GET_DOMAIN_PATH || type == XS_IS_DOMAIN_INTRODUCED ||
                                             type == XS_DIRECTORY_PART);
    free(before.p);
    free(after.p);
}

/* Only whole ones, all of which may run, and when nothing else is under way. */
static void looks_alone(void **state)
{
    char buf[512];
    size_t cut = add(buf, 0, XS_READ, 0, "data", 5), len = add(buf, cut, XS_DIRECTORY, 0, "data", 5), i;

    for (i = 1; i < len; i++) {
        assert_int_equal(feed(buf, i, 16), i == cut);
        replies();
        assert_int_equal(feed(buf + i, len - i, 16), i == cut);
        replies();
    }
    assert_true(feed(buf, len, 2));
    assert_false(feed(buf, cut, 1)); /* answers wait */
    replies();
    assert_true(feed(buf, len, 1)); /* the other is not taken yet */
    assert_int_equal(fed, cut);
    replies();
    len = add(buf, len, XS_WRITE, 0, "data\0x", 6);
    assert_false(feed(buf, len, 16));
    replies();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(costly), T(told_of_progress_alone), T(only_looks), T(looks_alone)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
