/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's structures.
 *
 *   store.root -> node "/" --children--> treap of nodes, each with --children--> ...
 *
 * A node is reached from one slot of its parent's treap, but several trees may share it: it is counted, and
 * whoever wants to change one with ref > 1 copies it first (node_own). So a snapshot is one reference to a
 * root, taken in constant time; the price, copies along the path, is paid by the first write after it.
 * Invariant N1: a node with ref == 1 whose whole path from store.root has ref == 1 belongs to store.root
 * alone.
 */
#ifndef XENSTORED_INTERNAL_H
#define XENSTORED_INTERNAL_H

#include <errno.h>
#include <string.h>
#include "toolstack/xenstored/lib/xenstored.h"
#include <xen/io/xs_wire.h>

#define ST_DOMID_FIRST_RESERVED 0x7ff0u /* xen/xen.h */
#define ST_PATH_MAX             XENSTORE_ABS_PATH_MAX
#define ST_MAX_ARGS             16
/* Undelivered events of a privileged connection, in bytes; others have the quota `memory`. Some 25,000 of them: a transaction. */
#define ST_EVENT_BYTES (4u * 1024 * 1024)

/* Permission bits. */
#define ST_READ  1u
#define ST_WRITE 2u
/* The entry's domain was gone when it was set, or went since: it gives nobody access. */
#define ST_STALE 4u

struct st_perm {
    uint16_t domid;
    uint8_t bits;
};

/* A permission list; equal ones are one object (perms.c). The first entry: the owner, everybody else's bits.
 */
struct st_perms {
    uint32_t ref;
    uint32_t hash;
    struct st_perms *next;   /* in the table's chain */
    struct st_domain *owner; /* whom its nodes are charged to; counted reference */
    uint32_t count;
    struct st_perm entry[];
};

/* What only a node that has, or had, children needs: most have none. It belongs to one version of the node. */
struct st_dir {
    struct st_node *first; /* root of the children's treap */
    uint64_t gen;          /* last change of the set of children */
    uint32_t count;
    uint32_t bytes;  /* of their names, each with its NUL */
    uint16_t writer; /* who made the change numbered gen */
};

/* Memory per node is mostly this: the order of the members leaves no holes, and data begins right behind them. */
struct st_node {
    uint32_t ref;
    uint32_t hash;                /* of the name: the order in the treap */
    struct st_node *left, *right; /* siblings */
    struct st_dir *dir;           /* NULL: never had a child */
    struct st_perms *perms;
    union {
        uint64_t seq;              /* unique number of the creation: identity, and the order of listings */
        struct st_node *next_free; /* while being released */
    };
    uint64_t gen; /* last change of value or permissions */
    uint16_t name_len, value_len;
    uint16_t writer; /* who made the change numbered gen */
    char data[];     /* name, value; no NULs */
};

struct st_list {
    struct st_list *next, *prev;
};
#define list_of(p, type, member) ((type *)((char *)(p)-offsetof(type, member)))

static inline void list_init(struct st_list *l)
{
    l->next = l->prev = l;
}
static inline bool list_empty(const struct st_list *l)
{
    return l->next == l;
}
static inline void list_add_tail(struct st_list *head, struct st_list *n)
{
    n->prev = head->prev;
    n->next = head;
    head->prev->next = n;
    head->prev = n;
}
static inline void list_del(struct st_list *n)
{
    n->prev->next = n->next;
    n->next->prev = n->prev;
    list_init(n);
}

struct st_domain {
    uint32_t ref;
    uint16_t domid, target;
    bool introduced;
    bool dead;            /* out of the table: kept by permission lists of old snapshots */
    int32_t nodes;        /* owned in the current tree */
    uint32_t node_bytes;  /* bytes of those */
    struct st_conn *conn; /* its ring */
    uint32_t credit;      /* invalidated transactions it may still cause */
    uint64_t credit_time; /* when the credit was last computed */
};

