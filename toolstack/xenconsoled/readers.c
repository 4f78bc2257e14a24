/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further readers of a console, on a Unix socket: a reader sends one line, "DOMID" or "DOMID/NUMBER", " once" behind it if it does
 * not want to wait for more, and gets what is kept of the console's output and then what follows. A reader cannot type, and one that
 * is too slow loses the oldest output, like the one on the terminal.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include "toolstack/common/listener.h"
#include "toolstack/xenconsoled/daemon.h"

#define MOST 64

struct reader {
    struct reader *next;
    struct watcher w;
    struct guest *guest; /* NULL: it has not said which */
    uint64_t position;
    bool once;
    char line[32];
    size_t len;
};

static struct reader *readers;
static unsigned int count;
static void came(int fd);
static struct listener listener = {.w.fd = -1, .came = came};

static void end(struct reader *r)
{
    struct reader **link;

    for (link = &readers; *link != r; link = &(*link)->next)
        ;
    *link = r->next;
    count--;
    loop_watch(&r->w, 0);
    close(r->w.fd);
    free(r);
    listener_again(&listener); /* there may be a descriptor for one who waits */
}

/* False: it is gone, or has all it wanted, and was ended. */
static bool give(struct reader *r)
{
    const char *p;
    size_t n;
    ssize_t done = 0;

    while ((n = console_unsent(&r->guest->console, &r->position, &p))) {
        done = send(r->w.fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (done <= 0)
            break;
        r->position += (size_t)done;
    }
    if (n ? errno != EAGAIN : r->once) {
        end(r);
        return false;
    }
    loop_watch(&r->w, EPOLLERR | (n ? EPOLLOUT : 0)); /* a hang-up is always told */
    return true;
}

/* "5", "5/1", "5 once" */
static bool parse(struct reader *r)
{
    char *p;
    unsigned long domid, number = 0;

    domid = strtoul(r->line, &p, 10);
    if (p == r->line)
        return false;
    if (*p == '/')
        number = strtoul(p + 1, &p, 10);
    r->once = !strcmp(p, " once");
    r->guest = *p && !r->once ? NULL : guests_find((unsigned int)domid, (unsigned int)number);
    return r->guest != NULL;
}

static void ask(struct reader *r)
{
    static const char no[] = "xenconsoled: no such console\n";
    ssize_t n = read(r->w.fd, r->line + r->len, sizeof(r->line) - 1 - r->len);
    char *eol;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            end(r);
        return;
    }
    r->len += (size_t)n;
    r->line[r->len] = 0;
    eol = strchr(r->line, '\n');
    if (!eol && r->len < sizeof(r->line) - 1)
        return;
    if (eol)
        *eol = 0;
    if (eol && parse(r)) {
        give(r);
        return;
    }
    if (send(r->w.fd, no, sizeof(no) - 1, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
        say("a reader did not wait for its answer");
    end(r);
}

static void reader_ready(struct watcher *w, uint32_t events)
{
    struct reader *r = container_of(w, struct reader, w);

    if (events & (EPOLLHUP | EPOLLERR))
        end(r);
    else if (r->guest)
        give(r);
    else
        ask(r);
}

static void came(int fd)
{
    struct reader *r = count < MOST ? calloc(1, sizeof(*r)) : NULL;

    if (!r) {
        close(fd);
        return;
    }
    r->w = (struct watcher){.fd = fd, .ready = reader_ready};
    r->next = readers;
    readers = r;
    count++;
    if (loop_watch(&r->w, EPOLLIN))
        end(r);
}

int readers_timeout(uint64_t now)
{
    uint64_t until = listener.deaf_until;

    return !until ? -1 : until <= now ? 0 : (int)(until - now);
}

void readers_turn(uint64_t now)
{
    listener_turn(&listener, now);
}

void readers_send(struct guest *g)
{
    struct reader *r, *next;

    for (r = readers; r; r = next) {
        next = r->next;
        if (r->guest == g)
            give(r);
    }
}

void readers_end(struct guest *g)
{
    struct reader *r, *next;

    for (r = readers; r; r = next) {
        next = r->next;
        if (r->guest != g)
            continue;
        r->once = true;
        if (give(r)) /* it does not read: it has had its time */
            end(r);
    }
}

/* Whoever was there before is dead: the pid file is locked. */
int readers_listen(void)
{
    int rc = listener_name(&listener, options.socket);

    return rc ? rc : listener_open(&listener, 16);
}

void readers_close(void)
{
    while (readers)
        end(readers);
    listener_unlink(&listener);
}
