/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writing the state stream. A record is put together in a buffer that fits the largest. */
#include "toolstack/xenstored/lib/internal.h"
#include "toolstack/xenstored/lib/state.h"
#include "toolstack/xenstored/lib/state_internal.h"

#define RECORD_MAX (64u * 1024)

struct save {
    struct st_store *s;
    const struct st_saver *out;
    int rc;
    struct state_last last;
    char *at; /* where the body goes on */
    char body[RECORD_MAX];
};

static size_t room(const struct save *x)
{
    return (size_t)(x->body + RECORD_MAX - x->at);
}

static void bytes(struct save *x, const void *p, size_t len)
{
    if (len > room(x)) {
        x->rc = -E2BIG;
        return;
    }
    if (len)
        memcpy(x->at, p, len);
    x->at += len;
}

static void u32(struct save *x, uint32_t v)
{
    bytes(x, &v, sizeof(v));
}

static void u64(struct save *x, uint64_t v)
{
    bytes(x, &v, sizeof(v));
}

static void emit(struct save *x, uint32_t type)
{
    static const char zeroes[8];
    size_t len = (size_t)(x->at - x->body);
    uint32_t head[2] = {type, (uint32_t)len};

    if (!x->rc)
        x->rc = x->out->write(x->out->ctx, head, sizeof(head));
    if (!x->rc)
        x->rc = x->out->write(x->out->ctx, x->body, len);
    if (!x->rc && len % 8)
        x->rc = x->out->write(x->out->ctx, zeroes, 8 - len % 8);
    x->at = x->body;
}

static void perms(struct save *x, const struct st_perms *p)
{
    uint32_t i;

    u32(x, p->count);
    for (i = 0; i < p->count; i++)
        u32(x, (uint32_t)p->entry[i].domid << 8 | p->entry[i].bits);
}

static void node(struct save *x, const struct st_node *n, const char *path, size_t len)
{
    u64(x, n->seq);
    u64(x, n->gen);
    u64(x, node_cgen(n));
    u32(x, n->writer);
    u32(x, node_cwriter(n));
    u32(x, n->value_len);
    u32(x, (uint32_t)len);
    perms(x, n->perms);
    bytes(x, node_value(n), n->value_len);
    bytes(x, path, len);
}

/* Nodes share a record up to a quarter of the buffer; the rest fits the largest one. */
static void save_node(struct save *x, const struct st_node *n, size_t depth)
{
    if (room(x) < RECORD_MAX - RECORD_MAX / 4)
        emit(x, STATE_NODES);
    if (state_node_room(n) > room(x))
        x->rc = -E2BIG;
    else
        x->at = state_node_put(&x->last, n, depth, x->at);
}

/*
 * The order is that of st_node_walk(), and so is the bound of the recursion; but no path is made, which nobody needs here and which
 * cost more than the rest. After an error it goes on in vain.
 */
static void save_siblings(struct save *x, const struct st_node *n, size_t depth)
{
    for (; n; n = n->right) {
        if (n->left)
            save_siblings(x, n->left, depth);
        save_node(x, n, depth);
        if (n->dir)
            save_siblings(x, n->dir->first, depth + 1);
    }
}

static void save_domain(void *ctx, unsigned int domid)
{
    struct save *x = ctx;
    const struct st_domain *d = st_domain_find(x->s, domid);

    u32(x, domid);
    u32(x, d->target);
    u32(x, d->introduced);
    u32(x, d->credit);
    u64(x, d->credit_time);
    emit(x, STATE_DOMAIN);
}

static void save_messages(struct save *x, const struct st_conn *c)
{
    const struct st_list *l;
    uint32_t sent = c->sent;

    for (l = c->out.next; l != &c->out; l = l->next) {
        const struct st_msg *m = list_of(l, struct st_msg, link);

        u32(x, !m->event ? STATE_REPLY : m->watch ? STATE_EVENT_OF + m->watch->number : STATE_EVENT);
        u32(x, sent);
        bytes(x, m->buf, m->len);
        emit(x, STATE_MESSAGE);
        sent = 0;
    }
}

