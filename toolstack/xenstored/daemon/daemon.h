/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon: transports (sockets, domain rings) around one store, in one thread, one epoll loop.
 *
 * A client that has work left after its turn stays on a list and gets another turn before the loop sleeps; in a
 * turn at most TURN_REQUESTS requests of it are executed. So one client cannot keep the others waiting.
 */
#ifndef XENSTORED_DAEMON_H
#define XENSTORED_DAEMON_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "toolstack/common/clock.h"
#include "toolstack/common/hypervisor.h"
#include "toolstack/common/log.h"
#include "toolstack/common/loop.h"
#include "toolstack/xenstored/daemon/ring.h"
#include "toolstack/xenstored/lib/xenstored.h"

#define TURN_REQUESTS 16u

struct client;

struct client_ops {
    /*
     * Takes input, at most the budget's requests, and notes in @took whether it did; says whether it must be asked again though nothing
     * arrives. What was fed stays where it is until output().
     */
    enum st_stall (*input)(struct client *cl, unsigned int *budget);
    /* Notes for a live update, at most ST_DESCRIPTION_MAX bytes. */
    size_t (*describe)(struct client *cl, char *out);
    /* Its descriptor is to be inherited by the next program, or no longer. May be NULL. */
    void (*inherit)(struct client *cl, bool inherit);
    /* Sends what waits, then journal_settle(). False: the client is dead and is to be closed. */
    bool (*output)(struct client *cl);
    void (*close)(struct client *cl);
};

struct client {
    const struct client_ops *ops;
    struct st_conn *conn, *moved; /* moved: its connection in the store that is being made (renew.c) */
    struct client *next;          /* all clients */
    struct client *run_next;      /* those that want a turn */
    bool queued, dead;
    bool took;       /* input that output() has not seen */
    uint32_t id;     /* in the journal */
    size_t position; /* where that has its ring's, and nothing that moves it since; 0: nowhere (journal.c) */
    enum st_stall stall;
    uint64_t wake; /* ms; with ST_STALL_CREDIT and ST_STALL_MEMORY */
};

/* client.c */
extern struct st_store *store;
/* @id: 0 for a new one */
void client_add(struct client *cl, const struct client_ops *ops, struct st_conn *conn, uint32_t id);
void client_remove(struct client *cl); /* closes its connection; the caller frees it */
void client_run_later(struct client *cl);
void client_all(void (*fn)(struct client *cl));
struct client *client_find(uint32_t id); /* NULL: there is none */
bool clients_turn(uint64_t now);         /* true if someone wants another turn at once */
int clients_timeout(void);               /* ms until someone may go on; -1: never */

/* heap.c: for struct st_allocator, whose ctx is the heap */
struct heap *heap_new(void);       /* NULL: no memory */
void heap_drop(struct heap *heap); /* and what is in it, but for what is large; NULL: nothing */
void *heap_alloc(void *ctx, size_t size);
void heap_free(void *ctx, void *p, size_t size);
bool heap_is_sparse(const struct heap *heap); /* much more is holes than is used */

/* renew.c */
bool store_is_sparse(void); /* store_renew() would give memory back */
/* There was no memory in @of for something that will be there when calls are played again. */
void store_lacked(const struct heap *of);
int store_make(uint64_t seed); /* `store` is an empty one; -ENOMEM */
/* `store` becomes what the stream gives, just saved from it; clients stay. Negative errno: nothing changed. */
int store_renew(uint64_t seed, const void *stream, size_t len);

/* socket.c */
int sockets_set_dir(const char *dir); /* where the socket is */
int sockets_listen(void);             /* 0; -EADDRINUSE: a daemon lives there */
int sockets_adopt(int listener);
int socket_adopt(int fd, struct st_conn *c, uint32_t id, const void *left, size_t len);
int sockets_listener(void);
uint64_t sockets_deaf_until(void); /* ms, when it wants sockets_turn(); 0: never */
void sockets_turn(uint64_t now);
void sockets_unlink(void);

/* dom0_ring.c: its page and port, as its kernel tells them; NULL: it does not */
void *dom0_ring_map(uint32_t *port);
void dom0_ring_unmap(void *page);

/* domains.c */
int domains_start(void);         /* the devices and VIRQ_DOM_EXC; -ENODEV: there are none */
uint64_t domains_scan_due(void); /* ms, when domains_scan() is to be called without an event; 0: it is not */
/*
 * A domain may have looked at our indices before it moved its own, with no event following. A while later, when what it moved is visible,
 * its ring is looked at.
 */
