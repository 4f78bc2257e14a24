/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * DIRECTORY and DIRECTORY_PART: the children in the order of their creation. The last listings are kept: the number of the last
 * change of a set of children names its contents, in whatever version of the tree, so one that is out of date is never found again.
 */
#include "toolstack/xenstored/lib/request.h"

#define LISTING_WORTH 4u /* children from which on a listing is kept */

static uint32_t min_u32(uint32_t a, uint32_t b)
{
    return a < b ? a : b;
}

static uint32_t gather(struct st_node *n, struct st_node **v, uint32_t at)
{
    for (; n; n = n->right) {
        at = gather(n->left, v, at);
        v[at++] = n;
    }
    return at;
}

static void sift(struct st_node **v, uint32_t i, uint32_t count)
{
    struct st_node *n = v[i];
    uint32_t child;

    while ((child = 2 * i + 1) < count) {
        if (child + 1 < count && v[child + 1]->seq > v[child]->seq)
            child++;
        if (v[child]->seq <= n->seq)
            break;
        v[i] = v[child];
        i = child;
    }
    v[i] = n;
}

/* The children in the order of their creation. Freed by the caller (nr_children pointers); NULL: no memory.
 */
static struct st_node **sorted_children(struct st_store *s, const struct st_node *n)
{
    uint32_t count = node_nr_children(n), i;
    struct st_node **v = st_alloc(s, count * sizeof(*v)), *last;

    if (!v)
        return NULL;
    gather(node_children(n), v, 0);
    for (i = count / 2; i-- > 0;)
        sift(v, i, count);
    for (i = count; i-- > 1;) {
        last = v[i];
        v[i] = v[0];
        v[0] = last;
        sift(v, 0, i);
    }
    return v;
}

static struct st_listing *listing_slot(struct st_store *s, const struct st_node *n)
{
    return &s->listing[(n->seq ^ n->dir->gen) % ST_LISTINGS];
}

static bool listing_known(const struct st_listing *l, const struct st_node *n)
{
    return l->text && l->seq == n->seq && l->gen == n->dir->gen && l->len == n->dir->bytes;
}

/* Keeps a listing instead of another, if there is memory for it. */
static void listing_keep(struct st_store *s, const struct st_node *n, const char *text)
{
    struct st_listing *l = listing_slot(s, n);

    st_dealloc(s, l->text, l->len);
    *l = (struct st_listing){n->seq, n->dir->gen, n->dir->bytes, st_alloc(s, n->dir->bytes)};
    if (l->text)
        memcpy(l->text, text, l->len);
}

void st_listings_forget(struct st_store *s)
{
    unsigned int i;

    for (i = 0; i < ST_LISTINGS; i++) {
        st_dealloc(s, s->listing[i].text, s->listing[i].len);
        s->listing[i] = (struct st_listing){0};
    }
}

int st_do_directory(struct request *r)
{
    struct st_store *s = r->c->store;
    struct st_node *n, **v;
    uint32_t i, at = 0;
    int rc = st_request_find(r, st_one_string(r), ST_DEP_LIST, false, &n);

    if (!rc)
        rc = st_reply_room(r, node_children_bytes(n));
    if (rc || !node_nr_children(n))
        return rc;
    if (listing_known(listing_slot(s, n), n)) {
        memcpy(r->out, listing_slot(s, n)->text, n->dir->bytes);
        return 0;
    }
    v = sorted_children(s, n);
    if (!v)
        return -ENOMEM;
    for (i = 0; i < n->dir->count; i++) {
        memcpy(r->out + at, v[i]->data, v[i]->name_len);
        at += v[i]->name_len;
        r->out[at++] = 0;
    }
    st_dealloc(s, v, n->dir->count * sizeof(*v));
    if (n->dir->count >= LISTING_WORTH)
        listing_keep(s, n, r->out);
    return 0;
}

/* Copies whole names from @offset of the list as far as they fit, and the empty name that ends the list. */
static uint32_t copy_part(struct st_node **v, uint32_t count, uint64_t offset, char *out, uint32_t room)
{
    uint64_t pos = 0;
    uint32_t i, at = 0, skip, len;

    for (i = 0; i < count; pos += v[i++]->name_len + 1u) {
        if (pos + v[i]->name_len < offset)
            continue;
        skip = offset > pos ? (uint32_t)(offset - pos) : 0;
        len = v[i]->name_len - skip;
        if (at + len + 1 > room)
            return at;
        memcpy(out + at, v[i]->data + skip, len);
        at += len;
        out[at++] = 0;
    }
    if (at < room)
        out[at++] = 0;
    return at;
}

int st_do_directory_part(struct request *r)
{
    struct st_store *s = r->c->store;
    struct st_node *n, **v = NULL;
    const char *arg[2];
    char gen[24];
    uint32_t gen_len, used;
    uint64_t offset;
    int rc;

    if (st_strings(r, arg, 2) != 2 || st_number(arg[1], UINT32_MAX, &offset))
        return -EINVAL;
    rc = st_request_find(r, arg[0], ST_DEP_LIST, false, &n);
    if (rc)
        return rc;
    gen_len = st_format_number(node_cgen(n), gen);
    rc = st_reply_room(r, (uint32_t)min_u32(node_children_bytes(n) + gen_len + 1, XENSTORE_PAYLOAD_MAX));
    if (rc)
        return rc;
    if (node_nr_children(n) && !(v = sorted_children(s, n)))
        return -ENOMEM;
    memcpy(r->out, gen, gen_len);
    used = copy_part(v, node_nr_children(n), offset, r->out + gen_len,
                     r->reply->len - (uint32_t)sizeof(struct xsd_sockmsg) - gen_len);
    st_dealloc(s, v, node_nr_children(n) * sizeof(*v));
    return st_reply_room(r, gen_len + used);
}
