/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pseudo terminal of a guest. Debian's xenconsole opens the slave that the store names; inotify tells when. We never hold the
 * slave open ourselves: two openers would steal each other's input. While nobody has it open nothing is written, so that each
 * opener gets the whole backlog, once.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>
#include <termios.h>
#include <unistd.h>
#include "toolstack/xenconsoled/daemon.h"

static int epoll = -1, inotify = -1;

int pty_init(int epoll_fd)
{
    epoll = epoll_fd;
    inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    return inotify < 0 ? -errno : 0;
}

int pty_inotify_fd(void)
{
    return inotify;
}

/* Raw and without echo, before anybody can open it. */
static int make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t))
        return -errno;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) ? -errno : 0;
}

int pty_open(struct guest *g)
{
    int rc;

    g->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (g->master < 0)
        return -errno;
    if (grantpt(g->master) || unlockpt(g->master) || ptsname_r(g->master, g->slave, sizeof(g->slave)) ||
        (rc = make_raw(g->master))) {
        close(g->master);
        g->master = -1;
        return -EIO;
    }
    g->watch = inotify_add_watch(inotify, g->slave, IN_OPEN | IN_CLOSE);
    return 0;
}

static void poll_master(struct guest *g)
{
    const char *p;
    struct epoll_event e = {.data.ptr = g};

    e.events =
        (console_room(&g->console) > 0 ? EPOLLIN : 0) | (console_unsent(&g->console, &p) ? EPOLLOUT : 0);
    if (!g->openers) { /* a master without a slave reports a hang-up all the time */
        if (g->polled)
            epoll_ctl(epoll, EPOLL_CTL_DEL, g->master, NULL);
        g->polled = false;
        return;
    }
    if (g->polled && g->events == e.events)
        return;
    epoll_ctl(epoll, g->polled ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, g->master, &e);
    g->polled = true;
    g->events = e.events;
}

void pty_close(struct guest *g)
{
    g->openers = 0;
    if (g->master < 0)
        return;
    poll_master(g);
    inotify_rm_watch(inotify, g->watch);
    close(g->master);
    g->master = -1;
}

/* Gives the reader what it has not got. */
void pty_send(struct guest *g)
{
    const char *p;
    size_t n;
    ssize_t done;

    while (g->openers && (n = console_unsent(&g->console, &p))) {
        done = write(g->master, p, n);
        if (done <= 0)
            break;
        console_sent(&g->console, (size_t)done);
    }
    poll_master(g);
}

void pty_master_ready(struct guest *g, uint32_t events)
{
    char in[1024];
    int room = console_room(&g->console);
    ssize_t n;

    if ((events & EPOLLIN) && room > 0) {
        n = read(g->master, in, (size_t)room < sizeof(in) ? (size_t)room : sizeof(in));
        if (n > 0) {
            console_give(&g->console, in, (size_t)n);
            hv_notify(g->port);
        }
    }
    if ((events & EPOLLHUP) && !(events & EPOLLIN))
        g->openers = 0;
    pty_send(g);
}

static void opener(struct guest *g, uint32_t mask)
{
    if (mask & IN_OPEN) {
        if (g->openers++ == 0) {
            tcflush(g->master, TCIOFLUSH); /* what an earlier reader left */
            console_rewind(&g->console);
        }
    } else if (g->openers) {
        g->openers--;
    }
    pty_send(g);
}

void pty_inotify_ready(void)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n, at;
    struct guest *g;

    while ((n = read(inotify, buf, sizeof(buf))) > 0)
        for (at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(buf + at);

            g = guests_by_watch(e->wd);
            if (g && (e->mask & (IN_OPEN | IN_CLOSE)))
                opener(g, e->mask);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
}
