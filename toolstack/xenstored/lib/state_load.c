/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading the state stream. It is not trusted: a damaged one must not bring the new daemon down half-way. */
#include "toolstack/xenstored/lib/internal.h"
#include "toolstack/xenstored/lib/state.h"
#include "toolstack/xenstored/lib/state_internal.h"

struct load {
    struct st_store *s;
    const struct st_loader *in;
    const char *p, *end; /* of the record's body */
    struct st_conn *c;   /* the connection that records belong to; NULL: it was closed, skip */
    struct st_txn *t;
    struct st_watch **watch; /* the connection's, once an event refers to one */
    uint32_t nr_watches;     /* of those */
    struct state_nodes *nodes;
    bool global, ended;
    uint64_t held[65536 / 64]; /* a bit for each domain: a reference, until what refers to it has come */
};

/* What a node's record says. */
struct image {
    uint64_t seq, gen, cgen;
    uint32_t writer, cwriter, value_len;
    struct st_perms *perms; /* a reference */
    const char *value;
    struct st_path path;
};

static const void *bytes(struct load *x, size_t len)
{
    const char *p = x->p;

    if ((size_t)(x->end - p) < len)
        return NULL;
    x->p += len;
    return p;
}

static bool u32(struct load *x, uint32_t *v)
{
    const void *p = bytes(x, sizeof(*v));

    if (p)
        memcpy(v, p, sizeof(*v));
    return p;
}

static bool u64(struct load *x, uint64_t *v)
{
    const void *p = bytes(x, sizeof(*v));

    if (p)
        memcpy(v, p, sizeof(*v));
    return p;
}

/* 0 with a reference in *out, -EINVAL, -ENOMEM. */
static int perms(struct load *x, struct st_perms **out)
{
    struct st_perm e[STATE_PERMS_MAX];
    uint32_t count, i, v;

    if (!u32(x, &count) || !count || count > STATE_PERMS_MAX)
        return -EINVAL;
    for (i = 0; i < count; i++) {
        if (!u32(x, &v) || v >> 24)
            return -EINVAL;
        e[i].domid = (uint16_t)(v >> 8);
        e[i].bits = v & (ST_READ | ST_WRITE | ST_STALE);
    }
    *out = st_perms_get(x->s, e, count);
    return *out ? 0 : -ENOMEM;
}

static int path(struct load *x, size_t len, struct st_path *p)
{
    const char *text = len <= ST_PATH_MAX ? bytes(x, len) : NULL;

    if (!text)
        return -EINVAL;
    memcpy(p->text, text, len);
    p->text[len] = 0;
    p->len = len;
    p->relative = false;
    return 0;
}

static int image(struct load *x, struct image *m)
{
    uint32_t path_len;
    int rc;

    if (!u64(x, &m->seq) || !u64(x, &m->gen) || !u64(x, &m->cgen) || !u32(x, &m->writer) ||
        !u32(x, &m->cwriter) || !u32(x, &m->value_len) || !u32(x, &path_len))
        return -EINVAL;
    if (m->value_len > XENSTORE_PAYLOAD_MAX)
        return -EINVAL;
    rc = perms(x, &m->perms);
    if (rc)
        return rc;
    m->value = bytes(x, m->value_len);
    rc = m->value ? path(x, path_len, &m->path) : -EINVAL;
    if (!rc && !st_path_valid(m->path.text, m->path.len))
        rc = -EINVAL;
    if (rc)
        st_perms_put(x->s, m->perms);
    return rc;
}

static int drop(struct load *x, struct st_node **root, const struct st_path *p)
{
    struct st_node *gone;
    int rc = st_tree_remove(x->s, root, p->text, p->len, 0, &gone);

    if (!rc)
        st_node_put(x->s, gone);
    return rc;
}

/* Puts the node of @m into a transaction's tree: new, over the same one, or instead of an older one. */
static int place(struct load *x, struct st_node **root, const struct image *m)
{
    struct st_store *s = x->s;
    const char *p = m->path.text;
    size_t len = m->path.len;
    struct st_node *have = st_tree_find(s, *root, p, len), **slot;
    struct st_dir *dir = NULL;
    int rc = 0;

    if (have && len > 1 && have->seq != m->seq) {
        rc = drop(x, root, &m->path);
        have = NULL;
    }
    if (!rc && have)
        rc = st_tree_set(s, root, p, len, m->value, m->value_len, 0);
    if (!rc && have)
        rc = st_tree_set_perms(s, root, p, len, m->perms, 0);
    if (!rc && !have)
        rc = st_tree_find(s, *root, p, st_path_parent(p, len))
                 ? st_tree_create(s, root, p, len, m->value, m->value_len, m->perms, 0)
                 : -EINVAL;
    slot = rc ? NULL : st_tree_own(s, root, p, len);
    if (slot && !have && m->cgen && !(dir = st_node_dir(s, *slot)))
        return -ENOMEM;
    if (!slot)
        return rc ? rc : -ENOMEM;
    (*slot)->seq = m->seq;
    (*slot)->gen = m->gen;
    (*slot)->writer = (uint16_t)m->writer;
    if (dir) {
        dir->gen = m->cgen;
        dir->writer = (uint16_t)m->cwriter;
    }
    return 0;
}

