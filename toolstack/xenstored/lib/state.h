/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The state stream: all that a store and its connections are, for a live update. Little endian.
 *
 *   8 bytes "xenioxs2", then records: u32 type, u32 length of the body, body, zeroes up to a multiple of 8.
 *
 * Order: GLOBAL, DOMAINs, NODES (parents first), then for each connection CONN, its WATCHes, MESSAGEs (oldest first),
 * TXNs each followed by its ACCESSes (parents first); END.
 */
#ifndef XENSTORED_STATE_H
#define XENSTORED_STATE_H

#include "toolstack/xenstored/lib/xenstored.h"

#define ST_DESCRIPTION_MAX 16384 /* bytes that the daemon adds for a connection */

struct st_saver {
    int (*write)(void *ctx, const void *data, size_t len); /* 0 or negative errno */
    /* What the daemon must remember of a connection: at most ST_DESCRIPTION_MAX bytes; returns how many. */
    size_t (*describe)(void *ctx, struct st_conn *c, void *out);
    void *ctx;
};

struct st_loader {
    /* A connection was restored, without its messages, watches and transactions yet. Not 0: it is to be closed. */
    int (*adopt)(void *ctx, struct st_conn *c, const void *description, size_t len);
    void *ctx;
};

/*
 * 0 or negative errno. The store is unchanged. What the stream gives is not in all things what was saved: a transaction that conflicts by
 * now has lost its snapshot, any other goes on from the present tree. Who lets calls be played on it must go on with it, too.
 */
int st_state_save(struct st_store *s, const struct st_saver *saver);
/*
 * Into a store fresh from st_store_new(). 0; -EINVAL: not a stream of ours, or a damaged one; -ENOMEM. After an
 * error the store can only be freed.
 */
int st_state_load(struct st_store *s, const void *data, size_t len, const struct st_loader *loader);
/* Replaces the text of the connection's latest reply, which must not have been delivered in part. */
int st_conn_amend_reply(struct st_conn *c, const char *text);

#endif
