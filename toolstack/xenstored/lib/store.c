/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store as a whole: birth, death, the two special events, the audit. */
#include "toolstack/xenstored/lib/internal.h"

/* Debian's defaults, where it has the quota (xenstored --help and its CONTROL quota on Xen 4.17). */
static const struct st_quota defaults = {
    .nodes = 1000,
    .node_size = 2048,
    .permissions = 5,
    .watches = 128,
    .transactions = 10,
    .transaction_nodes = 1024,
    .outstanding = 20,
    .memory = 2 * 1024 * 1024 + 512 * 1024,
    .memory_soft = 2 * 1024 * 1024,
    .path_max = ST_PATH_MAX,
    .snapshot_nodes = 65536,
    .credit_burst = 5,
    .credit_period_ms = 1000,
    .snapshot_bytes = 32 * 1024 * 1024,
};

static int initial_tree(struct st_store *s)
{
    static const struct st_perm dom0 = {0, 0};
    static const char *const paths[] = {"/tool/xenstored", "/local/domain/0"};
    struct st_perms *p = st_perms_get(s, &dom0, 1);
    unsigned int i;
    int rc = 0;

    if (!p)
        return -ENOMEM;
    s->root = st_node_new(s, "", 0, NULL, 0, p);
    s->intro = st_node_new(s, "@introduceDomain", 16, NULL, 0, p);
    s->release = st_node_new(s, "@releaseDomain", 14, NULL, 0, p);
    if (!s->root || !s->intro || !s->release)
        rc = -ENOMEM;
    for (i = 0; !rc && i < 2; i++)
        rc = st_tree_create(s, &s->root, paths[i], strlen(paths[i]), NULL, 0, p, 0);
    if (!rc)
        st_account_subtree(s, s->root, 1);
    st_perms_put(s, p);
    return rc;
}

struct st_store *st_store_new(const struct st_allocator *a, const struct st_hooks *hooks, uint64_t seed)
{
    struct st_store *s = a->alloc(a->ctx, sizeof(*s));

    if (!s)
        return NULL;
    memset(s, 0, sizeof(*s));
    s->a = *a;
    s->bytes = sizeof(*s);
    if (hooks)
        s->hooks = *hooks;
    s->quota = defaults;
    s->seed = seed;
    list_init(&s->conns);
    list_init(&s->ready);
    list_init(&s->txns);
    if (initial_tree(s)) {
        st_store_free(s);
        return NULL;
    }
    return s;
}

static void forget_introduced(void *ctx, unsigned int domid)
{
    struct st_store *s = ctx;
    struct st_domain *d = st_domain_find(s, domid);

    if (d->introduced) {
        d->introduced = false;
        st_domain_put(s, d);
    }
}

static void free_domains(struct st_store *s)
{
    unsigned int page;

    st_domain_foreach(s, forget_introduced, s);
    for (page = 0; page < 256; page++)
        st_dealloc(s, s->domain_page[page], 256 * sizeof(struct st_domain *));
}

void st_store_free(struct st_store *s)
{
    s->depth++;
    while (!list_empty(&s->conns))
        st_conn_close(list_of(s->conns.next, struct st_conn, on_store));
    st_node_put(s, s->root);
    st_node_put(s, s->intro);
    st_node_put(s, s->release);
    free_domains(s);
    st_listings_forget(s);
    st_dealloc(s, s->perms_table, s->perms_size * sizeof(*s->perms_table));
    st_dealloc(s, s->watch_table, s->watch_size * sizeof(*s->watch_table));
    s->a.free(s->a.ctx, s, sizeof(*s));
}

void st_store_set_time(struct st_store *s, uint64_t now_ms)
{
    s->now = now_ms;
}

uint64_t st_store_time(const struct st_store *s)
{
    return s->now;
}

struct st_quota *st_store_quota(struct st_store *s)
{
    return &s->quota;
}

void st_fire_introduce(struct st_store *s)
{
    st_fire(s, "@introduceDomain", 16, s->intro->perms, NULL);
}

void st_fire_release(struct st_store *s)
{
    st_tap(s, ST_TAP_RELEASE_EVENT, NULL, 0, NULL, 0);
    st_fire(s, "@releaseDomain", 14, s->release->perms, NULL);
}

