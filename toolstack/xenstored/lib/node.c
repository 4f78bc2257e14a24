/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Nodes: counted, copied before a change when shared. */
#include "toolstack/xenstored/lib/internal.h"

#define STEP 8u /* sizes are multiples: the value may change a little in place */

static size_t node_bytes(size_t name_len, size_t value_len)
{
    return (offsetof(struct st_node, data) + name_len + value_len + STEP - 1) & ~(size_t)(STEP - 1);
}

size_t st_node_size(const struct st_node *n)
{
    return node_bytes(n->name_len, n->value_len) + sizeof(struct st_dir);
}

struct st_dir *st_node_dir(struct st_store *s, struct st_node *n)
{
    if (!n->dir)
        n->dir = st_zalloc(s, sizeof(*n->dir));
    return n->dir;
}

/* A node without children or siblings. Takes its own reference to @perms. NULL without memory. */
struct st_node *st_node_new(struct st_store *s, const char *name, size_t name_len, const void *value,
                            size_t len, struct st_perms *perms)
{
    struct st_node *n = st_alloc(s, node_bytes(name_len, len));

    if (!n)
        return NULL;
    memset(n, 0, offsetof(struct st_node, data));
    n->ref = 1;
    n->hash = st_hash(s, name, name_len);
    n->perms = st_perms_hold(perms);
    n->seq = ++s->seq;
    n->gen = ++s->gen;
    n->name_len = (uint16_t)name_len;
    n->value_len = (uint16_t)len;
    copy_short(n->data, name, name_len);
    copy_short(n->data + name_len, value, len);
    s->all_nodes++;
    s->all_bytes += st_node_size(n);
    return n;
}

struct st_node *st_node_hold(struct st_store *s, struct st_node *n)
{
    if (n) {
        n->ref++;
        s->shared++;
    }
    return n;
}

static void retire(struct st_store *s, struct st_node *n)
{
    if (!n)
        return;
    if (--n->ref) {
        s->shared--;
        return;
    }
    n->next_free = s->retired;
    s->retired = n;
}

/* Drops a reference. Whole subtrees are released without recursion: a guest chooses their depth. */
void st_node_put(struct st_store *s, struct st_node *n)
{
    retire(s, n);
    while ((n = s->retired)) {
        s->retired = n->next_free;
        retire(s, n->left);
        retire(s, n->right);
        retire(s, node_children(n));
        st_dealloc(s, n->dir, sizeof(*n->dir));
        st_perms_put(s, n->perms);
        s->all_nodes--;
        s->all_bytes -= st_node_size(n);
        st_dealloc(s, n, node_bytes(n->name_len, n->value_len));
    }
}

/* A copy of @n; the references to neighbours and children are the copy's. */
static struct st_node *node_copy(struct st_store *s, const struct st_node *n)
{
    size_t bytes = node_bytes(n->name_len, n->value_len);
    struct st_node *copy = st_alloc(s, bytes);

    if (!copy)
        return NULL;
    memcpy(copy, n, offsetof(struct st_node, data) + n->name_len + n->value_len);
    if (n->dir) {
        copy->dir = st_alloc(s, sizeof(*n->dir));
        if (!copy->dir) {
            st_dealloc(s, copy, bytes);
            return NULL;
        }
        *copy->dir = *n->dir;
        st_node_hold(s, copy->dir->first);
    }
    copy->ref = 1;
    st_node_hold(s, copy->left);
    st_node_hold(s, copy->right);
    st_perms_hold(copy->perms);
    s->all_nodes++;
    s->all_bytes += st_node_size(copy);
    return copy;
}

/*
 * Makes the node in @slot the slot's own, so that it may be changed in place. The slot itself must be one
 * that may be written (N1). NULL without memory: nothing changed.
 */
struct st_node *st_node_own(struct st_store *s, struct st_node **slot)
{
    struct st_node *n = *slot, *copy;

    if (n->ref == 1)
        return n;
    copy = node_copy(s, n);
    if (!copy)
        return NULL;
    n->ref--;
    s->shared--;
    *slot = copy;
    return copy;
}

/* Gives the node in @slot (its own already) another value. NULL without memory: nothing changed. */
struct st_node *st_node_set_value(struct st_store *s, struct st_node **slot, const void *value, size_t len)
{
    struct st_node *n = *slot, *moved = n;
    size_t have = node_bytes(n->name_len, n->value_len), need = node_bytes(n->name_len, len);

    if (need != have) {
        moved = st_alloc(s, need);
        if (!moved)
            return NULL;
        memcpy(moved, n, offsetof(struct st_node, data) + n->name_len);
        st_dealloc(s, n, have);
        *slot = moved;
        s->all_bytes += need - have;
    }
    if (len)
        memcpy(moved->data + moved->name_len, value, len);
    moved->value_len = (uint16_t)len;
    return moved;
}
