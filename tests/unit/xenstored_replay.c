/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A journal is played by the code that wrote it only: JOURNAL_REPLAY says which that is. Here the same requests are made as ever, and
 * what comes of them, all bytes to the clients and the tree in the end, is compared with what came of them when that number was given.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "toolstack/xenstored/daemon/journal_format.h"
#include "toolstack/xenstored/lib/internal.h"
#include "xenstored_client.h"

/* Of JOURNAL_REPLAY 3. Whoever changes it raises that. */
#define DIGEST 0xa4c62943ea82dbfbull

#define CLIENTS 6u /* two sockets, then domains 1 to 4 */
#define ROUNDS  6000u

static uint64_t digest, random_state;
static struct st_conn *conn[CLIENTS];
static uint32_t txn[CLIENTS], started[CLIENTS]; /* the open one, 0: none; how many there were */

static void take(const void *data, size_t len)
{
    const unsigned char *p = data;

    while (len--)
        digest = (digest ^ *p++) * 0x100000001b3ull;
}

static uint32_t draw(uint32_t below)
{
    random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (uint32_t)(random_state >> 33) % below;
}

static void hear(struct st_conn *c)
{
    struct st_iovec v;

    while (st_conn_output(c, &v, 1)) {
        take(v.base, v.len);
        st_conn_delivered(c, v.len);
    }
}

static const char *path(void)
{
    static const char *const names[] = {"data", "x", "y", "control", "a-rather-long-name"};
    static char text[160];
    int n = snprintf(text, sizeof(text), "/local/domain/%u", 1 + draw(4));
    uint32_t depth = draw(4);

    while (depth--)
        n += snprintf(text + n, sizeof(text) - (size_t)n, "/%s", names[draw(5)]);
    return text;
}

/* Second strings that make sense for some type of request, and none for the others. */
static const char *more(void)
{
    static const char *const texts[] = {"1", "a longer value than that", "n0", "b1", "r2", "token", "T", "F"};

    return texts[draw(8)];
}

/* Why the connection stopped. */
static enum st_stall request(unsigned int i)
{
    static const uint32_t types[] = {XS_DIRECTORY, XS_READ,  XS_GET_PERMS, XS_WATCH,
                                     XS_UNWATCH,   XS_WRITE, XS_WRITE,     XS_WRITE,
                                     XS_MKDIR,     XS_RM,    XS_SET_PERMS, XS_DIRECTORY_PART};
    uint32_t type = types[draw(12)];
    char buf[256];
    size_t len;

    if (!txn[i] && !draw(8)) {
        txn[i] = ++started[i];
        return client_send(conn[i], XS_TRANSACTION_START, 0, 1, "", 1);
    }
    if (txn[i] && !draw(8)) {
        len = txn[i];
        txn[i] = 0;
        return client_send(conn[i], XS_TRANSACTION_END, (uint32_t)len, 2, draw(4) ? "T" : "F", 2);
    }
    len = client_pack(buf, 2, path(), more());
    return client_send(conn[i], type, draw(2) ? txn[i] : 0, 3, buf, len);
}

static void live(struct st_store *s)
{
    unsigned int i, n;

    for (i = 0; i < CLIENTS; i++)
        conn[i] = i < 2 ? st_conn_open_socket(s, false) : st_conn_open_domain(s, i - 1);
    for (n = 0; n < ROUNDS; n++) {
        st_store_set_time(s, n * 1000ull);
        i = draw(CLIENTS);
        assert_int_not_equal(request(i), ST_STALL_CREDIT); /* the rest of the request would be missing */
        if (!draw(4))
            hear(conn[draw(CLIENTS)]);
        if (n % 1000 == 999) { /* a domain dies, another comes */
            st_domain_gone(s, 4);
            st_fire_release(s);
            conn[5] = st_conn_open_domain(s, 4);
            txn[5] = started[5] = 0;
        }
    }
    for (i = 0; i < CLIENTS; i++)
        hear(conn[i]);
}

static int take_node(void *ctx, struct st_node *n, const char *path, size_t len)
{
    const uint64_t numbers[] = {n->seq, n->gen, n->writer, node_cgen(n), node_cwriter(n)};
    uint32_t i, perm[2];

    take(path, len);
    take(node_value(n), n->value_len);
    take(numbers, sizeof(numbers));
    for (i = 0; i < n->perms->count; i++) {
        perm[0] = n->perms->entry[i].domid;
        perm[1] = n->perms->entry[i].bits;
        take(perm, sizeof(perm));
    }
    return 0;
}

static void take_domain(void *ctx, unsigned int domid)
{
    const struct st_domain *d = st_domain_find(ctx, domid);
    const uint64_t numbers[] = {domid, (uint64_t)d->nodes, d->credit, d->credit_time};

    take(numbers, sizeof(numbers));
}

static void as_ever(void **state)
{
    struct st_walk w = {"/"};
    struct client_memory memory;
    struct st_store *s = client_store(&memory, NULL);

    digest = 0xcbf29ce484222325ull;
    random_state = 1;
    live(s);
    assert_int_equal(st_store_check(s), 0);
    st_node_walk(s->root, &w, 1, take_node, NULL);
    st_domain_foreach(s, take_domain, s);
    st_store_free(s);
    if (digest != DIGEST)
        fail_msg(
            "what requests come to is not what it was with JOURNAL_REPLAY %u: raise that (journal_format.h), "
            "and DIGEST is 0x%016llxull",
            JOURNAL_REPLAY, (unsigned long long)digest);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(as_ever)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
