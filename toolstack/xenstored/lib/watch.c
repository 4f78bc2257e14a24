/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Watches: a hash table from path to the watches set on exactly that path. A change looks up its own path and
 * those above it, so that it costs the same however many watches there are elsewhere.
 *
 * No event is lost. One that cannot be queued (no memory, or the client leaves too much unread) marks its
 * watch, which then fires with its own path as soon as there is room: the client looks again at all it
 * watches. That holds for domain 0's clients, too: a guest decides how much there is to tell them.
 */
#include "toolstack/xenstored/lib/internal.h"

/* A hash which has a value for each prefix on the way. */
static uint64_t hash_step(uint64_t h, unsigned char c)
{
    unsigned __int128 m = (unsigned __int128)(h ^ c) * 0xd6e8feb86659fd93ull;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint32_t hash_end(uint64_t h)
{
    return (uint32_t)(h ^ (h >> 32));
}

static uint32_t hash_path(const struct st_store *s, const char *path, size_t len)
{
    uint64_t h = s->seed;

    while (len--)
        h = hash_step(h, (unsigned char)*path++);
    return hash_end(h);
}

static struct st_watch_path *path_find(const struct st_store *s, uint32_t hash, const char *path, size_t len)
{
    struct st_watch_path *p;

    if (!s->watch_size)
        return NULL;
    for (p = s->watch_table[hash & (s->watch_size - 1)]; p; p = p->next)
        if (p->hash == hash && p->len == len && !memcmp(p->path, path, len))
            return p;
    return NULL;
}

/* Doubles the table; without memory the chains grow longer, no more. */
static void table_grow(struct st_store *s)
{
    uint32_t size = s->watch_size ? s->watch_size * 2 : 64, i;
    struct st_watch_path **t = st_zalloc(s, size * sizeof(*t)), *p, *next;

    if (!t)
        return;
    for (i = 0; i < s->watch_size; i++)
        for (p = s->watch_table[i]; p; p = next) {
            next = p->next;
            p->next = t[p->hash & (size - 1)];
            t[p->hash & (size - 1)] = p;
        }
    st_dealloc(s, s->watch_table, s->watch_size * sizeof(*t));
    s->watch_table = t;
    s->watch_size = size;
}

static struct st_watch_path *path_get(struct st_store *s, const char *path, size_t len)
{
    uint32_t hash = hash_path(s, path, len);
    struct st_watch_path *p = path_find(s, hash, path, len);

    if (p)
        return p;
    if (s->watch_count >= s->watch_size)
        table_grow(s);
    if (!s->watch_size)
        return NULL;
    p = st_alloc(s, sizeof(*p) + len);
    if (!p)
        return NULL;
    p->hash = hash;
    p->len = (uint32_t)len;
    memcpy(p->path, path, len);
    list_init(&p->watches);
    p->next = s->watch_table[hash & (s->watch_size - 1)];
    s->watch_table[hash & (s->watch_size - 1)] = p;
    s->watch_count++;
    return p;
}

static void path_put(struct st_store *s, struct st_watch_path *p)
{
    struct st_watch_path **link = &s->watch_table[p->hash & (s->watch_size - 1)];

    if (!list_empty(&p->watches))
        return;
    while (*link != p)
        link = &(*link)->next;
    *link = p->next;
    s->watch_count--;
    st_dealloc(s, p, sizeof(*p) + p->len);
}

/* ---- Events ---- */

static bool over_memory(const struct st_conn *c, size_t more)
{
    return !c->privileged && st_domain_bytes(c) + more > c->store->quota.memory;
}

static void overflow(struct st_watch *w)
{
    if (!w->overflow)
        w->conn->overflows++;
    w->overflow = true;
    st_conn_mark_ready(w->conn);
}

/* Is there room for an event with a path of @len bytes? It is charged at least so much. */
static bool has_room(const struct st_watch *w, size_t len)
{
    const struct st_conn *c = w->conn;
    size_t more = sizeof(struct st_msg) + len + 1 + w->token_len + 1;

    return c->privileged ? c->event_bytes + more <= ST_EVENT_BYTES : !over_memory(c, more);
}

static size_t relative_skip(const struct st_watch *w)
{
    return w->relative ? w->conn->base.len : 0;
}

static bool event_queue(struct st_watch *w, const char *path, size_t len);

/* The event that says: look at everything. Its payload was a request's, so it is never too long. */
static bool own_event(struct st_watch *w)
{
    size_t skip = relative_skip(w);

    return event_queue(w, w->path->path + skip, w->path->len - skip);
}

/* Queues an event for @w with @path (relative already where the watch is), or, if that is too long beside the token, its own. */
static bool event_queue(struct st_watch *w, const char *path, size_t len)
{
    struct st_conn *c = w->conn;
    uint32_t payload = (uint32_t)len + 1 + w->token_len + 1;
    struct xsd_sockmsg hdr = {.type = XS_WATCH_EVENT, .len = payload};
    struct st_msg *m;

    if (payload > XENSTORE_PAYLOAD_MAX)
        return own_event(w);
    if (st_event_pending(w, path, len)) /* the new one says nothing new */
        return true;
    if (!has_room(w, len))
        return false;
    m = st_msg_new(c, (uint32_t)sizeof(hdr) + payload);
    if (!m)
        return false;
    memcpy(m->buf, &hdr, sizeof(hdr));
    memcpy(m->buf + sizeof(hdr), path, len);
    m->buf[sizeof(hdr) + len] = 0;
    memcpy(m->buf + sizeof(hdr) + len + 1, w->token, w->token_len + 1u);
    st_event_queue(c, m, w);
    return true;
}

/* There is no room, and what is due already says all: most events of one that reads nothing. @len: of its path. */
static bool is_lost(const struct st_watch *w, size_t len)
{
    return w->overflow && len + 1 + w->token_len + 1 <= XENSTORE_PAYLOAD_MAX && !has_room(w, len);
}

static void event(struct st_watch *w, const char *path, size_t len)
{
    size_t skip = relative_skip(w);

    w->conn->store->events++;
    if (is_lost(w, len - skip) || !event_queue(w, path + skip, len - skip))
        overflow(w);
}

/* Is there something that could not be queued, and room for the first of it now? */
bool st_watch_may_retry(const struct st_conn *c)
{
    const struct st_list *l;

    for (l = c->watches.next; c->overflows && l != &c->watches; l = l->next) {
        const struct st_watch *w = list_of(l, struct st_watch, on_conn);

        if (w->overflow)
            return has_room(w, w->path->len - relative_skip(w));
    }
    return false;
}

/* Queues what could not be queued, as far as there is room now. */
void st_watch_retry(struct st_conn *c)
{
    struct st_list *l;

    for (l = c->watches.next; l != &c->watches && c->overflows; l = l->next) {
        struct st_watch *w = list_of(l, struct st_watch, on_conn);

        if (!w->overflow)
            continue;
        if (!own_event(w))
            return;
        w->overflow = false;
        c->overflows--;
    }
}

struct change {
    const char *path;
    size_t len;
    const struct st_perms *a, *b;
    bool ask_parent;              /* who may read the parent as it is now may know too */
    const struct st_node *parent; /* that one, when it has been looked up; NULL: not yet, or there is none */
    const struct st_conn *asked;  /* whom @told is about: a client's watches on one path lie together */
    bool told;
};

static bool may_read(const struct st_conn *c, const struct st_perms *p)
{
    return p && (st_perms_bits(c, p) & ST_READ);
}

static bool find_out(const struct st_conn *c, struct change *x)
{
    if (may_read(c, x->a) || may_read(c, x->b))
        return true;
    if (x->ask_parent && !x->parent) {
        x->parent = st_tree_find(c->store, c->store->root, x->path, st_path_parent(x->path, x->len));
        x->ask_parent = x->parent != NULL;
    }
    return x->ask_parent && may_read(c, x->parent->perms);
}

/* The tree is walked once for a change, the permissions are read once for a client's watches on a path. */
static bool may_know(const struct st_conn *c, struct change *x)
{
    if (c->privileged)
        return true;
    if (c != x->asked) {
        x->told = find_out(c, x);
        x->asked = c;
    }
    return x->told;
}

static void fire_path(struct st_watch_path *p, struct change *x)
{
    struct st_list *l;

    if (!p)
        return;
    for (l = p->watches.next; l != &p->watches; l = l->next) {
        struct st_watch *w = list_of(l, struct st_watch, on_path);

        if (may_know(w->conn, x))
            event(w, x->path, x->len);
    }
}

/* Mostly nobody watches what is above: that is seen at the table, without a look at the path. There are watches. */
static inline void fire_at(struct st_store *s, uint64_t h, size_t len, struct change *x)
{
    uint32_t hash = hash_end(h);

    if (s->watch_table[hash & (s->watch_size - 1)])
        fire_path(path_find(s, hash, x->path, len), x);
}

void st_fire(struct st_store *s, const char *path, size_t len, const struct st_perms *a,
             const struct st_perms *b)
{
    struct change x = {.path = path, .len = len, .a = a, .b = b, .ask_parent = path[0] == '/'};
    uint64_t h = hash_step(s->seed, (unsigned char)path[0]);
    size_t i;

    if (!s->nr_watches)
        return;
    if (path[0] == '/')
        fire_at(s, h, 1, &x);
    if (len == 1)
        return;
    for (i = 1; i < len; i++) {
        if (path[i] == '/')
            fire_at(s, h, i, &x);
        h = hash_step(h, (unsigned char)path[i]);
    }
    fire_at(s, h, len, &x);
}

struct fire_children {
    struct st_store *s;
    struct st_node *top;
    size_t top_len;
};

/* One node below the removed one: for those who could read it or its parent. */
static int fire_child(void *ctx, struct st_node *n, const char *path, size_t len)
{
    struct fire_children *x = ctx;
    struct st_watch_path *p;
    struct change change = {.path = path, .len = len, .a = n->perms};
    size_t parent;

    if (len == x->top_len)
        return 0;
    p = path_find(x->s, hash_path(x->s, path, len), path, len);
    if (!p)
        return 0;
    parent = st_path_parent(path, len);
    change.b = parent == x->top_len
                   ? x->top->perms
                   : st_tree_find(x->s, x->top, path + x->top_len, parent - x->top_len)->perms;
    fire_path(p, &change);
    return 0;
}

void st_fire_removed(struct st_store *s, struct st_node *n, const struct st_perms *parent, const char *path,
                     size_t len)
{
    struct fire_children x = {s, n, len};
    struct st_walk w;

    if (!s->nr_watches)
        return;
    st_fire(s, path, len, n->perms, parent);
    memcpy(w.path, path, len);
    w.path[len] = 0;
    st_node_walk(n, &w, len, fire_child, &x);
}

/* ---- Requests ---- */

static struct st_watch *watch_find(const struct st_conn *c, const char *path, size_t len, const char *token)
{
    const struct st_store *s = c->store;
    struct st_watch_path *p = path_find(s, hash_path(s, path, len), path, len);
    struct st_list *l;

    for (l = p ? p->watches.next : NULL; l && l != &p->watches; l = l->next) {
        struct st_watch *w = list_of(l, struct st_watch, on_path);

        if (w->conn == c && !strcmp(w->token, token))
            return w;
    }
    return NULL;
}

static size_t watch_bytes(size_t token_len)
{
    return sizeof(struct st_watch) + token_len + 1;
}

static void watch_free(struct st_watch *w)
{
    struct st_conn *c = w->conn;
    struct st_store *s = c->store;

    while (!list_empty(&w->pending)) { /* what is queued still goes out */
        struct st_msg *m = list_of(w->pending.next, struct st_msg, pending);

        m->watch = NULL;
        list_del(&m->pending);
    }
    if (w->overflow)
        c->overflows--;
    list_del(&w->on_path);
    list_del(&w->on_conn);
    c->bytes -= (uint32_t)(watch_bytes(w->token_len) + w->path->len);
    path_put(s, w->path);
    c->nr_watches--;
    s->nr_watches--;
    st_dealloc(s, w, watch_bytes(w->token_len));
}

/* A path to watch: special, or valid. */
static int watch_path(struct st_conn *c, const char *path, struct st_path *p)
{
    int rc = st_path_make(c, path, strlen(path), p->text, &p->len, &p->relative);

    return rc ? rc : st_path_special(p->text) || st_path_valid(p->text, p->len) ? 0 : -EINVAL;
}

static struct st_watch *watch_new(struct st_conn *c, const struct st_path *p, const char *token)
{
    struct st_store *s = c->store;
    size_t token_len = strlen(token);
    struct st_watch *w = st_zalloc(s, watch_bytes(token_len));

    if (!w)
        return NULL;
    w->path = path_get(s, p->text, p->len);
    if (!w->path) {
        st_dealloc(s, w, watch_bytes(token_len));
        return NULL;
    }
    w->conn = c;
    w->relative = p->relative;
    w->token_len = (uint16_t)token_len;
    memcpy(w->token, token, token_len + 1);
    list_init(&w->pending);
    list_add_tail(&w->path->watches, &w->on_path);
    list_add_tail(&c->watches, &w->on_conn);
    c->bytes += (uint32_t)(watch_bytes(token_len) + p->len);
    c->nr_watches++;
    s->nr_watches++;
    return w;
}

int st_watch_add(struct st_conn *c, const char *path, const char *token)
{
    struct st_path p;
    struct st_watch *w;
    int rc = watch_path(c, path, &p);

    if (rc)
        return rc;
    if (watch_find(c, p.text, p.len, token))
        return -EEXIST;
    if (!c->privileged && c->nr_watches >= c->store->quota.watches)
        return -E2BIG;
    if (over_memory(c, watch_bytes(strlen(token)) + p.len))
        return -E2BIG;
    w = watch_new(c, &p, token);
    if (!w)
        return -ENOMEM;
    event(w, p.text, p.len);
    return 0;
}

int st_watch_restore(struct st_conn *c, const struct st_path *p, const char *token, bool lost)
{
    struct st_watch *w;

    if (watch_find(c, p->text, p->len, token))
        return -EEXIST;
    w = watch_new(c, p, token);
    if (!w)
        return -ENOMEM;
    if (lost)
        overflow(w);
    return 0;
}

int st_watch_remove(struct st_conn *c, const char *path, const char *token)
{
    struct st_path p;
    struct st_watch *w = NULL;

    if (!watch_path(c, path, &p))
        w = watch_find(c, p.text, p.len, token);
    if (!w)
        return -ENOENT;
    watch_free(w);
    return 0;
}

void st_watch_reset(struct st_conn *c)
{
    while (!list_empty(&c->watches))
        watch_free(list_of(c->watches.next, struct st_watch, on_conn));
}
