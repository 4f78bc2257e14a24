/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxenstored over its wire protocol: each request, its errors, permissions, watches, transactions, the end of a client.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include "xenstored_world.h"

static void read_and_write(void **state)
{
    assert_string_equal(value(dom0, "/tool/xenstored"), "");
    assert_int_equal(client_write(dom0, 0, "/a/b/c", "hello"), 0);
    assert_string_equal(value(dom0, "/a/b/c"), "hello");
    assert_string_equal(value(dom0, "/a/b"), "");
    assert_int_equal(client_path(dom0, XS_READ, 0, "/a/x", NULL), -ENOENT);
    assert_int_equal(client_do(dom0, XS_WRITE, 0, "/a/n\0\0x\0", 8, &msg), 0);
    assert_string_equal(msg.data, "OK");
    assert_int_equal(msg.hdr.len, 3);
    assert_int_equal(client_path(dom0, XS_READ, 0, "/a/n", &msg), 0);
    assert_int_equal(msg.hdr.len, 3);
    assert_memory_equal(msg.data, "\0x\0", 3);
    assert_int_equal(client_do(dom0, XS_READ, 0, "/a/n", 4, &msg), -EINVAL); /* no NUL */
    assert_int_equal(client_do(dom0, XS_WRITE, 0, "/a/n", 4, &msg), -EINVAL);
    assert_int_equal(client_do(dom0, XS_WATCH_EVENT, 0, "x", 2, &msg), -ENOSYS);
    assert_int_equal(client_do(dom0, XS_SET_TARGET + 1, 0, "x", 2, &msg), -ENOSYS);
    assert_int_equal(client_do(dom0, 0xffff, 0, NULL, 0, &msg), -ENOSYS);
}

static void paths(void **state)
{
    static const char *const bad[] = {"",    "/a/", "//", "/a//b", "/a b", "/a.b", "/\xff", "@releaseDomain",
                                      "a//b"};
    char longest[3200];
    unsigned int i;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(client_path(dom0, XS_READ, 0, bad[i], NULL), -EINVAL);
    memset(longest, 'x', sizeof(longest));
    longest[0] = '/';
    longest[3072] = 0;
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, longest, NULL), -EINVAL);
    longest[3071] = 0;
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, longest, NULL), 0);
    assert_int_equal(client_path(dom0, XS_RM, 0, longest, NULL), 0);
    longest[3070] = 0;
    for (i = 0; i < 3070; i += 2)
        longest[i] = '/';
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, longest, NULL), 0);
    assert_int_equal(st_store_check(store), 0);
    assert_int_equal(client_path(dom0, XS_RM, 0, "/x", NULL), 0);
    longest[0] = 'r';
    longest[1] = 'e';
    longest[2049] = 0;
    assert_int_equal(client_path(guest, XS_READ, 0, longest, NULL), -EINVAL);
    assert_int_equal(client_write(guest, 0, "data/x", "1"), 0);
    assert_string_equal(value(dom0, "/local/domain/5/data/x"), "1");
}

static void directories(void **state)
{
    char name[64], all[16384];
    size_t len = 0, part, at = 0;
    unsigned int i;
    char arg[64], gen[32] = "";

    for (i = 0; i < 1500; i++) {
        snprintf(name, sizeof(name), "/big/n%u", (i * 7919) % 1500);
        assert_int_equal(client_write(dom0, 0, name, ""), 0);
        strcpy(all + len, strrchr(name, '/') + 1); /* listed as created */
        len += strlen(all + len) + 1;
    }
    assert_int_equal(client_path(dom0, XS_DIRECTORY, 0, "/big", NULL), -E2BIG);
    for (;;) {
        snprintf(name, sizeof(name), "%zu", at);
        part = client_pack(arg, 2, "/big", name);
        assert_int_equal(client_do(dom0, XS_DIRECTORY_PART, 0, arg, part, &msg), 0);
        if (gen[0])
            assert_string_equal(gen, msg.data);
        strcpy(gen, msg.data);
        part = msg.hdr.len - strlen(gen) - 1;
        if (at + part > len) {
            assert_int_equal(at + part, len + 1); /* the empty name at the end */
            assert_memory_equal(all + at, msg.data + strlen(gen) + 1, part - 1);
            break;
        }
        assert_memory_equal(all + at, msg.data + strlen(gen) + 1, part);
        assert_true(part > 0);
        at += part;
    }
    assert_int_equal(client_write(dom0, 0, "/big/n0", "v"), 0);
    assert_int_equal(client_do(dom0, XS_DIRECTORY_PART, 0,
                               "/big\0"
                               "0",
                               7, &msg),
                     0);
    assert_string_equal(gen, msg.data); /* a value is not the directory's business */
    assert_int_equal(client_path(dom0, XS_RM, 0, "/big/n0", NULL), 0);
    assert_int_equal(client_do(dom0, XS_DIRECTORY_PART, 0,
                               "/big\0"
                               "0",
                               7, &msg),
                     0);
    assert_string_not_equal(gen, msg.data);
    assert_int_equal(client_path(dom0, XS_DIRECTORY, 0, "/tool", &msg), 0);
    assert_int_equal(msg.hdr.len, 10);
    assert_string_equal(msg.data, "xenstored");
}

