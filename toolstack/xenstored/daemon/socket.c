/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Clients on the Unix socket: domain 0's tools, all privileged. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define IN_BYTES   8192
#define OUT_PIECES 32

struct sock {
    struct client client;
    struct watcher w;
    uint32_t events; /* what epoll is asked for */
    bool full;       /* the last write did not take all */
    size_t from, to; /* what was read and not yet fed */
    char in[IN_BYTES];
};

static struct watcher listener = {.fd = -1};
static struct sockaddr_un address;

static struct sock *sock_of(struct client *cl)
{
    return (struct sock *)cl;
}

static void want(struct sock *s)
{
    uint32_t events = (s->from == s->to ? EPOLLIN : 0) | (s->full ? EPOLLOUT : 0);

    if (events != s->events)
        loop_change(&s->w, events);
    s->events = events;
}

static enum st_stall sock_input(struct client *cl, unsigned int *budget)
{
    struct sock *s = sock_of(cl);
    enum st_stall stall;
    ssize_t n;

    if (s->from == s->to) {
        n = read(s->w.fd, s->in, sizeof(s->in));
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            return ST_DEAD;
        s->from = 0;
        s->to = n > 0 ? (size_t)n : 0;
    }
    s->from += st_conn_feed(cl->conn, s->in + s->from, s->to - s->from, budget, &stall);
    want(s);
    return stall;
}

static bool sock_output(struct client *cl)
{
    struct sock *s = sock_of(cl);
    struct st_iovec v[OUT_PIECES];
    struct iovec io[OUT_PIECES];
    unsigned int n, i;
    size_t total;
    ssize_t sent;

    s->full = false;
    while ((n = st_conn_output(cl->conn, v, OUT_PIECES))) {
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
    }
    want(s);
    return true;
}

static void sock_close(struct client *cl)
{
    struct sock *s = sock_of(cl);

    loop_remove(&s->w);
    close(s->w.fd);
    client_remove(cl);
    free(s);
}

static const struct client_ops sock_ops = {sock_input, sock_output, sock_close};

static void sock_ready(struct watcher *w, uint32_t events)
{
    struct sock *s = (struct sock *)((char *)w - offsetof(struct sock, w));

    if ((events & EPOLLOUT) && !sock_output(&s->client))
        s->client.dead = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR) || s->client.stall == ST_STALL_OUTPUT || s->client.dead)
        client_run_later(&s->client);
    if ((events & (EPOLLHUP | EPOLLERR)) && !(events & EPOLLIN))
        s->client.dead = true;
}

/* Serves a connected socket on a connection; @left was read from it before (live update). Owns both. */
int socket_adopt(int fd, struct st_conn *c, const void *left, size_t len)
{
    struct sock *s = calloc(1, sizeof(*s));
    int rc;

    if (!s || len > IN_BYTES) {
        free(s);
        return -ENOMEM;
    }
    s->w.fd = fd;
    s->w.ready = sock_ready;
    s->events = EPOLLIN;
    memcpy(s->in, left, len);
    s->to = len;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rc = loop_add(&s->w, EPOLLIN);
    if (rc) {
        free(s);
        return rc;
    }
    client_add(&s->client, &sock_ops, c);
    if (len || st_conn_has_output(c))
        client_run_later(&s->client);
    return 0;
}

static void accept_ready(struct watcher *w, uint32_t events)
{
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct st_conn *c;

    if (fd < 0)
        return;
    c = st_conn_open_socket(store, false);
    if (!c || socket_adopt(fd, c, NULL, 0)) {
        if (c)
            st_conn_close(c);
        close(fd);
        log_line("a client was turned away: no memory");
    }
}

int sockets_adopt(int fd)
{
    listener.fd = fd;
    listener.ready = accept_ready;
    return loop_add(&listener, EPOLLIN);
}

int sockets_listener(void)
{
    return listener.fd;
}

/* A second start must not steal the socket of a daemon that lives. */
static bool somebody_listens(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && !connect(fd, (struct sockaddr *)&address, sizeof(address));

    if (fd >= 0)
        close(fd);
    return yes;
}

int sockets_listen(const char *dir)
{
    mode_t old;
    int fd, rc;

    address.sun_family = AF_UNIX;
    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir) >=
        (int)sizeof(address.sun_path))
        return -ENAMETOOLONG;
    if (mkdir(dir, 0755) && errno != EEXIST)
        return -errno;
    if (somebody_listens())
        return -EADDRINUSE;
    unlink(address.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    old = umask(0177); /* root alone: a client here is as mighty as domain 0 */
    rc =
        bind(fd, (struct sockaddr *)&address, sizeof(address)) || listen(fd, 64) ? -errno : sockets_adopt(fd);
    umask(old);
    if (rc)
        close(fd);
    return rc;
}

void sockets_unlink(void)
{
    if (address.sun_path[0])
        unlink(address.sun_path);
}
