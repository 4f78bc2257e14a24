/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells compression formats apart and hands the work to the file that knows the format. */
#include "lib/decompress/decompress.h"
#include "hv/errno.h"
#include "hv/string.h"

struct magic {
    uint8_t length;
    char bytes[7];
    enum compression format;
    const char *reason;
};

/* First bytes of each format: RFC 1952 2.3.1, the .xz file format 2.1.1.1, RFC 8878 3.1.1,
 * lz4_Frame_format.md; the others from file(1). */
static const struct magic magics[] = {
    {3, "\x1f\x8b\x08", COMPRESSION_GZIP, NULL},
    {6,
     "\xfd"
     "7zXZ",
     COMPRESSION_XZ, NULL},
    {4, "\x28\xb5\x2f\xfd", COMPRESSION_ZSTD, NULL},
    {4, "\x02\x21\x4c\x18", COMPRESSION_LZ4, NULL},
    {4, "\x04\x22\x4d\x18", COMPRESSION_UNSUPPORTED,
     "the kernel is packed in lz4's new frame format, which is not supported: use lz4 -l, or gzip, xz or "
     "zstd"},
    {3, "BZh", COMPRESSION_UNSUPPORTED,
     "the kernel is compressed with bzip2, which is not supported: use gzip, xz, zstd or lz4"},
    {3, "\x5d\x00\x00", COMPRESSION_UNSUPPORTED,
     "the kernel is compressed with lzma, which is not supported: use gzip, xz, zstd or lz4"},
    {5, "\x89LZO\x00", COMPRESSION_UNSUPPORTED,
     "the kernel is compressed with lzo, which is not supported: use gzip, xz, zstd or lz4"},
};

static const struct decompressor *const decompressors[] = {
    [COMPRESSION_GZIP] = &decompressor_gzip,
    [COMPRESSION_XZ] = &decompressor_xz,
    [COMPRESSION_ZSTD] = &decompressor_zstd,
    [COMPRESSION_LZ4] = &decompressor_lz4,
};

void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t start = ROUND_UP((uintptr_t)a->base + a->used, (uintptr_t)16) - (uintptr_t)a->base;

    if (start > a->size || bytes > a->size - start)
        return NULL;
    a->used = start + bytes;
    return a->base + start;
}

enum compression decompress_format(const void *in, size_t size, const char **reason)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(magics); i++) {
        const struct magic *m = &magics[i];

        if (size < m->length || memcmp(in, m->bytes, m->length) != 0)
            continue;
        if (m->reason)
            *reason = m->reason;
        return m->format;
    }
    return COMPRESSION_NONE;
}

int decompress_probe(const void *in, size_t size, struct decompress_need *need, const char **reason)
{
    *need = (struct decompress_need){.format = decompress_format(in, size, reason)};
    switch (need->format) {
    case COMPRESSION_NONE:
        need->out_size = size;
        return 0;
    case COMPRESSION_UNSUPPORTED:
        return -EOPNOTSUPP;
    default:
        return decompressors[need->format]->probe(in, size, need, reason);
    }
}

int decompress(struct decompress_job *job)
{
    enum compression format = decompress_format(job->in, job->in_size, &job->reason);

    job->produced = 0;
    switch (format) {
    case COMPRESSION_UNSUPPORTED:
        return -EOPNOTSUPP;
    case COMPRESSION_NONE:
        job->reason = "the data is not compressed in a known format";
        return -EINVAL;
    default:
        return decompressors[format]->run(job);
    }
}
