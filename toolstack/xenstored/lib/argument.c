/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request taken apart: strings, numbers, domains, paths; and room for its reply. */
#include "toolstack/xenstored/lib/request.h"

int st_reply_room(struct request *r, uint32_t len)
{
    if (len > XENSTORE_PAYLOAD_MAX)
        return -E2BIG;
    if (st_msg_resize(r->c, r->reply, (uint32_t)sizeof(struct xsd_sockmsg) + len))
        return -ENOMEM;
    r->out = r->reply->buf + sizeof(struct xsd_sockmsg);
    return 0;
}

int st_reply_data(struct request *r, const void *data, uint32_t len)
{
    int rc = st_reply_room(r, len);

    if (!rc && len)
        memcpy(r->out, data, len);
    return rc;
}

uint32_t st_format_number(uint64_t v, char out[24])
{
    char digits[24];
    uint32_t n = 0, len = 0;

    do
        digits[n++] = (char)('0' + v % 10);
    while (v /= 10);
    while (n)
        out[len++] = digits[--n];
    out[len++] = 0;
    return len;
}

unsigned int st_count_strings(const struct request *r)
{
    unsigned int n = 0;
    uint32_t i;

    for (i = 0; i < r->len; i++)
        n += !r->in[i];
    return n;
}

unsigned int st_strings(const struct request *r, const char **v, unsigned int max)
{
    unsigned int n = st_count_strings(r), i;
    const char *p = r->in;

    for (i = 0; i < n && i < max; i++) {
        v[i] = p;
        p += strlen(p) + 1;
    }
    return n;
}

const char *st_one_string(const struct request *r)
{
    return r->len && memchr(r->in, 0, r->len) == r->in + r->len - 1 ? r->in : NULL;
}

int st_number(const char *str, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    if (!*str)
        return -EINVAL;
    for (; *str; str++) {
        if (*str < '0' || *str > '9' || v > max / 10)
            return -EINVAL;
        v = v * 10 + (uint64_t)(*str - '0');
        if (v > max)
            return -EINVAL;
    }
    *out = v;
    return 0;
}

int st_domid_argument(const char *str, unsigned int *domid)
{
    uint64_t v;
    int rc = str ? st_number(str, 65535, &v) : -EINVAL;

    if (!rc)
        *domid = (unsigned int)v;
    return rc;
}

int st_path_argument(const struct request *r, const char *str, struct st_path *p, bool special)
{
    const char *end = !str ? NULL : str == r->in ? memchr(str, 0, r->len) : str + strlen(str);

    return st_path_until(r, str, end, p, special);
}