static void removal(void **state)
{
    assert_int_equal(client_write(dom0, 0, "/r/a/b", "1"), 0);
    assert_int_equal(client_path(dom0, XS_RM, 0, "/r/none", NULL), 0);
    assert_int_equal(client_path(dom0, XS_RM, 0, "/r/none/below", NULL), -ENOENT);
    assert_int_equal(client_path(dom0, XS_RM, 0, "/", NULL), -EINVAL);
    assert_int_equal(client_path(dom0, XS_RM, 0, "/r", NULL), 0);
    assert_null(value(dom0, "/r/a/b"));
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, "/r/a", NULL), 0);
    assert_null(value(dom0, "/r/a/b"));
    assert_int_equal(client_write(dom0, 0, "/r/a", "keep"), 0);
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, "/r/a", NULL), 0);
    assert_string_equal(value(dom0, "/r/a"), "keep");
}

static void permissions(void **state)
{
    char buf[128];

    assert_int_equal(client_write(guest, 0, "secret", "s"), 0);
    assert_int_equal(client_path(other, XS_READ, 0, "/local/domain/5/secret", NULL), -EACCES);
    assert_int_equal(client_path(other, XS_READ, 0, "/local/domain/5/none", NULL), -EACCES);
    assert_int_equal(client_path(guest, XS_READ, 0, "none", NULL), -ENOENT);
    assert_int_equal(client_write(guest, 0, "/elsewhere", ""), -EACCES);
    assert_int_equal(client_path(guest, XS_GET_PERMS, 0, "secret", &msg), 0);
    assert_memory_equal(msg.data, "n5", 3);
    assert_int_equal(client_do(guest, XS_SET_PERMS, 0, buf, client_pack(buf, 3, "secret", "n5", "r6"), &msg),
                     0);
    assert_string_equal(value(other, "/local/domain/5/secret"), "s");
    assert_int_equal(client_write(other, 0, "/local/domain/5/secret", "x"), -EACCES);
    assert_int_equal(client_do(guest, XS_SET_PERMS, 0, buf, client_pack(buf, 2, "secret", "n6"), &msg),
                     -EPERM);
    assert_int_equal(client_two(other, XS_SET_PERMS, 0, "/local/domain/5/secret", "n6"), -EACCES);
    assert_int_equal(client_two(guest, XS_SET_PERMS, 0, "secret", "x5"), -EINVAL);
    assert_int_equal(client_path(guest, XS_SET_PERMS, 0, "secret", NULL), -EINVAL);
    /* A target's rights come with it. */
    assert_int_equal(client_two(dom0, XS_SET_TARGET, 0, "6", "5"), 0);
    assert_int_equal(client_write(other, 0, "/local/domain/5/secret", "x"), 0);
    assert_int_equal(client_two(guest, XS_SET_TARGET, 0, "5", "6"), -EACCES);
    assert_int_equal(client_path(guest, XS_CONTROL, 0, "check", NULL), -EACCES);
}

