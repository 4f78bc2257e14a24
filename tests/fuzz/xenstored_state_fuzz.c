/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as the records of a live-update stream, after the beginning of a good one: it is refused or taken, and
 * what was taken passes the audit, and makes a stream that is taken again.
 * FUZZ-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * FUZZ-SECONDS: 600
 * FUZZ-SEEDS: tests/fuzz/xenstored_seeds.py state
 */
#include <stdlib.h>
#include <stdint.h>
#include <string.h>
#include "toolstack/xenstored/lib/state.h"

static void *fuzz_alloc(void *ctx, size_t size)
{
    return malloc(size ? size : 1);
}

static void fuzz_free(void *ctx, void *p, size_t size)
{
    free(p);
}

static uint8_t stream[128 * 1024];
static size_t stream_len;

static int to_stream(void *ctx, const void *data, size_t len)
{
    memcpy(stream + stream_len, data, len);
    stream_len += len;
    return 0;
}

static int adopt(void *ctx, struct st_conn *c, const void *p, size_t len)
{
    return len && *(const uint8_t *)p == 1; /* now and then one is not wanted */
}

static uint8_t second[8 * 1024 * 1024];
static size_t second_len;

static int to_second(void *ctx, const void *data, size_t len)
{
    if (second_len + len > sizeof(second))
        return -1;
    if (len)
        memcpy(second + second_len, data, len);
    second_len += len;
    return 0;
}

static void again(const struct st_allocator *a, struct st_store *s)
{
    struct st_saver saver = {to_second, NULL, NULL};
    struct st_loader loader = {NULL, NULL};
    struct st_store *copy;

    second_len = 0;
    if (st_state_save(s, &saver))
        return; /* larger than the buffer */
    copy = st_store_new(a, NULL, 43);
    if (st_state_load(copy, second, second_len, &loader) || st_store_check(copy))
        abort();
    st_store_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct st_allocator a = {fuzz_alloc, fuzz_free, NULL};
    struct st_loader loader = {adopt, NULL};
    struct st_saver saver = {to_stream, NULL, NULL};
    struct st_store *s = st_store_new(&a, NULL, 42);
    static size_t prefix;
    int rc;

    if (!prefix) {
        st_state_save(s, &saver);
        prefix = stream_len - 8; /* without its end */
    }
    if (size > sizeof(stream) - prefix)
        size = sizeof(stream) - prefix;
    memcpy(stream + prefix, data, size);
    rc = st_state_load(s, stream, prefix + size, &loader);
    if (!rc && st_store_check(s))
        abort();
    if (!rc)
        again(&a, s);
    st_store_free(s);
    return 0;
}
