/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The operations on nodes, alike on the store and in a transaction. Order in each: find, check, note what it
 * depends on, make what may fail, change, count, announce.
 */
#include "toolstack/xenstored/lib/internal.h"

/* The tree that the request works on. A transaction that lost its snapshot gets a fresh one. */
static struct st_node **tree_of(struct st_conn *c, struct st_txn *t)
{
    struct st_store *s = c->store;

    if (!t)
        return &s->root;
    if (!t->base) {
        t->base = st_node_hold(s, s->root);
        t->work = st_node_hold(s, s->root);
        list_del(&t->on_store);
        list_add_tail(&s->txns, &t->on_store);
    }
    return &t->work;
}

static int touch(struct st_txn *t, const char *path, size_t len, unsigned int flags)
{
    return t ? st_txn_touch(t, path, len, flags) : 0;
}

/* What a check of permissions depends on: nothing for those who may do everything. */
static unsigned int perms_dep(const struct st_conn *c)
{
    return c->privileged ? 0 : ST_DEP_PERMS;
}

/* A path whose node was found is valid, for it consists of nodes' names; any other is looked at now. */
static int invalid(const struct st_path *p, size_t found)
{
    return found == p->len || st_path_valid(p->text, p->len) ? 0 : -EINVAL;
}

static struct st_node *special(struct st_store *s, const char *path)
{
    if (!strcmp(path, "@introduceDomain"))
        return s->intro;
    return strcmp(path, "@releaseDomain") ? NULL : s->release;
}

/*
 * Finds the node and checks that the client may do @need. 0; -ENOENT (or -EACCES, if the client may not even
 * know that: it lacks @need at the nearest ancestor), -EACCES, -ENOSPC, -ENOMEM.
 */
int st_op_find(struct st_conn *c, struct st_txn *t, const struct st_path *p, unsigned int need,
               unsigned int dep, struct st_node **out)
{
    struct st_node *n;
    size_t found;
    int rc;

    if (st_path_special(p->text)) {
        n = special(c->store, p->text);
        found = p->len;
        if (!n || !c->privileged)
            return -EINVAL;
    } else {
        n = st_tree_nearest(c->store, *tree_of(c, t), p->text, p->len, path_base(c, p), &found);
        rc = invalid(p, found);
        if (rc)
            return rc;
        rc = touch(t, p->text, p->len, ST_DEP_EXIST | dep | perms_dep(c));
        if (rc)
            return rc;
    }
    if ((st_perms_bits(c, n->perms) & need) != need)
        return -EACCES;
    if (found != p->len)
        return -ENOENT;
    *out = n;
    return 0;
}

/*
 * The size that the quota of a node counts, as Debian's does (measured): 24 bytes, 8 for each permission, the
 * value, the names of the children with their NULs; it must stay below the quota.
 */
static bool too_large(const struct st_conn *c, size_t value, const struct st_perms *perms, size_t children)
{
    return !c->privileged && 24 + perms->count * (size_t)8 + value + children >= c->store->quota.node_size;
}

static bool too_much_memory(const struct st_conn *c, size_t more)
{
    return !c->privileged && st_domain_bytes(c) + more > c->store->quota.memory;
}

/* Number of nodes to create for path[found..len). */
static unsigned int missing_nodes(const struct st_path *p, size_t found)
{
    unsigned int n = 0;
    size_t i;

    for (i = found == 1 ? 0 : found; i < p->len; i++)
        n += p->text[i] == '/';
    return n;
}

/* New nodes have their parent's permissions; what an unprivileged client creates is its own. */
static struct st_perms *inherited(struct st_conn *c, struct st_perms *from)
{
    struct st_perm e[16];
    struct st_perms *p;
    struct st_perm *list = e;
    size_t bytes = from->count * sizeof(*list);

    if (c->privileged)
        return st_perms_hold(from);
    if (from->count > sizeof(e) / sizeof(e[0])) {
        list = st_alloc(c->store, bytes);
        if (!list)
            return NULL;
    }
    memcpy(list, from->entry, bytes);
    list[0].domid = c->domid;
    list[0].bits &= (uint8_t)~ST_STALE;
    p = st_perms_get(c->store, list, from->count);
    if (list != e)
        st_dealloc(c->store, list, bytes);
    return p;
}

/* Notes the new nodes, path[found..len), and what they inherit from. */
static int touch_created(struct st_txn *t, const struct st_path *p, size_t found)
{
    char path[ST_PATH_MAX + 1];
    size_t i;
    int rc;

    if (!t)
        return 0;
    memcpy(path, p->text, p->len + 1);
    rc = st_txn_touch(t, path, found, ST_DEP_EXIST | ST_DEP_PERMS);
    for (i = found + 1; !rc && i <= p->len; i++)
        if (i == p->len || path[i] == '/')
            rc = st_txn_touch(t, path, i, ST_DEP_EXIST | ST_WROTE | (i == p->len ? ST_TOLD : 0));
    return rc;
}

