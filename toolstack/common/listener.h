/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A Unix socket on which clients come, root's alone. A client for whom no descriptor is left waits, as do those who come after it: it would
 * wake the loop at once, for ever.
 */
#ifndef TOOLSTACK_COMMON_LISTENER_H
#define TOOLSTACK_COMMON_LISTENER_H

#include <sys/un.h>
#include <stdbool.h>
#include "toolstack/common/loop.h"

struct listener {
    struct watcher w; /* .fd -1: it does not listen */
    struct sockaddr_un address;
    void (*came)(
        int fd); /* a client, whose descriptor (that neither blocks nor is inherited) is now its own; set by the caller */
    uint64_t deaf_until; /* ms: no descriptor was left, when it looks again; 0: all is well */
    bool complained;     /* since the last one that was accepted */
};

/* Where it will be; makes the folder. 0, -ENAMETOOLONG, or what mkdir() says. */
int listener_name(struct listener *l, const char *path);
/* A daemon lives there. */
bool listener_is_taken(const struct listener *l);
/* Begins to listen, whatever there was before. 0 or negative errno. */
int listener_open(struct listener *l, int backlog);
/* Goes on with a socket that listens already. */
int listener_adopt(struct listener *l, int fd);
/* It may be that a descriptor is left again. */
void listener_again(struct listener *l);
/* To be called when deaf_until is over. */
void listener_turn(struct listener *l, uint64_t now_ms);
/* Takes its name away. */
void listener_unlink(struct listener *l);

#endif
