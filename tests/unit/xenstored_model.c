/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model test: random requests of domain 0 and 20 domains, transactions and watches interleaved, domains
 * dying and coming back, against a reference so naive that it cannot share a mistake of design: the whole
 * store is an array of slots, one for each path that can ever exist, and a transaction copies the array.
 *
 * XENSTORED_MODEL_OPS: how many requests (default 60,000). XENSTORED_MODEL_SEED: replays a run.
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
#include <time.h>
#include <unistd.h>
#include <cmocka.h>
#include "xenstored_client.h"
#include "toolstack/xenstored/lib/state.h"

#define DOMAINS   20
#define CLIENTS   (DOMAINS + 1) /* number 0: domain 0's socket; i: domain i */
#define MAX_SLOTS 200
#define MAX_TXNS  3
#define MAX_WATCH 8
#define NODES     14 /* quota */
#define R         1u
#define W         2u
#define STALE     4u

enum { EXIST = 1, DATA = 2, LIST = 4, PERMS = 8, SUBTREE = 16, WROTE = 32, TOLD = 64 };

static uint64_t seed, rng_state;
static unsigned long op_number;

static uint32_t rnd(uint32_t n)
{
    rng_state ^= rng_state << 13;
    rng_state ^= rng_state >> 7;
    rng_state ^= rng_state << 17;
    return (uint32_t)(rng_state >> 32) % n;
}

/* ---- The reference store ---- */

static struct {
    char path[64];
    int parent, domain; /* whose /local/domain/N it is in; -1: nobody's */
} slot[MAX_SLOTS];
static int slots;

struct perm {
    uint16_t domid;
    uint8_t bits;
};

struct node {
    bool exists;
    uint8_t len, perms;
    char value[10];
    struct perm perm[6];
    uint64_t seq, gen, cgen;
};

struct db {
    struct node n[MAX_SLOTS];
};

struct txn {
    uint32_t id;
    struct db base, work;
    uint64_t version; /* of the store when it began */
    bool changed, doomed;
    uint8_t dep[MAX_SLOTS];
    int delta;
};

struct event {
    char text[96]; /* "path token" */
    unsigned long op;
    bool seen, used; /* covered by one that came; itself come */
    struct event *next;
};

struct reply {
    struct xsd_sockmsg hdr;
    char data[600];
    struct reply *next;
};

struct client {
    struct st_conn *conn;
    unsigned int domid;
    uint32_t next_txn;
    struct txn *txn[MAX_TXNS];
    struct {
        bool used, relative;
        int at; /* slot; -1: @releaseDomain */
        char token[8];
        unsigned long age;
    } watch[MAX_WATCH];
    struct event *events, **events_end;
    struct reply *replies, **replies_end;
    int waiting;
};

static struct db now;
static uint64_t version, counter;
static struct client client[CLIENTS];
static struct st_store *store;
static struct client_memory memory;
static uint32_t committed, conflicted;

static int add_slot(int parent, const char *name, int domain)
{
    int i = slots++;

    snprintf(slot[i].path, sizeof(slot[i].path), "%s/%s", parent > 0 ? slot[parent].path : "", name);
    slot[i].parent = parent;
    slot[i].domain = domain;
    return i;
}

static int base_of[CLIENTS];

static void make_slots(void)
{
    char name[16];
    int local, domain, d, a, s, x;

    slots = 1;
    strcpy(slot[0].path, "/");
    slot[0].parent = -1;
    slot[0].domain = -1;
    a = add_slot(0, "tool", -1);
    add_slot(a, "xenstored", -1);
    s = add_slot(0, "s", -1);
    a = add_slot(s, "a", -1);
    add_slot(a, "x", -1);
    add_slot(a, "y", -1);
    a = add_slot(s, "a-b", -1);
    x = add_slot(a, "x", -1);
    add_slot(x, "deep", -1);
    local = add_slot(0, "local", -1);
    domain = add_slot(local, "domain", -1);
    for (d = 0; d < CLIENTS; d++) {
        snprintf(name, sizeof(name), "%d", d);
        base_of[d] = add_slot(domain, name, -1);
        a = add_slot(base_of[d], "a", d);
        add_slot(a, "x", d);
        add_slot(a, "y", d);
        add_slot(base_of[d], "a-", d);
        x = add_slot(base_of[d], "b", d);
        add_slot(x, "z", d);
    }
}