#define LOOK_MS 10               /* more than any processor keeps a store to itself */
uint64_t domains_look_due(void); /* ms; 0: it is not. It may be late by as much again */
void domains_look(void);
void domains_bind_dom0(void); /* domain 0's ring, unless it is there already */
int domains_hook_introduce(void *ctx, unsigned int domid, uint64_t gfn, uint32_t port);
void domains_hook_release(void *ctx, unsigned int domid);
int domains_hook_resume(void *ctx, unsigned int domid);
bool domains_hook_exists(void *ctx, unsigned int domid);

/* control.c */
int control_hook(void *ctx, struct st_conn *c, unsigned int nargs, const char *const *args, char *reply,
                 size_t *len);

void control_answer(void *ctx, char *reply, size_t *len);

/* trace.c */
void trace_open(const char *path); /* if it cannot be written the one before stays */
const char *trace_path(void);      /* NULL: there is none */
void trace_line(void *ctx, const char *line);

/* handover.c: live update */
void handover_init(int argc, char **argv);
int handover_command(struct st_conn *c, unsigned int n, const char *const *v, char *reply, size_t *len);
void handover_client_gone(struct st_conn *c);
bool handover_is_due(void);  /* whose turn it was gets no reply yet: it may have to say that it failed */
void handover_if_due(void);  /* between turns; does not return when it succeeds */
int handover_verify(int fd); /* an exit status; EXIT_SUCCESS: this program can take over what is in it */
int handover_take(const char *how); /* the argument of --live-update */
/* What a client remembers of itself, beside the connection. The first byte is its kind. */
enum { DESCRIBES_SOCKET = 1, DESCRIBES_RING = 2 };
size_t socket_describe(struct client *cl, char *out);
int socket_restore(struct st_conn *c, uint32_t id, const char *p, size_t len);
size_t domain_describe(struct client *cl, char *out);
int domain_restore(struct st_conn *c, uint32_t id, const char *p, size_t len, bool bound);
void sockets_inherit(struct client *cl, bool inherit); /* across exec */
int domains_exc_port(void);
int domains_resume(int evtchn_fd, int exc_port);
size_t describe_client(void *ctx, struct st_conn *c, void *out); /* u32 id, then what the client says */
void domains_scan(void);                                         /* who went while nobody looked */
void domains_recovered(void); /* the same, and @releaseDomain fires in any case */

/* What a domain's client says of itself, after the kind. */
struct dom_notes {
    uint32_t domid, req_cons, rsp_prod;
    int32_t port;
    uint32_t remote_port;
    uint64_t gfn;
    uint8_t broken, shutdown, complained;
    uint8_t lost; /* it could not be mapped or bound again */
};

/* journal.c: what survives kill -9 */
void journal_room(size_t bytes);
void journal_pause(uint64_t ms); /* until it tries again what it gave up; doubled each time */
uint64_t journal_resumes(void);  /* ms, when journal_turn() is to do so; 0: never */
void journal_begin(const char *dir, uint64_t seed); /* the store may be made anew from what it begins with */
void journal_doubt(void); /* there was no memory for something: what is played will not be what happened */
void journal_end(void);   /* a clean exit: forget it */
void journal_opened(struct client *cl);
void journal_broken(struct client *cl, uint64_t position); /* its ring, that is */
void journal_afresh(struct client *cl);                    /* the ring begins anew: its connection is reset */
void journal_hook(int result, const void *data, size_t len);
void journal_tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len);
/*
 * A client's requests were executed, and are not written down yet, because they change nothing. Its output is to be delivered now,
 * before anything else happens; what was fed stays where it is until then. After that, and before a ring's indices are published,
 * journal_settle() is called: with these as @position, or NULL without a ring. If no output is left, as nearly always, nothing but the
 * position is written down.
 */
void journal_settle(struct client *cl, const uint64_t *position);
void journal_turn(void); /* between turns: starts a new one when it is full */

/* journal_play.c */
/* 1: recovered; 0: nothing there; negative errno: unusable, -EPROTO: another version's. */
int journal_recover(const char *dir);
uint64_t journal_seed(const char *dir); /* of the journal that is there; 0: none */
bool journal_replaying(void);
void journal_released(unsigned int domid);
/* While replaying: the result that the hook gave then. False: the journal ends here, the hook is to be asked. */
bool journal_replay_hook(int *result, void *data, size_t *len);

#endif
