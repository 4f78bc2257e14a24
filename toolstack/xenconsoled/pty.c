/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pseudo terminal of a guest. Debian's xenconsole opens the slave that the store names; inotify tells when. We do not hold the
 * slave open ourselves: two openers would steal each other's input. While nobody has it open nothing is written, so that each
 * opener gets the whole backlog, once. What one left unread is thrown away when it has gone, not when the next one comes: that one
 * may have typed before we hear of it.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include "toolstack/xenconsoled/daemon.h"

static struct watcher inotify;

/* Raw and without echo, before anybody can open it. */
static int make_raw(int fd)
{
    struct termios t;

    if (tcgetattr(fd, &t))
        return -errno;
    cfmakeraw(&t);
    return tcsetattr(fd, TCSANOW, &t) ? -errno : 0;
}

/* A master without a slave reports a hang-up all the time: it is waited for only while somebody has it open. */
static void poll_master(struct guest *g)
{
    const char *p;
    uint32_t events = 0;

    if (g->openers && g->console.page)
        events = EPOLLRDHUP | (console_room(&g->console) > 0 ? EPOLLIN : 0) |
                 (console_unsent(&g->console, &g->position, &p) ? EPOLLOUT : 0);
    loop_watch(&g->master, events);
}

/* Gives the reader what it has not got. */
void pty_send(struct guest *g)
{
    const char *p;
    size_t n;
    ssize_t done;

    while (g->openers && (n = console_unsent(&g->console, &g->position, &p))) {
        done = write(g->master.fd, p, n);
        if (done <= 0)
            break;
        g->position += (size_t)done;
    }
    poll_master(g);
}

/* What was typed, as far as the guest has room. */
static void take_input(struct guest *g)
{
    char in[1024];
    int room = g->console.page ? console_room(&g->console) : 0;
    ssize_t n;

    if (room <= 0)
        return;
    n = read(g->master.fd, in, (size_t)room < sizeof(in) ? (size_t)room : sizeof(in));
    if (n > 0) {
        console_give(&g->console, in, (size_t)n);
        hv_notify(g->port);
    }
}

static void master_ready(struct watcher *w, uint32_t events)
{
    struct guest *g = container_of(w, struct guest, master);

    if (events & EPOLLIN)
        take_input(g);
    else if (events & EPOLLHUP)
        g->openers = 0; /* inotify tells it, too */
    pty_send(g);
}

static void watch_slave(struct guest *g)
{
    g->watch = inotify_add_watch(inotify.fd, g->slave, IN_OPEN | IN_CLOSE);
}

int pty_open(struct guest *g)
{
    g->master = (struct watcher){.fd = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC),
                                 .ready = master_ready};
    if (g->master.fd < 0)
        return -errno;
    if (grantpt(g->master.fd) || unlockpt(g->master.fd) ||
        ptsname_r(g->master.fd, g->slave, sizeof(g->slave)) || make_raw(g->master.fd)) {
        close(g->master.fd);
        g->master.fd = -1;
        return -EIO;
    }
    watch_slave(g);
    return 0;
}

void pty_close(struct guest *g)
{
    g->openers = 0;
    if (g->master.fd < 0)
        return;
    loop_watch(&g->master, 0);
    inotify_rm_watch(inotify.fd, g->watch);
    close(g->master.fd);
    g->master.fd = -1;
}

static void came(struct guest *g)
{
    g->openers = 1;
    g->position = 0;
}

/* The last reader has gone: so does what it has not read. Only the slave's side can be told to forget it. */
static void forget_unread(struct guest *g)
{
    struct pollfd p = {.fd = g->master.fd, .events = POLLIN};
    int peer;

    inotify_rm_watch(inotify.fd, g->watch); /* we are no reader */
    peer = ioctl(g->master.fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (peer >= 0) {
        tcflush(peer, TCIFLUSH);
        close(peer);
    }
    watch_slave(g);
    if (poll(&p, 1, 0) >= 0 && !(p.revents & POLLHUP)) /* somebody came meanwhile */
        came(g);
}

static void opener(struct guest *g, uint32_t mask)
{
    if (mask & IN_OPEN) {
        if (g->openers)
            g->openers++;
        else
            came(g);
    } else if (g->openers <= 1) {
        take_input(g);
        g->openers = 0;
        forget_unread(g);
    } else {
        g->openers--;
    }
    pty_send(g);
}

static void inotify_ready(struct watcher *w, uint32_t events)
{
    char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
    ssize_t n, at;
    struct guest *g;

    while ((n = read(w->fd, buf, sizeof(buf))) > 0)
        for (at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(buf + at);

            g = guests_by_watch(e->wd);
            if (g && (e->mask & (IN_OPEN | IN_CLOSE)))
                opener(g, e->mask);
            at += (ssize_t)(sizeof(*e) + e->len);
        }
}

int pty_init(void)
{
    inotify = (struct watcher){.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .ready = inotify_ready};
    return inotify.fd < 0 ? -errno : loop_watch(&inotify, EPOLLIN);
}
