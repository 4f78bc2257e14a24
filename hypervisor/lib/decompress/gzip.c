/* SPDX-License-Identifier: GPL-2.0-or-later */
/* gzip streams (RFC 1952), by zlib. */
#include "lib/decompress/decompress.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <zlib.h>

/* zlib's inflate keeps a 32 KiB window and a state of some 7 KiB (zconf.h says "about 44 KB in all"). */
#define GZIP_SCRATCH KiB(64)
/* windowBits: the largest window, plus 16 for the gzip wrapper (zlib.h, inflateInit2). */
#define GZIP_WINDOW_BITS (15 + 16)

static int probe_gzip(const uint8_t *in, size_t size, struct decompress_need *need, const char **reason)
{
    /* Header and trailer are 18 bytes; the last four are the length modulo 2^32 (RFC 1952 2.3.1). */
    if (size < 18) {
        *reason = "the gzip stream is truncated";
        return -EINVAL;
    }
    need->out_size = load_le32(in + size - 4);
    need->scratch_size = GZIP_SCRATCH;
    return 0;
}

static voidpf zlib_alloc(voidpf arena, uInt items, uInt size)
{
    void *p = arena_alloc(arena, (size_t)items * size);

    /* zlib reads parts of its state before it writes them, where the result does not matter. */
    if (p)
        memset(p, 0, (size_t)items * size);
    return p;
}

static void zlib_free(voidpf arena, voidpf p)
{
    (void)arena;
    (void)p;
}

/* zlib counts in unsigned int: offers what is left of the input and the output, a bounded piece at a time. */
static int inflate_pieces(z_stream *s, struct decompress_job *job)
{
    const uint8_t *in_end = (const uint8_t *)job->in + job->in_size;
    uint8_t *out_end = (uint8_t *)job->out + job->out_size;
    int status;

    do {
        s->avail_in = (uInt)min((size_t)(in_end - s->next_in), (size_t)GiB(1));
        s->avail_out = (uInt)min((size_t)(out_end - s->next_out), (size_t)GiB(1));
        status = inflate(s, Z_NO_FLUSH);
    } while (status == Z_OK);
    job->produced = (size_t)(s->next_out - (uint8_t *)job->out);
    return status;
}

static int run_gzip(struct decompress_job *job)
{
    struct arena arena = {.base = job->scratch, .size = job->scratch_size};
    z_stream s = {.next_in = (z_const Bytef *)(uintptr_t)job->in,
                  .next_out = job->out,
                  .zalloc = zlib_alloc,
                  .zfree = zlib_free,
                  .opaque = &arena};
    int status = inflateInit2(&s, GZIP_WINDOW_BITS);

    if (status == Z_OK)
        status = inflate_pieces(&s, job);
    switch (status) {
    case Z_STREAM_END:
        return 0;
    case Z_MEM_ERROR:
        job->reason = "not enough memory to unpack the gzip stream";
        return -ENOMEM;
    case Z_BUF_ERROR:
        if (job->produced == job->out_size) {
            job->reason = "the gzip stream unpacks to more than its header says";
            return -ENOSPC;
        }
        job->reason = "the gzip stream is truncated";
        return -EINVAL;
    default:
        job->reason = "the gzip stream is corrupt";
        return -EINVAL;
    }
}

const struct decompressor decompressor_gzip = {.probe = probe_gzip, .run = run_gzip};