static void save_watches(struct save *x, const struct st_conn *c)
{
    const struct st_list *l;
    uint32_t number = 0;

    for (l = c->watches.next; l != &c->watches; l = l->next) {
        struct st_watch *w = list_of(l, struct st_watch, on_conn);

        w->number = number++;
        u32(x, w->relative);
        u32(x, w->overflow);
        u32(x, w->path->len);
        bytes(x, w->path->path, w->path->len);
        bytes(x, w->token, w->token_len + 1u);
        emit(x, STATE_WATCH);
    }
}

/*
 * A transaction that conflicts by now can only fail: it goes as doomed, and with who pays for that when it ends. One that
 * does not goes on from the present tree, with what it wrote: nothing that it looked at has changed.
 */
static void save_txn(struct save *x, struct st_txn *t)
{
    struct st_access *a;
    const struct st_node *n;
    unsigned int who;
    bool doomed = st_txn_conflicts(t, &who);

    u32(x, t->id);
    u32(x, doomed);
    u32(x, (uint32_t)t->nodes);
    u32(x, doomed ? who : 0);
    emit(x, STATE_TXN);
    if (doomed)
        return;
    for (a = t->first; a && !x->rc; a = a->after) {
        n = (a->flags & ST_WROTE) ? st_tree_find(x->s, t->work, a->path, a->len) : NULL;
        u32(x, a->flags);
        u32(x, n != NULL);
        if (n)
            node(x, n, a->path, a->len);
        else
            bytes(x, a->path, a->len);
        emit(x, STATE_ACCESS);
    }
}

static void save_conn(struct save *x, struct st_conn *c)
{
    struct st_list *l;
    char *description = st_alloc(x->s, ST_DESCRIPTION_MAX);
    size_t len;

    if (!description) {
        x->rc = -ENOMEM;
        return;
    }
    len = x->out->describe ? x->out->describe(x->out->ctx, c, description) : 0;
    u32(x, c->domain ? c->domid : ~0u);
    u32(x, c->readonly);
    u32(x, c->next_txn);
    u32(x, c->in_have);
    u32(x, (uint32_t)len);
    bytes(x, &c->in, c->in_have);
    bytes(x, description, len);
    st_dealloc(x->s, description, ST_DESCRIPTION_MAX);
    emit(x, STATE_CONN);
    save_watches(x, c);
    save_messages(x, c);
    for (l = c->txns.next; l != &c->txns; l = l->next)
        save_txn(x, list_of(l, struct st_txn, on_conn));
}

static void save_global(struct save *x)
{
    u64(x, x->s->seq);
    u64(x, x->s->gen);
    u64(x, x->s->requests);
    u32(x, x->s->tracing);
    u32(x, sizeof(x->s->quota) / sizeof(uint32_t));
    bytes(x, &x->s->quota, sizeof(x->s->quota));
    perms(x, x->s->intro->perms);
    perms(x, x->s->release->perms);
    emit(x, STATE_GLOBAL);
}

int st_state_save(struct st_store *s, const struct st_saver *out)
{
    struct save *x = st_alloc(s, sizeof(*x));
    struct st_list *l;
    int rc;

    if (!x)
        return -ENOMEM;
    x->s = s;
    x->out = out;
    x->at = x->body;
    x->last = (struct state_last){0, 0, NULL};
    x->rc = out->write(out->ctx, STATE_MAGIC, 8);
    save_global(x);
    st_domain_foreach(s, save_domain, x);
    save_siblings(x, s->root, 0);
    emit(x, STATE_NODES);
    for (l = s->conns.next; l != &s->conns && !x->rc; l = l->next)
        save_conn(x, list_of(l, struct st_conn, on_store));
    emit(x, STATE_END);
    rc = x->rc;
    st_dealloc(s, x, sizeof(*x));
    return rc;
}
