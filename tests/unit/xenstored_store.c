/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxenstored over its wire protocol: each request, its errors, permissions, watches, transactions, quotas.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * UNIT-FLAGS: -Wl,--wrap=st_tree_find,--wrap=st_event_pending
 */
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

static unsigned int nr_finds;
struct st_node *__real_st_tree_find(const struct st_store *s, struct st_node *root, const char *path,
                                    size_t len);
struct st_node *__wrap_st_tree_find(const struct st_store *s, struct st_node *root, const char *path,
                                    size_t len);

/* Walks of the tree are counted. */
struct st_node *__wrap_st_tree_find(const struct st_store *s, struct st_node *root, const char *path,
                                    size_t len)
{
    nr_finds++;
    return __real_st_tree_find(s, root, path, len);
}

struct st_watch;
static unsigned int nr_compared;
bool __real_st_event_pending(const struct st_watch *w, const char *path, size_t len);
bool __wrap_st_event_pending(const struct st_watch *w, const char *path, size_t len);

/* So are looks through a watch's undelivered events. */
bool __wrap_st_event_pending(const struct st_watch *w, const char *path, size_t len)
{
    nr_compared++;
    return __real_st_event_pending(w, path, len);
}

static void set_perms(const char *path, const char *p0, const char *p1)
{
    char buf[4096];
    size_t n = p1 ? client_pack(buf, 3, path, p0, p1) : client_pack(buf, 2, path, p0);

    assert_int_equal(client_do(dom0, XS_SET_PERMS, 0, buf, n, &msg), 0);
}

static int setup(void **state)
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

