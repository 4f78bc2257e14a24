/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "toolstack/common/clock.h"
#include "toolstack/common/listener.h"
#include "toolstack/common/log.h"

#define DEAF_MS 100 /* until it is tried again whether there is a descriptor */

int listener_name(struct listener *l, const char *path)
{
    char dir[sizeof(l->address.sun_path)], *slash;

    l->address.sun_family = AF_UNIX;
    if (snprintf(l->address.sun_path, sizeof(l->address.sun_path), "%s", path) >=
        (int)sizeof(l->address.sun_path))
        return -ENAMETOOLONG;
    strcpy(dir, l->address.sun_path);
    slash = strrchr(dir, '/');
    if (!slash || slash == dir)
        return 0;
    *slash = 0;
    return mkdir(dir, 0755) && errno != EEXIST ? -errno : 0;
}

bool listener_is_taken(const struct listener *l)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool yes = fd >= 0 && !connect(fd, (const struct sockaddr *)&l->address, sizeof(l->address));

    if (fd >= 0)
        close(fd);
    return yes;
}

static void stop_listening(struct listener *l)
{
    if (!l->complained)
        say("a client cannot be accepted yet: %s", strerror(errno));
    l->complained = true;
    loop_watch(&l->w, EPOLLHUP);
    l->deaf_until = now_ms() + DEAF_MS;
}

void listener_again(struct listener *l)
{
    if (!l->deaf_until)
        return;
    l->deaf_until = 0;
    loop_watch(&l->w, EPOLLIN);
}

void listener_turn(struct listener *l, uint64_t now)
{
    if (l->deaf_until <= now)
        listener_again(l);
}

static void accept_ready(struct watcher *w, uint32_t events)
{
    struct listener *l = (struct listener *)((char *)w - offsetof(struct listener, w));
    int fd = accept4(w->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd < 0) {
        if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
            stop_listening(l);
        return;
    }
    l->complained = false;
    l->came(fd);
}

int listener_adopt(struct listener *l, int fd)
{
    l->w = (struct watcher){.fd = fd, .ready = accept_ready};
    return loop_watch(&l->w, EPOLLIN);
}

int listener_open(struct listener *l, int backlog)
{
    mode_t old;
    int fd, rc;

    unlink(l->address.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    old = umask(0177);
    rc = bind(fd, (struct sockaddr *)&l->address, sizeof(l->address)) || listen(fd, backlog)
             ? -errno
             : listener_adopt(l, fd);
    umask(old);
    if (rc) {
        close(fd);
        l->w.fd = -1;
    }
    return rc;
}

void listener_unlink(struct listener *l)
{
    if (l->address.sun_path[0])
        unlink(l->address.sun_path);
}