static void watches(void **state)
{
    assert_int_equal(client_two(guest, XS_WATCH, 0, "data", "tok"), 0);
    assert_string_equal(next_event(guest), "data tok"); /* at once, missing or not */
    assert_int_equal(client_two(guest, XS_WATCH, 0, "data", "tok"), -EEXIST);
    assert_int_equal(client_two(dom0, XS_WATCH, 0, "/local/domain/5", "d0"), 0);
    assert_string_equal(next_event(dom0), "/local/domain/5 d0");
    assert_int_equal(client_write(guest, 0, "data/x", "1"), 0);
    assert_string_equal(next_event(guest), "data/x tok");
    assert_string_equal(next_event(guest), "");
    assert_string_equal(next_event(dom0), "/local/domain/5/data/x d0");
    assert_int_equal(client_write(guest, 0, "data/x", "2"), 0);
    assert_int_equal(client_write(guest, 0, "data/x", "3"), 0);
    assert_string_equal(next_event(dom0), "/local/domain/5/data/x d0");
    assert_string_equal(next_event(dom0), ""); /* equal and undelivered: merged */
    while (*next_event(guest))
        ;
    assert_int_equal(client_path(dom0, XS_RM, 0, "/local/domain/5", NULL), 0);
    assert_string_equal(next_event(dom0), "/local/domain/5 d0");
    assert_string_equal(next_event(dom0), "");
    assert_string_equal(next_event(guest), "data tok");
    assert_int_equal(client_two(guest, XS_UNWATCH, 0, "data", "other"), -ENOENT);
    assert_int_equal(client_two(guest, XS_UNWATCH, 0, "data", "tok"), 0);
    assert_int_equal(client_two(guest, XS_UNWATCH, 0, "data", "tok"), -ENOENT);
    /* What it may not read it does not hear of. */
    assert_int_equal(client_two(other, XS_WATCH, 0, "/", "all"), 0);
    assert_string_equal(next_event(other), "/ all");
    assert_int_equal(client_write(dom0, 0, "/private", "1"), 0);
    assert_string_equal(next_event(other), "");
    set_perms("/private", "r0", NULL);
    assert_string_equal(next_event(other), "/private all");
    assert_int_equal(client_path(dom0, XS_RM, 0, "/private", NULL), 0);
    assert_string_equal(next_event(other), "/private all");
}

static void special_watches(void **state)
{
    assert_int_equal(client_two(dom0, XS_WATCH, 0, "@releaseDomain", "r"), 0);
    assert_int_equal(client_two(guest, XS_WATCH, 0, "@releaseDomain", "r"), 0);
    assert_string_equal(next_event(dom0), "@releaseDomain r");
    assert_string_equal(next_event(guest), "@releaseDomain r");
    st_fire_release(store);
    assert_string_equal(next_event(dom0), "@releaseDomain r");
    assert_string_equal(next_event(guest), "");
    set_perms("@releaseDomain", "n0", "r5");
    st_fire_release(store);
    assert_string_equal(next_event(guest), "@releaseDomain r");
    assert_int_equal(client_path(dom0, XS_GET_PERMS, 0, "@releaseDomain", &msg), 0);
    assert_int_equal(client_path(dom0, XS_READ, 0, "@releaseDomain", NULL), -EINVAL);
}