/* One message to the client. The buffer is @small, or a separate allocation. */
struct st_msg {
    struct st_list link;    /* conn.out */
    struct st_list pending; /* watch.pending, if an event */
    struct st_watch *watch; /* whose event it is, while both live */
    struct st_msg *chain;   /* in conn.index */
    bool event;
    char *buf;
    uint32_t len;      /* header and payload */
    uint32_t capacity; /* of buf */
    uint32_t hash;     /* of an event in conn.index: of its path */
    char small[sizeof(struct xsd_sockmsg) + 24];
};

struct st_watch_path { /* all watches on one path */
    struct st_watch_path *next;
    struct st_list watches;
    uint32_t hash, len;
    char path[];
};

struct st_watch {
    struct st_list on_path, on_conn, pending;
    struct st_watch_path *path;
    struct st_conn *conn;
    bool relative;
    bool overflow;   /* an event could not be queued: one with the watch's own path is due */
    uint32_t number; /* among the connection's, while a state stream is written */
    uint16_t token_len;
    char token[];
};

/* What a transaction depends on at a path, and that it wrote there. */
#define ST_DEP_EXIST   1u  /* the same incarnation is there, or there is still none */
#define ST_DEP_DATA    2u  /* value and permissions unchanged */
#define ST_DEP_LIST    4u  /* same children */
#define ST_DEP_PERMS   8u  /* same permissions */
#define ST_DEP_SUBTREE 16u /* nothing below changed */
#define ST_TOLD        64u /* the request's own path: its watches fire at the commit, those of new parents do not */
#define ST_WROTE       32u /* the path's node differs, or may, from the base */

struct st_access {
    struct st_access *next;  /* hash chain */
    struct st_access *after; /* all accesses, sorted by path at commit */
    uint32_t hash;
    uint16_t len, flags;
    char path[];
};

struct st_path {
    char text[ST_PATH_MAX + 1];
    size_t len;
    bool relative;
};

struct st_txn {
    struct st_list on_conn, on_store;
    struct st_conn *conn;
    uint32_t id;
    bool doomed;                 /* lost its snapshot: its end answers EAGAIN */
    uint16_t doomed_by;          /* who pays for that; 0: nobody */
    struct st_node *base, *work; /* the tree at its start; the tree as it sees it */
    struct st_access *first;
    struct st_access **bucket;
    uint32_t nr_buckets, nr_access;
    int32_t nodes;  /* how many more the connection's domain owns in work than in base */
    uint32_t bytes; /* charged to the connection: of its own, and of the nodes that only its work has */
};

/* A name in a path. */
struct st_component {
    uint32_t len;
    uint32_t hash; /* st_hash() of it */
};

/* Where a client's relative paths begin: "/local/domain/N/". */
struct st_base {
    char text[24]; /* without a NUL */
    uint8_t len;
    struct st_component name[3];
};

struct st_conn {
    struct st_store *store;
    struct st_list on_store, on_ready;
    struct st_list out, watches, txns;
    struct st_domain *domain; /* NULL: a socket */
    void *user;
    struct st_base base;
    uint16_t domid;
    bool privileged, readonly, dead, complete;
    uint32_t nr_watches, nr_txns, nr_replies, next_txn;
    uint32_t bytes;       /* watches, transactions, messages */
    uint32_t sent;        /* bytes of the first message already delivered */
    uint32_t overflows;   /* watches with overflow set */
    uint32_t event_bytes; /* of undelivered events */
    uint32_t index_size;
    struct st_msg **index; /* those events by path, when they are many (msg.c) */
    uint32_t in_have;
    struct {
        struct xsd_sockmsg hdr;
        char payload[XENSTORE_PAYLOAD_MAX + 1];
    } in;
};

#define ST_LISTINGS 16u

/* The children's names of a node as DIRECTORY says them, as of the change of the children numbered @gen. */
struct st_listing {
    uint64_t seq, gen;
    uint32_t len;
    char *text; /* NULL: none */
};

