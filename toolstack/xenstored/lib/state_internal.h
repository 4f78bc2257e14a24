/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The records of the state stream; fields are written one after the other in the order given here. */
#ifndef XENSTORED_STATE_INTERNAL_H
#define XENSTORED_STATE_INTERNAL_H

#define STATE_MAGIC "xenioxs1"

enum state_record {
    STATE_END = 0,
    STATE_GLOBAL =
        1, /* u64 seq, gen, requests; u32 tracing, number of quotas, quotas; perms of the special nodes */
    STATE_DOMAIN = 2, /* u32 domid, target, introduced, credit; u64 credit time */
    STATE_NODE = 3,   /* node, path */
    STATE_CONN = 4, /* u32 domid or ~0, readonly, next txn, bytes received, description length; these; that */
    STATE_MESSAGE = 5, /* u32 event, bytes delivered; message */
    STATE_WATCH = 6,   /* u32 relative, overflow, path length; path; token with its NUL */
    STATE_TXN = 7,     /* u32 id, doomed, nodes */
    STATE_ACCESS = 8,  /* u32 flags, present; node if present; path */
};
/* node: u64 seq, gen, cgen; u32 writer, cwriter, value length, path length; perms; value; then the path */
/* perms: u32 count; count times u32 domid << 8 | bits */

#endif
