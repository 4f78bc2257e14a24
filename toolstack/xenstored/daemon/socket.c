/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients on the Unix socket: domain 0's tools, all privileged. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>
#include "toolstack/common/listener.h"
#include "toolstack/xenstored/daemon/daemon.h"

#define IN_BYTES   8192
#define OUT_PIECES 32

struct sock {
    struct client client;
    struct watcher w;
    bool full;       /* the last write did not take all */
    size_t from, to; /* what was read and not yet fed */
    char in[IN_BYTES];
};

static struct sock *sock_of(struct client *cl)
{
    return (struct sock *)cl;
}

static void want(struct sock *s)
{
    loop_watch(&s->w, EPOLLHUP | (s->from == s->to ? EPOLLIN : 0) | (s->full ? EPOLLOUT : 0));
}

static enum st_stall sock_input(struct client *cl, unsigned int *budget)
{
    struct sock *s = sock_of(cl);
    enum st_stall stall;
    size_t used;
    ssize_t n;

    if (s->from == s->to) {
        n = read(s->w.fd, s->in, sizeof(s->in));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return ST_DEAD;
        s->from = 0;
        s->to = n > 0 ? (size_t)n : 0;
    }
    used = st_conn_feed(cl->conn, s->in + s->from, s->to - s->from, budget, &stall);
    s->from += used;
    cl->took = used;
    want(s);
    return stall;
}

static bool send_output(struct client *cl)
{
    struct sock *s = sock_of(cl);
    struct st_iovec v[OUT_PIECES];
    struct iovec io[OUT_PIECES];
    unsigned int n, i;
    size_t total;
    ssize_t sent;

    s->full = false;
    do {
        n = st_conn_output(cl->conn, v, OUT_PIECES);
        if (!n)
            break;
        for (total = i = 0; i < n; i++) {
            io[i].iov_base = (void *)v[i].base;
            io[i].iov_len = v[i].len;
            total += v[i].len;
        }
        sent = writev(s->w.fd, io, (int)n);
        if (sent < 0 && errno != EAGAIN && errno != EINTR)
            return false;
        if (sent > 0)
            st_conn_delivered(cl->conn, (size_t)sent);
        if (sent < 0 || (size_t)sent < total) {
            s->full = true;
            break;
        }
    } while (n == OUT_PIECES);
    want(s);
    return true;
}

static bool sock_output(struct client *cl)
{
    bool ok = send_output(cl);

    journal_settle(cl, NULL);
    return ok;
}

static void sock_close(struct client *cl)
{
    struct sock *s = sock_of(cl);

    loop_watch(&s->w, 0);
    close(s->w.fd);
    client_remove(cl);
    free(s);
}

size_t socket_describe(struct client *cl, char *out)
{
    struct sock *s = sock_of(cl);

    out[0] = DESCRIBES_SOCKET;
    memcpy(out + 1, &s->w.fd, sizeof(int));
    memcpy(out + 1 + sizeof(int), s->in + s->from, s->to - s->from);
    return 1 + sizeof(int) + (s->to - s->from);
}

void sockets_inherit(struct client *cl, bool inherit)
{
    fcntl(sock_of(cl)->w.fd, F_SETFD, inherit ? 0 : FD_CLOEXEC);
}

static const struct client_ops sock_ops = {
    .input = sock_input,
    .output = sock_output,
    .close = sock_close,
    .describe = socket_describe,
    .inherit = sockets_inherit,
};

static void sock_ready(struct watcher *w, uint32_t events)
{
    struct sock *s = (struct sock *)((char *)w - offsetof(struct sock, w));

    if ((events & EPOLLOUT) && !sock_output(&s->client))
        s->client.dead = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) || s->client.stall == ST_STALL_OUTPUT || s->client.dead ||
        st_conn_starved(s->client.conn))
        client_run_later(&s->client);
    if ((events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN))
        s->client.dead = true;
}

/* Serves a connected socket on a connection; @left was read from it before (live update). Owns both. */
int socket_adopt(int fd, struct st_conn *c, uint32_t id, const void *left, size_t len)
{
    struct sock *s = calloc(1, sizeof(*s));
    int rc;

    if (!s || len > IN_BYTES) {
        free(s);
        return -ENOMEM;
    }
    s->w.fd = fd;
    s->w.ready = sock_ready;
    if (len)
        memcpy(s->in, left, len);
    s->to = len;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rc = loop_watch(&s->w, EPOLLHUP | EPOLLIN);
    if (rc) {
        free(s);
        return rc;
    }
    client_add(&s->client, &sock_ops, c, id);
    client_run_later(&s->client);
    return 0;
}

int socket_restore(struct st_conn *c, uint32_t id, const char *p, size_t len)
{
    int fd;

    if (len < 1 + sizeof(fd))
        return -EINVAL;
    memcpy(&fd, p + 1, sizeof(fd));
    fcntl(fd, F_SETFD, FD_CLOEXEC);
    return socket_adopt(fd, c, id, p + 1 + sizeof(fd), len - 1 - sizeof(fd));
}

static void came(int fd)
{
    struct st_conn *c = st_conn_open_socket(store, false);

    if (!c || socket_adopt(fd, c, 0, NULL, 0)) {
        if (c)
            st_conn_close(c);
        close(fd);
        say("a client was turned away: no memory");
    }
}

static struct listener listener = {.w.fd = -1, .came = came};

uint64_t sockets_deaf_until(void)
{
    return listener.deaf_until;
}

void sockets_turn(uint64_t now)
{
    listener_turn(&listener, now);
}

int sockets_adopt(int fd)
{
    return listener_adopt(&listener, fd);
}

int sockets_listener(void)
{
    return listener.w.fd;
}

int sockets_set_dir(const char *dir)
{
    char path[sizeof(listener.address.sun_path) + 1];

    snprintf(path, sizeof(path), "%s/socket", dir);
    return listener_name(&listener, path);
}

/* A second start must not steal the socket of a daemon that lives. Whoever comes here is as mighty as domain 0. */
int sockets_listen(void)
{
    return listener_is_taken(&listener) ? -EADDRINUSE : listener_open(&listener, 64);
}

void sockets_unlink(void)
{
    listener_unlink(&listener);
}
