/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
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

/* ---- Signals: the handler only writes the number to a pipe. ---- */

static void (*on_signal)(int signal);
static int pipe_end = -1; /* for the handler */

static void handler(int signal)
{
    unsigned char number = (unsigned char)signal;
    int error = errno;

    if (write(pipe_end, &number, 1) < 0) { /* it is full of signals that nobody heard yet */
    }
    errno = error;
}

static void signals_ready(struct watcher *w, uint32_t events)
{
    unsigned char number;

    while (read(w->fd, &number, 1) == 1)
        on_signal(number);
}

int loop_signals(const int *signals, unsigned int n, void (*fn)(int signal))
{
    static struct watcher heard = {.fd = -1, .ready = signals_ready};
    struct sigaction act = {.sa_handler = handler, .sa_flags = SA_RESTART};
    int fd[2];

    if (pipe2(fd, O_CLOEXEC | O_NONBLOCK))
        return -errno;
    heard.fd = fd[0];
    pipe_end = fd[1];
    on_signal = fn;
    while (n--)
        if (sigaction(signals[n], &act, NULL))
            return -errno;
    return loop_watch(&heard, EPOLLIN);
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
