/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes on the wire: the input is a script that feeds four connections (domain 0's socket, three guests) with
 * byte streams, takes their output in pieces, and lets memory run out, domains die and time pass.
 *
 * FUZZ-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * FUZZ-SECONDS: 600
 * FUZZ-SEEDS: tests/fuzz/xenstored_seeds.py wire
 */
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include "toolstack/xenstored/lib/xenstored.h"

static unsigned int until_failure; /* allocations; 0: none fails */

static void *fuzz_alloc(void *ctx, size_t size)
{
    if (until_failure && !--until_failure)
        return NULL;
    return malloc(size ? size : 1);
}

static void fuzz_free(void *ctx, void *p, size_t size)
{
    free(p);
}

struct fuzz {
    struct st_store *s;
    struct st_conn *c[4];
    uint64_t now;
};

static int introduce(void *ctx, unsigned int domid, uint64_t gfn, uint32_t port)
{
    struct fuzz *f = ctx;

    if (domid > 3 || f->c[domid])
        return -22;
    f->c[domid] = st_conn_open_domain(f->s, domid);
    return f->c[domid] ? 0 : -12;
}

static void release(void *ctx, unsigned int domid)
{
    ((struct fuzz *)ctx)->c[domid & 3] = NULL;
}

static void feed(struct fuzz *f, unsigned int k, const uint8_t *data, size_t len)
{
    unsigned int budget = 8;
    enum st_stall stall;

    if (!f->c[k])
        return;
    st_conn_feed(f->c[k], data, len, &budget, &stall);
    if (stall == ST_DEAD && f->c[k])
        st_conn_reset(f->c[k]);
}

static void take(struct st_conn *c, size_t n)
{
    struct st_iovec v[4];
    unsigned int k = c ? st_conn_output(c, v, 4) : 0, i;
    uint8_t sum = 0;
    static volatile uint8_t sink;
    size_t total = 0, j;

    for (i = 0; i < k; total += v[i++].len)
        for (j = 0; j < v[i].len; j++)
            sum ^= ((const uint8_t *)v[i].base)[j];
    sink = sum;
    (void)sink;
    if (k)
        st_conn_delivered(c, n < total ? n : total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz f = {.now = 1};
    struct st_allocator a = {fuzz_alloc, fuzz_free, NULL};
    struct st_hooks h = {.introduce = introduce, .release = release, .ctx = &f};
    unsigned int k, op;
    size_t len;

    until_failure = 0;
    f.s = st_store_new(&a, &h, 42);
    f.c[0] = st_conn_open_socket(f.s, false);
    for (k = 1; k < 4; k++)
        f.c[k] = st_conn_open_domain(f.s, k);
    while (size >= 2) {
        op = data[0] >> 2 & 7;
        k = data[0] & 3;
        len = data[1];
        data += 2;
        size -= 2;
        if (op < 5) {
            len = len < size ? len : size;
            feed(&f, k, data, len);
            data += len;
            size -= len;
        } else if (op == 5) {
            take(f.c[k], len * 8);
        } else if (op == 6) {
            until_failure = (unsigned int)len;
        } else if (k) {
            st_store_set_time(f.s, f.now += len);
            if (len & 1)
                st_domain_gone(f.s, k);
            else if (!f.c[k])
                f.c[k] = st_conn_open_domain(f.s, k);
        }
    }
    until_failure = 0;
    if (st_store_check(f.s))
        abort();
    st_store_free(f.s);
    return 0;
}
