/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is in the journal's file: a header, the state stream of a moment, records. Numbers as this processor has them. */
#ifndef XENSTORED_JOURNAL_FORMAT_H
#define XENSTORED_JOURNAL_FORMAT_H

#include <stdint.h>

#define JOURNAL_MAGIC 0x316a73786f696e78ull /* "xnioxsj1" */

/*
 * What calls come to when they are played: a journal with another number is not. It goes up with every change of what a request does
 * to the store, of the bytes that a client gets, and of what is in a record. tests/unit/xenstored_replay.c notices most of these.
 */
#define JOURNAL_REPLAY 2u

enum record_type {
    R_OPEN = 1, /* a client came: what it describes */
    R_POSITION, /* of a ring: u32 req_cons, rsp_prod; arg: it is broken */
    R_HOOK,     /* what a hook answered: arg the result, and its data */
    R_TAP,      /* a call that changes the store: arg, data */
    R_AFRESH,   /* a ring begins anew, its connection with it: what it describes */
};

struct header {
    uint64_t magic, replay, seed, base_len; /* of the state stream, which follows */
};

struct record {
    uint32_t size; /* of the record with its body, a multiple of 8; 0: the end. Stored last */
    uint32_t type;
    uint32_t id; /* of the client */
    uint32_t arg;
    uint32_t what; /* enum st_tap */
    uint32_t len;  /* of the body */
    uint64_t now;
};

/* From the file's beginning to the first record. */
static inline uint64_t journal_records(uint64_t base_len)
{
    return (sizeof(struct header) + base_len + 7) & ~7ull;
}

#endif
