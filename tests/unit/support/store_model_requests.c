/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random requests, each to the store and to the reference. */
#include "tests/unit/support/store_model.h"

uint32_t committed, conflicted;

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

static struct txn *random_txn(const struct client *c, uint32_t *id)
{
    int i = (int)rnd(MAX_TXNS + 3);

    *id = 0;
    if (i >= MAX_TXNS || !c->txn[i])
        return NULL;
    *id = c->txn[i]->id;
    return c->txn[i];
}

void send_path(struct client *c, uint32_t type, uint32_t tx, const char *path)
{
    assert_int_equal(client_send(c->conn, type, tx, (uint32_t)op_number, path, strlen(path) + 1), ST_READY);
}

/* What a request is about. */
struct aim {
    struct txn *t;
    uint32_t tx;
    int slot;
};

static struct aim take_aim(const struct client *c)
{
    struct aim a;

    a.t = random_txn(c, &a.tx);
    a.slot = random_slot(c);
    return a;
}

static void send_aimed(struct client *c, uint32_t type, const struct aim *a)
{
    bool relative;

    send_path(c, type, a->tx, path_text(c, a->slot, &relative));
}

/* Asks for what `dep` names of some node. The node, whose answer is to be expected; NULL: the error is. */
static const struct node *ask(struct client *c, uint32_t type, unsigned int dep, struct aim *a)
{
    int rc;

    *a = take_aim(c);
    send_aimed(c, type, a);
    rc = find(c, a->t, a->slot, R, dep);
    if (!rc)
        return &tree(a->t)->n[a->slot];
    expect_result(c, type, a->tx, rc);
    return NULL;
}

void op_read(struct client *c)
{
    struct aim a;
    const struct node *n = ask(c, XS_READ, DATA, &a);

    if (n)
        expect(c, XS_READ, a.tx, n->value, n->len);
}

void op_write(struct client *c)
{
    struct aim a = take_aim(c);
    char buf[128];
    int len, plen;
    bool rel;

    plen = sprintf(buf, "%s", path_text(c, a.slot, &rel)) + 1;
    len = (int)rnd(10);
    for (int k = 0; k < len; k++)
        buf[plen + k] = (char)rnd(256);
    assert_int_equal(client_send(c->conn, XS_WRITE, a.tx, (uint32_t)op_number, buf, (size_t)(plen + len)),
                     ST_READY);
    expect_result(c, XS_WRITE, a.tx, model_write(c, a.t, a.slot, buf + plen, len));
}

void op_mkdir(struct client *c)
{
    struct aim a = take_aim(c);

    send_aimed(c, XS_MKDIR, &a);
    expect_result(c, XS_MKDIR, a.tx, model_mkdir(c, a.t, a.slot));
}

void op_rm(struct client *c)
{
    struct aim a = take_aim(c);

    if (!c->domid && a.slot < 3 && rnd(20))
        return;
    send_aimed(c, XS_RM, &a);
    expect_result(c, XS_RM, a.tx, model_rm(c, a.t, a.slot));
}

int perms_text(const struct perm *p, int n, char *out)
{
    int i, len = 0;

    for (i = 0; i < n; i++)
        if (!i || !(p[i].bits & STALE))
            len += sprintf(out + len, "%c%u", "nrwb"[p[i].bits & 3], p[i].domid) + 1;
    return len;
}

void send_perms(struct client *c, struct txn *t, uint32_t tx, int i, const struct perm *p, int n)
{
    char buf[256];
    bool rel;
    int len = sprintf(buf, "%s", path_text(c, i, &rel)) + 1;

    len += perms_text(p, n, buf + len);
    assert_int_equal(client_send(c->conn, XS_SET_PERMS, tx, (uint32_t)op_number, buf, (size_t)len), ST_READY);
    expect_result(c, XS_SET_PERMS, tx, model_set_perms(c, t, i, p, n));
}

void op_set_perms(struct client *c)
{
    struct aim a = take_aim(c);
    struct perm p[6];
    int n = 1 + (int)rnd(c->domid ? 6 : 3), k;

    for (k = 0; k < n; k++)
        p[k] = (struct perm){(uint16_t)rnd(CLIENTS), (uint8_t)rnd(4)};
    if (rnd(4))
        p[0].domid = (uint16_t)(c->domid ? c->domid : tree(a.t)->n[a.slot].perm[0].domid);
    send_perms(c, a.t, a.tx, a.slot, p, n);
}

void op_get_perms(struct client *c)
{
    struct aim a;
    const struct node *n = ask(c, XS_GET_PERMS, PERMS, &a);
    char buf[128];

    if (n)
        expect(c, XS_GET_PERMS, a.tx, buf, (size_t)perms_text(n->perm, n->perms, buf));
}

size_t listing(const struct db *db, int i, char *out)
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

void op_directory(struct client *c)
{
    struct aim a;
    char buf[600];

    if (ask(c, XS_DIRECTORY, LIST, &a))
        expect(c, XS_DIRECTORY, a.tx, buf, listing(tree(a.t), a.slot, buf));
}

void op_watch(struct client *c)
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

void op_unwatch(struct client *c)
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

void forget_txns(struct client *c)
{
    int i;

    for (i = 0; i < MAX_TXNS; i++) {
        free(c->txn[i]);
        c->txn[i] = NULL;
    }
}

void op_reset(struct client *c)
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

void op_start(struct client *c)
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

static void end(struct client *c, int i)
{
    uint32_t id = c->txn[i] ? c->txn[i]->id : 0;
    bool commit = rnd(4) != 0;
    int rc = -ENOENT;

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

void op_end(struct client *c)
{
    end(c, (int)rnd(MAX_TXNS));
}

void op_end_all(struct client *c)
{
    int i;

    for (i = 0; i < MAX_TXNS; i++)
        if (c->txn[i])
            end(c, i);
}

void op_bad(struct client *c)
{
    static const char *const bad[] = {"", "//", "/s/", "/s//a", "/s/ a", "/\x80"};
    static const uint32_t types[] = {XS_READ, XS_MKDIR, XS_RM, XS_DIRECTORY, XS_GET_PERMS};
    uint32_t type = types[rnd(5)], tx;

    random_txn(c, &tx);
    send_path(c, type, tx, bad[rnd(6)]);
    expect_result(c, type, tx, -EINVAL);
}
