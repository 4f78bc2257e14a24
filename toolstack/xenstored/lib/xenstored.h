/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * libxenstored: the store as a library. It makes no system call, knows no clock and no file, and needs
 * nothing but the allocator that its creator hands it; it can run in a domain of its own.
 *
 * The creator feeds bytes of the wire protocol (xen/io/xs_wire.h) into connections and takes bytes out of
 * them; what concerns other domains (mapping a ring, asking whether a domain lives) comes in through
 * struct st_hooks. The library is single threaded: one store, one thread at a time.
 */
#ifndef XENSTORED_XENSTORED_H
#define XENSTORED_XENSTORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ST_WORK_OF_REQUEST 16      /* events or nodes that count as one more request */
#define ST_DOMID_NONE      0x7ff4u /* DOMID_INVALID of xen/xen.h */

struct st_store;
struct st_conn;

/* The allocator. Both functions get @ctx. alloc may return NULL at any time: the store stays consistent. */
struct st_allocator {
    void *(*alloc)(void *ctx, size_t size);
    void (*free)(void *ctx, void *p, size_t size);
    void *ctx;
};

/* The calls that change a store, for a journal that can play them again. */
enum st_tap {
    ST_TAP_FEED,          /* st_conn_feed: arg the budget, data the bytes offered */
    ST_TAP_LOOK,          /* the same, of requests that change nothing once all that they give is delivered */
    ST_TAP_DELIVERED,     /* st_conn_delivered: arg the bytes */
    ST_TAP_RESET,         /* st_conn_reset */
    ST_TAP_CLOSE,         /* st_conn_close */
    ST_TAP_GONE,          /* st_domain_gone: arg the domain */
    ST_TAP_RELEASE_EVENT, /* st_fire_release */
    ST_TAP_AMEND,         /* st_conn_amend_reply: data the text with its NUL */
    ST_TAP_RETRY,         /* st_conn_has_output, when it queues events for which there was no memory */
};

/*
 * What the daemon does for the store. Any hook may be NULL: the request then answers ENOSYS (introduce),
 * or the default written beside it. Functions return 0 or a negative errno of those in xsd_errors.
 */
struct st_hooks {
    /*
     * INTRODUCE: map the ring of @domid and bind @port, and open the connection with st_conn_open_domain().
     * Called again for a domain that is introduced already, with its present connection.
     */
    int (*introduce)(void *ctx, unsigned int domid, uint64_t gfn, uint32_t port);
    /* RELEASE and death: unmap, unbind; the store has closed the connection itself. Default: nothing. */
    void (*release)(void *ctx, unsigned int domid);
    /* RESUME: arm the shutdown event again. Default: nothing. */
    int (*resume)(void *ctx, unsigned int domid);
    /* Does the domain exist now? Default: yes. Entries for domains that do not exist give nobody access. */
    bool (*domain_exists)(void *ctx, unsigned int domid);
    /*
     * CONTROL commands that the library does not know. @args: @nargs strings, args[0] the command. Writes at
     * most *@len bytes of reply into @reply and sets *@len. Return -ENOSYS for an unknown command.
     */
    int (*control)(void *ctx, struct st_conn *c, unsigned int nargs, const char *const *args, char *reply,
                   size_t *len);
    /*
     * The answer to a CONTROL command that the library knows, before it is given: a journal that plays calls again puts what was said
     * then there, for it may tell of more than the store (memory, work done). *@len bytes of XENSTORE_PAYLOAD_MAX. Default: nothing.
     */
    void (*answer)(void *ctx, char *reply, size_t *len);
    /* One line of the request trace (NUL-terminated). Called only while tracing is on. Default: nothing. */
    void (*trace)(void *ctx, const char *line);
    /* Told of each call that changes the store before it does, but not of those made within another. Default: nothing. */
    void (*tap)(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len);
    void *ctx;
};

/* Limits for unprivileged domains; the initial values are Debian's. Domain 0 and sockets have none. */
struct st_quota {
    uint32_t nodes;             /* nodes owned by a domain */
    uint32_t node_size;         /* bytes: value, names of children, permissions of one node */
    uint32_t permissions;       /* entries of one permission list */
    uint32_t watches;           /* watches of a connection */
    uint32_t transactions;      /* open transactions of a connection */
    uint32_t transaction_nodes; /* nodes that one transaction reads or writes */
    uint32_t outstanding;       /* replies not yet fetched before no further request is taken */
    uint32_t memory;            /* bytes for nodes, watches, transactions and undelivered messages */
    uint32_t memory_soft;       /* bytes above which a warning is due */
    uint32_t path_max;          /* bytes of an absolute path */
    uint32_t snapshot_nodes;    /* superseded nodes kept for open transactions, in the whole store */
    uint32_t credit_burst;      /* invalidated transactions before a domain's writes are delayed */
    uint32_t credit_period_ms;  /* time to regain one of them */
    uint32_t snapshot_bytes;    /* bytes of superseded nodes, in the whole store */
};

