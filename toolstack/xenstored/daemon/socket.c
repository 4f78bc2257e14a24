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
#define DEAF_MS    100 /* until it is tried again whether there is a descriptor */

struct sock {
    struct client client;
    struct watcher w;
    uint32_t events; /* what epoll is asked for */
    bool full;       /* the last write did not take all */
    size_t from, to; /* what was read and not yet fed */
    char in[IN_BYTES];
};

static struct watcher listener = {.fd = -1};
static uint64_t deaf_until; /* no descriptor was left for a client; 0: all is well */
static bool complained;     /* since the last one that was accepted */
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

static void sock_close(struct client *cl)
{
    struct sock *s = sock_of(cl);

    loop_remove(&s->w);
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
    s->events = EPOLLIN;
    if (len)
        memcpy(s->in, left, len);
    s->to = len;
    fcntl(fd, F_SETFL, O_NONBLOCK);
    rc = loop_add(&s->w, s->events);
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

/* The client that cannot be accepted would wake the loop at once, for ever. It waits, as those do who come after it. */
static void stop_listening(void)
{
    if (!complained)
        log_line("a client cannot be accepted yet: %s", strerror(errno));
    complained = true;
    loop_change(&listener, 0);
    deaf_until = loop_now() + DEAF_MS;
}

uint64_t sockets_deaf_until(void)
{
    return deaf_until;
}

void sockets_listen_again(void)
{
    deaf_until = 0;
    loop_change(&listener, EPOLLIN);
}

static void accept_ready(struct watcher *w, uint32_t events)
{
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct st_conn *c;

    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            stop_listening();
        return;
    }
    complained = false;
    c = st_conn_open_socket(store, false);
    if (!c || socket_adopt(fd, c, 0, NULL, 0)) {
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

int sockets_set_dir(const char *dir)
{
    address.sun_family = AF_UNIX;
    if (snprintf(address.sun_path, sizeof(address.sun_path), "%s/socket", dir) >=
        (int)sizeof(address.sun_path))
        return -ENAMETOOLONG;
    return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

int sockets_listen(void)
{
    mode_t old;
    int fd, rc;

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
