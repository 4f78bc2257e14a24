/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model test: random requests of domain 0 and 20 domains, transactions and watches interleaved, domains
 * dying and coming back, against a reference so naive that it cannot share a mistake of design: the whole
 * store is an array of slots, one for each path that can ever exist, and a transaction copies the array.
 *
 * XENSTORED_MODEL_OPS: how many requests (default 60,000). SEED: replays a run.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * UNIT-SOURCES: tests/unit/support/store_model_tree.c tests/unit/support/store_model_txn.c
 * UNIT-SOURCES: tests/unit/support/store_model_client.c tests/unit/support/store_model_requests.c
 * UNIT-SOURCES: tests/unit/support/store_model_twin.c
 */
#include <unistd.h>
#include "tests/unit/support/store_model.h"
#include "toolstack/xenstored/lib/state.h"

struct st_store *store;
static struct client_memory memory;
static const struct st_hooks hooks = {.tap = twin_tap};

/* ---- Domains come and go ---- */

static void strike(struct db *db, unsigned int domid)
{
    int i, k;

    for (i = 0; i < slots; i++)
        for (k = 0; k < db->n[i].perms; k++)
            if (db->n[i].perm[k].domid == domid)
                db->n[i].perm[k].bits |= STALE;
}

static void set_up_home(int d)
{
    struct perm p = {(uint16_t)d, 0};

    op_number++;
    send_path(&client[0], XS_MKDIR, 0, slot[base_of[d]].path);
    expect_result(&client[0], XS_MKDIR, 0, model_mkdir(&client[0], NULL, base_of[d]));
    op_number++;
    send_perms(&client[0], NULL, 0, base_of[d], &p, 1);
}

static void open_client(int d)
{
    struct client *c = &client[d];

    memset(c, 0, sizeof(*c));
    c->domid = (unsigned int)d;
    c->events_end = &c->events;
    c->replies_end = &c->replies;
    c->conn = d ? st_conn_open_domain(store, (unsigned int)d) : st_conn_open_socket(store, false);
    assert_non_null(c->conn);
    twin_opened(d);
}

static void domain_dies(int d)
{
    static struct db old;
    int i, k;

    op_number++;
    forget_txns(&client[d]);
    for (k = 0; k < MAX_WATCH; k++)
        client[d].watch[k].used = false;
    drop_expected(&client[d]);
    st_domain_gone(store, (unsigned int)d);
    for (i = 1; i < slots; i++)
        if (owns(&now.n[i], (unsigned int)d)) {
            old = now;
            erase(&now, i);
            version++;
            fire_removed(&old, i);
        }
    strike(&now, (unsigned int)d);
    for (i = 0; i < CLIENTS; i++)
        for (k = 0; k < MAX_TXNS; k++)
            if (client[i].txn[k]) {
                strike(&client[i].txn[k]->base, (unsigned int)d);
                strike(&client[i].txn[k]->work, (unsigned int)d);
            }
    open_client(d);
    drain(&client[0]);
    set_up_home(d);
}

/* ---- Live update: everything moves to another store ---- */

static struct client_buffer stream;

static size_t describe(void *ctx, struct st_conn *c, void *out)
{
    int i;

    for (i = 0; i < CLIENTS && client[i].conn != c; i++)
        ;
    memcpy(out, &i, sizeof(i));
    return sizeof(i);
}

static int adopt(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    int i;

    assert_int_equal(len, sizeof(i));
    memcpy(&i, p, sizeof(i));
    client[i].conn = c;
    return 0;
}

/* What conflicts by now is doomed; the rest goes on from the present store with what it wrote. */
static void model_moves(struct txn *t)
{
    static struct db work;
    int i;

    if (t->doomed || model_conflicts(t)) {
        t->doomed = true;
        t->base = t->work = now;
        return;
    }
    work = now;
    t->changed = false;
    for (i = 0; i < slots; i++) {
        const struct node *want = &t->work.n[i];
        struct node *have = &work.n[i];
        uint64_t cgen = have->cgen;
        bool kept;

        if (!(t->dep[i] & WROTE))
            continue;
        kept = have->exists && (i == 0 || have->seq == want->seq);
        if (i > 0 && have->exists && (!want->exists || have->seq != want->seq)) {
            erase(&work, i);
            t->changed = true;
        }
        if (!want->exists)
            continue;
        if (!kept)
            work.n[slot[i].parent].cgen = ++counter;
        *have = *want;
        if (kept)
            have->cgen = cgen;
        t->changed = true;
    }
    t->base = now;
    t->work = work;
    t->version = version;
}

static void live_update(void)
{
    struct st_saver saver = {client_append, describe, &stream};
    struct st_loader loader = {adopt, NULL};
    struct st_store *old = store;
    static struct client_memory fresh;
    int i, k;

    stream.len = 0;
    assert_int_equal(st_state_save(old, &saver), 0);
    assert_int_equal(st_store_check(old), 0);
    twin_compare(stream.p, stream.len);
    store = client_store(&fresh, &hooks);
    assert_int_equal(st_state_load(store, stream.p, stream.len, &loader), 0);
    assert_int_equal(st_store_check(store), 0);
    st_store_free(old);
    twin_begin(stream.p, stream.len);
    for (i = 0; i < CLIENTS; i++)
        for (k = 0; k < MAX_TXNS; k++)
            if (client[i].txn[k])
                model_moves(client[i].txn[k]);
}