/* What stops a connection from taking the next request. */
enum st_stall {
    ST_READY,        /* nothing: it wants more input */
    ST_STALL_BUDGET, /* the requests allowed in this turn are used up */
    ST_STALL_OUTPUT, /* too many replies are waiting to be fetched */
    ST_STALL_CREDIT, /* the domain invalidated too many transactions; see st_conn_resume_time() */
    ST_STALL_MEMORY, /* the allocator failed; try again later */
    ST_DEAD,         /* protocol violation: the connection must be closed */
};

struct st_iovec {
    const void *base;
    size_t len;
};

/*
 * Makes an empty store with "/", "/tool/xenstored" and "/local/domain/0". @seed keys the hash of names, so
 * that a guest cannot choose names which collide; give it from a good source. NULL if memory is short.
 */
struct st_store *st_store_new(const struct st_allocator *a, const struct st_hooks *hooks, uint64_t seed);
/* Closes every connection and frees everything. */
void st_store_free(struct st_store *s);
/* Tells the time (milliseconds, monotonic, any origin). Only the credit of invalidating writers uses it. */
void st_store_set_time(struct st_store *s, uint64_t now_ms);
uint64_t st_store_time(const struct st_store *s); /* what it was told last */
struct st_quota *st_store_quota(struct st_store *s);

/* A client on a Unix socket: acts for domain 0, relative paths are below /local/domain/0. NULL: no memory. */
struct st_conn *st_conn_open_socket(struct st_store *s, bool readonly);
/*
 * The ring of domain @domid (0..0x7fef). Domain 0 is privileged. One connection per domain: NULL when the
 * domain has one already, or memory is short. Also marks the domain as introduced.
 */
struct st_conn *st_conn_open_domain(struct st_store *s, unsigned int domid);
void st_conn_close(struct st_conn *c);
/* Ring reconnection: drops half-received requests, replies, watches and transactions. */
void st_conn_reset(struct st_conn *c);
void *st_conn_user(const struct st_conn *c);
void st_conn_set_user(struct st_conn *c, void *user);

/*
 * Takes at most @len bytes of @data, executes at most *@budget requests (decremented for each, by more where it
 * makes many events or nodes; nothing after a privileged CONTROL, whose answer may be amended) and says in *@stall
 * why it stopped. Returns the bytes taken. Call with len 0 to retry a stalled request.
 */
size_t st_conn_feed(struct st_conn *c, const void *data, size_t len, unsigned int *budget,
                    enum st_stall *stall);
/* Neither a part of a request nor any output waits. */
bool st_conn_idle(const struct st_conn *c);
/* Bytes that complete the header or the payload being received; 0 while a complete request is stalled. */
size_t st_conn_wants(const struct st_conn *c);
/* The output waiting, oldest first, in at most @max pieces. Valid until the next call on the store. */
unsigned int st_conn_output(struct st_conn *c, struct st_iovec *iov, unsigned int max);
/* Says that @n bytes of it were delivered. */
void st_conn_delivered(struct st_conn *c, size_t n);
/* True if replies or events wait. Also queues events for which there was no memory. */
bool st_conn_has_output(struct st_conn *c);
/* True if events still wait for memory: ask again later. */
bool st_conn_starved(const struct st_conn *c);
/* When (st_store_set_time's clock) a connection stalled with ST_STALL_CREDIT may go on. */
uint64_t st_conn_resume_time(const struct st_conn *c);
/* The connections that got output since the last call, one at a time; NULL when there is none. */
struct st_conn *st_store_next_ready(struct st_store *s);

/* Fires @introduceDomain or @releaseDomain. */
void st_fire_introduce(struct st_store *s);
void st_fire_release(struct st_store *s);
/*
 * The domain is gone: closes its connection, removes the nodes it owns and its permission entries, so that
 * a later domain of that number inherits nothing. The cost grows with the store only if it owned nodes.
 */
void st_domain_gone(struct st_store *s, unsigned int domid);
bool st_domain_introduced(const struct st_store *s, unsigned int domid);
/* Calls @fn for each domain the store knows (introduced, or owning something). @fn may call st_domain_gone.
 */
void st_domain_foreach(struct st_store *s, void (*fn)(void *ctx, unsigned int domid), void *ctx);
/* SET_TARGET. 0, -ENOENT (unknown domain), -ENOMEM. */
int st_domain_set_target(struct st_store *s, unsigned int domid, unsigned int target);

struct st_stats {
    uint64_t requests;
    uint32_t live_nodes, all_nodes; /* in the current tree; with those kept for transactions */
    uint32_t watches, transactions, conns, doomed;
    size_t bytes; /* everything allocated */
};
void st_store_stats(const struct st_store *s, struct st_stats *st);
/* Recounts everything that is counted and checks each invariant. Returns the number of violations. */
unsigned int st_store_check(struct st_store *s);

#endif
