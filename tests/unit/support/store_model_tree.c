/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference store, so naive that it cannot share a mistake of design: an array of slots, one for each path that can ever exist, and
 * what each request does to it. */
#include "tests/unit/support/store_model.h"

struct slot slot[MAX_SLOTS];
int slots;
struct db now;
uint64_t version, counter;

static int add_slot(int parent, const char *name, int domain)
{
    int i = slots++;

    snprintf(slot[i].path, sizeof(slot[i].path), "%s/%s", parent > 0 ? slot[parent].path : "", name);
    slot[i].parent = parent;
    slot[i].domain = domain;
    return i;
}

int base_of[CLIENTS];

void make_slots(void)
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
bool below(int i, int top)
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

unsigned int bits_of(const struct client *c, const struct node *n)
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

bool owns(const struct node *n, unsigned int domid)
{
    return n->exists && n->perm[0].domid == domid && !(n->perm[0].bits & STALE);
}

int owned(unsigned int domid)
{
    int i, n = 0;

    for (i = 0; i < slots; i++)
        n += owns(&now.n[i], domid);
    return n;
}

/* ---- Changes of a tree ---- */

void erase(struct db *db, int top)
{
    int i;

    for (i = top; i < slots; i++)
        if (below(i, top))
            db->n[i].exists = false;
    db->n[slot[top].parent].cgen = ++counter;
}

void put_value(struct node *n, const char *v, int len)
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

struct db *tree(struct txn *t)
{
    return t ? &t->work : &now;
}

void changed(struct txn *t)
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

int find(struct client *c, struct txn *t, int i, unsigned int need, unsigned int dep)
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

int model_write(struct client *c, struct txn *t, int i, const char *v, int len)
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

int model_mkdir(struct client *c, struct txn *t, int i)
{
    struct db *db = tree(t);

    if (!db->n[i].exists)
        return create(c, t, i, "", 0);
    touch(t, i, EXIST | pdep(c));
    return bits_of(c, &db->n[i]) & W ? 0 : -EACCES;
}

int model_rm(struct client *c, struct txn *t, int i)
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

int model_set_perms(struct client *c, struct txn *t, int i, const struct perm *p, int n)
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