/* Is slot @i at or below slot @top? */
static bool below(int i, int top)
{
    while (i > top)
        i = slot[i].parent;
    return i == top;
}

static int nearest(const struct db *db, int i)
{
    while (!db->n[i].exists)
        i = slot[i].parent;
    return i;
}

static unsigned int bits_of(const struct client *c, const struct node *n)
{
    int i;

    if (!c->domid)
        return R | W;
    if (n->perm[0].domid == c->domid && !(n->perm[0].bits & STALE))
        return R | W;
    for (i = 1; i < n->perms; i++)
        if (n->perm[i].domid == c->domid && !(n->perm[i].bits & STALE))
            return n->perm[i].bits;
    return n->perm[0].bits & (R | W);
}

static bool owns(const struct node *n, unsigned int domid)
{
    return n->exists && n->perm[0].domid == domid && !(n->perm[0].bits & STALE);
}

static int owned(unsigned int domid)
{
    int i, n = 0;

    for (i = 0; i < slots; i++)
        n += owns(&now.n[i], domid);
    return n;
}

/* ---- Events expected ---- */

static void expect_event(struct client *c, int w, const char *path)
{
    struct event *e = calloc(1, sizeof(*e));

    if (c->watch[w].relative)
        path += strlen(slot[base_of[c->domid]].path) + 1;
    snprintf(e->text, sizeof(e->text), "%s %s", path, c->watch[w].token);
    e->op = op_number;
    *c->events_end = e;
    c->events_end = &e->next;
}

static bool parent_readable(const struct client *c, int i)
{
    const struct node *n = &now.n[i ? slot[i].parent : 0];

    return n->exists && (bits_of(c, n) & R);
}

/* Tells the watchers of slot @i, and above it unless @exact, who may read @a or @b. */
static void fire(int i, const struct node *a, const struct node *b, bool exact)
{
    int k, w;

    for (k = 0; k < CLIENTS; k++)
        for (w = 0; w < MAX_WATCH; w++) {
            struct client *c = &client[k];

            if (!c->watch[w].used || c->watch[w].at < 0)
                continue;
            if (exact ? c->watch[w].at != i : !below(i, c->watch[w].at))
                continue;
            if ((bits_of(c, a) & R) || (b && (bits_of(c, b) & R)) || (!exact && parent_readable(c, i)))
                expect_event(c, w, slot[i].path);
        }
}

static void fire_removed(const struct db *old, int top)
{
    int i;

    fire(top, &old->n[top], &old->n[slot[top].parent], false);
    for (i = top + 1; i < slots; i++)
        if (old->n[i].exists && below(i, top))
            fire(i, &old->n[i], &old->n[slot[i].parent], true);
}

/* ---- Changes of a tree ---- */

static void erase(struct db *db, int top)
{
    int i;

    for (i = top; i < slots; i++)
        if (below(i, top))
            db->n[i].exists = false;
    db->n[slot[top].parent].cgen = ++counter;
}

static void put_value(struct node *n, const char *v, int len)
{
    memcpy(n->value, v, (size_t)len);
    n->len = (uint8_t)len;
    n->gen = ++counter;
}

static void touch(struct txn *t, int i, unsigned int flags)
{
    if (t)
        t->dep[i] |= (uint8_t)flags;
}

static struct db *tree(struct txn *t)
{
    return t ? &t->work : &now;
}

static void changed(struct txn *t)
{
    if (t)
        t->changed = true;
    else
        version++;
}

static unsigned int pdep(const struct client *c)
{
    return c->domid ? PERMS : 0;
}

static int find(struct client *c, struct txn *t, int i, unsigned int need, unsigned int dep)
{
    struct db *db = tree(t);
    int at = nearest(db, i);

    touch(t, i, EXIST | dep | pdep(c));
    if ((bits_of(c, &db->n[at]) & need) != need)
        return -EACCES;
    return at == i ? 0 : -ENOENT;
}