static int set_special(struct load *x, struct st_node *n)
{
    struct st_perms *p;
    int rc = perms(x, &p);

    if (rc)
        return rc;
    st_perms_put(x->s, n->perms);
    n->perms = p;
    return 0;
}

/* A newer daemon may have more quotas than the stream, or fewer: those that both know are taken over. */
static int load_global(struct load *x)
{
    uint32_t tracing, count;
    const void *quotas;
    struct st_store *s = x->s;
    struct st_node *empty;
    uint64_t seq, gen;
    int rc;

    if (x->global || !u64(x, &seq) || !u64(x, &gen) || !u64(x, &s->requests) || !u32(x, &tracing) ||
        !u32(x, &count) || count > 1024 || !(quotas = bytes(x, count * sizeof(uint32_t))))
        return -EINVAL;
    memcpy(&s->quota, quotas,
           count * sizeof(uint32_t) < sizeof(s->quota) ? count * sizeof(uint32_t) : sizeof(s->quota));
    s->tracing = tracing != 0;
    x->global = true;
    rc = set_special(x, s->intro);
    if (!rc)
        rc = set_special(x, s->release);
    if (rc)
        return rc;
    empty = st_node_new(s, "", 0, NULL, 0, s->root->perms); /* the fresh store's own nodes go */
    if (!empty)
        return -ENOMEM;
    st_account_subtree(s, s->root, -1);
    st_node_put(s, s->root);
    s->root = empty;
    st_account_subtree(s, s->root, 1);
    s->seq = seq;
    s->gen = gen;
    return 0;
}

static int load_domain(struct load *x)
{
    uint32_t domid, target, introduced, credit;
    struct st_domain *d;
    uint64_t time;

    if (!u32(x, &domid) || !u32(x, &target) || !u32(x, &introduced) || !u32(x, &credit) || !u64(x, &time) ||
        domid > 65535 || target > 65535 || (introduced && domid >= ST_DOMID_FIRST_RESERVED))
        return -EINVAL;
    d = st_domain_get(x->s, domid);
    if (!d)
        return -ENOMEM;
    d->target = (uint16_t)target;
    d->credit = credit;
    d->credit_time = time;
    if (introduced && !d->introduced) {
        d->introduced = true;
        d->ref++;
    }
    if (x->held[domid / 64] & 1ull << domid % 64)
        st_domain_put(x->s, d);
    x->held[domid / 64] |= 1ull << domid % 64;
    return 0;
}

static void release_domains(struct load *x)
{
    unsigned int domid;

    for (domid = 0; domid < 65536; domid++)
        if (x->held[domid / 64] & 1ull << domid % 64)
            st_domain_put(x->s, st_domain_find(x->s, domid));
}

static void forget_watches(struct load *x)
{
    st_dealloc(x->s, x->watch, x->nr_watches * sizeof(*x->watch));
    x->watch = NULL;
    x->nr_watches = 0;
}

/* A client that broke the protocol, and whom the process could not close any more: its header stands there alone. */
static bool load_broken(struct st_conn *c)
{
    c->dead = c->in_have == sizeof(c->in.hdr) && c->in.hdr.len > XENSTORE_PAYLOAD_MAX;
    return c->dead;
}

