/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * lz4's legacy frame (lz4_Frame_format.md, "Legacy frame"), blocks unpacked by liblz4: a magic number, then
 * blocks, each a 32-bit size and that many bytes, each 8 MiB unpacked but for the last. Nothing marks the
 * end: the next "size" that cannot be one does. Linux's build appends four bytes, the unpacked size; as a
 * block size they would reach past the end of the input.
 */
#include "lib/decompress/decompress.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <lz4.h>

#define LZ4_BLOCK MiB(8)
#define LZ4_MAGIC 4 /* bytes */

/* Finds the block at *pos and moves *pos behind it. False at the end of the blocks. */
static bool next_block(const uint8_t *in, size_t size, size_t *pos, const uint8_t **block, size_t *length)
{
    if (size - *pos <= 4)
        return false;
    *length = load_le32(in + *pos);
    if (*length == 0 || *length > size - *pos - 4 || *length > (size_t)LZ4_COMPRESSBOUND(LZ4_BLOCK))
        return false;
    *block = in + *pos + 4;
    *pos += 4 + *length;
    return true;
}

static int probe_lz4(const uint8_t *in, size_t size, struct decompress_need *need, const char **reason)
{
    size_t pos = LZ4_MAGIC, length;
    const uint8_t *block;

    (void)reason;
    while (next_block(in, size, &pos, &block, &length))
        /* A byte of input gives at most 255 bytes of output (a run's length byte), so that small blocks do
         * not ask for 8 MiB each. */
        need->out_size += min((uint64_t)length * 255, LZ4_BLOCK);
    return 0;
}

static int run_lz4(struct decompress_job *job)
{
    const uint8_t *in = job->in, *block;
    size_t pos = LZ4_MAGIC, length;

    while (next_block(in, job->in_size, &pos, &block, &length)) {
        size_t room = min(job->out_size - job->produced, (size_t)LZ4_BLOCK);
        int n = LZ4_decompress_safe((const char *)block, (char *)job->out + job->produced, (int)length,
                                    (int)room);

        if (n < 0) {
            job->reason = "the lz4 stream is corrupt, or unpacks to more than its header says";
            return -EINVAL;
        }
        job->produced += (size_t)n;
    }
    /* Four bytes may remain: Linux's size. More is the rest of a block that is cut off. */
    if (job->in_size - pos > 4 || job->produced == 0) {
        job->reason = "the lz4 stream is truncated";
        return -EINVAL;
    }
    return 0;
}

const struct decompressor decompressor_lz4 = {.probe = probe_lz4, .run = run_lz4};
