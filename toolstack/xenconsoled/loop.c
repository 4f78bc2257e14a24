/* SPDX-License-Identifier: GPL-2.0-or-later */
/* epoll, one event a turn. */
#include <errno.h>
#include <sys/epoll.h>
#include "toolstack/xenconsoled/daemon.h"

static int epoll = -1;

int loop_init(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

int loop_watch(struct watcher *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};
    int how = !w->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    if (events == w->events)
        return 0;
    if (epoll_ctl(epoll, how, w->fd, &e))
        return -errno;
    w->events = events;
    return 0;
}

int loop_turn(int timeout_ms)
{
    struct epoll_event e;
    struct watcher *w;
    int n = epoll_wait(epoll, &e, 1, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    if (n) {
        w = e.data.ptr;
        w->ready(w, e.events);
    }
    return 0;
}