static int teardown(void **state)
{
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

static const char *value(struct st_conn *c, const char *path)
{
    return client_path(c, XS_READ, 0, path, &msg) ? NULL : msg.data;
}

/* The next event as "path token", or "" */
static const char *next_event(struct st_conn *c)
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

/* A guest's watches on what it may not read cost others no walk of the tree each. */
static void many_watches(void **state)
{
    struct st_conn *const who[] = {guest, other};
    char token[16];
    int i, k;

    assert_int_equal(client_path(dom0, XS_MKDIR, 0, "/private/deep/er", NULL), 0);
    for (k = 0; k < 2; k++)
        for (i = 0; i < 128; i++) {
            snprintf(token, sizeof(token), "%d", i);
            assert_int_equal(client_two(who[k], XS_WATCH, 0, "/", token), 0);
            next_event(who[k]);
        }
    nr_finds = 0;
    assert_int_equal(client_write(dom0, 0, "/private/deep/er/x", ""), 0);
    assert_true(nr_finds <= 4);
    assert_string_equal(next_event(guest), "");
    set_perms("/private/deep/er", "n0", "r6");
    for (i = 0; i < 128; i++)
        assert_string_not_equal(next_event(other), "");
    assert_int_equal(client_write(dom0, 0, "/private/deep/er/x", "1"), 0); /* it reads the parent */
    assert_string_equal(next_event(guest), "");
    for (i = 0; i < 128; i++)
        assert_string_not_equal(next_event(other), "");
    assert_string_equal(next_event(other), "");
}

/* An event above the protocol's limit ends a client: one with the watched path says as much. */
static void long_events(void **state)
{
    char token[1100], path[3072], text[1200];

    memset(token, 't', sizeof(token));
    token[1099] = 0;
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[3000] = 0;
    snprintf(text, sizeof(text), "/ %s", token);
    assert_int_equal(client_two(dom0, XS_WATCH, 0, "/", token), 0);
    assert_string_equal(next_event(dom0), text);
    assert_int_equal(client_write(dom0, 0, path, ""), 0);
    assert_string_equal(next_event(dom0), text);
    path[2995] = 0; /* with both NULs it just fits */
    assert_int_equal(client_write(dom0, 0, path, ""), 0);
    assert_memory_equal(next_event(dom0), path, 2995);
    path[2995] = 'x';
    path[2996] = 0;
    assert_int_equal(client_write(dom0, 0, path, ""), 0);
    assert_string_equal(next_event(dom0), text);
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

/*
 * A guest commits as much as it may at once: nodes below each other, while it has all its watches above them and reads nothing. What it does
 * for each path is no walk of the whole path, nor for each event a look through those that wait: one request must not keep others waiting.
 */
static void deep_commit(void **state)
{
    char path[1100] = "a", deep[1000], buf[64], token[16];
    unsigned int i, depth;
    uint32_t tx;

    for (i = 0; i < 128; i++) {
        sprintf(token, "t%u", i);
        assert_int_equal(
            client_do(guest, XS_WATCH, 0, buf, client_pack(buf, 2, "/local/domain/5", token), &msg), 0);
        next_event(guest);
    }
    assert_int_equal(client_do(guest, XS_TRANSACTION_START, 0, "", 1, &msg), 0);
    tx = (uint32_t)atoi(msg.data);
    for (depth = 1; strlen(path) < 900; depth++) {
        assert_int_equal(client_write(guest, tx, path, "v"), 0);
        strcpy(deep, path);
        strcat(path, "/a");
    }
    assert_int_equal(client_write(dom0, 0, "/elsewhere", ""), 0); /* it is compared and carried over */
    nr_finds = nr_compared = 0;
    assert_int_equal(client_do(guest, XS_TRANSACTION_END, tx, "T", 2, &msg), 0);
    assert_in_range(nr_finds, 0, 20);
    assert_in_range(nr_compared, 128, 128 * depth / 4); /* for what there was room */
    printf("%u paths: %u walks, %u looks through events\n", depth, nr_finds, nr_compared);
    sprintf(path, "/local/domain/5/%s", deep);
    assert_string_equal(value(dom0, path), "v");
    while (client_take(guest, &msg))
        ;
    assert_int_equal(st_store_check(store), 0);
}

static void quotas(void **state)
{
    struct st_quota *q = st_store_quota(store);
    char buf[4096], name[32];
    uint32_t t;
    int i;

    memset(buf, 'v', sizeof(buf));
    buf[3000] = 0;
    assert_int_equal(client_write(guest, 0, "x", buf), -ENOSPC);
    assert_int_equal(client_write(dom0, 0, "/x", buf), 0);
    q->nodes = 10;
    for (i = 0; i < 9; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(client_write(guest, 0, name, ""), 0);
    }
    assert_int_equal(client_write(guest, 0, "one-more", ""), -ENOSPC);
    assert_int_equal(client_path(guest, XS_RM, 0, "n3", NULL), 0);
    assert_int_equal(client_write(guest, 0, "a/b", ""), -ENOSPC);
    t = client_start(guest);
    assert_int_equal(client_write(guest, t, "one-more", ""), 0);
    assert_int_equal(client_write(guest, 0, "outside", ""), 0);
    assert_int_equal(client_end(guest, t, "T"), -ENOSPC);
    for (i = 0; i < (int)q->watches; i++) {
        snprintf(name, sizeof(name), "%d", i);
        assert_int_equal(client_two(guest, XS_WATCH, 0, "w", name), 0);
    }
    assert_int_equal(client_two(guest, XS_WATCH, 0, "w", "more"), -E2BIG);
    assert_int_equal(client_path(guest, XS_RESET_WATCHES, 0, "", NULL), 0);
    for (i = 0; i < (int)q->transactions; i++)
        assert_int_not_equal(client_start(guest), 0);
    assert_int_equal(client_start(guest), 0);
    assert_int_equal(client_do(guest, XS_SET_PERMS, 0, buf,
                               client_pack(buf, 7, "n1", "n5", "r1", "r2", "r3", "r4", "r7"), &msg),
                     -ENOSPC);
    assert_int_equal(client_path(dom0, XS_CONTROL, 0, "quota", &msg), 0);
    assert_non_null(strstr(msg.data, "nodes: 10 "));
    assert_int_equal(
        client_do(dom0, XS_CONTROL, 0, buf, client_pack(buf, 4, "quota", "set", "nodes", "11"), &msg), 0);
    assert_int_equal(q->nodes, 11);
}

/* A guest that reads nothing keeps its watches' meaning, in bounded memory. */
static void unread_events(void **state)
{
    char name[32];
    const char *e;
    int i, own = 0, n = 0;

    st_store_quota(store)->memory = 65536;
    assert_int_equal(client_two(guest, XS_WATCH, 0, "/pub", "t"), 0);
    next_event(guest);
    assert_int_equal(client_path(dom0, XS_MKDIR, 0, "/pub", NULL), 0);
    set_perms("/pub", "r0", NULL);
    for (i = 0; i < 20000; i++) {
        snprintf(name, sizeof(name), "/pub/n%d", i);
        assert_int_equal(client_write(dom0, 0, name, ""), 0);
    }
    while (*(e = next_event(guest))) {
        n++;
        own += !strcmp(e, "/pub t");
    }
    assert_true(n < 2000);
    assert_true(own >= 1);
}

/* Nor do a guest's writes fill the memory for a client of domain 0 that reads nothing. */
static void unread_by_domain_0(void **state)
{
    char name[48], last[64] = "";
    size_t bytes = 0;
    const char *e;
    int i, own = 0, n = 0;

    assert_int_equal(client_two(dom0, XS_WATCH, 0, "/", "t"), 0);
    next_event(dom0);
    for (i = 0; i < 17 * 300; i++) { /* the same few nodes: one event each */
        snprintf(name, sizeof(name), "n%d", i % 17);
        assert_int_equal(client_write(guest, 0, name, ""), 0);
        if (i == 17)
            bytes = memory.bytes;
    }
    assert_int_equal(memory.bytes, bytes);
    for (i = 0; i < 17; i++) {
        snprintf(name, sizeof(name), "/local/domain/5/n%d t", i);
        assert_string_equal(next_event(dom0), name);
    }
    assert_string_equal(next_event(dom0), "");
    for (i = 0; i < 40000; i++) { /* ever new ones: bounded, and it is told to look at everything */
        snprintf(name, sizeof(name), "m%d", i);
        assert_int_equal(client_write(guest, 0, name, ""), 0);
        assert_int_equal(client_path(guest, XS_RM, 0, name, NULL), 0);
    }
    assert_true(memory.bytes < bytes + 5 * 1024 * 1024);
    assert_int_equal(st_store_check(store), 0);
    while (*(e = next_event(dom0))) {
        n++;
        own += !strcmp(e, "/ t");
        snprintf(last, sizeof(last), "%s", e);
    }
    assert_true(n > 10000); /* what one great transaction makes */
    assert_int_equal(own, 1);
    assert_string_equal(last, "/ t");
    assert_int_equal(client_write(guest, 0, "n1", ""), 0);
    assert_string_equal(next_event(dom0), "/local/domain/5/n1 t");
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

static void outstanding(void **state)
{
    int i;

    for (i = 0; i < 20; i++)
        assert_int_equal(client_send(guest, XS_READ, 0, (uint32_t)i, "x", 2), ST_READY);
    assert_int_equal(client_send(guest, XS_READ, 0, 20, "x", 2), ST_STALL_OUTPUT);
    for (i = 0; i < 20; i++) {
        assert_true(client_take(guest, &msg));
        assert_int_equal(msg.hdr.req_id, i);
    }
    assert_false(client_take(guest, &msg));
    {
        unsigned int budget = 0;
        enum st_stall stall;

        st_conn_feed(guest, NULL, 0, &budget, &stall);
        assert_int_equal(stall, ST_STALL_BUDGET);
        budget = 1;
        st_conn_feed(guest, NULL, 0, &budget, &stall);
        assert_int_equal(stall, ST_READY);
    }
    assert_true(client_take(guest, &msg));
}

/* A guest that always invalidates cannot keep domain 0 from committing. */
static void credit(void **state)
{
    unsigned int burst = st_store_quota(store)->credit_burst, tries = 0;
    uint64_t now = 1000;
    enum st_stall stall = ST_READY;
    int rc;

    do {
        uint32_t t = client_start(dom0);
        unsigned int budget = 1;

        tries++;
        st_store_set_time(store, now += 10);
        assert_int_equal(client_path(dom0, XS_DIRECTORY, t, "/local/domain/5", &msg), 0);
        assert_int_equal(client_write(dom0, t, "/local/domain/5/seen", "1"), 0);
        if (stall == ST_READY) {
            char data[32];

            stall = client_send(guest, XS_WRITE, 0, 1, data, (size_t)sprintf(data, "k%u", tries) + 1);
        } else {
            st_conn_feed(guest, NULL, 0, &budget, &stall);
        }
        while (client_take(guest, &msg))
            ;
        rc = client_end(dom0, t, "T");
    } while (rc == -EAGAIN && tries < 100);
    assert_int_equal(rc, 0);
    printf("a transaction of domain 0 against one attacker committed at try %u\n", tries);
    assert_true(tries <= burst + 1);
    assert_int_equal(stall, ST_STALL_CREDIT);
    assert_true(st_conn_resume_time(guest) > now);
    st_store_set_time(store, st_conn_resume_time(guest));
    {
        unsigned int budget = 1;

        st_conn_feed(guest, NULL, 0, &budget, &stall);
        assert_int_equal(stall, ST_READY);
    }
}

/* Old versions kept for transactions stay bounded: guests' transactions are doomed, domain 0's is not. */
static void snapshots(void **state)
{
    struct st_stats st;
    uint32_t keep = client_start(dom0), t[10], i, k;
    char name[64];

    st_store_quota(store)->snapshot_nodes = 500;
    for (i = 0; i < 400; i++) {
        snprintf(name, sizeof(name), "/s/n%u", i);
        assert_int_equal(client_write(dom0, 0, name, "0"), 0);
    }
    for (k = 0; k < 10; k++) {
        t[k] = client_start(guest);
        assert_int_equal(client_write(guest, t[k], "x", "1"), 0);
        for (i = 0; i < 400; i++) {
            snprintf(name, sizeof(name), "/s/n%u", i);
            assert_int_equal(client_write(dom0, 0, name, "1"), 0);
        }
        st_store_stats(store, &st);
        assert_true(st.all_nodes - st.live_nodes <= 1000);
    }
    assert_true(st.doomed > 0);
    assert_int_equal(client_path(guest, XS_READ, t[0], "/local/domain/5", &msg), 0);
    assert_int_equal(client_end(guest, t[0], "T"), -EAGAIN);
    assert_int_equal(client_path(dom0, XS_READ, keep, "/s/n0", NULL), -ENOENT);
    assert_int_equal(client_end(dom0, keep, "F"), 0);
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

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(read_and_write),  T(paths),
        T(directories),     T(removal),
        T(permissions),     T(watches),
        T(many_watches),    T(long_events),
        T(special_watches), T(transactions),
        T(deep_commit),     T(quotas),
        T(unread_events),   T(unread_by_domain_0),
        T(trace_lines),     T(split_anywhere),
        T(outstanding),     T(credit),
        T(snapshots),       T(death),
        T(death_of_a_name), T(readonly_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
