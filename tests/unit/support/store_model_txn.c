/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The reference transactions: each has copied the array; what conflicts is found slot by slot. */
#include "tests/unit/support/store_model.h"

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

bool model_conflicts(const struct txn *t)
{
    int i;

    if (t->version != version)
        for (i = 0; i < slots; i++)
            if (t->dep[i] && depends(t, i, t->dep[i]))
                return true;
    return false;
}

int model_commit(struct client *c, struct txn *t)
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
