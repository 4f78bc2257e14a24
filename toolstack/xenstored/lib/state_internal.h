/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of the state stream; fields are written one after the other in the order given here. */
#ifndef XENSTORED_STATE_INTERNAL_H
#define XENSTORED_STATE_INTERNAL_H

#include "toolstack/xenstored/lib/internal.h"

#define STATE_MAGIC "xenioxs2"

enum state_record {
    STATE_END = 0,
    STATE_GLOBAL =
        1, /* u64 seq, gen, requests; u32 tracing, number of quotas, quotas; perms of the special nodes */
    STATE_DOMAIN = 2, /* u32 domid, target, introduced, credit; u64 credit time */
    STATE_NODES = 3,  /* some nodes of the tree, see state_nodes.c */
    STATE_CONN = 4, /* u32 domid or ~0, readonly, next txn, bytes received, description length; these; that */
    STATE_MESSAGE = 5, /* u32 kind, bytes delivered; message */
    STATE_WATCH = 6,   /* u32 relative, overflow, path length; path; token with its NUL */
    STATE_TXN = 7,     /* u32 id, doomed, nodes, who pays for that */
    STATE_ACCESS = 8,  /* u32 flags, present; node if present; path */
};
/* kind of a message: a reply; an event; an event of a watch, which still may be merged with: its number among those before */
enum { STATE_REPLY, STATE_EVENT, STATE_EVENT_OF };

/* node: u64 seq, gen, cgen; u32 writer, cwriter, value length, path length; perms; value; then the path */
/* perms: u32 count; count times u32 domid << 8 | bits */

#define STATE_PERMS_MAX 2048u /* more than a request can name: "r0" and a NUL each */
_Static_assert(STATE_PERMS_MAX > XENSTORE_PAYLOAD_MAX / 3, "a list that a request sets can be saved");

/* What a node of the tree is told apart from: the one before it. */
struct state_last {
    uint64_t seq, gen;
    const struct st_perms *perms;
};

/* For a node's numbers, each of at most ten bytes, and the longest list of permissions, three bytes an entry. */
#define STATE_NODE_ROOM (96u + 3 * STATE_PERMS_MAX)
/* An upper bound of what state_node_put() writes. */
static inline size_t state_node_room(const struct st_node *n)
{
    return STATE_NODE_ROOM + n->name_len + n->value_len;
}
/* Writes the node at @to, @depth nodes below the root; returns where it ends. */
char *state_node_put(struct state_last *last, const struct st_node *n, size_t depth, char *to);

/* Reading: one for a whole stream. NULL without memory. */
struct state_nodes *state_nodes_new(struct st_store *s);
void state_nodes_free(struct st_store *s, struct state_nodes *x);
/* The nodes of one record, into s->root. 0, -EINVAL, -ENOMEM. */
int state_nodes_take(struct st_store *s, struct state_nodes *x, const char *p, size_t len);

#endif