struct st_store {
    struct st_allocator a;
    struct st_hooks hooks;
    struct st_quota quota;
    uint64_t seed, now, seq, gen;
    struct st_node *root, *intro, *release; /* the tree; the two special nodes */
    struct st_node *retired;                /* list being released */
    struct st_list conns, ready, txns;
    struct st_domain **domain_page[256];
    struct st_perms **perms_table;
    uint32_t perms_size, perms_count;
    struct st_listing listing[ST_LISTINGS];
    struct st_watch_path **watch_table;
    uint32_t watch_size, watch_count;
    uint32_t nr_watches, nr_txns, nr_conns, doomed;
    uint32_t live_nodes, all_nodes; /* of the current tree; with those that transactions hold */
    size_t live_bytes, all_bytes;   /* of those, st_node_size() */
    uint64_t shared;                /* references to nodes, beyond the first of each */
    uint64_t requests;
    uint32_t events; /* that were to be queued, ever */
    size_t bytes;
    bool tracing;
    unsigned int depth; /* of calls that the tap is told of */
};

static inline void st_tap(struct st_store *s, enum st_tap what, struct st_conn *c, uint32_t arg,
                          const void *data, size_t len)
{
    if (s->hooks.tap && !s->depth)
        s->hooks.tap(s->hooks.ctx, what, c, arg, data, len);
}

/* alloc.c */
void *st_alloc(struct st_store *s, size_t size); /* not zeroed */
void *st_zalloc(struct st_store *s, size_t size);
void st_dealloc(struct st_store *s, void *p, size_t size);
uint32_t st_hash(const struct st_store *s, const void *p, size_t len);

/*
 * Multiply and fold, 8 bytes at a time, from a secret start: names cannot be chosen to collide by someone who does not
 * know the seed and never sees a hash.
 */
static inline uint64_t st_fold(uint64_t a, uint64_t b)
{
    unsigned __int128 m = (unsigned __int128)a * b;

    return (uint64_t)m ^ (uint64_t)(m >> 64);
}

/* st_hash() of at most 8 bytes, which are the low ones of @w; the others are zero. @start: hash_start(). */
static inline uint32_t hash_word(const struct st_store *s, uint64_t start, uint64_t w)
{
    uint64_t h = st_fold(start ^ w, s->seed | 1);

    return (uint32_t)(h ^ (h >> 32));
}

static inline uint64_t hash_start(const struct st_store *s, size_t len)
{
    return s->seed ^ (len * 0x9e3779b97f4a7c15ull);
}

/* path.c: canonical paths are absolute, without a trailing slash, NUL-terminated */
int st_path_make(const struct st_conn *c, const char *in, size_t n, char out[ST_PATH_MAX + 1], size_t *len,
                 bool *relative);
bool st_path_valid(const char *path, size_t len);
bool st_path_special(const char *path);
/* NULL if it is absolute. */
static inline const struct st_base *path_base(const struct st_conn *c, const struct st_path *p)
{
    return p->relative ? &c->base : NULL;
}
bool st_name_valid(const char *name, size_t len); /* one component */
/* Length of the parent's path of a canonical path ("/" is its own parent). */
size_t st_path_parent(const char *path, size_t len);
bool st_path_below(const char *path, size_t len, const char *top, size_t top_len);
/* Bytes that two paths have in common at their beginning, of @n. */
size_t st_path_shared(const char *a, const char *b, size_t n);
size_t st_path_base(unsigned int domid, char out[40]); /* "/local/domain/N" */

/* domain.c */
struct st_domain *st_domain_find(const struct st_store *s, unsigned int domid);
struct st_domain *st_domain_get(struct st_store *s,
                                unsigned int domid); /* made if needed; takes a reference */
void st_domain_put(struct st_store *s, struct st_domain *d);
void st_domain_blame(struct st_store *s, unsigned int domid);
bool st_domain_has_credit(struct st_store *s, struct st_domain *d);
uint64_t st_domain_credit_time(const struct st_store *s, const struct st_domain *d);
unsigned int st_domain_bytes(const struct st_conn *c);

