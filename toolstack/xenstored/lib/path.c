/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Paths: what xenstore.txt allows, and their one canonical form. */
#include "toolstack/xenstored/lib/internal.h"

bool st_path_special(const char *path)
{
    return path[0] == '@';
}

static bool valid_char(unsigned char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '/' || c == '_' || c == '@';
}

size_t st_path_base(unsigned int domid, char out[40])
{
    static const char prefix[] = "/local/domain/";
    size_t len = sizeof(prefix) - 1;
    char digits[8];
    unsigned int n = 0;

    memcpy(out, prefix, len);
    do
        digits[n++] = (char)('0' + domid % 10);
    while (domid /= 10);
    while (n)
        out[len++] = digits[--n];
    out[len] = 0;
    return len;
}

/* Is this NUL-terminated text a canonical path ("@..." apart)? */
bool st_path_valid(const char *path, size_t len)
{
    size_t i;

    if (!len || len >= ST_PATH_MAX || path[0] != '/' || (len > 1 && path[len - 1] == '/'))
        return false;
    for (i = 0; i < len; i++)
        if (!valid_char((unsigned char)path[i]) || (path[i] == '/' && path[i + 1] == '/'))
            return false;
    return true;
}

bool st_name_valid(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!valid_char((unsigned char)name[i]) || name[i] == '/')
            return false;
    return len > 0;
}

/*
 * Makes the absolute form of a client's path, @n bytes and a NUL, in @out. Whether its characters are valid is not asked here: st_path_valid() is for
 * paths that are not found, and for those that are kept (watches). Special names ("@...") pass as they are; the caller
 * decides whether they are meant. 0, or -EINVAL.
 */
int st_path_make(const struct st_conn *c, const char *in, size_t n, char out[ST_PATH_MAX + 1], size_t *len,
                 bool *relative)
{
    size_t base = 0;

    *relative = false;
    if (n == 0)
        return -EINVAL;
    if (in[0] != '/' && in[0] != '@') {
        if (n > XENSTORE_REL_PATH_MAX)
            return -EINVAL;
        *relative = true;
        memcpy(out, c->base.text, sizeof(c->base.text));
        base = c->base.len;
    }
    if (base + n >= ST_PATH_MAX || (in[0] == '@' && n > XENSTORE_REL_PATH_MAX))
        return -EINVAL;
    if (!c->privileged && base + n >= c->store->quota.path_max)
        return -EINVAL;
    memcpy(out + base, in, n + 1);
    n += base;
    *len = n;
    return 0;
}

size_t st_path_parent(const char *path, size_t len)
{
    while (len > 1 && path[len - 1] != '/')
        len--;
    return len > 1 ? len - 1 : 1;
}

size_t st_path_shared(const char *a, const char *b, size_t n)
{
    uint64_t x, y;
    size_t i = 0;

    for (; i + sizeof(x) <= n; i += sizeof(x)) {
        memcpy(&x, a + i, sizeof(x));
        memcpy(&y, b + i, sizeof(y));
        if (x != y)
            return i + (size_t)__builtin_ctzll(x ^ y) / 8;
    }
    while (i < n && a[i] == b[i])
        i++;
    return i;
}

/* Is @path @top or below it? */
bool st_path_below(const char *path, size_t len, const char *top, size_t top_len)
{
    if (top_len == 1 && top[0] == '/')
        return path[0] == '/';
    return len >= top_len && memcmp(path, top, top_len) == 0 && (len == top_len || path[top_len] == '/');
}
