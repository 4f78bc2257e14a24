/* SPDX-License-Identifier: GPL-2.0-or-later */
/* DIRECTORY and DIRECTORY_PART: the children in the order of their creation. */
#include "toolstack/xenstored/lib/request.h"

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
    uint32_t count = n->nr_children, i;
    struct st_node **v = st_alloc(s, count * sizeof(*v)), *last;

    if (!v)
        return NULL;
    gather(n->children, v, 0);
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

int st_do_directory(struct request *r)
{
    struct st_node *n, **v;
    uint32_t i, at = 0;
    int rc = st_request_find(r, st_one_string(r), ST_DEP_LIST, false, &n);

    if (!rc)
        rc = st_reply_room(r, n->children_bytes);
    if (rc || !n->nr_children)
        return rc;
    v = sorted_children(r->c->store, n);
    if (!v)
        return -ENOMEM;
    for (i = 0; i < n->nr_children; i++) {
        memcpy(r->out + at, v[i]->data, v[i]->name_len);
        at += v[i]->name_len;
        r->out[at++] = 0;
    }
    st_dealloc(r->c->store, v, n->nr_children * sizeof(*v));
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
    gen_len = st_format_number(n->cgen, gen);
    rc = st_reply_room(r, (uint32_t)min_u32(n->children_bytes + gen_len + 1, XENSTORE_PAYLOAD_MAX));
    if (rc)
        return rc;
    if (n->nr_children && !(v = sorted_children(s, n)))
        return -ENOMEM;
    memcpy(r->out, gen, gen_len);
    used = copy_part(v, n->nr_children, offset, r->out + gen_len,
                     r->reply->len - (uint32_t)sizeof(struct xsd_sockmsg) - gen_len);
    st_dealloc(s, v, n->nr_children * sizeof(*v));
    return st_reply_room(r, gen_len + used);
}
