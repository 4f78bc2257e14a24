/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of libxenstored in the same process: makes requests, takes replies and events apart. */
#ifndef TESTS_UNIT_XENSTORED_CLIENT_H
#define TESTS_UNIT_XENSTORED_CLIENT_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "toolstack/xenstored/lib/xenstored.h"
#include <xen/io/xs_wire.h>

/* ---- An allocator that counts, and fails once at the n-th call ---- */

struct client_memory {
    long calls, fail_at; /* 0: never fails */
    size_t bytes;
};

static void *client_alloc(void *ctx, size_t size)
{
    struct client_memory *a = ctx;

    if (++a->calls == a->fail_at)
        return NULL;
    a->bytes += size;
    return malloc(size ? size : 1);
}

static void client_free(void *ctx, void *p, size_t size)
{
    struct client_memory *a = ctx;

    a->bytes -= size;
    free(p);
}

static inline struct st_store *client_store(struct client_memory *a, const struct st_hooks *hooks)
{
    struct st_allocator al = {client_alloc, client_free, a};

    memset(a, 0, sizeof(*a));
    return st_store_new(&al, hooks, 0x1234567890abcdefull);
}

/* ---- Bytes that grow: a state stream, a journal ---- */

struct client_buffer {
    char *p; /* free() it */
    size_t len, room;
};

/* Appends, @ctx being the buffer: the form of st_saver's write(). Always 0. */
static inline int client_append(void *ctx, const void *data, size_t len)
{
    struct client_buffer *b = ctx;

    if (b->len + len > b->room) {
        b->p = realloc(b->p, b->room = (b->len + len) * 2);
        if (!b->p)
            abort();
    }
    if (len)
        memcpy(b->p + b->len, data, len);
    b->len += len;
    return 0;
}

/* ---- Messages ---- */

struct client_msg {
    struct xsd_sockmsg hdr;
    char data[XENSTORE_PAYLOAD_MAX + 1]; /* NUL after the payload */
};

/* Sends one request whole. Returns why the connection stopped. */
static inline enum st_stall client_send(struct st_conn *c, uint32_t type, uint32_t tx, uint32_t id,
                                        const void *p, size_t len)
{
    static char buf[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
    struct xsd_sockmsg hdr = {type, id, tx, (uint32_t)len};
    unsigned int budget = 1;
    enum st_stall stall;

    memcpy(buf, &hdr, sizeof(hdr));
    if (len)
        memcpy(buf + sizeof(hdr), p, len);
    st_conn_feed(c, buf, sizeof(hdr) + len, &budget, &stall);
    return stall;
}

/* Takes the next message of the output. False if there is none. */
static inline bool client_take(struct st_conn *c, struct client_msg *m)
{
    struct st_iovec v;

    if (!st_conn_output(c, &v, 1))
        return false;
    memcpy(m, v.base, v.len);
    m->data[m->hdr.len] = 0;
    st_conn_delivered(c, v.len);
    return true;
}

/* A payload made of strings joined by NULs: client_pack(buf, 3, "a", "b", "c") gives a|b|c| */
static inline size_t client_pack(char *buf, int n, ...)
{
    __builtin_va_list ap;
    size_t len = 0;

    __builtin_va_start(ap, n);
    while (n--) {
        const char *s = __builtin_va_arg(ap, const char *);

        memcpy(buf + len, s, strlen(s) + 1);
        len += strlen(s) + 1;
    }
    __builtin_va_end(ap);
    return len;
}

/* Sends a request and takes its reply, leaving events that came before it out of account. */
static inline bool client_call(struct st_conn *c, uint32_t type, uint32_t tx, const void *p, size_t len,
                               struct client_msg *m)
{
    client_send(c, type, tx, 77, p, len);
    while (client_take(c, m))
        if (m->hdr.type != XS_WATCH_EVENT)
            return true;
    return false;
}

/* 0, or the negative errno that the reply names. The reply is in @m. */
static inline int client_do(struct st_conn *c, uint32_t type, uint32_t tx, const void *p, size_t len,
                            struct client_msg *m)
{
    unsigned int i;

    if (!client_call(c, type, tx, p, len, m))
        return -EIO;
    if (m->hdr.type == type)
        return 0;
    for (i = 0; i < sizeof(xsd_errors) / sizeof(xsd_errors[0]); i++)
        if (!strcmp(xsd_errors[i].errstring, m->data))
            return -xsd_errors[i].errnum;
    return -1000;
}

/* The usual requests; @m may be NULL. */
static inline int client_path(struct st_conn *c, uint32_t type, uint32_t tx, const char *path,
                              struct client_msg *m)
{
    static struct client_msg dummy;

    return client_do(c, type, tx, path, strlen(path) + 1, m ? m : &dummy);
}

static inline int client_write(struct st_conn *c, uint32_t tx, const char *path, const char *value)
{
    static struct client_msg m;
    char buf[XENSTORE_PAYLOAD_MAX];
    size_t n = client_pack(buf, 2, path, value);

    return client_do(c, XS_WRITE, tx, buf, n - 1, &m);
}

static inline int client_two(struct st_conn *c, uint32_t type, uint32_t tx, const char *a, const char *b)
{
    static struct client_msg m;
    char buf[XENSTORE_PAYLOAD_MAX];

    return client_do(c, type, tx, buf, client_pack(buf, 2, a, b), &m);
}

static inline uint32_t client_start(struct st_conn *c)
{
    static struct client_msg m;

    if (client_do(c, XS_TRANSACTION_START, 0, "", 1, &m))
        return 0;
    return (uint32_t)strtoul(m.data, NULL, 10);
}

static inline int client_end(struct st_conn *c, uint32_t tx, const char *how)
{
    return client_path(c, XS_TRANSACTION_END, tx, how, NULL);
}

#endif
