/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A store with a client of domain 0's and two guests, and what its tests ask all the time. */
#ifndef TESTS_UNIT_XENSTORED_WORLD_H
#define TESTS_UNIT_XENSTORED_WORLD_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "xenstored_client.h"

static struct client_memory memory;
static struct st_store *store;
static struct st_conn *dom0, *guest, *other; /* the domains 5 and 6 */
static struct client_msg msg;

static inline void set_perms(const char *path, const char *p0, const char *p1)
{
    char buf[4096];
    size_t n = p1 ? client_pack(buf, 3, path, p0, p1) : client_pack(buf, 2, path, p0);

    assert_int_equal(client_do(dom0, XS_SET_PERMS, 0, buf, n, &msg), 0);
}

static inline int setup(void **state)
{
    store = client_store(&memory, NULL);
    dom0 = st_conn_open_socket(store, false);
    guest = st_conn_open_domain(store, 5);
    other = st_conn_open_domain(store, 6);
    assert_int_equal(client_write(dom0, 0, "/local/domain/5", ""), 0);
    assert_int_equal(client_write(dom0, 0, "/local/domain/6", ""), 0);
    set_perms("/local/domain/5", "n5", NULL);
    set_perms("/local/domain/6", "n6", NULL);
    return 0;
}

static inline int teardown(void **state)
{
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

static inline const char *value(struct st_conn *c, const char *path)
{
    return client_path(c, XS_READ, 0, path, &msg) ? NULL : msg.data;
}

/* The next event as "path token", or "" */
static inline const char *next_event(struct st_conn *c)
{
    static char text[8192];
    static struct client_msg m;

    if (!client_take(c, &m))
        return "";
    assert_int_equal(m.hdr.type, XS_WATCH_EVENT);
    assert_int_equal(m.hdr.req_id, 0);
    assert_int_equal(m.hdr.tx_id, 0);
    snprintf(text, sizeof(text), "%s %s", m.data, m.data + strlen(m.data) + 1);
    return text;
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

#endif
