/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree by path. Paths are canonical. What fails leaves the tree as it was (copies apart). */
#include "toolstack/xenstored/lib/internal.h"

/* The next component of a path: from *pos (after a slash) to the next slash or the end. */
static size_t component(const char *path, size_t len, size_t pos)
{
    const char *slash = memchr(path + pos, '/', len - pos);

    return slash ? (size_t)(slash - path) - pos : len - pos;
}

struct st_node *st_tree_nearest(const struct st_store *s, struct st_node *root, const char *path, size_t len,
                                size_t *found)
{
    struct st_node *n = root, *child;
    size_t pos = 1, clen;

    *found = 1;
    while (pos < len) {
        clen = component(path, len, pos);
        child = st_child_find(s, n, path + pos, clen);
        if (!child)
            break;
        n = child;
        *found = pos + clen;
        pos += clen + 1;
    }
    return n;
}

struct st_node *st_tree_find(const struct st_store *s, struct st_node *root, const char *path, size_t len)
{
    size_t found;
    struct st_node *n = st_tree_nearest(s, root, path, len, &found);

    return found == len ? n : NULL;
}

/* The slot of a node that exists, everything on the way being the root's own. NULL without memory. */
struct st_node **st_tree_own(struct st_store *s, struct st_node **root, const char *path, size_t len)
{
    struct st_node **slot = root;
    size_t pos = 1, clen;

    if (!st_node_own(s, slot))
        return NULL;
    while (pos < len) {
        clen = component(path, len, pos);
        slot = st_child_own(s, *slot, path + pos, clen);
        if (!slot)
            return NULL;
        pos += clen + 1;
    }
    return slot;
}

/*
 * Builds the chain of new nodes for path[from..len) and returns its top; only the last one has the value.
 * The chain's nodes get @perms.
 */
static struct st_node *new_chain(struct st_store *s, const char *path, size_t len, size_t from,
                                 const void *value, size_t vlen, struct st_perms *perms, unsigned int writer)
{
    struct st_node *top = NULL, *last = NULL, *n;
    size_t clen;

    for (; from < len; from += clen + 1) {
        clen = component(path, len, from);
        n = st_node_new(s, path + from, clen, value, from + clen == len ? vlen : 0, perms);
        if (!n) {
            st_node_put(s, top);
            return NULL;
        }
        n->writer = n->cwriter = (uint16_t)writer;
        if (last)
            st_child_add(s, last, n);
        else
            top = n;
        last = n;
    }
    return top;
}

/* Creates a node that does not exist, with its missing parents (empty, same permissions). 0 or -ENOMEM. */
int st_tree_create(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                   size_t vlen, struct st_perms *perms, unsigned int writer)
{
    struct st_node **slot, *chain;
    size_t found;

    st_tree_nearest(s, *root, path, len, &found);
    slot = st_tree_own(s, root, path, found);
    if (!slot)
        return -ENOMEM;
    chain = new_chain(s, path, len, found == 1 ? 1 : found + 1, value, vlen, perms, writer);
    if (!chain)
        return -ENOMEM;
    if (st_child_prepare_add(s, *slot, chain)) {
        st_node_put(s, chain);
        return -ENOMEM;
    }
    st_child_add(s, *slot, chain);
    (*slot)->cwriter = (uint16_t)writer;
    return 0;
}

int st_tree_set(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                size_t vlen, unsigned int writer)
{
    struct st_node **slot = st_tree_own(s, root, path, len);

    if (!slot || !st_node_set_value(s, slot, value, vlen))
        return -ENOMEM;
    (*slot)->gen = ++s->gen;
    (*slot)->writer = (uint16_t)writer;
    return 0;
}

int st_tree_set_perms(struct st_store *s, struct st_node **root, const char *path, size_t len,
                      struct st_perms *perms, unsigned int writer)
{
    struct st_node **slot = st_tree_own(s, root, path, len);

    if (!slot)
        return -ENOMEM;
    st_perms_hold(perms);
    st_perms_put(s, (*slot)->perms);
    (*slot)->perms = perms;
    (*slot)->gen = ++s->gen;
    (*slot)->writer = (uint16_t)writer;
    return 0;
}

/* Takes out a node that exists, not the root; the caller gets the reference to the subtree. */
int st_tree_remove(struct st_store *s, struct st_node **root, const char *path, size_t len,
                   unsigned int writer, struct st_node **removed)
{
    size_t plen = st_path_parent(path, len), from = plen == 1 ? 1 : plen + 1;
    struct st_node **slot = st_tree_own(s, root, path, plen);

    if (!slot || st_child_prepare_remove(s, *slot, path + from, len - from))
        return -ENOMEM;
    *removed = st_child_remove(s, *slot, path + from, len - from);
    (*slot)->cwriter = (uint16_t)writer;
    return 0;
}

/* ---- Counting what each domain owns in the current tree ---- */

void st_account(struct st_store *s, const struct st_perms *p, int nodes, long bytes)
{
    s->live_nodes += (uint32_t)nodes;
    p->owner->nodes += nodes;
    p->owner->node_bytes += (uint32_t)bytes;
}

struct account {
    struct st_store *s;
    int sign;
};

static int account_one(void *ctx, struct st_node *n, const char *path, size_t len)
{
    struct account *x = ctx;

    st_account(x->s, n->perms, x->sign, x->sign * (long)st_node_size(n));
    return 0;
}

void st_account_subtree(struct st_store *s, struct st_node *n, int sign)
{
    struct account x = {s, sign};
    struct st_walk w = {"/"};

    st_node_walk(n, &w, 1, account_one, &x);
}