static int create(struct client *c, struct txn *t, int i, const char *v, int len)
{
    struct db *db = tree(t);
    int at = nearest(db, i), k, chain[8], n = 0;
    struct node *from = &db->n[at];

    if (!(bits_of(c, from) & W))
        return -EACCES;
    for (k = i; k != at; k = slot[k].parent)
        chain[n++] = k;
    if (c->domid && owned(c->domid) + (t ? t->delta : 0) + n > NODES)
        return -ENOSPC;
    touch(t, at, EXIST | PERMS);
    from->cgen = ++counter;
    for (k = n - 1; k >= 0; k--) {
        struct node *new = &db->n[chain[k]];

        *new = *from;
        new->seq = ++counter;
        new->cgen = ++counter;
        if (c->domid) {
            new->perm[0].domid = (uint16_t)c->domid;
            new->perm[0].bits &= (uint8_t)~STALE;
        }
        put_value(new, v, k ? 0 : len);
        touch(t, chain[k], EXIST | WROTE | (k ? 0 : TOLD));
    }
    changed(t);
    if (t)
        t->delta += n;
    else
        fire(i, &db->n[i], NULL, false);
    return 0;
}

static int model_write(struct client *c, struct txn *t, int i, const char *v, int len)
{
    struct db *db = tree(t);

    if (!db->n[i].exists)
        return create(c, t, i, v, len);
    if (!(bits_of(c, &db->n[i]) & W)) {
        touch(t, i, EXIST | PERMS);
        return -EACCES;
    }
    touch(t, i, EXIST | DATA | WROTE | TOLD);
    put_value(&db->n[i], v, len);
    changed(t);
    if (!t)
        fire(i, &db->n[i], NULL, false);
    return 0;
}

static int model_mkdir(struct client *c, struct txn *t, int i)
{
    struct db *db = tree(t);

    if (!db->n[i].exists)
        return create(c, t, i, "", 0);
    touch(t, i, EXIST | pdep(c));
    return bits_of(c, &db->n[i]) & W ? 0 : -EACCES;
}

static int model_rm(struct client *c, struct txn *t, int i)
{
    struct db *db = tree(t);
    static struct db old;
    int at = nearest(db, i), k;

    touch(t, i, EXIST | pdep(c));
    if (!(bits_of(c, &db->n[at]) & W))
        return -EACCES;
    if (at != i) {
        if (at != slot[i].parent)
            return -ENOENT;
        touch(t, at, EXIST);
        return 0;
    }
    if (i == 0)
        return -EINVAL;
    touch(t, i, SUBTREE | WROTE | TOLD);
    if (t && c->domid)
        for (k = i; k < slots; k++)
            t->delta -= below(k, i) && owns(&db->n[k], c->domid);
    old = *db;
    erase(db, i);
    changed(t);
    if (!t)
        fire_removed(&old, i);
    return 0;
}

static int model_set_perms(struct client *c, struct txn *t, int i, const struct perm *p, int n)
{
    struct db *db = tree(t);
    struct node old;
    int rc;

    if (c->domid && n > 5)
        return -ENOSPC;
    rc = find(c, t, i, 0, DATA);
    if (rc == -ENOENT && !(bits_of(c, &db->n[nearest(db, i)]) & W))
        return -EACCES;
    if (rc)
        return rc;
    old = db->n[i];
    if (c->domid && !owns(&old, c->domid))
        return -EACCES;
    if (c->domid && p[0].domid != old.perm[0].domid)
        return -EPERM;
    touch(t, i, WROTE | TOLD);
    memcpy(db->n[i].perm, p, (size_t)n * sizeof(*p));
    db->n[i].perms = (uint8_t)n;
    db->n[i].gen = ++counter;
    changed(t);
    if (!t)
        fire(i, &old, &db->n[i], false);
    return 0;
}

/* ---- Transactions ---- */

static bool perms_same(const struct node *a, const struct node *b)
{
    int i;

    if (a->perms != b->perms)
        return false;
    for (i = 0; i < a->perms; i++)
        if (a->perm[i].domid != b->perm[i].domid || a->perm[i].bits != b->perm[i].bits)
            return false;
    return true;
}

static bool depends(const struct txn *t, int i, unsigned int f)
{
    const struct node *b = &t->base.n[i], *n = &now.n[i];
    int k;

    if (!b->exists && !n->exists)
        return false;
    if (b->exists != n->exists || b->seq != n->seq)
        return true;
    if (((f & DATA) && b->gen != n->gen) || ((f & LIST) && b->cgen != n->cgen) ||
        ((f & PERMS) && !perms_same(b, n)))
        return true;
    if (f & SUBTREE)
        for (k = i; k < slots; k++) {
            b = &t->base.n[k];
            n = &now.n[k];
            if (!below(k, i) || (!b->exists && !n->exists))
                continue;
            if (b->exists != n->exists || b->seq != n->seq || b->gen != n->gen || b->cgen != n->cgen ||
                !perms_same(b, n))
                return true;
        }
    return false;
}