static void transactions(void **state)
{
    uint32_t t = client_start(dom0), u;

    assert_int_not_equal(t, 0);
    assert_int_equal(client_two(dom0, XS_WATCH, 0, "/t", "w"), 0);
    next_event(dom0);
    assert_int_equal(client_write(dom0, t, "/t/x", "1"), 0);
    assert_null(value(dom0, "/t/x"));
    assert_int_equal(client_path(dom0, XS_READ, t, "/t/x", &msg), 0);
    assert_int_equal(msg.hdr.tx_id, t);
    assert_string_equal(next_event(dom0), "");
    assert_int_equal(client_end(dom0, t, "T"), 0);
    assert_string_equal(next_event(dom0), "/t/x w");
    assert_string_equal(next_event(dom0), "");
    assert_string_equal(value(dom0, "/t/x"), "1");
    assert_int_equal(client_end(dom0, t, "T"), -ENOENT);
    /* A real conflict, and none. */
    t = client_start(dom0);
    u = client_start(dom0);
    assert_int_equal(client_path(dom0, XS_READ, t, "/t/x", &msg), 0);
    assert_int_equal(client_write(dom0, t, "/t/mine", ""), 0);
    assert_int_equal(client_write(dom0, u, "/t/other", ""), 0);
    assert_int_equal(client_end(dom0, u, "T"), 0);
    assert_int_equal(client_end(dom0, t, "T"), 0); /* another child of the same parent is no conflict */
    t = client_start(dom0);
    assert_int_equal(client_path(dom0, XS_READ, t, "/t/x", &msg), 0);
    assert_int_equal(client_write(dom0, 0, "/t/x", "2"), 0);
    assert_int_equal(client_end(dom0, t, "T"), -EAGAIN);
    t = client_start(dom0);
    assert_int_equal(client_path(dom0, XS_DIRECTORY, t, "/t", &msg), 0);
    assert_int_equal(client_write(dom0, 0, "/t/new", "2"), 0);
    assert_int_equal(client_end(dom0, t, "T"), -EAGAIN);
    t = client_start(dom0);
    assert_int_equal(client_path(dom0, XS_RM, t, "/t", NULL), 0);
    assert_int_equal(client_write(dom0, 0, "/t/deep/er", "2"), 0);
    assert_int_equal(client_end(dom0, t, "T"), -EAGAIN);
    assert_int_equal(client_end(dom0, 0, "T"), -ENOENT);
    assert_int_equal(client_end(dom0, 0, "X"), -EINVAL);
    t = client_start(dom0);
    assert_int_equal(client_path(dom0, XS_TRANSACTION_START, t, "", NULL), -EBUSY);
    assert_int_equal(client_write(dom0, t, "/gone", ""), 0);
    assert_int_equal(client_end(dom0, t, "F"), 0);
    assert_null(value(dom0, "/gone"));
}

static char traced[512];

static void keep_line(void *ctx, const char *line)
{
    snprintf(traced, sizeof(traced), "%s", line);
}

/* A guest's bytes stay in their line of the trace. */
static void trace_lines(void **state)
{
    const struct st_hooks hooks = {.trace = keep_line};
    struct client_memory m = {0};
    struct st_store *s = client_store(&m, &hooks);
    struct st_conn *c = st_conn_open_socket(s, false), *g = st_conn_open_domain(s, 5);
    char buf[256];

    assert_int_equal(client_do(c, XS_CONTROL, 0, buf, client_pack(buf, 2, "log", "on"), &msg), 0);
    assert_int_equal(client_path(g, XS_READ, 0, "a\nd0 WRITE /b -> OK", NULL), -EINVAL);
    assert_string_equal(traced, "d5 READ a\\x0ad0 WRITE /b -> OK -> EINVAL");
    memset(buf, 0x9b, 200);
    buf[200] = 0;
    assert_int_equal(client_path(g, XS_READ, 0, buf, NULL), -EINVAL);
    assert_int_equal(strspn(traced + 8, "\\x9b"), 120);
    assert_string_equal(traced + 8 + 120, " -> EINVAL");
    assert_int_equal(client_do(c, XS_CONTROL, 0, buf, client_pack(buf, 2, "log", "of"), &msg), -EINVAL);
    assert_string_equal(traced, "d0 CONTROL log -> EINVAL"); /* refused, and it goes on */
    assert_int_equal(client_path(g, XS_READ, 0, "a", NULL), -EACCES);
    assert_string_equal(traced, "d5 READ a -> EACCES");
    assert_int_equal(client_do(c, XS_CONTROL, 0, buf, client_pack(buf, 2, "log", "off"), &msg), 0);
    assert_int_equal(client_do(c, XS_CONTROL, 0, buf, client_pack(buf, 2, "log", "On"), &msg), -EINVAL);
    assert_string_equal(traced, "d5 READ a -> EACCES");
    st_store_free(s);
    assert_int_equal(m.bytes, 0);
}

static void split_anywhere(void **state)
{
    char buf[64];
    struct xsd_sockmsg hdr = {XS_WRITE, 9, 0, 11};
    size_t cut, total = sizeof(hdr) + 11;
    unsigned int budget;
    enum st_stall stall;

    memcpy(buf, &hdr, sizeof(hdr));
    memcpy(buf + sizeof(hdr), "/cut\0value1", 11);
    for (cut = 0; cut <= total; cut++) {
        budget = 5;
        assert_int_equal(st_conn_feed(dom0, buf, cut, &budget, &stall), cut);
        assert_int_equal(st_conn_feed(dom0, buf + cut, total - cut, &budget, &stall), total - cut);
        assert_int_equal(budget, 4);
        assert_true(client_take(dom0, &msg));
        assert_int_equal(msg.hdr.req_id, 9);
    }
    hdr.len = 4097;
    budget = 5;
    st_conn_feed(guest, &hdr, sizeof(hdr), &budget, &stall);
    assert_int_equal(stall, ST_DEAD);
}