static int load_conn(struct load *x)
{
    uint32_t domid, readonly, next_txn, have, len;
    const void *in, *description;

    x->c = NULL;
    x->t = NULL;
    forget_watches(x);
    if (!u32(x, &domid) || !u32(x, &readonly) || !u32(x, &next_txn) || !u32(x, &have) || !u32(x, &len) ||
        have > sizeof(x->c->in) - 1)
        return -EINVAL;
    in = bytes(x, have);
    description = bytes(x, len);
    if (!in || !description)
        return -EINVAL;
    if (domid != ~0u && (domid >= ST_DOMID_FIRST_RESERVED ||
                         (st_domain_find(x->s, domid) && st_domain_find(x->s, domid)->conn)))
        return -EINVAL;
    x->c = domid == ~0u ? st_conn_open_socket(x->s, readonly != 0) : st_conn_open_domain(x->s, domid);
    if (!x->c)
        return -ENOMEM;
    x->c->next_txn = next_txn;
    memcpy(&x->c->in, in, have);
    x->c->in_have = have;
    if (have >= sizeof(x->c->in.hdr) && !load_broken(x->c)) {
        if (x->c->in.hdr.len > XENSTORE_PAYLOAD_MAX || have > sizeof(x->c->in.hdr) + x->c->in.hdr.len)
            return -EINVAL;
        x->c->complete = have == sizeof(x->c->in.hdr) + x->c->in.hdr.len;
    }
    if (x->in->adopt && x->in->adopt(x->in->ctx, x->c, description, len)) {
        st_conn_close(x->c);
        x->c = NULL;
    }
    return 0;
}

static int collect_watches(struct load *x)
{
    const struct st_list *l;
    uint32_t i = 0;

    x->watch = st_alloc(x->s, x->c->nr_watches * sizeof(*x->watch));
    if (!x->watch)
        return -ENOMEM;
    x->nr_watches = x->c->nr_watches;
    for (l = x->c->watches.next; l != &x->c->watches; l = l->next)
        x->watch[i++] = list_of(l, struct st_watch, on_conn);
    return 0;
}

static int find_watch(struct load *x, uint32_t number, struct st_watch **w)
{
    int rc = x->watch ? 0 : number < x->c->nr_watches ? collect_watches(x) : -EINVAL;

    if (!rc && number >= x->nr_watches)
        rc = -EINVAL;
    if (rc)
        return rc;
    *w = x->watch[number];
    return 0;
}

static int load_message(struct load *x)
{
    uint32_t kind, sent, len;
    struct xsd_sockmsg hdr;
    struct st_watch *w = NULL;
    struct st_msg *m;
    int rc;

    if (!u32(x, &kind) || !u32(x, &sent))
        return -EINVAL;
    len = (uint32_t)(x->end - x->p);
    if (len < sizeof(hdr) || len > sizeof(hdr) + 2 * XENSTORE_PAYLOAD_MAX || sent >= len)
        return -EINVAL;
    memcpy(&hdr, x->p, sizeof(hdr));
    if (hdr.len != len - sizeof(hdr) || (sent && !list_empty(&x->c->out)))
        return -EINVAL;
    if (kind >= STATE_EVENT_OF && (!hdr.len || x->p[len - 1])) /* strings */
        return -EINVAL;
    m = st_msg_new(x->c, len);
    if (!m)
        return -ENOMEM;
    memcpy(m->buf, bytes(x, len), len);
    rc = kind < STATE_EVENT_OF ? 0 : find_watch(x, kind - STATE_EVENT_OF, &w);
    if (rc)
        st_msg_free(x->c, m);
    else if (kind == STATE_REPLY)
        st_msg_queue(x->c, m);
    else
        st_event_queue(x->c, m, w);
    if (rc)
        return rc;
    if (sent)
        x->c->sent = sent;
    return 0;
}

static int load_watch(struct load *x)
{
    uint32_t relative, overflow, len;
    struct st_path p;
    const char *token;
    size_t n, skip = 0;
    int rc;

    if (!u32(x, &relative) || !u32(x, &overflow) || !u32(x, &len) || path(x, len, &p))
        return -EINVAL;
    n = (size_t)(x->end - x->p);
    token = bytes(x, n);
    if (!n || n > XENSTORE_PAYLOAD_MAX || memchr(token, 0, n) != token + n - 1)
        return -EINVAL;
    if (!st_path_valid(p.text, p.len) && !(p.len && st_path_special(p.text) && strlen(p.text) == p.len))
        return -EINVAL;
    p.relative = relative != 0;
    if (p.relative) {
        skip = x->c->base.len;
        if (p.len < skip + 1 || memcmp(p.text, x->c->base.text, skip))
            return -EINVAL;
    }
    if (p.len - skip + 1 + n > XENSTORE_PAYLOAD_MAX) /* no event of it could be sent */
        return -EINVAL;
    rc = st_watch_restore(x->c, &p, token, overflow != 0);
    return rc == -EEXIST ? -EINVAL : rc;
}

