/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The tree by path. Paths are canonical. What fails leaves the tree as it was (copies apart). */
#include "toolstack/xenstored/lib/internal.h"

#define ONES    0x0101010101010101ull
#define SLASHES (ONES * '/')

/* Up to 8 bytes from @pos on, zeroes behind the end; nothing outside the path is read. */
static inline uint64_t load(const char *path, size_t len, size_t pos)
{
    size_t left = len - pos;
    uint64_t w = 0;

    if (left >= 8) {
        memcpy(&w, path + pos, 8);
    } else if (len >= 8) {
        memcpy(&w, path + len - 8, 8);
        w >>= 8 * (8 - left);
    } else {
        memcpy(&w, path + pos, left);
    }
    return w;
}

/* The component of a path from @pos < @len (after a slash) to the next slash or the end; eight bytes in one go. */
static inline struct st_component component(const struct st_store *s, const char *path, size_t len,
                                            size_t pos)
{
    uint64_t w = load(path, len, pos), x = w ^ SLASHES, hit = (x - ONES) & ~x & (ONES << 7);
    size_t n = len - pos;
    const char *slash;

    if (hit) {
        n = (size_t)__builtin_ctzll(hit) / 8;
        w &= (1ull << (8 * n)) - 1;
    } else if (n > 8) {
        slash = memchr(path + pos + 8, '/', n - 8);
        n = slash ? (size_t)(slash - path) - pos : n;
    }
    return (struct st_component){(uint32_t)n,
                                 n <= 8 ? hash_word(s, hash_start(s, n), w) : st_hash(s, path + pos, n)};
}

/*
 * Inlined where it is called: who only reads the node asks for less than who is to change it, and who knows that nothing is
 * @shared need not be told.
 */
static inline __attribute__((always_inline)) struct st_where look(const struct st_store *s,
                                                                  struct st_node **root, const char *path,
                                                                  size_t len, const struct st_base *base,
                                                                  bool shared)
{
    const struct st_component *known = base ? base->name : NULL, *end = base ? base->name + 3 : NULL;
    struct st_where w = {root, *root, 1, !shared || (*root)->ref == 1};
    size_t pos = 1;

    while (pos < len && w.node->dir) {
        struct st_component c = known != end ? *known++ : component(s, path, len, pos);
        struct st_node **slot = &w.node->dir->first, *n;
        bool own = w.own;
        int cmp;

        for (; (n = *slot); slot = cmp < 0 ? &n->left : &n->right) {
            own &= !shared || n->ref == 1;
            cmp = node_compare(c.hash, path + pos, c.len, n);
            if (!cmp)
                break;
        }
        if (!n)
            break;
        pos += c.len;
        w = (struct st_where){slot, n, pos, own};
        pos++;
    }
    return w;
}

void st_tree_look(const struct st_store *s, struct st_node **root, const char *path, size_t len,
                  const struct st_base *base, struct st_where *w)
{
    if (s->shared)
        *w = look(s, root, path, len, base, true);
    else
        *w = look(s, root, path, len, base, false);
}

struct st_node *st_tree_nearest(const struct st_store *s, struct st_node *root, const char *path, size_t len,
                                const struct st_base *base, size_t *found)
{
    struct st_where w = look(s, &root, path, len, base, false);

    *found = w.found;
    return w.node;
}

struct st_node *st_tree_find(const struct st_store *s, struct st_node *root, const char *path, size_t len)
{
    size_t found;
    struct st_node *n = st_tree_nearest(s, root, path, len, NULL, &found);

    return found == len ? n : NULL;
}

void st_finder_init(struct st_finder *f, struct st_node *root)
{
    f->path = "/";
    f->len = f->depth = 1;
    f->step[0] = (struct st_step){root, 1};
}

/* Are the first @n bytes of the path its own, or that of a node above? */
static bool is_above(const char *path, size_t len, size_t n)
{
    return n == 1 || n == len || (n < len && path[n] == '/');
}

struct st_node *st_finder_find(const struct st_store *s, struct st_finder *f, const char *path, size_t len)
{
    size_t shared = st_path_shared(f->path, path, f->len < len ? f->len : len), pos;
    struct st_node *n;
    int cmp;

