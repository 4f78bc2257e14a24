/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Unpacking of kernels at boot, by Debian's static zlib, liblzma, libzstd and liblz4 (DESIGN 17).
 *
 * Those libraries were compiled for user programs: they use SSE registers and a red zone below the stack
 * pointer, and read a stack protector's value at %fs:0x28. Before any function of this header is called, in
 * the hypervisor, CR0.EM and CR0.TS are clear, CR4.OSFXSR is set, FS base points at a readable page, and
 * interrupts are off and stay off (NMI, machine check and page faults run on stacks of their own). They need
 * at most 6 KiB of stack. Nothing here keeps state between calls or may run on two processors at once.
 */
#ifndef LIB_DECOMPRESS_H
#define LIB_DECOMPRESS_H

#include "hv/types.h"

enum compression {
    COMPRESSION_NONE,
    COMPRESSION_GZIP,
    COMPRESSION_XZ,
    COMPRESSION_ZSTD,
    COMPRESSION_LZ4,         /* the legacy frame, which Linux's build makes */
    COMPRESSION_UNSUPPORTED, /* something known (bzip2, lzma, lzo, lz4's new frame) that we do not unpack */
};

struct decompress_job {
    /* In. All memory is the caller's. */
    const void *in;
    size_t in_size; /* bytes after the end of the stream are allowed and ignored */
    void *out;
    size_t out_size; /* at least what decompress_probe() said */
    void *scratch;
    size_t scratch_size; /* at least what decompress_probe() said */
    /* Out. */
    size_t produced;    /* bytes written to `out` */
    const char *reason; /* set when an error is returned: a constant sentence for the person at the console */
};

/* What a stream needs, found from its headers. */
struct decompress_need {
    enum compression format;
    uint64_t out_size; /* the exact size, or an upper bound of it where the stream does not say; UINT64_MAX if
                          nothing is known */
    uint64_t scratch_size;
};

/* Tells the format from the first bytes. *reason is set for COMPRESSION_UNSUPPORTED, and says which and what
 * to do. */
enum compression decompress_format(const void *in, size_t size, const char **reason);

/*
 * What it takes to unpack `in`. Reads headers only, so a broken stream may pass here and fail below.
 * -EOPNOTSUPP: a compression we do not know; -EINVAL: malformed. *reason is set on error. With
 * COMPRESSION_NONE out_size is `size`.
 */
int decompress_probe(const void *in, size_t size, struct decompress_need *need, const char **reason)
    __must_check;

/* Unpacks. -EINVAL: corrupt or truncated; -ENOSPC: does not fit `out`; -ENOMEM: scratch too small;
 * -EOPNOTSUPP as above. */
int decompress(struct decompress_job *job) __must_check;

/* --- Between the files of this folder. --- */

/* Gives out memory from a caller's buffer, 16-byte aligned, and takes nothing back. */
struct arena {
    uint8_t *base;
    size_t size, used;
};
void *arena_alloc(struct arena *a, size_t bytes);

struct decompressor {
    int (*probe)(const uint8_t *in, size_t size, struct decompress_need *need, const char **reason);
    int (*run)(struct decompress_job *job);
};
extern const struct decompressor decompressor_gzip, decompressor_xz, decompressor_zstd, decompressor_lz4;

static inline uint32_t load_le32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

#endif
