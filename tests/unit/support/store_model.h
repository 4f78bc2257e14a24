/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The model test of the store, in parts: the naive reference (store_model_tree.c, store_model_txn.c), the clients with the replies and
 * events that they expect (store_model_client.c), the random requests (store_model_requests.c), a second store that follows the first one's
 * calls (store_model_twin.c); the run is tests/unit/xenstored_model.c.
 */
#ifndef STORE_MODEL_H
#define STORE_MODEL_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "xenstored_client.h"

#define DOMAINS   20
#define CLIENTS   (DOMAINS + 1) /* number 0: domain 0's socket; i: domain i */
#define MAX_SLOTS 200
#define MAX_TXNS  3
#define MAX_WATCH 8
#define NODES     14 /* quota */
#define R         1u
#define W         2u
#define STALE     4u

enum { EXIST = 1, DATA = 2, LIST = 4, PERMS = 8, SUBTREE = 16, WROTE = 32, TOLD = 64 };

struct perm {
    uint16_t domid;
    uint8_t bits;
};

struct node {
    bool exists;
    uint8_t len, perms;
    char value[10];
    struct perm perm[6];
    uint64_t seq, gen, cgen;
};

struct db {
    struct node n[MAX_SLOTS];
};

struct txn {
    uint32_t id;
    struct db base, work;
    uint64_t version; /* of the store when it began */
    bool changed, doomed;
    uint8_t dep[MAX_SLOTS];
    int delta;
};

struct event {
    char text[96]; /* "path token" */
    unsigned long op;
    bool seen, used; /* covered by one that came; itself come */
    struct event *next;
};

struct reply {
    struct xsd_sockmsg hdr;
    char data[600];
    struct reply *next;
};

struct client {
    struct st_conn *conn;
    unsigned int domid;
    uint32_t next_txn;
    struct txn *txn[MAX_TXNS];
    struct {
        bool used, relative;
        int at; /* slot; -1: @releaseDomain */
        char token[8];
        unsigned long age;
    } watch[MAX_WATCH];
    struct event *events, **events_end;
    struct reply *replies, **replies_end;
    int waiting;
};

struct slot {
    char path[64];
    int parent, domain; /* whose /local/domain/N it is in; -1: nobody's */
};

extern struct slot slot[MAX_SLOTS];
extern int slots, base_of[CLIENTS]; /* how many; that of each client's home */
extern struct db now;
extern uint64_t version, counter;
extern struct client client[CLIENTS];
extern struct st_store *store;
extern uint32_t committed, conflicted;
extern unsigned long op_number;

/* store_model_tree.c */
void make_slots(void);
bool below(int i, int top);
unsigned int bits_of(const struct client *c, const struct node *n);
bool owns(const struct node *n, unsigned int domid);
int owned(unsigned int domid);
void erase(struct db *db, int top);
void put_value(struct node *n, const char *v, int len);
struct db *tree(struct txn *t);
void changed(struct txn *t);
int find(struct client *c, struct txn *t, int i, unsigned int need, unsigned int dep);
int model_write(struct client *c, struct txn *t, int i, const char *v, int len);
int model_mkdir(struct client *c, struct txn *t, int i);
int model_rm(struct client *c, struct txn *t, int i);
int model_set_perms(struct client *c, struct txn *t, int i, const struct perm *p, int n);

/* store_model_txn.c */
bool model_conflicts(const struct txn *t);
int model_commit(struct client *c, struct txn *t);

/* store_model_client.c */
void expect_event(struct client *c, int w, const char *path);
void fire(int i, const struct node *a, const struct node *b, bool exact);
void fire_removed(const struct db *old, int top);
struct reply *expect(struct client *c, uint32_t type, uint32_t tx, const void *p, size_t len);
void expect_result(struct client *c, uint32_t type, uint32_t tx, int rc);
void drop_expected(struct client *c);
void drain(struct client *c);
void rnd_start(void);
uint32_t rnd(uint32_t n);

/* store_model_requests.c */
void send_path(struct client *c, uint32_t type, uint32_t tx, const char *path);
void op_read(struct client *c);
void op_write(struct client *c);
void op_mkdir(struct client *c);
void op_rm(struct client *c);
int perms_text(const struct perm *p, int n, char *out);
void send_perms(struct client *c, struct txn *t, uint32_t tx, int i, const struct perm *p, int n);
void op_set_perms(struct client *c);
void op_get_perms(struct client *c);
size_t listing(const struct db *db, int i, char *out);
void op_directory(struct client *c);
void op_watch(struct client *c);
void op_unwatch(struct client *c);
void forget_txns(struct client *c);
void op_reset(struct client *c);
void op_start(struct client *c);
void op_end(struct client *c);
void op_end_all(struct client *c);
void op_bad(struct client *c);

/* store_model_twin.c */
void twin_tap(void *ctx, enum st_tap what, struct st_conn *c, uint32_t arg, const void *data, size_t len);
void twin_opened(int i);
void twin_begin(const void *stream, size_t len); /* the store was just made from it */
void twin_compare(const void *stream, size_t len);
void twin_end(void);

#endif
