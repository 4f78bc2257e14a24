/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxenstored's bounds: what a guest may hold, and what it may cost others.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * UNIT-FLAGS: -Wl,--wrap=st_tree_find,--wrap=st_event_pending
 */
#include "xenstored_world.h"

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
        snprintf(last, sizeof(last), "%.63s", e);
    }
    assert_true(n > 10000); /* what one great transaction makes */
    assert_int_equal(own, 1);
    assert_string_equal(last, "/ t");
    assert_int_equal(client_write(guest, 0, "n1", ""), 0);
    assert_string_equal(next_event(dom0), "/local/domain/5/n1 t");
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(many_watches),       T(long_events), T(deep_commit), T(quotas),    T(unread_events),
        T(unread_by_domain_0), T(outstanding), T(credit),      T(snapshots),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