static void carry_over(struct txn *t)
{
    int i;

    for (i = 0; i < slots; i++) {
        struct node *want = &t->work.n[i], *have = &now.n[i];

        if (!(t->dep[i] & WROTE))
            continue;
        if (have->exists && (!want->exists || want->seq != have->seq)) {
            erase(&now, i);
            version++;
        }
        if (!want->exists || (have->exists && have->gen == want->gen))
            continue;
        if (!have->exists) {
            assert_true(now.n[slot[i].parent].exists);
            now.n[slot[i].parent].cgen = ++counter;
            have->cgen = ++counter;
        }
        have->exists = true;
        have->seq = want->seq;
        put_value(have, want->value, want->len);
        memcpy(have->perm, want->perm, sizeof(want->perm));
        have->perms = want->perms;
        version++;
    }
}

static void announce(const struct txn *t, const struct db *before)
{
    static const struct node none;
    int i, gone = -1;

    for (i = 0; i < slots; i++) {
        const struct node *old = &before->n[i], *new = &now.n[i];

        if (!(t->dep[i] & WROTE))
            continue;
        if (gone >= 0 && below(i, gone))
            old = &none;
        if (old->exists && (!new->exists || old->seq != new->seq)) {
            fire_removed(before, i);
            gone = i;
            old = &none;
        }
        if (new->exists && (old->exists ? old->gen != new->gen : t->dep[i] & TOLD))
            fire(i, new, old->exists ? old : NULL, false);
    }
}

static bool model_conflicts(const struct txn *t)
{
    int i;

    if (t->version != version)
        for (i = 0; i < slots; i++)
            if (t->dep[i] && depends(t, i, t->dep[i]))
                return true;
    return false;
}

static int model_commit(struct client *c, struct txn *t)
{
    static struct db before;

    if (t->doomed || model_conflicts(t))
        return -EAGAIN;
    if (c->domid && t->delta > 0 && owned(c->domid) + t->delta > NODES)
        return -ENOSPC;
    before = now;
    if (t->version != version) {
        carry_over(t);
    } else if (t->changed) {
        now = t->work;
        version++;
    }
    announce(t, &before);
    return 0;
}

/* ---- Replies expected, and what really comes ---- */

static struct reply *expect(struct client *c, uint32_t type, uint32_t tx, const void *p, size_t len)
{
    struct reply *r = calloc(1, sizeof(*r));

    r->hdr = (struct xsd_sockmsg){type, (uint32_t)op_number, tx, (uint32_t)len};
    memcpy(r->data, p, len);
    *c->replies_end = r;
    c->replies_end = &r->next;
    c->waiting++;
    return r;
}

static void expect_result(struct client *c, uint32_t type, uint32_t tx, int rc)
{
    unsigned int i;

    if (!rc) {
        expect(c, type, tx, "OK", 3);
        return;
    }
    for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (xsd_errors[i].errnum == -rc)
            expect(c, XS_ERROR, tx, xsd_errors[i].errstring, strlen(xsd_errors[i].errstring) + 1);
}

static void got_reply(struct client *c, const struct client_msg *m)
{
    struct reply *r = c->replies;

    assert_non_null(r);
    if (memcmp(&m->hdr, &r->hdr, sizeof(m->hdr)) || memcmp(m->data, r->data, m->hdr.len))
        fail_msg("request %u of domain %u: type %u '%s', expected type %u '%s'", m->hdr.req_id, c->domid,
                 m->hdr.type, m->data, r->hdr.type, r->data);
    c->replies = r->next;
    if (!c->replies)
        c->replies_end = &c->replies;
    c->waiting--;
    free(r);
}

/*
 * An event must be one that is expected and not older than the one before. Equal ones may be merged into the
 * first of them: so each equal one that is expected counts as seen, but remains to be had once more.
 */
