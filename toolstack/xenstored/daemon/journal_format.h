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
#define JOURNAL_REPLAY 3u

enum record_kind {
    R_OPEN = 1, /* a client came: what it describes */
    R_POSITION, /* of a ring: u32 req_cons, rsp_prod; arg: it is broken. The two are overwritten, together, as long as nothing else moves them */
    R_HOOK,     /* what a hook answered: arg the result, and its data */
    R_AFRESH,   /* a ring begins anew, its connection with it: what it describes */
    R_TIME,     /* of what follows: u64, as st_store_set_time() has it */
    R_TAP = 16, /* and more, by enum st_tap: a call that changes the store: arg, data */
};

struct header {
    uint64_t magic, replay, seed, base_len; /* of the state stream, which follows */
};

struct record {
    uint32_t size; /* of the record with its body, a multiple of 8; 0: the end. Stored last */
    uint8_t kind;  /* enum record_kind */
    uint8_t slack; /* bytes behind the body */
    /* With ST_TAP_FEED: so many bytes of output after it, as ST_TAP_DELIVERED says. Stored later, if at all. */
    uint16_t delivered;
    uint32_t id; /* of the client */
    uint32_t arg;
};

/* From the file's beginning to the first record. */
static inline uint64_t journal_records(uint64_t base_len)
{
    return (sizeof(struct header) + base_len + 7) & ~7ull;
}

#endif
