/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the store knows of each domain: its counts, its target, its credit. */
#include "toolstack/xenstored/lib/internal.h"

#define PAGE_DOMAINS 256u

struct st_domain *st_domain_find(const struct st_store *s, unsigned int domid)
{
    struct st_domain **page = domid < 65536 ? s->domain_page[domid / PAGE_DOMAINS] : NULL;

    return page ? page[domid % PAGE_DOMAINS] : NULL;
}

struct st_domain *st_domain_get(struct st_store *s, unsigned int domid)
{
    struct st_domain **page, *d = st_domain_find(s, domid);

    if (d) {
        d->ref++;
        return d;
    }
    page = s->domain_page[domid / PAGE_DOMAINS];
    if (!page) {
        page = st_zalloc(s, PAGE_DOMAINS * sizeof(*page));
        if (!page)
            return NULL;
        s->domain_page[domid / PAGE_DOMAINS] = page;
    }
    d = st_zalloc(s, sizeof(*d));
    if (!d)
        return NULL;
    d->ref = 1;
    d->domid = (uint16_t)domid;
    d->target = ST_DOMID_NONE;
    d->credit = s->quota.credit_burst;
    d->credit_time = s->now;
    page[domid % PAGE_DOMAINS] = d;
    return d;
}

static void domain_unlist(struct st_store *s, struct st_domain *d)
{
    if (!d->dead)
        s->domain_page[d->domid / PAGE_DOMAINS][d->domid % PAGE_DOMAINS] = NULL;
    d->dead = true;
}

void st_domain_put(struct st_store *s, struct st_domain *d)
{
    if (--d->ref)
        return;
    domain_unlist(s, d);
    st_dealloc(s, d, sizeof(*d));
}

bool st_domain_introduced(const struct st_store *s, unsigned int domid)
{
    struct st_domain *d = st_domain_find(s, domid);

    return d && d->introduced;
}

int st_domain_set_target(struct st_store *s, unsigned int domid, unsigned int target)
{
    struct st_domain *d = st_domain_find(s, domid);

    if (!d || !d->introduced || !st_domain_introduced(s, target))
        return -ENOENT;
    d->target = (uint16_t)target;
    return 0;
}

void st_domain_foreach(struct st_store *s, void (*fn)(void *ctx, unsigned int domid), void *ctx)
{
    unsigned int domid;

    for (domid = 0; domid < 65536; domid++) {
        if (!s->domain_page[domid / PAGE_DOMAINS]) {
            domid |= PAGE_DOMAINS - 1;
            continue;
        }
        if (st_domain_find(s, domid))
            fn(ctx, domid);
    }
}

/* ---- Credit: who invalidates others' transactions pays. One unit comes back in each period. ---- */

static void credit_refill(struct st_store *s, struct st_domain *d)
{
    uint32_t period = s->quota.credit_period_ms ? s->quota.credit_period_ms : 1;
    uint64_t periods = s->now > d->credit_time ? (s->now - d->credit_time) / period : 0;

    if (d->credit + periods >= s->quota.credit_burst) {
        d->credit = s->quota.credit_burst;
        d->credit_time = s->now;
    } else {
        d->credit += (uint32_t)periods;
        d->credit_time += periods * period;
    }
}

/* @domid made a transaction of somebody else fail. */
void st_domain_blame(struct st_store *s, unsigned int domid)
{
    struct st_domain *d = st_domain_find(s, domid);

    if (!d || !domid)
        return;
    credit_refill(s, d);
    if (d->credit)
        d->credit--;
}

bool st_domain_has_credit(struct st_store *s, struct st_domain *d)
{
    credit_refill(s, d);
    return d->credit > 0;
}

uint64_t st_domain_credit_time(const struct st_store *s, const struct st_domain *d)
{
    return d->credit_time + (s->quota.credit_period_ms ? s->quota.credit_period_ms : 1);
}

/* Memory charged to the connection: its own structures and the nodes of its domain. */
unsigned int st_domain_bytes(const struct st_conn *c)
{
    return c->bytes + (c->domain ? c->domain->node_bytes : 0);
}

/* ---- The end of a domain ---- */

struct collect {
    struct st_store *s;
    struct st_domain *d;
    char path[ST_PATH_MAX + 1];
    size_t len;
};

/* Finds the topmost node that the dead domain owns. */
static int find_owned(void *ctx, struct st_node *n, const char *path, size_t len)
{
    struct collect *x = ctx;

    if (n->perms->owner != x->d || len == 1)
        return 0;
    memcpy(x->path, path, len + 1);
    x->len = len;
    return 1;
}

/*
 * The search goes on beside the node found last and climbs from there: what a domain owns lies together, and
 * starting at the root for each would visit the whole store as often as the domain had directories.
 */
static bool find_next_owned(struct collect *x)
{
    struct st_walk w;
    struct st_node *n;

    for (;;) {
        x->len = st_path_parent(x->path, x->len);
        memcpy(w.path, x->path, x->len);
        w.path[x->len] = 0;
        n = st_tree_find(x->s, x->s->root, w.path, x->len);
        if (n && st_node_walk(n, &w, x->len, find_owned, x))
            return true;
        if (x->len == 1)
            return false;
    }
}

/* A later domain of that number is not what the toolstack made @domid's. */
static void forget_target(void *ctx, unsigned int domid)
{
    struct collect *x = ctx;
    struct st_domain *d = st_domain_find(x->s, domid);

    if (d->target == x->d->domid)
        d->target = ST_DOMID_NONE;
}

static void domain_gone(struct st_store *s, unsigned int domid)
{
    struct st_domain *d = st_domain_find(s, domid);
    struct st_conn *c;
    struct st_node *removed;
    struct collect x = {.s = s, .d = d};

    if (!d || !domid)
        return;
    d->ref++;
    c = d->conn;
    if (c)
        st_conn_close(c);
    if (d->introduced) {
        d->introduced = false;
        if (s->hooks.release)
            s->hooks.release(s->hooks.ctx, domid);
        st_domain_put(s, d);
    }
    x.path[0] = '/';
    x.path[1] = 0;
    x.len = 1;
    while (d->nodes > 0 && find_next_owned(&x)) {
        if (st_tree_remove(s, &s->root, x.path, x.len, 0, &removed)) {
            st_domain_put(s, d); /* no memory: the next scan of the domains tries again */
            return;
        }
        st_account_subtree(s, removed, -1);
        st_fire_removed(s, removed, st_tree_find(s, s->root, x.path, st_path_parent(x.path, x.len))->perms,
                        x.path, x.len);
        st_node_put(s, removed);
    }
    st_perms_forget(s, d);
    st_domain_foreach(s, forget_target, &x);
    domain_unlist(s, d); /* "/" cannot be removed: it may still be charged to it */
    st_domain_put(s, d);
}

void st_domain_gone(struct st_store *s, unsigned int domid)
{
    st_tap(s, ST_TAP_GONE, NULL, domid, NULL, 0);
    s->depth++;
    domain_gone(s, domid);
    if (s->nr_txns) /* who hold what was removed: the next request, which may only look, must have nothing to do with it */
        st_txn_bound(s);
    s->depth--;
}
