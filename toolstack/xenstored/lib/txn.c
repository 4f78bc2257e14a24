/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Transactions: a snapshot to start from, a private tree, and a list of the paths that were touched with what
 * the outcome depends on there. A commit compares the snapshot with the present at those paths only, and
 * carries over what was written there. It first builds the new tree aside; nothing after that can fail.
 */
#include "toolstack/xenstored/lib/internal.h"

#define FIRST_BUCKETS 16u

struct st_txn *st_txn_find(struct st_conn *c, uint32_t id)
{
    struct st_list *l;

    for (l = c->txns.next; l != &c->txns; l = l->next) {
        struct st_txn *t = list_of(l, struct st_txn, on_conn);

        if (t->id == id)
            return t;
    }
    return NULL;
}

/* A transaction on the store as it is, whatever the quotas say. NULL without memory. */
struct st_txn *st_txn_new(struct st_conn *c, uint32_t id)
{
    struct st_store *s = c->store;
    struct st_txn *t = st_zalloc(s, sizeof(*t));

    if (!t)
        return NULL;
    t->id = id;
    t->conn = c;
    t->base = st_node_hold(s, s->root);
    t->work = st_node_hold(s, s->root);
    list_add_tail(&c->txns, &t->on_conn);
    list_add_tail(&s->txns, &t->on_store);
    c->nr_txns++;
    s->nr_txns++;
    t->bytes = sizeof(*t);
    c->bytes += t->bytes;
    return t;
}

/* A request for one. 0, -ENOSPC, -ENOMEM. */
int st_txn_start(struct st_conn *c, uint32_t *id)
{
    const struct st_quota *q = &c->store->quota;
    uint32_t next = c->next_txn;

    if (!c->privileged && (c->nr_txns >= q->transactions || st_domain_bytes(c) > q->memory))
        return -ENOSPC;
    do
        next++;
    while (!next || st_txn_find(c, next));
    if (!st_txn_new(c, next))
        return -ENOMEM;
    *id = c->next_txn = next;
    return 0;
}

static size_t access_bytes(size_t len)
{
    return sizeof(struct st_access) + len + 1;
}

static void txn_charge(struct st_txn *t, long bytes)
{
    t->bytes += (uint32_t)bytes;
    t->conn->bytes += (uint32_t)bytes;
}

/* Lets go of the snapshot and all that was done. */
static void txn_clear(struct st_txn *t)
{
    struct st_store *s = t->conn->store;
    struct st_access *a;

    while ((a = t->first)) {
        t->first = a->after;
        st_dealloc(s, a, access_bytes(a->len));
    }
    st_dealloc(s, t->bucket, t->nr_buckets * sizeof(*t->bucket));
    t->bucket = NULL;
    t->nr_buckets = t->nr_access = 0;
    t->nodes = 0;
    txn_charge(t, (long)sizeof(*t) - (long)t->bytes);
    st_node_put(s, t->base);
    st_node_put(s, t->work);
    t->base = t->work = NULL;
}

void st_txn_abort(struct st_txn *t)
{
    struct st_conn *c = t->conn;

    txn_clear(t);
    c->bytes -= t->bytes;
    c->nr_txns--;
    c->store->nr_txns--;
    list_del(&t->on_conn);
    list_del(&t->on_store);
    st_dealloc(c->store, t, sizeof(*t));
}

/*
 * What is done in a transaction's tree makes nodes that only it has, for a write copies the node and those on the way to it; or
 * frees such. They are charged to the connection, as its domain's other nodes are.
 */
void st_txn_worked(struct st_txn *t, size_t before)
{
    if (t)
        txn_charge(t, (long)(t->conn->store->all_bytes - before));
}

static bool holds_too_much(const struct st_store *s)
{
    return s->all_nodes - s->live_nodes > s->quota.snapshot_nodes ||
           s->all_bytes - s->live_bytes > s->quota.snapshot_bytes;
}

