/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include "toolstack/common/loop.h"

static int epoll = -1;
static struct epoll_event turn[LOOP_MOST]; /* the present one */
static int nr_turn;

int loop_init(void)
{
    epoll = epoll_create1(EPOLL_CLOEXEC);
    return epoll < 0 ? -errno : 0;
}

static void drop_events(const struct watcher *w)
{
    int i;

    for (i = 0; i < nr_turn; i++)
        if (turn[i].data.ptr == w)
            turn[i].data.ptr = NULL;
}

int loop_set(struct watcher *w, uint32_t events)
{
    struct epoll_event e = {.events = events, .data.ptr = w};
    int how = !w->events ? EPOLL_CTL_ADD : events ? EPOLL_CTL_MOD : EPOLL_CTL_DEL;

    if (!events)
        drop_events(w);
    if (epoll_ctl(epoll, how, w->fd, &e))
        return -errno;
    w->events = events;
    return 0;
}

static void (*on_signal)(int signal);

static void signals_ready(struct watcher *w, uint32_t events)
{
    struct signalfd_siginfo info;

    while (read(w->fd, &info, sizeof(info)) == sizeof(info))
        on_signal((int)info.ssi_signo);
}

int loop_signals(const sigset_t *set, void (*fn)(int signal))
{
    static struct watcher signals = {.fd = -1, .ready = signals_ready};

    if (sigprocmask(SIG_BLOCK, set, NULL))
        return -errno;
    signals.fd = signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);
    on_signal = fn;
    return signals.fd < 0 ? -errno : loop_watch(&signals, EPOLLIN);
}

int loop_turn(int timeout_ms, int most)
{
    int i, n = epoll_wait(epoll, turn, most, timeout_ms);

    if (n < 0)
        return errno == EINTR ? 0 : -errno;
    nr_turn = n;
    for (i = 0; i < n; i++) {
        struct watcher *w = turn[i].data.ptr;

        if (w)
            w->ready(w, turn[i].events);
    }
    nr_turn = 0;
    return 0;
}
