/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory for the hypervisor itself: objects of any size up to a few pages, zeroed, aligned to 16 bytes (to a cache line from 64 bytes
 * up). From any context with interrupts on. Whole frames come from core/heap.h.
 * `fail-alloc=n` on the command line makes the n-th allocation after boot fail, so every caller's error path can be run.
 */
#ifndef HV_ALLOC_H
#define HV_ALLOC_H

#include "hv/types.h"

/* Returns NULL when there is no memory. The caller owns the object. */
void *hv_zalloc(size_t size) __must_check;
void hv_free(void *p);

#define hv_new(type)          ((type *)hv_zalloc(sizeof(type)))
#define hv_new_array(type, n) ((type *)hv_zalloc_array(sizeof(type), n))

static inline __must_check void *hv_zalloc_array(size_t size, size_t n)
{
    size_t total;

    return __builtin_mul_overflow(size, n, &total) ? NULL : hv_zalloc(total);
}

#endif