static void got_event(struct client *c, const struct client_msg *m, unsigned long *last)
{
    char text[sizeof(m->data) * 2];
    struct event *e, *hit = NULL;

    snprintf(text, sizeof(text), "%s %s", m->data, m->data + strlen(m->data) + 1);
    for (e = c->events; e; e = e->next)
        if (!strcmp(e->text, text)) {
            if (!hit && e->op >= *last && !e->used)
                hit = e;
            e->seen = true;
        }
    if (!hit) {
        for (e = c->events; e; e = e->next)
            printf("  expected of request %lu: %s%s\n", e->op, e->text,
                   e->used   ? " (came)"
                   : e->seen ? " (equal came)"
                             : "");
        fail_msg("domain %u: event '%s' is not expected here", c->domid, text);
    }
    hit->used = true;
    *last = hit->op;
}

static void drop_expected(struct client *c)
{
    struct event *e;
    struct reply *r;

    while ((e = c->events)) {
        c->events = e->next;
        free(e);
    }
    while ((r = c->replies)) {
        c->replies = r->next;
        free(r);
    }
    c->events_end = &c->events;
    c->replies_end = &c->replies;
    c->waiting = 0;
}

/* Takes all the client's output: replies in order, every event at least once. */
static void drain(struct client *c)
{
    static struct client_msg m;
    unsigned long last = 0;
    struct event *e;

    while (client_take(c->conn, &m)) {
        if (m.hdr.type == XS_WATCH_EVENT)
            got_event(c, &m, &last);
        else
            got_reply(c, &m);
    }
    assert_null(c->replies);
    for (e = c->events; e; e = e->next)
        if (!e->seen)
            fail_msg("domain %u: event '%s' of request %lu is lost", c->domid, e->text, e->op);
    drop_expected(c);
}

/* ---- Random requests ---- */

static const char *path_text(const struct client *c, int i, bool *relative)
{
    *relative = slot[i].domain == (int)c->domid && rnd(2);
    return slot[i].path + (*relative ? strlen(slot[base_of[c->domid]].path) + 1 : 0);
}

/* Mostly where something can happen: the client's own home, the shared part. */
static int random_slot(const struct client *c)
{
    switch (rnd(4)) {
    case 0:
        return (int)rnd((uint32_t)slots);
    case 1:
        return 3 + (int)rnd(7); /* /s and below */
    default:
        return base_of[c->domid] + (int)rnd(7);
    }
}

static struct txn *random_txn(struct client *c, uint32_t *id)
{
    int i = (int)rnd(MAX_TXNS + 3);

    *id = 0;
    if (i >= MAX_TXNS || !c->txn[i])
        return NULL;
    *id = c->txn[i]->id;
    return c->txn[i];
}

static void send_path(struct client *c, uint32_t type, uint32_t tx, const char *path)
{
    assert_int_equal(client_send(c->conn, type, tx, (uint32_t)op_number, path, strlen(path) + 1), ST_READY);
}

static void op_read(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c), rc;
    bool rel;

    send_path(c, XS_READ, tx, path_text(c, i, &rel));
    rc = find(c, t, i, R, DATA);
    if (rc)
        expect_result(c, XS_READ, tx, rc);
    else
        expect(c, XS_READ, tx, tree(t)->n[i].value, tree(t)->n[i].len);
}

static void op_write(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c), len, plen;
    char buf[128];
    bool rel;

    plen = sprintf(buf, "%s", path_text(c, i, &rel)) + 1;
    len = (int)rnd(10);
    for (int k = 0; k < len; k++)
        buf[plen + k] = (char)rnd(256);
    assert_int_equal(client_send(c->conn, XS_WRITE, tx, (uint32_t)op_number, buf, (size_t)(plen + len)),
                     ST_READY);
    expect_result(c, XS_WRITE, tx, model_write(c, t, i, buf + plen, len));
}

static void op_mkdir(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c);
    bool rel;

    send_path(c, XS_MKDIR, tx, path_text(c, i, &rel));
    expect_result(c, XS_MKDIR, tx, model_mkdir(c, t, i));
}

static void op_rm(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c);
    bool rel;

    if (!c->domid && i < 3 && rnd(20))
        return;
    send_path(c, XS_RM, tx, path_text(c, i, &rel));
    expect_result(c, XS_RM, tx, model_rm(c, t, i));
}

static int perms_text(const struct perm *p, int n, char *out)
{
    int i, len = 0;

    for (i = 0; i < n; i++)
        if (!i || !(p[i].bits & STALE))
            len += sprintf(out + len, "%c%u", "nrwb"[p[i].bits & 3], p[i].domid) + 1;
    return len;
}