static void death(void **state)
{
    char buf[64];

    assert_int_equal(client_write(guest, 0, "a/b", ""), 0);
    assert_int_equal(client_write(dom0, 0, "/shared", ""), 0);
    set_perms("/shared", "n0", "b5");
    assert_int_equal(client_do(guest, XS_WRITE, 0, "/shared/by5", 12, &msg), 0);
    assert_int_equal(client_path(dom0, XS_IS_DOMAIN_INTRODUCED, 0, "5", &msg), 0);
    assert_string_equal(msg.data, "T");
    st_domain_gone(store, 5);
    assert_int_equal(client_path(dom0, XS_IS_DOMAIN_INTRODUCED, 0, "5", &msg), 0);
    assert_string_equal(msg.data, "F");
    assert_null(value(dom0, "/shared/by5"));
    assert_null(value(dom0, "/local/domain/5"));
    assert_int_equal(client_path(dom0, XS_GET_PERMS, 0, "/shared", &msg), 0);
    assert_int_equal(msg.hdr.len, 3);
    guest = st_conn_open_domain(store, 5);
    assert_int_equal(client_write(guest, 0, "/shared/by5", ""), -EACCES);
    assert_int_equal(client_path(dom0, XS_RELEASE, 0, "5", NULL), 0);
    assert_int_equal(client_path(dom0, XS_RELEASE, 0, "5", NULL), -ENOENT);
    assert_int_equal(client_path(dom0, XS_GET_DOMAIN_PATH, 0, "5", &msg), 0);
    assert_string_equal(msg.data, "/local/domain/5");
    assert_int_equal(client_do(dom0, XS_INTRODUCE, 0, buf, client_pack(buf, 3, "5", "1", "1"), &msg),
                     -ENOSYS);
}

static void is_seven(void *ctx, unsigned int domid)
{
    *(bool *)ctx |= domid == 7;
}

/* A domain that nobody introduced, that owns nothing, and yet may read; and one that is somebody's target. */
static void death_of_a_name(void **state)
{
    bool known = false;
    struct st_conn *seven;

    assert_int_equal(client_write(dom0, 0, "/x", "secret"), 0);
    set_perms("/x", "n0", "r7");
    st_domain_foreach(store, is_seven, &known);
    assert_true(known); /* the daemon asks for the ends of those alone */
    st_domain_gone(store, 7);
    assert_int_equal(st_store_check(store), 0);
    seven = st_conn_open_domain(store, 7);
    assert_int_equal(client_path(seven, XS_READ, 0, "/x", NULL), -EACCES);
    set_perms("/x", "n0", "r7");
    assert_string_equal(value(seven, "/x"), "secret");
    assert_int_equal(client_path(dom0, XS_RM, 0, "/x", NULL), 0);
    st_domain_gone(store, 7);
    known = false;
    st_domain_foreach(store, is_seven, &known);
    assert_false(known);
    assert_int_equal(client_two(dom0, XS_SET_TARGET, 0, "6", "5"), 0);
    assert_int_equal(client_write(other, 0, "/local/domain/5/x", ""), 0);
    st_domain_gone(store, 5);
    guest = st_conn_open_domain(store, 5);
    assert_int_equal(client_write(dom0, 0, "/local/domain/5", ""), 0);
    set_perms("/local/domain/5", "n5", NULL);
    assert_int_equal(client_write(guest, 0, "x", ""), 0);
    assert_int_equal(client_write(other, 0, "/local/domain/5/x", ""), -EACCES);
}

static void readonly_socket(void **state)
{
    struct st_conn *ro = st_conn_open_socket(store, true);

    assert_int_equal(client_write(ro, 0, "/x", ""), -EROFS);
    assert_string_equal(value(ro, "/tool"), "");
    st_conn_close(ro);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(read_and_write), T(paths),           T(directories),     T(removal),     T(permissions),
        T(watches),        T(special_watches), T(transactions),    T(trace_lines), T(split_anywhere),
        T(death),          T(death_of_a_name), T(readonly_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