void st_store_stats(const struct st_store *s, struct st_stats *st)
{
    st->requests = s->requests;
    st->live_nodes = s->live_nodes;
    st->all_nodes = s->all_nodes;
    st->watches = s->nr_watches;
    st->transactions = s->nr_txns;
    st->conns = s->nr_conns;
    st->doomed = s->doomed;
    st->bytes = s->bytes;
}

/* ---- The audit ---- */

struct audit {
    struct st_store *s;
    unsigned int wrong;
    uint32_t nodes;
    size_t bytes;
    uint32_t children, children_bytes;
};

static void count_children(struct audit *x, const struct st_node *n)
{
    for (; n; n = n->right) {
        x->children++;
        x->children_bytes += n->name_len + 1u;
        if (n->hash != st_hash(x->s, n->data, n->name_len) || !n->ref)
            x->wrong++;
        if ((n->left && n->left->hash > n->hash) || (n->right && n->right->hash < n->hash))
            x->wrong++;
        count_children(x, n->left);
    }
}

/* Counts the node out of its owner's account, which must end at nothing. */
static int audit_node(void *ctx, struct st_node *n, const char *path, size_t len)
{
    struct audit *x = ctx;

    x->nodes++;
    x->bytes += st_node_size(n);
    x->children = x->children_bytes = 0;
    count_children(x, node_children(n));
    if (x->children != node_nr_children(n) || x->children_bytes != node_children_bytes(n))
        x->wrong++;
    st_account(x->s, n->perms, -1, -(long)st_node_size(n));
    return 0;
}

static void audit_domain(void *ctx, unsigned int domid)
{
    struct audit *x = ctx;
    const struct st_domain *d = st_domain_find(x->s, domid);

    if (d->nodes || d->node_bytes || d->dead || d->domid != domid || (d->conn && d->conn->domain != d))
        x->wrong++;
}

static unsigned int audit_conn(const struct st_conn *c)
{
    uint32_t watches = 0, txns = 0, replies = 0, overflows = 0, events = 0;
    const struct st_list *l;

    for (l = c->watches.next; l != &c->watches; l = l->next, watches++)
        overflows += list_of(l, struct st_watch, on_conn)->overflow;
    for (l = c->txns.next; l != &c->txns; l = l->next)
        txns++;
    for (l = c->out.next; l != &c->out; l = l->next) {
        replies += !list_of(l, struct st_msg, link)->event;
        events += list_of(l, struct st_msg, link)->event;
    }
    return (watches != c->nr_watches) + (txns != c->nr_txns) + (replies != c->nr_replies) +
           (overflows != c->overflows) + (!events && (c->event_bytes || c->index)) +
           (list_empty(&c->out) && list_empty(&c->watches) && !txns && c->bytes);
}

unsigned int st_store_check(struct st_store *s)
{
    struct audit x = {.s = s};
    uint32_t live = s->live_nodes, watches = 0, conns = 0;
    size_t bytes = s->live_bytes, special = st_node_size(s->intro) + st_node_size(s->release);
    struct st_walk w = {"/"};
    struct st_list *l;

    st_node_walk(s->root, &w, 1, audit_node, &x);
    st_domain_foreach(s, audit_domain, &x);
    s->live_nodes = 0;
    s->live_bytes = 0;
    st_account_subtree(s, s->root, 1);
    if (x.nodes != live || s->live_nodes != live || s->all_nodes < live + 2)
        x.wrong++;
    if (x.bytes != bytes || s->live_bytes != bytes || s->all_bytes < bytes + special)
        x.wrong++;
    if (!s->nr_txns && (s->shared || s->all_nodes != live + 2 || s->all_bytes != bytes + special))
        x.wrong++;
    for (l = s->conns.next; l != &s->conns; l = l->next, conns++) {
        x.wrong += audit_conn(list_of(l, struct st_conn, on_store));
        watches += list_of(l, struct st_conn, on_store)->nr_watches;
    }
    return x.wrong + (watches != s->nr_watches) + (conns != s->nr_conns);
}