    f->path = path;
    f->len = len;
    while (f->step[f->depth - 1].len > shared || !is_above(path, len, f->step[f->depth - 1].len))
        f->depth--;
    for (;;) {
        pos = f->step[f->depth - 1].len;
        n = f->step[f->depth - 1].node;
        if (pos == len)
            return n;
        pos += pos > 1;
        struct st_component c = component(s, path, len, pos);

        for (n = node_children(n); n; n = cmp < 0 ? n->left : n->right) {
            cmp = node_compare(c.hash, path + pos, c.len, n);
            if (!cmp)
                break;
        }
        if (!n)
            return NULL;
        f->step[f->depth++] = (struct st_step){n, pos + c.len};
    }
}

/* The slot of a node that exists, everything on the way being the root's own. NULL without memory. */
struct st_node **st_tree_own(struct st_store *s, struct st_node **root, const char *path, size_t len)
{
    struct st_node **slot = root;
    struct st_component c;
    size_t pos;

    if (!st_node_own(s, slot))
        return NULL;
    for (pos = 1; slot && pos < len; pos += c.len + 1) {
        c = component(s, path, len, pos);
        slot = st_child_own(s, *slot, c.hash, path + pos, c.len);
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
        clen = component(s, path, len, from).len;
        n = !last || st_node_dir(s, last)
                ? st_node_new(s, path + from, clen, value, from + clen == len ? vlen : 0, perms)
                : NULL;
        if (!n) {
            st_node_put(s, top);
            return NULL;
        }
        n->writer = (uint16_t)writer;
        if (last) {
            st_child_add(s, last, n);
            last->dir->writer = (uint16_t)writer;
        } else {
            top = n;
        }
        last = n;
    }
    return top;
}

/* Creates a node that does not exist, with its missing parents (empty, same permissions). 0 or -ENOMEM. */
int st_tree_create(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                   size_t vlen, struct st_perms *perms, unsigned int writer)
{
    struct st_node **slot, *chain;
    struct st_where w;

    st_tree_look(s, root, path, len, NULL, &w);
    slot = w.own ? w.slot : st_tree_own(s, root, path, w.found);
    if (!slot)
        return -ENOMEM;
    chain = new_chain(s, path, len, w.found == 1 ? 1 : w.found + 1, value, vlen, perms, writer);
    if (!chain)
        return -ENOMEM;
    if (st_child_prepare_add(s, *slot, chain)) {
        st_node_put(s, chain);
        return -ENOMEM;
    }
    st_child_add(s, *slot, chain);
    (*slot)->dir->writer = (uint16_t)writer;
    return 0;
}

int st_tree_set_at(struct st_store *s, struct st_node **slot, const void *value, size_t vlen,
                   unsigned int writer)
{
    if (!slot || !st_node_set_value(s, slot, value, vlen))
        return -ENOMEM;
    (*slot)->gen = ++s->gen;
    (*slot)->writer = (uint16_t)writer;
    return 0;
}

int st_tree_set(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                size_t vlen, unsigned int writer)
{
    return st_tree_set_at(s, st_tree_own(s, root, path, len), value, vlen, writer);
}

void st_tree_set_perms_at(struct st_store *s, struct st_node *n, struct st_perms *perms, unsigned int writer)
{
    st_perms_hold(perms);
    st_perms_put(s, n->perms);
    n->perms = perms;
    n->gen = ++s->gen;
    n->writer = (uint16_t)writer;
}

int st_tree_set_perms(struct st_store *s, struct st_node **root, const char *path, size_t len,
                      struct st_perms *perms, unsigned int writer)
{
    struct st_node **slot = st_tree_own(s, root, path, len);

    if (!slot)
        return -ENOMEM;
    st_tree_set_perms_at(s, *slot, perms, writer);
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
    (*slot)->dir->writer = (uint16_t)writer;
    return 0;
}

/* ---- Counting what each domain owns in the current tree ---- */

void st_account(struct st_store *s, const struct st_perms *p, int nodes, long bytes)
{
    s->live_nodes += (uint32_t)nodes;
    s->live_bytes += (size_t)bytes;
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
