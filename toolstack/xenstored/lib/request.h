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

/* argument.c */
/* Room for a reply of @len bytes, at r->out. 0, -E2BIG, -ENOMEM. */
int st_reply_room(struct request *r, uint32_t len);
/* The same, filled. */
int st_reply_data(struct request *r, const void *data, uint32_t len);
/* At most 20 digits and the NUL; the length with it. */
uint32_t st_format_number(uint64_t v, char out[24]);
/* A decimal number up to @max. 0 or -EINVAL. */
int st_number(const char *str, uint64_t max, uint64_t *out);
/* The number of a domain; NULL is none. 0 or -EINVAL. */
int st_domid_argument(const char *str, unsigned int *domid);
/* The first @max of the payload's NUL-terminated strings; returns how many there are. */
unsigned int st_strings(const struct request *r, const char **v, unsigned int max);
unsigned int st_count_strings(const struct request *r);
/* The payload as exactly one string, or NULL. */
const char *st_one_string(const struct request *r);
/* @str, whose NUL is at @end, as a path, special ones only if they are wanted; NULLs are none. 0 or -EINVAL. */
static inline int st_path_until(const struct request *r, const char *str, const char *end, struct st_path *p,
                                bool special)
{
    int rc =
        str && end ? st_path_make(r->c, str, (size_t)(end - str), p->text, &p->len, &p->relative) : -EINVAL;

    return rc ? rc : st_path_special(p->text) && !special ? -EINVAL : 0;
}
/* The same of a string of the payload. */
int st_path_argument(const struct request *r, const char *str, struct st_path *p, bool special);

/* dispatch.c */
/* The node that @str names, if the client may read it. */
int st_request_find(struct request *r, const char *str, unsigned int dep, bool special, struct st_node **n);

/* listing.c */
int st_do_directory(struct request *r);
int st_do_directory_part(struct request *r);

#endif