/* A journal begins with the store as it is, and goes on with that: once nobody has a transaction. */
static void journal_begins(void)
{
    struct st_saver saver = {client_append, describe, &stream};
    int i;

    for (i = 0; i < CLIENTS; i++)
        op_end_all(&client[i]);
    stream.len = 0;
    assert_int_equal(st_state_save(store, &saver), 0);
    twin_compare(stream.p, stream.len);
    twin_begin(stream.p, stream.len);
}

static void release_event(void)
{
    int w;

    op_number++;
    st_fire_release(store);
    for (w = 0; w < MAX_WATCH; w++)
        if (client[0].watch[w].used && client[0].watch[w].at < 0)
            expect_event(&client[0], w, "@releaseDomain");
}

/* ---- The run ---- */

static void check_tree(void)
{
    struct client *c = &client[0];
    char buf[600];
    size_t len;
    int i;

    drain(c);
    for (i = 0; i < slots; i++) {
        if (!now.n[i].exists)
            continue;
        op_number++;
        send_path(c, XS_READ, 0, slot[i].path);
        expect(c, XS_READ, 0, now.n[i].value, now.n[i].len);
        send_path(c, XS_DIRECTORY, 0, slot[i].path);
        len = listing(&now, i, buf);
        expect(c, XS_DIRECTORY, 0, buf, len);
        send_path(c, XS_GET_PERMS, 0, slot[i].path);
        expect(c, XS_GET_PERMS, 0, buf, (size_t)perms_text(now.n[i].perm, now.n[i].perms, buf));
        drain(c);
    }
    assert_int_equal(st_store_check(store), 0);
}

static void step(void)
{
    static void (*const ops[])(struct client *) = {
        op_read,  op_read,      op_write,     op_write,     op_write, op_write, op_mkdir,
        op_rm,    op_set_perms, op_get_perms, op_directory, op_watch, op_watch, op_unwatch,
        op_reset, op_start,     op_start,     op_end,       op_end,   op_bad,
    };
    struct client *c = &client[rnd(3) ? rnd(CLIENTS) : rnd(3)];

    op_number++;
    ops[rnd(sizeof(ops) / sizeof(ops[0]))](c);
    if (c->waiting >= 15 || !rnd(8))
        drain(c);
    if (!rnd(3000))
        domain_dies(1 + (int)rnd(DOMAINS));
    if (!rnd(500))
        release_event();
    if (!rnd(1000))
        live_update();
    if (!rnd(1000))
        journal_begins();
    if (!rnd(20000))
        check_tree();
}

static void set_up(void)
{
    static const int initial[] = {0, 1, 2};
    struct perm all = {0, R | W};
    unsigned int i;
    int d;

    store = client_store(&memory, &hooks);
    st_store_quota(store)->nodes = NODES;
    st_store_quota(store)->watches = MAX_WATCH;
    st_store_quota(store)->transactions = MAX_TXNS;
    st_store_quota(store)->credit_burst = UINT32_MAX; /* delays have a test of their own */
    make_slots();
    for (d = 0; d < CLIENTS; d++)
        open_client(d);
    for (i = 0; i < 3; i++)
        now.n[initial[i]] = (struct node){.exists = true, .perms = 1, .seq = ++counter};
    now.n[slot[slot[base_of[0]].parent].parent] = (struct node){.exists = true, .perms = 1, .seq = ++counter};
    now.n[slot[base_of[0]].parent] = (struct node){.exists = true, .perms = 1, .seq = ++counter};
    now.n[base_of[0]] = (struct node){.exists = true, .perms = 1, .seq = ++counter};
    for (d = 1; d < CLIENTS; d++) {
        set_up_home(d);
        drain(&client[0]);
    }
    op_number++;
    send_path(&client[0], XS_MKDIR, 0, "/s");
    expect_result(&client[0], XS_MKDIR, 0, model_mkdir(&client[0], NULL, 3));
    send_perms(&client[0], NULL, 0, 3, &all, 1);
    drain(&client[0]);
}

static void model(void **state)
{
    const char *text = getenv("XENSTORED_MODEL_OPS");
    unsigned long ops = text ? strtoul(text, NULL, 0) : 60000, i;
    int d;

    printf("# XENSTORED_MODEL_OPS=%lu\n", ops);
    rnd_start();
    set_up();
    for (i = 0; i < ops; i++)
        step();
    for (d = 0; d < CLIENTS; d++)
        drain(&client[d]);
    check_tree();
    printf("%lu requests, %u commits, %u conflicts\n", op_number, committed, conflicted);
    for (d = 0; d < CLIENTS; d++) {
        forget_txns(&client[d]);
        drop_expected(&client[d]);
    }
    st_store_free(store);
    twin_end();
    free(stream.p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(model)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
