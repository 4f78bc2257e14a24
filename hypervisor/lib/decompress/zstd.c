/* SPDX-License-Identifier: GPL-2.0-or-later */
/* zstd frames (RFC 8878), by libzstd. Linux's build makes one frame that often does not tell its size, and
 * four bytes that do. */
#include "lib/decompress/decompress.h"
#include "hv/errno.h"
#include "hv/string.h"
#define ZSTD_STATIC_LINKING_ONLY /* for a decoder in memory of ours: the functions are in the static library \
                                       of this very version */
#include <zstd.h>
#include <zstd_errors.h>

static int probe_zstd(const uint8_t *in, size_t size, struct decompress_need *need, const char **reason)
{
    size_t frame = ZSTD_findFrameCompressedSize(in, size);
    unsigned long long bound;

    if (ZSTD_isError(frame)) {
        *reason = "the zstd stream is corrupt or truncated";
        return -EINVAL;
    }
    bound = ZSTD_decompressBound(in, frame);
    need->out_size = bound == ZSTD_CONTENTSIZE_ERROR ? UINT64_MAX : bound;
    need->scratch_size = ZSTD_estimateDCtxSize() + 64;
    return 0;
}

static int run_zstd(struct decompress_job *job)
{
    struct arena arena = {.base = job->scratch, .size = job->scratch_size};
    size_t context_size = ZSTD_estimateDCtxSize();
    void *memory = arena_alloc(&arena, context_size);
    ZSTD_DCtx *context = memory ? ZSTD_initStaticDCtx(memory, context_size) : NULL;
    size_t frame, result;

    if (!context) {
        job->reason = "not enough memory to unpack the zstd stream";
        return -ENOMEM;
    }
    frame = ZSTD_findFrameCompressedSize(job->in, job->in_size);
    result =
        ZSTD_isError(frame) ? frame : ZSTD_decompressDCtx(context, job->out, job->out_size, job->in, frame);
    if (!ZSTD_isError(result)) {
        job->produced = result;
        return 0;
    }
    if (ZSTD_getErrorCode(result) == ZSTD_error_dstSize_tooSmall) {
        job->reason = "the zstd stream unpacks to more than its header says";
        return -ENOSPC;
    }
    job->reason = "the zstd stream is corrupt or truncated";
    return -EINVAL;
}

const struct decompressor decompressor_zstd = {.probe = probe_zstd, .run = run_zstd};
