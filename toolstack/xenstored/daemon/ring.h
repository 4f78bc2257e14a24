/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One shared page (xenstore-ring.txt) between the store and a domain. Makes no system call. The far end is
 * hostile: it may write any byte of the page at any moment, so our own indices are kept here and only published
 * there, its indices are read once, and data is copied before it is looked at.
 */
#ifndef XENSTORED_RING_H
#define XENSTORED_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xen/io/xs_wire.h>
#include "toolstack/xenstored/lib/xenstored.h"

struct ring {
    struct xenstore_domain_interface *page;
    union { /* ours; what the page says of them does not count */
        struct {
            uint32_t req_cons, rsp_prod;
        };
        uint64_t position;
    };
    uint64_t shown; /* what the page was last told of it */
    bool broken;    /* in the error state: nothing is taken or given until it is reset */
    bool full;      /* the last ring_output() may have left something for want of room */
};

/* Starts on a page; its indices stand where the last owner of the ring left them. */
void ring_attach(struct ring *r, struct xenstore_domain_interface *page);
/* Goes on where another process left off: its indices, not the page's. @page: NULL if it cannot be had any more. */
void ring_resume(struct ring *r, struct xenstore_domain_interface *page, uint32_t req_cons, uint32_t rsp_prod,
                 bool broken);
/*
 * Feeds what the domain wrote, out of @copy. >0: something was taken, 0: nothing, -EPROTO: the ring went into the
 * error state.
 */
int ring_input(struct ring *r, struct st_conn *c, char copy[XENSTORE_RING_SIZE], unsigned int *budget,
               enum st_stall *stall);
/* Writes out as much of the output as fits. Results as ring_input. */
int ring_output(struct ring *r, struct st_conn *c);
/* Shows the domain what was taken and given: when it is sure that nobody will take or give it again. */
void ring_publish(struct ring *r);
/*
 * Is there more to take by now, is there room again? To be asked after ring_publish(): Linux sends no event for what it writes while it
 * sees requests that were not taken, nor for what it takes from a ring that it does not see full. It has no barrier between moving its
 * index and looking at ours, so its processor may look first: to be asked late, and once more when that must have become visible.
 */
bool ring_has_input(const struct ring *r);
bool ring_has_room(const struct ring *r);
/* Does the domain ask for a fresh start? */
bool ring_wants_reconnect(const struct ring *r);
/* Gives it one, the connection too, whatever it asks by now. */
void ring_reconnect(struct ring *r, struct st_conn *c);
/* Puts the ring into the error state @error (XENSTORE_ERROR_*) and forgets the connection's affairs. */
void ring_break(struct ring *r, struct st_conn *c, uint32_t error);
/* The same without the connection. */
void ring_fail(struct ring *r, uint32_t error);

#endif