static void count_created(struct st_conn *c, struct st_txn *t, struct st_node *top)
{
    for (; top; top = node_children(top))
        if (t)
            t->nodes++;
        else
            st_account(c->store, top->perms, 1, (long)st_node_size(top));
}

static int create(struct st_conn *c, struct st_txn *t, const struct st_path *p, struct st_node *above,
                  size_t found, const void *value, size_t len)
{
    struct st_store *s = c->store;
    struct st_node **root = tree_of(c, t);
    unsigned int n = missing_nodes(p, found);
    struct st_perms *perms;
    size_t first, end, held = s->all_bytes;
    int rc = invalid(p, found);

    if (rc)
        return rc;
    if (!(st_perms_bits(c, above->perms) & ST_WRITE))
        return -EACCES;
    if (!c->privileged && c->domain->nodes + (t ? t->nodes : 0) + (int32_t)n > (int32_t)s->quota.nodes)
        return -ENOSPC;
    first = found == 1 ? 1 : found + 1;
    for (end = first; end < p->len && p->text[end] != '/';)
        end++;
    if (too_large(c, len, above->perms, 0) ||
        too_large(c, above->value_len, above->perms, node_children_bytes(above) + end - first + 1) ||
        too_much_memory(c, n * sizeof(struct st_node) + p->len + len))
        return -ENOSPC;
    rc = touch_created(t, p, found);
    if (rc)
        return rc;
    perms = inherited(c, above->perms);
    if (!perms)
        return -ENOMEM;
    rc = st_tree_create(s, root, p->text, p->len, value, len, perms, c->domid);
    st_txn_worked(t, held);
    if (!rc) {
        count_created(c, t, st_tree_find(s, *root, p->text, end));
        if (!t)
            st_fire(s, p->text, p->len, perms, NULL);
    }
    st_perms_put(s, perms);
    return rc;
}

int st_op_write(struct st_conn *c, struct st_txn *t, const struct st_path *p, const void *value, size_t len)
{
    struct st_store *s = c->store;
    struct st_node **root = tree_of(c, t), **slot, *n;
    struct st_where w;
    size_t before, held = s->all_bytes;
    int rc;

    st_tree_look(s, root, p->text, p->len, path_base(c, p), &w);
    n = w.node;
    if (w.found != p->len)
        return create(c, t, p, n, w.found, value, len);
    if (!(st_perms_bits(c, n->perms) & ST_WRITE)) {
        rc = touch(t, p->text, p->len, ST_DEP_EXIST | ST_DEP_PERMS);
        return rc ? rc : -EACCES;
    }
    before = st_node_size(n);
    if (too_large(c, len, n->perms, node_children_bytes(n)) ||
        too_much_memory(c, len + (w.own ? 0 : before))) /* it is copied */
        return -ENOSPC;
    rc = touch(t, p->text, p->len, ST_DEP_EXIST | ST_DEP_DATA | ST_WROTE | ST_TOLD);
    if (rc)
        return rc;
    slot = w.own ? w.slot : st_tree_own(s, root, p->text, p->len);
    rc = st_tree_set_at(s, slot, value, len, c->domid);
    st_txn_worked(t, held);
    if (rc || t)
        return rc;
    n = *slot;
    st_account(s, n->perms, 0, (long)st_node_size(n) - (long)before);
    st_fire(s, p->text, p->len, n->perms, NULL);
    return 0;
}

int st_op_mkdir(struct st_conn *c, struct st_txn *t, const struct st_path *p)
{
    struct st_node *n;
    size_t found;
    int rc;

    n = st_tree_nearest(c->store, *tree_of(c, t), p->text, p->len, path_base(c, p), &found);
    if (found != p->len)
        return create(c, t, p, n, found, NULL, 0);
    rc = touch(t, p->text, p->len, ST_DEP_EXIST | perms_dep(c));
    if (rc)
        return rc;
    return st_perms_bits(c, n->perms) & ST_WRITE ? 0 : -EACCES;
}

struct own_count {
    uint32_t domid;
    int32_t nodes;
};

static int count_own(void *ctx, struct st_node *n, const char *path, size_t len)
{
    struct own_count *x = ctx;

    if (n->perms->entry[0].domid == x->domid && !(n->perms->entry[0].bits & ST_STALE))
        x->nodes++;
    return 0;
}