/* perms.c */
struct st_perms *st_perms_get(struct st_store *s, const struct st_perm *e, unsigned int count);
struct st_perms *st_perms_hold(struct st_perms *p);
void st_perms_put(struct st_store *s, struct st_perms *p);
void st_perms_forget(struct st_store *s, struct st_domain *d); /* the caller holds @d */
bool st_perms_equal(const struct st_perms *a, const struct st_perms *b);
unsigned int st_perms_bits(const struct st_conn *c, const struct st_perms *p);
bool st_perms_owner(const struct st_conn *c, const struct st_perms *p);
int st_perm_parse(const char *str, struct st_perm *out);
unsigned int st_perm_format(const struct st_perm *e, char out[25]); /* length with the NUL */

/* node.c */
struct st_node *st_node_new(struct st_store *s, const char *name, size_t name_len, const void *value,
                            size_t len, struct st_perms *perms);
struct st_node *st_node_hold(struct st_store *s, struct st_node *n);
void st_node_put(struct st_store *s, struct st_node *n);
struct st_node *st_node_own(struct st_store *s, struct st_node **slot); /* NULL: no memory */
struct st_node *st_node_set_value(struct st_store *s, struct st_node **slot, const void *value, size_t len);
/* What is charged for it, whether or not it has children now. */
size_t st_node_size(const struct st_node *n);
/* Room for the node's children; @n must be its slot's own. NULL without memory. */
struct st_dir *st_node_dir(struct st_store *s, struct st_node *n);
static inline const char *node_value(const struct st_node *n)
{
    return n->data + n->name_len;
}
static inline struct st_node *node_children(const struct st_node *n)
{
    return n->dir ? n->dir->first : NULL;
}
static inline uint32_t node_nr_children(const struct st_node *n)
{
    return n->dir ? n->dir->count : 0;
}
static inline uint32_t node_children_bytes(const struct st_node *n)
{
    return n->dir ? n->dir->bytes : 0;
}
static inline uint64_t node_cgen(const struct st_node *n)
{
    return n->dir ? n->dir->gen : 0;
}
static inline unsigned int node_cwriter(const struct st_node *n)
{
    return n->dir ? n->dir->writer : n->writer;
}
/* Names are short: this is less than a call. */
static inline bool name_same(const char *a, const char *b, size_t len)
{
    uint32_t x, y, v, w;

    if (len > 8)
        return !memcmp(a, b, len);
    if (len >= 4) {
        memcpy(&x, a, 4);
        memcpy(&y, b, 4);
        memcpy(&v, a + len - 4, 4);
        memcpy(&w, b + len - 4, 4);
        return !((x ^ y) | (v ^ w));
    }
    return !len || !((a[0] ^ b[0]) | (a[len / 2] ^ b[len / 2]) | (a[len - 1] ^ b[len - 1]));
}

/* Any length, but most names and values are short. Moves overlap where @len is not their size; nothing else is touched. */
static inline void copy_short(char *to, const char *from, size_t len)
{
    if (len < 4) {
        if (!len)
            return;
        to[0] = from[0];
        to[len / 2] = from[len / 2];
        to[len - 1] = from[len - 1];
    } else if (len < 8) {
        memcpy(to, from, 4);
        memcpy(to + len - 4, from + len - 4, 4);
    } else if (len <= 16) {
        memcpy(to, from, 8);
        memcpy(to + len - 8, from + len - 8, 8);
    } else {
        memcpy(to, from, len);
    }
}

/* The order of siblings. */
static inline int node_compare(uint32_t hash, const char *name, size_t len, const struct st_node *n)
{
    if (hash != n->hash)
        return hash < n->hash ? -1 : 1;
    if (len != n->name_len)
        return len < n->name_len ? -1 : 1;
    return name_same(name, n->data, len) ? 0 : memcmp(name, n->data, len);
}

/* treap.c: the children of one node */
struct st_node **st_child_own(struct st_store *s, struct st_node *parent, uint32_t hash, const char *name,
                              size_t len);