static void send_perms(struct client *c, struct txn *t, uint32_t tx, int i, const struct perm *p, int n)
{
    char buf[256];
    bool rel;
    int len = sprintf(buf, "%s", path_text(c, i, &rel)) + 1;

    len += perms_text(p, n, buf + len);
    assert_int_equal(client_send(c->conn, XS_SET_PERMS, tx, (uint32_t)op_number, buf, (size_t)len), ST_READY);
    expect_result(c, XS_SET_PERMS, tx, model_set_perms(c, t, i, p, n));
}

static void op_set_perms(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    struct perm p[6];
    int i = random_slot(c), n = 1 + (int)rnd(c->domid ? 6 : 3), k;

    for (k = 0; k < n; k++)
        p[k] = (struct perm){(uint16_t)rnd(CLIENTS), (uint8_t)rnd(4)};
    if (rnd(4))
        p[0].domid = (uint16_t)(c->domid ? c->domid : tree(t)->n[i].perm[0].domid);
    send_perms(c, t, tx, i, p, n);
}

static void op_get_perms(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c), rc;
    char buf[128];
    bool rel;

    send_path(c, XS_GET_PERMS, tx, path_text(c, i, &rel));
    rc = find(c, t, i, R, PERMS);
    if (rc)
        expect_result(c, XS_GET_PERMS, tx, rc);
    else
        expect(c, XS_GET_PERMS, tx, buf, (size_t)perms_text(tree(t)->n[i].perm, tree(t)->n[i].perms, buf));
}

static size_t listing(const struct db *db, int i, char *out)
{
    uint64_t last = 0;
    size_t len = 0;

    for (;;) {
        int k, next = -1;

        for (k = i + 1; k < slots; k++)
            if (slot[k].parent == i && db->n[k].exists && db->n[k].seq > last &&
                (next < 0 || db->n[k].seq < db->n[next].seq))
                next = k;
        if (next < 0)
            return len;
        last = db->n[next].seq;
        strcpy(out + len, strrchr(slot[next].path, '/') + 1);
        len += strlen(out + len) + 1;
    }
}

static void op_directory(struct client *c)
{
    uint32_t tx;
    struct txn *t = random_txn(c, &tx);
    int i = random_slot(c), rc;
    char buf[600];
    bool rel;

    send_path(c, XS_DIRECTORY, tx, path_text(c, i, &rel));
    rc = find(c, t, i, R, LIST);
    if (rc)
        expect_result(c, XS_DIRECTORY, tx, rc);
    else
        expect(c, XS_DIRECTORY, tx, buf, listing(tree(t), i, buf));
}

static void op_watch(struct client *c)
{
    int i = random_slot(c), w, k, rc = 0;
    bool rel, release = !rnd(12);
    const char *path = release ? "@releaseDomain" : path_text(c, i, &rel);
    char buf[128], token[8];

    i = release ? -1 : i;
    rel = !release && rel;
    sprintf(token, "t%u", rnd(3));
    for (w = -1, k = 0; k < MAX_WATCH; k++) {
        if (!c->watch[k].used)
            w = k;
        else if (c->watch[k].at == i && !strcmp(c->watch[k].token, token))
            rc = -EEXIST;
    }
    if (w < 0 && !rc) {
        if (!c->domid)
            return;
        rc = -E2BIG;
    }
    client_send(c->conn, XS_WATCH, 0, (uint32_t)op_number, buf, client_pack(buf, 2, path, token));
    expect_result(c, XS_WATCH, 0, rc);
    if (rc)
        return;
    c->watch[w].used = true;
    c->watch[w].relative = rel;
    c->watch[w].at = i;
    strcpy(c->watch[w].token, token);
    expect_event(c, w, i < 0 ? path : slot[i].path);
}

static void op_unwatch(struct client *c)
{
    int w = (int)rnd(MAX_WATCH), i = c->watch[w].at, k, rc = -ENOENT;
    char buf[128], token[8];

    if (!c->watch[w].used || i < 0)
        i = random_slot(c);
    strcpy(token, c->watch[w].used ? c->watch[w].token : "t1");
    for (k = 0; k < MAX_WATCH; k++)
        if (c->watch[k].used && c->watch[k].at == i && !strcmp(c->watch[k].token, token)) {
            c->watch[k].used = false;
            rc = 0;
        }
    client_send(c->conn, XS_UNWATCH, 0, (uint32_t)op_number, buf, client_pack(buf, 2, slot[i].path, token));
    expect_result(c, XS_UNWATCH, 0, rc);
}

