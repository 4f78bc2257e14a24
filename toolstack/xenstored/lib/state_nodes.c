/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The tree in the state stream, which the journal keeps as long as it lasts: some 25 bytes a node. Nodes follow each other in the
 * order of the walk, many to a record, and each says only how it differs from the one before:
 *
 *   depth, name length, name, value length, value, seq and gen (differences), writer, flags,
 *   [if NODE_DIR: the children's gen (difference to gen) and writer,] [unless NODE_SAME_PERMS: count, then domid << 3 | bits each]
 *
 * Numbers are of variable length, seven bits a byte, the low ones first; differences are zigzag.
 */
#include "toolstack/xenstored/lib/internal.h"
#include "toolstack/xenstored/lib/state_internal.h"

#define NODE_DIR        1u
#define NODE_SAME_PERMS 2u
#define NODE_FLAGS      3u

/* ---- Writing ---- */

static inline char *put(char *p, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        *p++ = (char)(v | 0x80);
    *p++ = (char)v;
    return p;
}

static inline char *put_difference(char *p, uint64_t d)
{
    return put(p, (d << 1) ^ -(d >> 63));
}

static inline char *put_bytes(char *p, const char *data, size_t len)
{
    p = put(p, len);
    copy_short(p, data, len);
    return p + len;
}

static char *put_perms(char *p, const struct st_perms *perms)
{
    uint32_t i;

    p = put(p, perms->count);
    for (i = 0; i < perms->count; i++)
        p = put(p, (uint64_t)perms->entry[i].domid << 3 | perms->entry[i].bits);
    return p;
}

/* The flags and what they announce. */
static char *put_flagged(char *p, const struct st_node *n, bool same_perms)
{
    *p++ = (n->dir ? NODE_DIR : 0) | (same_perms ? NODE_SAME_PERMS : 0);
    if (n->dir)
        p = put(put_difference(p, n->dir->gen - n->gen), n->dir->writer);
    return same_perms ? p : put_perms(p, n->perms);
}

char *state_node_put(struct state_last *last, const struct st_node *n, size_t depth, char *to)
{
    bool same_perms = n->perms == last->perms || (last->perms && st_perms_equal(last->perms, n->perms));
    char *p = put(to, depth);

    p = put_bytes(p, n->data, n->name_len);
    p = put_bytes(p, node_value(n), n->value_len);
    p = put_difference(p, n->seq - last->seq);
    p = put_difference(p, n->gen - last->gen);
    p = put(p, n->writer);
    if (same_perms && !n->dir) /* nearly all */
        *p++ = NODE_SAME_PERMS;
    else
        p = put_flagged(p, n, same_perms);
    *last = (struct state_last){n->seq, n->gen, n->perms};
    return p;
}

/* ---- Reading: nothing here is trusted ---- */

struct state_nodes {
    struct state_last last;
    size_t depth; /* of the last node + 1; 0: there was none */
    struct st_node *node[ST_PATH_MAX / 2 + 1];
    uint16_t len[ST_PATH_MAX / 2 + 1]; /* of the path of each */
};

struct state_nodes *state_nodes_new(struct st_store *s)
{
    return st_zalloc(s, sizeof(struct state_nodes));
}

void state_nodes_free(struct st_store *s, struct state_nodes *x)
{
    st_dealloc(s, x, sizeof(*x));
}

struct input {
    const char *p, *end;
    bool bad;
};

static uint64_t get_long(struct input *in)
{
    uint64_t v = 0;
    unsigned int shift;

    for (shift = 0; shift < 64 && in->p < in->end; shift += 7) {
        unsigned char c = (unsigned char)*in->p++;

        v |= (uint64_t)(c & 0x7f) << shift;
        if (!(c & 0x80))
            return v;
    }
    in->bad = true;
    return 0;
}

/* Most are one byte. */
static inline uint64_t get(struct input *in)
{
    return in->p < in->end && !(*in->p & 0x80) ? (uint64_t)*in->p++ : get_long(in);
}

static inline uint64_t get_difference(struct input *in, uint64_t from)
{
    uint64_t v = get(in);

    return from + ((v >> 1) ^ -(v & 1));
}

static inline uint64_t get_max(struct input *in, uint64_t max)
{
    uint64_t v = get(in);

    in->bad |= v > max;
    return in->bad ? 0 : v;
}

static const char *get_bytes(struct input *in, uint64_t max, uint16_t *len)
{
    const char *p;

    *len = (uint16_t)get_max(in, max);
    in->bad |= *len > (size_t)(in->end - in->p);
    if (in->bad)
        *len = 0;
    p = in->p;
    in->p += *len;
    return p;
}

/* A reference, or NULL: without memory, or with in->bad set. */
static struct st_perms *get_perms(struct st_store *s, struct input *in)
{
    struct st_perm e[STATE_PERMS_MAX];
    uint64_t count = get_max(in, STATE_PERMS_MAX), i, v;

    in->bad |= !count;
    for (i = 0; i < count && !in->bad; i++) {
        v = get_max(in, 0x7ffff);
        e[i].domid = (uint16_t)(v >> 3);
        e[i].bits = v & (ST_READ | ST_WRITE | ST_STALE);
    }
    return in->bad ? NULL : st_perms_get(s, e, (unsigned int)count);
}

struct image {
    size_t depth;
    uint64_t seq, gen, dir_gen;
    uint16_t name_len, value_len, writer, dir_writer;
    const char *name, *value;
    bool dir;
    struct st_perms *perms; /* a reference */
};

/* 0 with a reference to the permissions, -EINVAL, -ENOMEM. */
static int get_image(struct st_store *s, struct state_nodes *x, struct input *in, struct image *m)
{
    uint64_t flags;

    m->depth = get_max(in, ST_PATH_MAX / 2);
    m->name = get_bytes(in, ST_PATH_MAX, &m->name_len);
    m->value = get_bytes(in, XENSTORE_PAYLOAD_MAX, &m->value_len);
    m->seq = get_difference(in, x->last.seq);
    m->gen = get_difference(in, x->last.gen);
    m->writer = (uint16_t)get_max(in, UINT16_MAX);
    flags = get_max(in, NODE_FLAGS);
    m->dir = flags & NODE_DIR;
    m->dir_gen = m->dir ? get_difference(in, m->gen) : 0;
    m->dir_writer = m->dir ? (uint16_t)get_max(in, UINT16_MAX) : 0;
    if (in->bad || ((flags & NODE_SAME_PERMS) && !x->last.perms))
        return -EINVAL;
    m->perms = (flags & NODE_SAME_PERMS) ? st_perms_hold((struct st_perms *)x->last.perms) : get_perms(s, in);
    return m->perms ? 0 : in->bad ? -EINVAL : -ENOMEM;
}

/* Hangs the node below its parent, as it was there. Nothing is shared with another tree yet (state_load.c). 0 or -ENOMEM. */
static int attach(struct st_store *s, struct st_node *parent, struct st_node *n)
{
    uint64_t gen;

    if (!st_node_dir(s, parent))
        return -ENOMEM;
    gen = parent->dir->gen;
    st_child_add(s, parent, n);
    parent->dir->gen = gen;
    return 0;
}

/* The root was made already; it gets its place in the stream by replacement. */
static void replace_root(struct st_store *s, struct st_node *n)
{
    st_account_subtree(s, s->root, -1);
    st_node_put(s, s->root);
    s->root = n;
}

static int place(struct st_store *s, struct state_nodes *x, const struct image *m)
{
    struct st_node *parent = m->depth ? x->node[m->depth - 1] : NULL, *n;
    uint64_t seq = s->seq, gen = s->gen;
    int rc = 0;

    n = st_node_new(s, m->name, m->name_len, m->value, m->value_len, m->perms);
    if (!n || (m->dir && !st_node_dir(s, n)))
        rc = -ENOMEM;
    if (!rc && parent)
        rc = st_child_exists(parent, n) ? -EINVAL : attach(s, parent, n);
    s->seq = seq;
    s->gen = gen;
    if (rc) {
        st_node_put(s, n);
        return rc;
    }
    if (!parent)
        replace_root(s, n);
    n->seq = m->seq;
    n->gen = m->gen;
    n->writer = m->writer;
    if (m->dir) {
        n->dir->gen = m->dir_gen;
        n->dir->writer = m->dir_writer;
    }
    st_account(s, n->perms, 1, (long)st_node_size(n));
    x->node[m->depth] = n;
    return 0;
}

/* Length of the image's path. */
static size_t path_len(const struct state_nodes *x, const struct image *m)
{
    if (!m->depth)
        return 1;
    return (m->depth == 1 ? 1u : x->len[m->depth - 1] + 1u) + m->name_len;
}

/* Does the image fit behind the last node? The first is the root; any other is at most one deeper than that. */
static bool fits(struct state_nodes *x, const struct image *m)
{
    if (!m->depth)
        return !x->depth && !m->name_len;
    return m->depth <= x->depth && st_name_valid(m->name, m->name_len) && path_len(x, m) < ST_PATH_MAX;
}

static int take(struct st_store *s, struct state_nodes *x, struct input *in)
{
    struct image m;
    int rc = get_image(s, x, in, &m);

    if (rc)
        return rc;
    rc = fits(x, &m) ? place(s, x, &m) : -EINVAL;
    if (!rc) {
        x->len[m.depth] = (uint16_t)path_len(x, &m);
        x->depth = m.depth + 1;
        x->last = (struct state_last){m.seq, m.gen, m.perms}; /* the node holds it */
    }
    st_perms_put(s, m.perms);
    return rc;
}

int state_nodes_take(struct st_store *s, struct state_nodes *x, const char *p, size_t len)
{
    struct input in = {p, p + len, false};
    int rc = 0;

    while (!rc && in.p < in.end)
        rc = take(s, x, &in);
    return rc;
}