int st_child_prepare_add(struct st_store *s, struct st_node *parent, const struct st_node *child);
bool st_child_exists(const struct st_node *parent, const struct st_node *child);
void st_child_add(struct st_store *s, struct st_node *parent, struct st_node *child);
int st_child_prepare_remove(struct st_store *s, struct st_node *parent, const char *name, size_t len);
struct st_node *st_child_remove(struct st_store *s, struct st_node *parent, const char *name, size_t len);
/* Calls @fn on the subtree's nodes, parents first; stops at the first non-zero and returns it. */
typedef int (*st_node_fn)(void *ctx, struct st_node *n, const char *path, size_t len);
struct st_walk {
    char path[ST_PATH_MAX + 1];
};
int st_node_walk(struct st_node *n, struct st_walk *w, size_t len, st_node_fn fn, void *ctx);
bool st_node_same(const struct st_node *a, const struct st_node *b);

/* tree.c: by path; @root is a slot, so that a shared root can be replaced by its copy */
struct st_where {
    struct st_node **slot; /* where the node hangs */
    struct st_node *node;  /* the node itself or the nearest ancestor that exists */
    size_t found;          /* length of that one's path */
    bool own;              /* nothing on the way is shared: *slot may be changed as it is */
};
/* @base: what the path begins with, NULL if that is not known. Only saves work. */
void st_tree_look(const struct st_store *s, struct st_node **root, const char *path, size_t len,
                  const struct st_base *base, struct st_where *w);
struct st_node *st_tree_find(const struct st_store *s, struct st_node *root, const char *path, size_t len);
/* The node or the nearest ancestor that exists; *found is the length of its path. */
struct st_node *st_tree_nearest(const struct st_store *s, struct st_node *root, const char *path, size_t len,
                                const struct st_base *base, size_t *found);
struct st_node **st_tree_own(struct st_store *s, struct st_node **root, const char *path, size_t len);
/*
 * Finds many paths in one tree that does not change meanwhile: what a path shares with the one before is not walked again, so that
 * paths in st_txn_sort()'s order cost what they have of their own. Paths stay where they are for as long.
 */
struct st_finder {
    const char *path; /* the last one */
    size_t len;
    unsigned int depth;
    struct st_step {
        struct st_node *node;
        size_t len; /* of its path */
    } step[ST_PATH_MAX / 2 + 1];
};
void st_finder_init(struct st_finder *f, struct st_node *root);
struct st_node *st_finder_find(const struct st_store *s, struct st_finder *f, const char *path, size_t len);
int st_tree_create(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                   size_t vlen, struct st_perms *perms, unsigned int writer);
int st_tree_set(struct st_store *s, struct st_node **root, const char *path, size_t len, const void *value,
                size_t vlen, unsigned int writer);
/* The value of the node in @slot, which is its tree's own; NULL, as from st_tree_own: -ENOMEM. */
int st_tree_set_at(struct st_store *s, struct st_node **slot, const void *value, size_t vlen,
                   unsigned int writer);
int st_tree_set_perms(struct st_store *s, struct st_node **root, const char *path, size_t len,
                      struct st_perms *perms, unsigned int writer);
void st_tree_set_perms_at(struct st_store *s, struct st_node *n, struct st_perms *perms, unsigned int writer);
int st_tree_remove(struct st_store *s, struct st_node **root, const char *path, size_t len,
                   unsigned int writer, struct st_node **removed);
void st_account(struct st_store *s, const struct st_perms *p, int nodes, long bytes);
void st_account_subtree(struct st_store *s, struct st_node *n, int sign);

/* listing.c */
void st_listings_forget(struct st_store *s);

