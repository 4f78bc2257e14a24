/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The .xz file format, by liblzma: what Linux's build makes has the x86 filter, LZMA2 and CRC32; xz(1) by
 * itself uses CRC64. */
#include "lib/decompress/decompress.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <lzma.h>

/* What the decoder allocates before it knows its dictionary: three coders and the options of up to four
 * filters, below 8 KiB. */
#define XZ_PROBE_SCRATCH KiB(8)
/* What liblzma's own estimate may leave out: alignment of some ten objects in the arena, and the options
 * while both exist. */
#define XZ_SCRATCH_MARGIN KiB(64)
/* lzma.h: the decoder refuses a dictionary that would make it exceed the limit given. No kernel comes near
 * this. */
#define XZ_MEMORY_LIMIT GiB(1)

static void *xz_alloc(void *arena, size_t count, size_t size)
{
    size_t bytes;

    return __builtin_mul_overflow(count, size, &bytes) ? NULL : arena_alloc(arena, bytes);
}

static void xz_free(void *arena, void *p)
{
    (void)arena;
    (void)p;
}

/*
 * The uncompressed size stands in the index, before the footer that gives the index's size (.xz format 2.1.2,
 * 4). A Linux payload is followed by four bytes that are not part of the stream, and padding is zero in
 * multiples of four: look for the footer's magic.
 */
static const uint8_t *find_footer(const uint8_t *in, size_t size)
{
    for (size_t end = size; end >= 2 * LZMA_STREAM_HEADER_SIZE && end + 8 >= size; end--)
        if (in[end - 2] == 'Y' && in[end - 1] == 'Z')
            return in + end - LZMA_STREAM_HEADER_SIZE;
    return NULL;
}

static bool add_record(const uint8_t *index, size_t *pos, size_t size, uint64_t *total)
{
    lzma_vli unpadded, uncompressed;

    return lzma_vli_decode(&unpadded, NULL, index, pos, size) == LZMA_OK &&
           lzma_vli_decode(&uncompressed, NULL, index, pos, size) == LZMA_OK &&
           !__builtin_add_overflow(*total, uncompressed, total);
}

static uint64_t size_from_index(const uint8_t *in, size_t size)
{
    const uint8_t *footer = find_footer(in, size);
    const uint8_t *index;
    lzma_stream_flags flags;
    lzma_vli records;
    size_t pos = 1; /* the index indicator, a zero byte */
    uint64_t total = 0;

    if (!footer || lzma_stream_footer_decode(&flags, footer) != LZMA_OK ||
        flags.backward_size > (size_t)(footer - in))
        return UINT64_MAX;
    index = footer - flags.backward_size;
    if (index[0] != 0 || lzma_vli_decode(&records, NULL, index, &pos, flags.backward_size) != LZMA_OK)
        return UINT64_MAX;
    /* Each record takes at least two bytes, so a false count ends at the index's end. */
    for (lzma_vli i = 0; i < records; i++)
        if (!add_record(index, &pos, flags.backward_size, &total))
            return UINT64_MAX;
    return total;
}

static int probe_xz(const uint8_t *in, size_t size, struct decompress_need *need, const char **reason)
{
    static uint8_t buffer[XZ_PROBE_SCRATCH];
    struct arena arena = {.base = buffer, .size = sizeof(buffer)};
    lzma_allocator allocator = {.alloc = xz_alloc, .free = xz_free, .opaque = &arena};
    uint64_t memory = 1; /* so small that the decoder stops and says what it needs */
    size_t in_pos = 0, out_pos = 0;
    uint8_t none;

    if (lzma_stream_buffer_decode(&memory, 0, &allocator, in, &in_pos, size, &none, &out_pos, sizeof(none)) !=
            LZMA_MEMLIMIT_ERROR ||
        memory > XZ_MEMORY_LIMIT) {
        *reason =
            "the xz stream's header is corrupt, or uses a filter or a dictionary size that is not supported";
        return -EINVAL;
    }
    need->out_size = size_from_index(in, size);
    need->scratch_size = memory + XZ_SCRATCH_MARGIN;
    return 0;
}

static int run_xz(struct decompress_job *job)
{
    struct arena arena = {.base = job->scratch, .size = job->scratch_size};
    lzma_allocator allocator = {.alloc = xz_alloc, .free = xz_free, .opaque = &arena};
    uint64_t memory = XZ_MEMORY_LIMIT;
    size_t in_pos = 0;

    switch (lzma_stream_buffer_decode(&memory, 0, &allocator, job->in, &in_pos, job->in_size, job->out,
                                      &job->produced, job->out_size)) {
    case LZMA_OK:
        return 0;
    case LZMA_MEM_ERROR:
    case LZMA_MEMLIMIT_ERROR:
        job->reason = "not enough memory to unpack the xz stream: its dictionary is too large";
        return -ENOMEM;
    case LZMA_BUF_ERROR:
        job->reason = "the xz stream unpacks to more than its header says";
        return -ENOSPC;
    case LZMA_OPTIONS_ERROR:
    case LZMA_UNSUPPORTED_CHECK:
        job->reason = "the xz stream uses a filter or a checksum that is not supported: use --check=crc32 "
                      "and the x86 filter at most";
        return -EOPNOTSUPP;
    default:
        job->reason = "the xz stream is corrupt or truncated";
        return -EINVAL;
    }
}

const struct decompressor decompressor_xz = {.probe = probe_xz, .run = run_xz};