/*
 * Keeps what open transactions hold in bounds: the oldest unprivileged ones lose their snapshots. They go on
 * from a fresh one, and only their end says EAGAIN: that is what Linux retries.
 */
void st_txn_bound(struct st_store *s)
{
    struct st_list *l = s->txns.next, *next;

    for (; l != &s->txns && holds_too_much(s); l = next) {
        struct st_txn *t = list_of(l, struct st_txn, on_store);

        next = l->next;
        if (t->conn->privileged || !t->base)
            continue;
        txn_clear(t);
        t->doomed = true;
        s->doomed++;
    }
}

static bool buckets_grow(struct st_txn *t)
{
    struct st_store *s = t->conn->store;
    uint32_t size = t->nr_buckets ? t->nr_buckets * 2 : FIRST_BUCKETS;
    struct st_access **b = st_zalloc(s, size * sizeof(*b)), *a;

    if (!b)
        return t->nr_buckets != 0;
    for (a = t->first; a; a = a->after) {
        a->next = b[a->hash & (size - 1)];
        b[a->hash & (size - 1)] = a;
    }
    txn_charge(t, (long)(size - t->nr_buckets) * (long)sizeof(*b));
    st_dealloc(s, t->bucket, t->nr_buckets * sizeof(*b));
    t->bucket = b;
    t->nr_buckets = size;
    return true;
}

static struct st_access *access_find(const struct st_txn *t, uint32_t hash, const char *path, size_t len)
{
    struct st_access *a;

    for (a = t->nr_buckets ? t->bucket[hash & (t->nr_buckets - 1)] : NULL; a; a = a->next)
        if (a->hash == hash && a->len == len && !memcmp(a->path, path, len))
            return a;
    return NULL;
}

static bool may_touch(const struct st_txn *t, size_t len)
{
    const struct st_conn *c = t->conn;
    const struct st_quota *q = &c->store->quota;

    return c->privileged ||
           (t->nr_access < q->transaction_nodes && st_domain_bytes(c) + access_bytes(len) <= q->memory);
}

/* Notes that the transaction depends on, or writes (@flags), @path, whatever the quotas say. 0 or -ENOMEM. */
int st_txn_note(struct st_txn *t, const char *path, size_t len, unsigned int flags)
{
    struct st_store *s = t->conn->store;
    uint32_t hash = st_hash(s, path, len);
    struct st_access *a = access_find(t, hash, path, len);

    if (a) {
        a->flags |= flags;
        return 0;
    }
    if (t->nr_access >= t->nr_buckets && !buckets_grow(t))
        return -ENOMEM;
    a = st_alloc(s, access_bytes(len));
    if (!a)
        return -ENOMEM;
    a->hash = hash;
    a->len = (uint16_t)len;
    a->flags = (uint16_t)flags;
    memcpy(a->path, path, len);
    a->path[len] = 0;
    a->next = t->bucket[hash & (t->nr_buckets - 1)];
    t->bucket[hash & (t->nr_buckets - 1)] = a;
    a->after = t->first;
    t->first = a;
    t->nr_access++;
    txn_charge(t, (long)access_bytes(len));
    return 0;
}

/* The same for a request. 0, -ENOSPC (too many paths, or no memory left to the domain), -ENOMEM. */
int st_txn_touch(struct st_txn *t, const char *path, size_t len, unsigned int flags)
{
    if (!may_touch(t, len) && !access_find(t, st_hash(t->conn->store, path, len), path, len))
        return -ENOSPC;
    return st_txn_note(t, path, len, flags);
}

/* ---- Commit ---- */

/* The order in which a node stands directly before all that is below it: '/' is the smallest character. */
static int path_order(const struct st_access *a, const struct st_access *b)
{
    size_t len = a->len < b->len ? a->len : b->len, i = st_path_shared(a->path, b->path, len);

    if (i == len)
        return a->len < b->len ? -1 : a->len > b->len;
    if (a->path[i] == '/' || b->path[i] == '/')
        return a->path[i] == '/' ? -1 : 1;
    return (unsigned char)a->path[i] < (unsigned char)b->path[i] ? -1 : 1;
}