/* watch.c */
int st_watch_add(struct st_conn *c, const char *path, const char *token);
int st_watch_remove(struct st_conn *c, const char *path, const char *token);
void st_watch_reset(struct st_conn *c);
bool st_watch_may_retry(const struct st_conn *c);
void st_watch_retry(struct st_conn *c);
/* Adds a watch without its first event, whatever the quota. 0, -EEXIST, -ENOMEM. */
int st_watch_restore(struct st_conn *c, const struct st_path *p, const char *token, bool overflow);
/* Fires the watches at and above @path, for those who may read @a or @b (NULL: nobody more) or the parent. */
void st_fire(struct st_store *s, const char *path, size_t len, const struct st_perms *a,
             const struct st_perms *b);
/*
 * A subtree that was removed from @path: once for those at or above it, and each below with its own path. Told are
 * those who could read the node or its parent (@parent: of the topmost).
 */
void st_fire_removed(struct st_store *s, struct st_node *n, const struct st_perms *parent, const char *path,
                     size_t len);

/* msg.c: output */
struct st_msg *st_msg_new(struct st_conn *c, uint32_t len);
int st_msg_resize(struct st_conn *c, struct st_msg *m, uint32_t len);
void st_msg_queue(struct st_conn *c, struct st_msg *m); /* a reply */
/* An event. @w: whose; NULL: nobody knows any more. */
void st_event_queue(struct st_conn *c, struct st_msg *m, struct st_watch *w);
void st_msg_free(struct st_conn *c, struct st_msg *m);
void st_conn_mark_ready(struct st_conn *c);
/* Is an event of @w with @path (as the client sees it) still wholly undelivered? */
bool st_event_pending(const struct st_watch *w, const char *path, size_t len);

/* txn.c */
struct st_txn *st_txn_find(struct st_conn *c, uint32_t id);
struct st_txn *st_txn_new(struct st_conn *c, uint32_t id);
int st_txn_start(struct st_conn *c, uint32_t *id);
int st_txn_end(struct st_txn *t, bool commit);
void st_txn_abort(struct st_txn *t);
int st_txn_note(struct st_txn *t, const char *path, size_t len, unsigned int flags);
int st_txn_touch(struct st_txn *t, const char *path, size_t len, unsigned int flags);
/* Something was done in its tree (@t NULL: in the store's) since all_bytes was @before. */
void st_txn_worked(struct st_txn *t, size_t before);
void st_txn_bound(struct st_store *s);
void st_txn_sort(struct st_txn *t); /* so that a node's path stands before those below it */
/* Would its end fail for a conflict now, and *@who pay for that? 0: nobody. Nothing is charged; its paths are sorted. */
bool st_txn_conflicts(struct st_txn *t, unsigned int *who);

/* ops.c: what the requests do, in a transaction (@t) or on the store (NULL) */
int st_op_find(struct st_conn *c, struct st_txn *t, const struct st_path *p, unsigned int need,
               unsigned int dep, struct st_node **n);
int st_op_write(struct st_conn *c, struct st_txn *t, const struct st_path *p, const void *value, size_t len);
int st_op_mkdir(struct st_conn *c, struct st_txn *t, const struct st_path *p);
int st_op_remove(struct st_conn *c, struct st_txn *t, const struct st_path *p);
int st_op_set_perms(struct st_conn *c, struct st_txn *t, const struct st_path *p, struct st_perm *e,
                    unsigned int n);

/* dispatch.c: executes conn.in; false if there is no memory even to answer */
bool st_dispatch(struct st_conn *c);
/* Does this request change nothing, whatever it answers? A transaction remembers what it looked at. */
static inline bool st_only_looks(const struct xsd_sockmsg *hdr)
{
    const uint32_t types = 1u << XS_DIRECTORY | 1u << XS_READ | 1u << XS_GET_PERMS |
                           1u << XS_GET_DOMAIN_PATH | 1u << XS_IS_DOMAIN_INTRODUCED | 1u << XS_DIRECTORY_PART;

    return hdr->type < 32 && (types & 1u << hdr->type) && !hdr->tx_id;
}

/* control.c */
int st_control(struct st_conn *c, unsigned int nargs, const char *const *args, char *reply, size_t *len);

#endif
