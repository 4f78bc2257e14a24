/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One guest console: its shared page (xen/io/console.h) and the bounded backlog of what it said. No system call. The
 * guest writes any byte of the page at any moment: its indices are read once and checked, ours are kept here.
 */
#ifndef XENCONSOLED_CONSOLE_H
#define XENCONSOLED_CONSOLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/console.h>

#define BACKLOG_BYTES (128u * 1024) /* kept for whoever opens the console later */

struct console {
    struct xencons_interface *page;
    uint32_t out_cons, in_prod;
    bool broken;
    uint64_t total;   /* bytes the guest ever wrote */
    char *backlog;    /* the last BACKLOG_BYTES of them, byte n at n % BACKLOG_BYTES */
    uint64_t allowed; /* bytes still taken in this period */
    uint64_t period;  /* when it began, ms */
};

#define RATE_PERIOD_MS 100u
#define RATE_BYTES     (64u * 1024) /* taken from one guest in a period; then the guest waits */
#define EVENT_BYTES    512u         /* what an event counts as, however little there is to take */

void console_attach(struct console *c, struct xencons_interface *page, char *backlog);
/*
 * Takes what the guest wrote, at most @max bytes, into the backlog and a copy at @out. Returns how many; 0 too when the
 * guest exceeded its rate (see console_wait); -1: its indices are impossible, the console is broken for good.
 */
int console_take(struct console *c, char *out, size_t max, uint64_t now_ms);
/* The guest has sent an event, and console_take() gave @taken bytes: it counts as EVENT_BYTES at least. */
void console_charge(struct console *c, size_t taken);
/* Milliseconds until more is taken from the guest; 0: now. */
unsigned int console_wait(const struct console *c, uint64_t now_ms);
/* Room for input in the guest's ring, or -1. */
int console_room(struct console *c);
/* Gives the guest @len bytes of input; at most console_room(). */
void console_give(struct console *c, const char *in, size_t len);
/*
 * What a reader at @position of all that the guest ever wrote did not get yet: one piece, and its length. It starts at
 * position 0, which gives it the whole backlog; if what is there is gone already, @position is moved to the oldest kept.
 */
size_t console_unsent(const struct console *c, uint64_t *position, const char **p);
/* Goes on with another page, the backlog as it is: the guest's console has moved. */
void console_move(struct console *c, struct xencons_interface *page);

#endif
