/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/cache.h"

void cache_write_back(const void *from, size_t bytes)
{
    const uint8_t *end = (const uint8_t *)from + bytes;
    const uint8_t *line = (const uint8_t *)((uintptr_t)from & ~(uintptr_t)(CACHE_LINE - 1));

    __asm__ volatile("mfence" ::: "memory");
    for (; line < end; line += CACHE_LINE)
        __asm__ volatile("clflush %0" : : "m"(*line));
    __asm__ volatile("mfence" ::: "memory");
}
