/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domain rings: wrap-around, back pressure, reconnection, and a far end that writes what it likes where it likes.
 * UNIT-SOURCES: toolstack/xenstored/daemon/ring.c
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "xenstored_client.h"
#include "toolstack/xenstored/daemon/ring.h"
#include "random.h"

static struct client_memory memory;
static struct st_store *store;
static struct st_conn *guest;
static struct {
    struct xenstore_domain_interface page;
    char rest[4096 - sizeof(struct xenstore_domain_interface)];
    uint64_t guard;
} shared;
static struct ring ring;

static int setup(void **state)
{
    struct client_msg m;
    struct st_conn *dom0;

    store = client_store(&memory, NULL);
    dom0 = st_conn_open_socket(store, false);
    assert_int_equal(client_do(dom0, XS_WRITE, 0, "/local/domain/5\0", 16, &m), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/5", "n5"), 0);
    guest = st_conn_open_domain(store, 5);
    memset(&shared, 0, sizeof(shared));
    shared.guard = 0x5a5a5a5a5a5a5a5aull;
    shared.page.req_cons = shared.page.req_prod = 0xfffffe00u; /* it need not start at zero */
    shared.page.rsp_cons = shared.page.rsp_prod = 0xffffff10u;
    ring_attach(&ring, &shared.page);
    return 0;
}

static int teardown(void **state)
{
    assert_true(shared.guard == 0x5a5a5a5a5a5a5a5aull);
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

/* What a guest's kernel does: as many bytes as fit now. */
static size_t guest_put(const void *data, size_t len)
{
    struct xenstore_domain_interface *p = &shared.page;
    size_t i;

    for (i = 0; i < len && p->req_prod - p->req_cons < XENSTORE_RING_SIZE; i++)
        p->req[MASK_XENSTORE_IDX(p->req_prod++)] = ((const char *)data)[i];
    return i;
}

static size_t guest_get(void *data, size_t len)
{
    struct xenstore_domain_interface *p = &shared.page;
    size_t i;

    for (i = 0; i < len && p->rsp_prod != p->rsp_cons; i++)
        ((char *)data)[i] = p->rsp[MASK_XENSTORE_IDX(p->rsp_cons++)];
    return i;
}

static enum st_stall turn(void)
{
    char copy[XENSTORE_RING_SIZE];
    unsigned int budget = 16;
    enum st_stall stall;

    ring_input(&ring, guest, copy, &budget, &stall);
    ring_output(&ring, guest);
    ring_publish(&ring);
    return stall;
}

/* One request and its reply, with turns in between as often as either ring is full. */
static void call(uint32_t type, const void *payload, size_t len, struct client_msg *m)
{
    char out[sizeof(struct xsd_sockmsg) + 4096];
    struct xsd_sockmsg hdr = {type, 5, 0, (uint32_t)len};
    size_t put = 0, got = 0, want = sizeof(m->hdr);

    memcpy(out, &hdr, sizeof(hdr));
    memcpy(out + sizeof(hdr), payload, len);
    while (got < want) {
        put += guest_put(out + put, sizeof(hdr) + len - put);
        turn();
        got += guest_get((char *)m + got, want - got);
        if (want == sizeof(m->hdr) && got == want)
            want += m->hdr.len;
    }
    m->data[m->hdr.len] = 0;
}

static void large_messages(void **state)
{
    static struct client_msg m;
    char payload[2000];
    int i;

    for (i = 0; i < 300; i++) {
        memset(payload, 'a' + i % 26, sizeof(payload));
        memcpy(payload, "big", 4);
        call(XS_WRITE, payload, 4 + (size_t)i * 6, &m);
        assert_string_equal(m.data, "OK");
        call(XS_READ, "big", 4, &m);
        assert_int_equal(m.hdr.type, XS_READ);
        assert_int_equal(m.hdr.len, i * 6);
        assert_memory_equal(m.data, payload + 4, m.hdr.len);
    }
    assert_int_equal(shared.page.error, 0);
    assert_int_equal(shared.page.server_features, 3);
}

/* It sends and never reads: requests stop being taken, what is held for it stays bounded. */
static void never_read(void **state)
{
    struct xsd_sockmsg hdr = {XS_READ, 1, 0, 5};
    char one[21];
    struct st_stats st;
    unsigned long taken = 0;
    int i;

    memcpy(one, &hdr, 16);
    memcpy(one + 16, "none", 5);
    for (i = 0; i < 100000; i++) {
        size_t n = guest_put(one + taken % 21, 21 - taken % 21);

        taken += n;
        turn();
    }
    st_store_stats(store, &st);
    assert_true(st.requests < 200);
    assert_true(st.bytes < 100000);
}

static void bad_indices(void **state)
{
    struct client_msg m;

    shared.page.req_prod = shared.page.req_cons + 1025;
    turn();
    assert_int_equal(shared.page.error, XENSTORE_ERROR_RINGIDX);
    assert_true(ring.broken);
    shared.page.req_prod = shared.page.req_cons;
    guest_put("0123456789abcdef", 16);
    turn();
    assert_true(ring.broken); /* until it asks for a fresh start */
    shared.page.connection = XENSTORE_RECONNECT;
    assert_true(ring_wants_reconnect(&ring));
    shared.page.connection =
        XENSTORE_CONNECTED; /* too late: who asked once gets it, for so it stands in the journal */
    ring_reconnect(&ring, guest);
    assert_false(ring_wants_reconnect(&ring));
    assert_false(ring.broken);
    assert_int_equal(shared.page.error, 0);
    call(XS_WRITE, "x\0001", 3, &m);
    assert_string_equal(m.data, "OK");
    shared.page.rsp_cons = shared.page.rsp_prod + 1;
    turn();
    assert_int_equal(shared.page.error, XENSTORE_ERROR_RINGIDX);
}

static void too_long(void **state)
{
    struct xsd_sockmsg hdr = {XS_READ, 1, 0, 4097};

    guest_put(&hdr, sizeof(hdr));
    turn();
    assert_int_equal(shared.page.error, XENSTORE_ERROR_PROTO);
}

/* Where nothing was taken or given, nothing is written: the page may belong to the domain's next kernel by now. */
static void left_alone(void **state)
{
    struct client_msg m;

    call(XS_READ, "none", 5, &m);
    memset(&shared.page, 0, sizeof(shared.page));
    ring_publish(&ring);
    assert_int_equal(shared.page.req_cons, 0);
    assert_int_equal(shared.page.rsp_prod, 0);
}

/* What the domain does after it was looked at, and before it is shown what was taken and given, sends no event. */
static void looked_at_again(void **state)
{
    struct xsd_sockmsg hdr = {XS_READ, 1, 0, 5};
    char copy[XENSTORE_RING_SIZE], got[XENSTORE_RING_SIZE];
    unsigned int budget = 16;
    enum st_stall stall;

    guest_put(&hdr, sizeof(hdr));
    assert_true(ring_input(&ring, guest, copy, &budget, &stall) > 0);
    assert_false(ring_has_input(&ring));
    guest_put("none", 5);
    ring_publish(&ring);
    assert_true(ring_has_input(&ring));
    turn();
    assert_false(ring_has_input(&ring));
    assert_false(ring_has_room(&ring)); /* there is, and nothing was left for want of it */
    guest_get(got, sizeof(got));
    memcpy(got, "big", 4);
    assert_int_equal(client_do(guest, XS_WRITE, 0, got, sizeof(got), &(struct client_msg){0}), 0);
    hdr.len = 4;
    guest_put(&hdr, sizeof(hdr));
    guest_put("big", 4);
    turn();
    assert_false(ring_has_room(&ring));
    assert_int_equal(guest_get(got, 1), 1);
    assert_true(ring_has_room(&ring));
    ring_fail(&ring, XENSTORE_ERROR_COMM);
    assert_false(ring_has_room(&ring));
    assert_false(ring_has_input(&ring));
}

/* Any bytes anywhere in the page, between any two turns. */
static void hostile(void **state)
{
    struct st_stats st;
    int i, k;

    random_sequence(0);
    for (i = 0; i < 200000; i++) {
        for (k = 0; k < 4; k++) {
            uint64_t r = random64();

            switch (r >> 61) {
            case 0:
                ((unsigned char *)&shared.page)[(r >> 20) % sizeof(shared.page)] = (unsigned char)(r >> 40);
                break;
            case 1: {
                struct xsd_sockmsg hdr = {(uint32_t)(r >> 30) % 24, 1, (uint32_t)(r >> 50) % 3,
                                          (uint32_t)(r >> 25) % 40};

                guest_put(&hdr, sizeof(hdr));
                break;
            }
            case 2:
                guest_put("a\0b\0T\0data/x", (r >> 30) % 13);
                break;
            case 3:
                shared.page.rsp_cons += (uint32_t)(r >> 40) % 64;
                break;
            case 4:
                shared.page.rsp_cons = shared.page.rsp_prod;
                break;
            default:
                shared.page.req_prod += (uint32_t)(r >> 40) % 64;
            }
        }
        if (!(i % 16))
            shared.page.connection = XENSTORE_RECONNECT;
        if (ring_wants_reconnect(&ring))
            ring_reconnect(&ring, guest);
        turn();
    }
    st_store_stats(store, &st);
    printf("%llu requests, %zu bytes\n", (unsigned long long)st.requests, st.bytes);
    assert_true(st.requests > 1000);
    assert_true(st.bytes < 4 * 1024 * 1024);
    ring_reconnect(&ring, guest);
    assert_false(ring.broken);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(large_messages), T(never_read),      T(bad_indices), T(too_long),
                                       T(left_alone),     T(looked_at_again), T(hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