/* Quotas are for requests: what was there when the stream was written is taken over, or guests could veto a live update. */
static int load_txn(struct load *x)
{
    uint32_t id, doomed, nodes, who;

    if (!u32(x, &id) || !u32(x, &doomed) || !u32(x, &nodes) || !id || st_txn_find(x->c, id))
        return -EINVAL;
    x->t = st_txn_new(x->c, id);
    if (!x->t)
        return -ENOMEM;
    x->t->doomed = doomed != 0;
    x->t->nodes = (int32_t)nodes;
    if (x->t->doomed && u32(x, &who)) /* older streams do not say it */
        x->t->doomed_by = (uint16_t)who;
    return 0;
}

static int load_access(struct load *x)
{
    struct st_node **root = &x->t->work;
    size_t held = x->s->all_bytes;
    uint32_t flags, present;
    struct image m;
    int rc;

    if (!u32(x, &flags) || !u32(x, &present) || flags >= 2 * ST_TOLD)
        return -EINVAL;
    if (present) {
        rc = image(x, &m);
        if (rc)
            return rc;
        rc = place(x, root, &m);
        st_perms_put(x->s, m.perms);
    } else {
        rc = path(x, (size_t)(x->end - x->p), &m.path);
        if (!rc && !st_path_valid(m.path.text, m.path.len))
            rc = -EINVAL;
        if (!rc && (flags & ST_WROTE) && m.path.len > 1 && st_tree_find(x->s, *root, m.path.text, m.path.len))
            rc = drop(x, root, &m.path);
    }
    st_txn_worked(x->t, held);
    return rc ? rc : st_txn_note(x->t, m.path.text, m.path.len, flags);
}

static int record(struct load *x, uint32_t type)
{
    if (type != STATE_GLOBAL && !x->global)
        return -EINVAL;
    switch (type) {
    case STATE_END:
        x->ended = true;
        return 0;
    case STATE_GLOBAL:
        return load_global(x);
    case STATE_DOMAIN:
        return load_domain(x);
    case STATE_NODES:
        if (!list_empty(&x->s->conns)) /* whose transactions share the tree */
            return -EINVAL;
        return state_nodes_take(x->s, x->nodes, x->p, (size_t)(x->end - x->p));
    case STATE_CONN:
        return load_conn(x);
    case STATE_MESSAGE:
        return x->c ? load_message(x) : 0;
    case STATE_WATCH:
        return x->c ? load_watch(x) : 0;
    case STATE_TXN:
        return x->c ? load_txn(x) : 0;
    case STATE_ACCESS:
        if (x->c && (!x->t || x->t->doomed))
            return -EINVAL;
        return x->c ? load_access(x) : 0;
    default:
        return -EINVAL;
    }
}

int st_state_load(struct st_store *s, const void *data, size_t len, const struct st_loader *in)
{
    struct load x = {.s = s, .in = in, .nodes = state_nodes_new(s)};
    const char *p = data, *end = p + len;
    uint32_t head[2];
    int rc = 0;

    if (!x.nodes)
        return -ENOMEM;
    if (len < 8 || memcmp(p, STATE_MAGIC, 8))
        rc = -EINVAL;
    p += 8;
    while (!rc && !x.ended) {
        size_t left = (size_t)(end - p);

        if (left >= 8)
            memcpy(head, p, 8);
        if (left < 8 || left - 8 < ((head[1] + (size_t)7) & ~(size_t)7)) {
            rc = -EINVAL;
            break;
        }
        x.p = p + 8;
        x.end = x.p + head[1];
        rc = record(&x, head[0]);
        p += 8 + ((head[1] + (size_t)7) & ~(size_t)7);
    }
    forget_watches(&x);
    release_domains(&x);
    state_nodes_free(s, x.nodes);
    return rc;
}

int st_conn_amend_reply(struct st_conn *c, const char *text)
{
    struct st_list *l;
    struct xsd_sockmsg hdr;
    struct st_msg *m;

    st_tap(c->store, ST_TAP_AMEND, c, 0, text, strlen(text) + 1);
    for (l = c->out.prev; l != &c->out; l = l->prev) {
        m = list_of(l, struct st_msg, link);
        if (m->event || (m->link.prev == &c->out && c->sent))
            continue;
        memcpy(&hdr, m->buf, sizeof(hdr));
        hdr.len = (uint32_t)strlen(text) + 1;
        if (st_msg_resize(c, m, (uint32_t)sizeof(hdr) + hdr.len))
            return -ENOMEM;
        memcpy(m->buf, &hdr, sizeof(hdr));
        memcpy(m->buf + sizeof(hdr), text, hdr.len);
        return 0;
    }
    return -ENOENT;
}