static void forget_txns(struct client *c)
{
    int i;

    for (i = 0; i < MAX_TXNS; i++) {
        free(c->txn[i]);
        c->txn[i] = NULL;
    }
}

static void op_reset(struct client *c)
{
    int w;

    if (rnd(10))
        return;
    send_path(c, XS_RESET_WATCHES, 0, "");
    for (w = 0; w < MAX_WATCH; w++)
        c->watch[w].used = false;
    forget_txns(c);
    expect_result(c, XS_RESET_WATCHES, 0, 0);
}

static void op_start(struct client *c)
{
    char text[16];
    struct txn *t;
    int i;

    for (i = 0; i < MAX_TXNS && c->txn[i]; i++)
        ;
    if (i == MAX_TXNS && !c->domid)
        return;
    send_path(c, XS_TRANSACTION_START, 0, "");
    if (i == MAX_TXNS) {
        expect_result(c, XS_TRANSACTION_START, 0, -ENOSPC);
        return;
    }
    t = c->txn[i] = calloc(1, sizeof(*t));
    t->id = ++c->next_txn;
    t->base = t->work = now;
    t->version = version;
    expect(c, XS_TRANSACTION_START, 0, text, (size_t)sprintf(text, "%u", t->id) + 1);
}

static void op_end(struct client *c)
{
    int i = (int)rnd(MAX_TXNS), rc = -ENOENT;
    uint32_t id = c->txn[i] ? c->txn[i]->id : 0;
    bool commit = rnd(4) != 0;

    send_path(c, XS_TRANSACTION_END, id, commit ? "T" : "F");
    if (c->txn[i]) {
        rc = commit ? model_commit(c, c->txn[i]) : 0;
        committed += commit && !rc;
        conflicted += rc == -EAGAIN;
        free(c->txn[i]);
        c->txn[i] = NULL;
    }
    expect_result(c, XS_TRANSACTION_END, id, rc);
}

static void op_bad(struct client *c)
{
    static const char *const bad[] = {"", "//", "/s/", "/s//a", "/s/ a", "/\x80"};
    static const uint32_t types[] = {XS_READ, XS_MKDIR, XS_RM, XS_DIRECTORY, XS_GET_PERMS};
    uint32_t type = types[rnd(5)], tx;

    random_txn(c, &tx);
    send_path(c, type, tx, bad[rnd(6)]);
    expect_result(c, type, tx, -EINVAL);
}

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

static char *stream;
static size_t stream_len, stream_room;

static int stream_write(void *ctx, const void *data, size_t len)
{
    if (stream_len + len > stream_room) {
        char *larger = realloc(stream, stream_room = (stream_len + len) * 2);

        assert_non_null(larger);
        stream = larger;
    }
    memcpy(stream + stream_len, data, len);
    stream_len += len;
    return 0;
}

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
    struct st_saver saver = {stream_write, describe, NULL};
    struct st_loader loader = {adopt, NULL};
    struct st_store *old = store;
    static struct client_memory fresh;
    int i, k;

    stream_len = 0;
    assert_int_equal(st_state_save(old, &saver), 0);
    assert_int_equal(st_store_check(old), 0);
    store = client_store(&fresh, NULL);
    assert_int_equal(st_state_load(store, stream, stream_len, &loader), 0);
    assert_int_equal(st_store_check(store), 0);
    st_store_free(old);
    for (i = 0; i < CLIENTS; i++)
        for (k = 0; k < MAX_TXNS; k++)
            if (client[i].txn[k])
                model_moves(client[i].txn[k]);
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
    if (!rnd(20000))
        check_tree();
}

static void set_up(void)
{
    static const int initial[] = {0, 1, 2};
    struct perm all = {0, R | W};
    unsigned int i;
    int d;

    store = client_store(&memory, NULL);
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

    text = getenv("XENSTORED_MODEL_SEED");
    seed = text ? strtoull(text, NULL, 0) : (uint64_t)time(NULL) * 2654435761u ^ ((uint64_t)getpid() << 32);
    printf("XENSTORED_MODEL_SEED=%#llx XENSTORED_MODEL_OPS=%lu\n", (unsigned long long)seed, ops);
    fflush(stdout);
    rng_state = seed | 1;
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
    free(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(model)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
