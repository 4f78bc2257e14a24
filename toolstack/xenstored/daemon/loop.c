/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors and the clock. */
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>
#include "toolstack/xenstored/daemon/daemon.h"

static int epoll = -1;
static struct epoll_event events[64];
static int nr_events;

int loop_init(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

int loop_add(struct watcher *w, uint32_t want)
{
    struct epoll_event e = {.events = want, .data.ptr = w};

    return epoll_ctl(epoll, EPOLL_CTL_ADD, w->fd, &e) ? -errno : 0;
}

void loop_change(struct watcher *w, uint32_t want)
{
    struct epoll_event e = {.events = want, .data.ptr = w};

    epoll_ctl(epoll, EPOLL_CTL_MOD, w->fd, &e);
}

/* Events of this round for @w are dropped too: it may be freed after this. */
void loop_remove(struct watcher *w)
{
    int i;

    epoll_ctl(epoll, EPOLL_CTL_DEL, w->fd, NULL);
    for (i = 0; i < nr_events; i++)
        if (events[i].data.ptr == w)
            events[i].data.ptr = NULL;
}

int loop_wait(int timeout_ms)
{
    int i, n = epoll_wait(epoll, events, 64, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    nr_events = n;
    for (i = 0; i < n; i++) {
        struct watcher *w = events[i].data.ptr;

        if (w)
            w->ready(w, events[i].events);
    }
    nr_events = 0;
    return 0;
}

/* To some milliseconds: the kernel's last tick, which costs a few instructions. */
uint64_t loop_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