int st_op_remove(struct st_conn *c, struct st_txn *t, const struct st_path *p)
{
    struct st_store *s = c->store;
    struct st_node **root = tree_of(c, t), *n, *removed;
    struct own_count own = {c->domid, 0};
    struct st_walk w = {"/"};
    size_t found, parent = st_path_parent(p->text, p->len), held = s->all_bytes;
    int rc;

    n = st_tree_nearest(s, *root, p->text, p->len, path_base(c, p), &found);
    rc = invalid(p, found);
    if (!rc)
        rc = touch(t, p->text, p->len, ST_DEP_EXIST | perms_dep(c));
    if (rc)
        return rc;
    if (found != p->len) {
        if (!(st_perms_bits(c, n->perms) & ST_WRITE))
            return -EACCES;
        if (found != parent)
            return -ENOENT;
        return touch(t, p->text, parent, ST_DEP_EXIST);
    }
    if (!(st_perms_bits(c, n->perms) & ST_WRITE))
        return -EACCES;
    if (p->len == 1)
        return -EINVAL;
    rc = touch(t, p->text, p->len, ST_DEP_SUBTREE | ST_WROTE | ST_TOLD);
    if (rc)
        return rc;
    if (t && !c->privileged)
        st_node_walk(n, &w, 1, count_own, &own);
    rc = st_tree_remove(s, root, p->text, p->len, c->domid, &removed);
    if (rc) {
        st_txn_worked(t, held); /* copies may be made */
        return rc;
    }
    if (t) {
        t->nodes -= own.nodes;
    } else {
        st_account_subtree(s, removed, -1);
        st_fire_removed(s, removed, st_tree_find(s, s->root, p->text, parent)->perms, p->text, p->len);
    }
    st_node_put(s, removed);
    st_txn_worked(t, held);
    return 0;
}

static int set_special_perms(struct st_conn *c, struct st_node *n, struct st_perms *perms)
{
    st_perms_put(c->store, n->perms);
    n->perms = st_perms_hold(perms);
    return 0;
}

static int change_perms(struct st_conn *c, struct st_txn *t, const struct st_path *p, struct st_node *n,
                        struct st_perms *perms)
{
    struct st_store *s = c->store;
    struct st_perms *old = st_perms_hold(n->perms);
    size_t held = s->all_bytes;
    int rc = st_tree_set_perms(s, tree_of(c, t), p->text, p->len, perms, c->domid);

    st_txn_worked(t, held);
    if (!rc && !t) {
        n = st_tree_find(s, s->root, p->text, p->len);
        st_account(s, old, -1, -(long)st_node_size(n));
        st_account(s, perms, 1, (long)st_node_size(n));
        st_fire(s, p->text, p->len, old, perms);
    }
    st_perms_put(s, old);
    return rc;
}

/* Could the client create the missing node? If not it is not told that it is missing. */
static bool may_create(struct st_conn *c, struct st_txn *t, const struct st_path *p)
{
    size_t found;
    struct st_node *n = st_tree_nearest(c->store, *tree_of(c, t), p->text, p->len, path_base(c, p), &found);

    return st_perms_bits(c, n->perms) & ST_WRITE;
}

/* @e: @n >= 1 entries, changed in place (those of domains that do not exist become stale). */
int st_op_set_perms(struct st_conn *c, struct st_txn *t, const struct st_path *p, struct st_perm *e,
                    unsigned int n)
{
    struct st_store *s = c->store;
    struct st_node *node;
    struct st_perms *perms;
    unsigned int i;
    int rc;

    rc = st_op_find(c, t, p, 0, st_path_special(p->text) ? 0 : ST_DEP_DATA, &node);
    if (rc == -ENOENT && !may_create(c, t, p))
        return -EACCES;
    if (rc)
        return rc;
    if (!st_perms_owner(c, node->perms))
        return -EACCES;
    if (!c->privileged && e[0].domid != node->perms->entry[0].domid)
        return -EPERM;
    for (i = 1; i < n; i++)
        if (s->hooks.domain_exists && !s->hooks.domain_exists(s->hooks.ctx, e[i].domid))
            e[i].bits |= ST_STALE;
    perms = st_perms_get(s, e, n);
    if (!perms)
        return -ENOMEM;
    if (st_path_special(p->text))
        rc = set_special_perms(c, node, perms);
    else if (too_large(c, node->value_len, perms, node_children_bytes(node)))
        rc = -ENOSPC;
    else
        rc = touch(t, p->text, p->len, ST_WROTE | ST_TOLD);
    if (!rc && !st_path_special(p->text))
        rc = change_perms(c, t, p, node, perms);
    st_perms_put(s, perms);
    return rc;
}