/* Merge sort of the list, bottom up: runs of 2^i wait in slot i. */
static struct st_access *merge_runs(struct st_access *a, struct st_access *b)
{
    struct st_access *first = NULL, **tail = &first;

    while (a && b) {
        struct st_access **from = path_order(a, b) <= 0 ? &a : &b;

        *tail = *from;
        tail = &(*from)->after;
        *from = (*from)->after;
    }
    *tail = a ? a : b;
    return first;
}

void st_txn_sort(struct st_txn *t)
{
    struct st_access *run[32] = {NULL}, *one, *rest = t->first;
    unsigned int i;

    while ((one = rest)) {
        rest = one->after;
        one->after = NULL;
        for (i = 0; run[i]; i++) {
            one = merge_runs(run[i], one);
            run[i] = NULL;
        }
        run[i] = one;
    }
    for (t->first = NULL, i = 0; i < 32; i++)
        t->first = merge_runs(run[i], t->first);
}

/* Who changed something at a path, as far as can be told afterwards? Domain 0 stands for nobody. */
static unsigned int who_changed(struct st_store *s, const struct st_access *a, const struct st_node *base,
                                const struct st_node *now)
{
    size_t found;

    if (!now)
        return node_cwriter(st_tree_nearest(s, s->root, a->path, a->len, NULL, &found));
    if (!base || base->seq != now->seq || base->gen != now->gen)
        return now->writer;
    return node_cgen(base) != node_cgen(now) ? node_cwriter(now) : 0;
}

/* Changed at this path, where @b was and @n is: then *@who did it. */
static bool conflicts(const struct st_txn *t, const struct st_access *a, const struct st_node *b,
                      const struct st_node *n, unsigned int *who)
{
    struct st_store *s = t->conn->store;
    unsigned int f = a->flags;
    bool hit;

    if (b == n)
        return false;
    if (!b || !n || b->seq != n->seq)
        hit = true;
    else
        hit = ((f & ST_DEP_DATA) && b->gen != n->gen) ||
              ((f & ST_DEP_LIST) && node_cgen(b) != node_cgen(n)) ||
              ((f & ST_DEP_PERMS) && !st_perms_equal(b->perms, n->perms)) ||
              ((f & ST_DEP_SUBTREE) && !st_node_same(b, n));
    if (hit)
        *who = who_changed(s, a, b, n);
    return hit;
}

bool st_txn_conflicts(struct st_txn *t, unsigned int *who)
{
    struct st_store *s = t->conn->store;
    struct st_finder base, now;
    const struct st_access *a;

    *who = t->doomed_by;
    if (t->doomed)
        return true;
    /* The order in which the paths were touched says nothing: a state stream does not keep it. */
    st_txn_sort(t);
    if (t->base == s->root)
        return false;
    st_finder_init(&base, t->base);
    st_finder_init(&now, s->root);
    for (a = t->first; a; a = a->after)
        if (conflicts(t, a, st_finder_find(s, &base, a->path, a->len),
                      st_finder_find(s, &now, a->path, a->len), who))
            return true;
    return false;
}

/* Carries one written path over to *root, @want being what the transaction has there. 0 or -ENOMEM. */
static int carry(struct st_txn *t, const struct st_access *a, const struct st_node *want,
                 struct st_node **root)
{
    struct st_store *s = t->conn->store;
    struct st_node *removed, **slot;
    struct st_where w;
    bool have;
    int rc;

