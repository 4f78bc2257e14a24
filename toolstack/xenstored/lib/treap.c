/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The children of one node: a treap, ordered by (hash of the name, length, name) and heaped by a second hash
 * of that hash. Its shape depends on the set of names alone, so two versions of a directory with the same
 * names have the same shape (st_node_same relies on it, for speed only).
 *
 * A change has two steps. The first copies what is shared along the way and may fail without having changed
 * anything; the second only moves pointers.
 */
#include "toolstack/xenstored/lib/internal.h"

static uint32_t priority(const struct st_node *n)
{
    uint32_t h = n->hash;

    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    return h ^ (h >> 16);
}

/* Does @a stand above @b, whose priority is @pb? Ties are settled so that the shape stays determined. */
static inline bool above(const struct st_node *a, const struct st_node *b, uint32_t pb)
{
    uint32_t pa = priority(a);

    return pa != pb ? pa > pb : node_compare(a->hash, a->data, a->name_len, b) < 0;
}

/* Owns the nodes on the way to @name; the slot where it is or would be, or NULL without memory. */
static struct st_node **own_way(struct st_store *s, struct st_node *parent, uint32_t hash, const char *name,
                                size_t len)
{
    struct st_dir *dir = st_node_dir(s, parent);
    struct st_node **slot, *n;
    int cmp;

    if (!dir)
        return NULL;
    slot = &dir->first;
    while (*slot) {
        n = st_node_own(s, slot);
        if (!n)
            return NULL;
        cmp = node_compare(hash, name, len, n);
        if (!cmp)
            break;
        slot = cmp < 0 ? &n->left : &n->right;
    }
    return slot;
}

/* The slot of a child that exists, the child being the slot's own. @parent must be owned; @hash: of the name. */
struct st_node **st_child_own(struct st_store *s, struct st_node *parent, uint32_t hash, const char *name,
                              size_t len)
{
    return own_way(s, parent, hash, name, len);
}

int st_child_prepare_add(struct st_store *s, struct st_node *parent, const struct st_node *child)
{
    return own_way(s, parent, child->hash, child->data, child->name_len) ? 0 : -ENOMEM;
}

/* Has @parent a child of the name of @child? */
bool st_child_exists(const struct st_node *parent, const struct st_node *child)
{
    const struct st_node *n = node_children(parent);
    int cmp;

    while (n && (cmp = node_compare(child->hash, child->data, child->name_len, n)))
        n = cmp < 0 ? n->left : n->right;
    return n;
}

/* Splits an owned way at @key into what is before and what is after it. */
static void split(struct st_node *n, const struct st_node *key, struct st_node **before,
                  struct st_node **after)
{
    while (n) {
        if (node_compare(key->hash, key->data, key->name_len, n) < 0) {
            *after = n;
            after = &n->left;
            n = n->left;
        } else {
            *before = n;
            before = &n->right;
            n = n->right;
        }
    }
    *before = *after = NULL;
}

/* After st_child_prepare_add. The child's reference becomes the parent's. */
void st_child_add(struct st_store *s, struct st_node *parent, struct st_node *child)
{
    struct st_node **slot = &parent->dir->first;
    uint32_t prio = priority(child);

    while (*slot && above(*slot, child, prio))
        slot = node_compare(child->hash, child->data, child->name_len, *slot) < 0 ? &(*slot)->left
                                                                                  : &(*slot)->right;
    split(*slot, child, &child->left, &child->right);
    *slot = child;
    parent->dir->count++;
    parent->dir->bytes += child->name_len + 1u;
    parent->dir->gen = ++s->gen;
}

int st_child_prepare_remove(struct st_store *s, struct st_node *parent, const char *name, size_t len)
{
    struct st_node **slot = own_way(s, parent, st_hash(s, name, len), name, len), **spine, *n;

    if (!slot)
        return -ENOMEM;
    n = *slot;
    for (spine = &n->left; *spine; spine = &(*spine)->right)
        if (!st_node_own(s, spine))
            return -ENOMEM;
    for (spine = &n->right; *spine; spine = &(*spine)->left)
        if (!st_node_own(s, spine))
            return -ENOMEM;
    return 0;
}

static struct st_node *merge(struct st_node *a, struct st_node *b)
{
    struct st_node *root = NULL, **slot = &root;

    while (a && b) {
        if (above(a, b, priority(b))) {
            *slot = a;
            slot = &a->right;
            a = a->right;
        } else {
            *slot = b;
            slot = &b->left;
            b = b->left;
        }
    }
    *slot = a ? a : b;
    return root;
}

/* After st_child_prepare_remove. The caller gets the reference. */
struct st_node *st_child_remove(struct st_store *s, struct st_node *parent, const char *name, size_t len)
{
    struct st_node **slot = own_way(s, parent, st_hash(s, name, len), name, len), *n = *slot;

    *slot = merge(n->left, n->right);
    n->left = n->right = NULL;
    parent->dir->count--;
    parent->dir->bytes -= n->name_len + 1u;
    parent->dir->gen = ++s->gen;
    return n;
}

static int walk_siblings(struct st_node *n, struct st_walk *w, size_t len, st_node_fn fn, void *ctx)
{
    size_t at = len == 1 ? 1 : len + 1;
    int rc;

    while (n) {
        rc = walk_siblings(n->left, w, len, fn, ctx);
        if (rc)
            return rc;
        w->path[at - 1] = '/';
        memcpy(w->path + at, n->data, n->name_len);
        w->path[at + n->name_len] = 0;
        rc = st_node_walk(n, w, at + n->name_len, fn, ctx);
        if (rc)
            return rc;
        n = n->right;
    }
    return 0;
}

/*
 * The depth of the recursion is that of the path (ST_PATH_MAX / 2) plus that of the treaps on it (the sum of
 * the logarithms): below 2,000 frames of some 100 bytes, whatever a guest builds.
 */
int st_node_walk(struct st_node *n, struct st_walk *w, size_t len, st_node_fn fn, void *ctx)
{
    int rc = fn(ctx, n, w->path, len);

    return rc ? rc : walk_siblings(node_children(n), w, len, fn, ctx);
}

static bool siblings_same(const struct st_node *a, const struct st_node *b)
{
    for (;;) {
        if (a == b)
            return true;
        if (!a || !b || a->seq != b->seq || !st_node_same(a, b) || !siblings_same(a->left, b->left))
            return false;
        a = a->right;
        b = b->right;
    }
}

/* Is nothing different in or below the two versions of a node? Shared parts are not visited. */
bool st_node_same(const struct st_node *a, const struct st_node *b)
{
    if (a == b)
        return true;
    return a->seq == b->seq && a->gen == b->gen && node_cgen(a) == node_cgen(b) &&
           st_perms_equal(a->perms, b->perms) && siblings_same(node_children(a), node_children(b));
}
