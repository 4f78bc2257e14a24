/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A daemon's one loop: descriptors, and what to do when one is ready. Functions return 0 or a negative errno. */
#ifndef TOOLSTACK_COMMON_LOOP_H
#define TOOLSTACK_COMMON_LOOP_H

#include <stdint.h>
#include <sys/epoll.h>

#define LOOP_MOST 64 /* events that a turn serves at the most */

struct watcher {
    int fd;                                            /* -1: none */
    uint32_t events;                                   /* what it waits for; loop.c's */
    void (*ready)(struct watcher *w, uint32_t events); /* EPOLLIN, EPOLLOUT, ... */
};

int loop_init(void);
int loop_set(struct watcher *w, uint32_t events);
/*
 * Begins to wait for @events, or changes that; 0: no longer, and what this turn still has for @w is dropped, it may be freed. Cannot fail
 * but where it begins. A hang-up and an error are always told; EPOLLHUP alone is "nothing else".
 */
static inline int loop_watch(struct watcher *w, uint32_t events)
{
    return events == w->events ? 0 : loop_set(w, events);
}

/*
 * From now on @fn is told of these @n signals in a turn, so none can come between a look at what it did and the waiting. Needs no more than
 * what a live update's old program was allowed, and leaves nothing to the new one. To be called once.
 */
int loop_signals(const int *signals, unsigned int n, void (*fn)(int signal));

/* Waits, and serves what is ready: @most (up to LOOP_MOST) of it. @timeout_ms: -1 is for ever. */
int loop_turn(int timeout_ms, int most);

#endif