    st_tree_look(s, root, a->path, a->len, NULL, &w);
    have = w.found == a->len;
    if (have && (!want || want->seq != w.node->seq)) {
        rc = st_tree_remove(s, root, a->path, a->len, t->conn->domid, &removed);
        if (rc)
            return rc;
        st_node_put(s, removed);
        have = false;
    }
    if (!want || (have && w.node->gen == want->gen))
        return 0;
    if (have) {
        slot = w.own ? w.slot : st_tree_own(s, root, a->path, a->len);
        rc = st_tree_set_at(s, slot, node_value(want), want->value_len, t->conn->domid);
        if (!rc)
            st_tree_set_perms_at(s, *slot, want->perms, t->conn->domid);
    } else {
        rc = st_tree_create(s, root, a->path, a->len, node_value(want), want->value_len, want->perms,
                            t->conn->domid);
        slot = rc ? NULL : st_tree_own(s, root, a->path, a->len); /* owned already: cannot fail */
    }
    if (!rc)
        (*slot)->seq = want->seq; /* the place in listings is that of the creation */
    return rc;
}

/* The tree after the commit, aside. NULL without memory. */
static struct st_node *txn_result(struct st_txn *t)
{
    struct st_store *s = t->conn->store;
    struct st_finder work;
    struct st_node *root;
    struct st_access *a;

    if (t->base == s->root)
        return st_node_hold(s, t->work);
    root = st_node_hold(s, s->root);
    st_finder_init(&work, t->work);
    for (a = t->first; a; a = a->after)
        if ((a->flags & ST_WROTE) && carry(t, a, st_finder_find(s, &work, a->path, a->len), &root)) {
            st_node_put(s, root);
            return NULL;
        }
    return root;
}

/* Counts and announces what happened at one path; @old is NULL below a removed node, which was announced. */
static void announce(struct st_store *s, struct st_node *before, const struct st_access *a,
                     struct st_node *old, struct st_node *new)
{
    bool replaced = old && new && old->seq != new->seq;

    if (old && (!new || replaced)) {
        st_account_subtree(s, old, -1);
        st_fire_removed(s, old, st_tree_find(s, before, a->path, st_path_parent(a->path, a->len))->perms,
                        a->path, a->len);
    }
    if (!new)
        return;
    if (!old || replaced) {
        st_account(s, new->perms, 1, (long)st_node_size(new));
        if (a->flags & ST_TOLD)
            st_fire(s, a->path, a->len, new->perms, NULL);
    } else if (old->gen != new->gen) {
        st_account(s, old->perms, -1, -(long)st_node_size(old));
        st_account(s, new->perms, 1, (long)st_node_size(new));
        st_fire(s, a->path, a->len, old->perms, new->perms);
    }
}

static void txn_announce(struct st_txn *t, struct st_node *before)
{
    struct st_store *s = t->conn->store;
    const struct st_access *gone = NULL;
    struct st_finder was, is;
    struct st_access *a;
    struct st_node *old, *new;

    st_finder_init(&was, before);
    st_finder_init(&is, s->root);
    for (a = t->first; a; a = a->after) {
        if (!(a->flags & ST_WROTE))
            continue;
        old = gone && st_path_below(a->path, a->len, gone->path, gone->len)
                  ? NULL
                  : st_finder_find(s, &was, a->path, a->len);
        new = st_finder_find(s, &is, a->path, a->len);
        announce(s, before, a, old, new);
        if (old && (!new || old->seq != new->seq))
            gone = a;
    }
}

static int txn_commit(struct st_txn *t)
{
    struct st_conn *c = t->conn;
    struct st_store *s = c->store;
    struct st_node *result, *before = s->root;
    unsigned int who;

    if (st_txn_conflicts(t, &who)) {
        if (who != c->domid)
            st_domain_blame(s, who);
        return -EAGAIN;
    }
    if (!c->privileged && t->nodes > 0 && c->domain->nodes + t->nodes > (int32_t)s->quota.nodes)
        return -ENOSPC;
    result = txn_result(t);
    if (!result)
        return -ENOMEM;
    s->root = result;
    txn_announce(t, before);
    st_node_put(s, before);
    return 0;
}

/* Ends the transaction either way. 0, -EAGAIN, -ENOSPC, -ENOMEM: then nothing of it was done. */
int st_txn_end(struct st_txn *t, bool commit)
{
    int rc = commit ? txn_commit(t) : 0;

    st_txn_abort(t);
    return rc;
}
