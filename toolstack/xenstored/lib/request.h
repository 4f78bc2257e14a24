/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the handlers of requests share. */
#ifndef XENSTORED_REQUEST_H
#define XENSTORED_REQUEST_H

#include "toolstack/xenstored/lib/internal.h"

struct request {
    struct st_conn *c;
    struct st_txn *t;
    struct st_msg *reply;
    const char *in; /* NUL-terminated beyond len */
    uint32_t len;
    char *out;
};

/* Room for a reply of @len bytes, at r->out. 0, -E2BIG, -ENOMEM. */
int st_reply_room(struct request *r, uint32_t len);
/* At most 20 digits and the NUL; the length with it. */
uint32_t st_format_number(uint64_t v, char out[24]);
/* A decimal number up to @max. 0 or -EINVAL. */
int st_number(const char *str, uint64_t max, uint64_t *out);
/* The first @max of the payload's NUL-terminated strings; returns how many there are. */
unsigned int st_strings(const struct request *r, const char **v, unsigned int max);
/* The payload as exactly one string, or NULL. */
const char *st_one_string(const struct request *r);
/* The node that @str names, if the client may read it. */
int st_request_find(struct request *r, const char *str, unsigned int dep, bool special, struct st_node **n);

/* listing.c */
int st_do_directory(struct request *r);
int st_do_directory_part(struct request *r);

#endif
