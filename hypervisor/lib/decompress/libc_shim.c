/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The C library that the four libraries see. memcpy, memmove, memset and memcmp are ours in any case
 * (lib/string.c). Memory is always given to them through their own allocator hooks (decompress.h: struct
 * arena), so malloc and the like are named by them and never called. The rest stands in for members of the
 * archives that would be linked for nothing:
 * - libzstd's decoders of formats 0.5 to 0.7 (90 KiB): zstd.c is only called for frames of the present
 * format, one at a time;
 * - liblzma's CRC64 (12 KiB, and a constructor that nobody would run).
 */
#include "hv/panic.h"
#include "hv/string.h"

void *malloc(size_t size);
void *calloc(size_t n, size_t size);
void free(void *p);
void __stack_chk_fail(void) __noreturn;
unsigned long long ZSTD_trace_decompress_begin(const void *context);
void ZSTD_trace_decompress_end(unsigned long long id, const void *trace);
uint64_t lzma_crc64(const uint8_t *buf, size_t size, uint64_t crc);

void *malloc(size_t size)
{
    (void)size;
    return NULL;
}

void *calloc(size_t n, size_t size)
{
    (void)n;
    (void)size;
    return NULL;
}

void free(void *p)
{
    (void)p;
}

void __stack_chk_fail(void)
{
    panic("the unpacking of the kernel overran its stack: the kernel image is not to be trusted\n");
}

/* Weak in libzstd, but a weak undefined symbol resolves to 0, which a call from our addresses does not reach.
 * 0: do not trace. */
unsigned long long ZSTD_trace_decompress_begin(const void *context)
{
    (void)context;
    return 0;
}

void ZSTD_trace_decompress_end(unsigned long long id, const void *trace)
{
    (void)id;
    (void)trace;
}

/* CRC-64/XZ (ECMA-182, reflected): polynomial and conditioning from the .xz file format, section 6. Four bits
 * at a time. */
uint64_t lzma_crc64(const uint8_t *buf, size_t size, uint64_t crc)
{
    uint64_t table[16];

    for (unsigned int i = 0; i < 16; i++) {
        table[i] = i;
        for (unsigned int bit = 0; bit < 4; bit++)
            table[i] = table[i] >> 1 ^ (table[i] & 1 ? 0xc96c5795d7870f42ULL : 0);
    }
    crc = ~crc;
    for (size_t i = 0; i < size; i++) {
        crc ^= buf[i];
        crc = crc >> 4 ^ table[crc & 15];
        crc = crc >> 4 ^ table[crc & 15];
    }
    return ~crc;
}

#define OLD_ZSTD(name)                                                                                       \
    void name(void);                                                                                         \
    void name(void)                                                                                          \
    {                                                                                                        \
        panic("broken invariant: " #name " was called\n");                                                   \
    }
#define OLD_ZSTD_VERSION(v)                                                                                  \
    OLD_ZSTD(ZBUFF##v##_createDCtx)                                                                          \
    OLD_ZSTD(ZBUFF##v##_decompressContinue)                                                                  \
    OLD_ZSTD(ZBUFF##v##_decompressInitDictionary)                                                            \
    OLD_ZSTD(ZBUFF##v##_freeDCtx)                                                                            \
    OLD_ZSTD(ZSTD##v##_createDCtx)                                                                           \
    OLD_ZSTD(ZSTD##v##_decompress_usingDict)                                                                 \
    OLD_ZSTD(ZSTD##v##_findFrameSizeInfoLegacy)                                                              \
    OLD_ZSTD(ZSTD##v##_freeDCtx)                                                                             \
    OLD_ZSTD(ZSTD##v##_getFrameParams)
OLD_ZSTD_VERSION(v05)
OLD_ZSTD_VERSION(v06)
OLD_ZSTD_VERSION(v07)
