/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A small unsorted set of ranges: looked at only when a domain maps device memory writable, or stores to it.
 * Readers take no lock: a range is one word.
 */
#include "arch/x86/mmio_read_only.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"

#define MAX_RANGES 1024

/* A range: the first MFN above, the number of pages below. 0: the place is free. */
#define PAGES_BITS 24
#define MFN_BITS   40 /* physical addresses have 52 bits (SDM 3A 4.1.4) */

static struct {
    lock_t lock;
    unsigned int count;
    uint64_t range[MAX_RANGES];
} read_only = {.lock = LOCK_INIT(RANK_LEAF)};
LOCK_SHOWN(read_only, read_only.lock, "read-only MMIO");

static uint64_t encode(mfn_t first, uint64_t pages)
{
    return first.n << PAGES_BITS | pages;
}

static bool contains(uint64_t range, mfn_t mfn)
{
    return mfn.n - (range >> PAGES_BITS) < (range & MMIO_READ_ONLY_PAGES_MAX);
}

/* The place that holds `range`, or MAX_RANGES. Lock held. */
static unsigned int find(uint64_t range)
{
    unsigned int i = 0;

    while (i < MAX_RANGES && read_only.range[i] != range)
        i++;
    return i;
}

int mmio_make_read_only(mfn_t first, uint64_t pages)
{
    unsigned int i;

    if (!pages || pages > MMIO_READ_ONLY_PAGES_MAX || first.n >> MFN_BITS)
        return -EINVAL;
    lock(&read_only.lock);
    i = find(0);
    if (i < MAX_RANGES) {
        WRITE_ONCE(read_only.range[i], encode(first, pages));
        if (i >= read_only.count)
            __atomic_store_n(&read_only.count, i + 1, __ATOMIC_RELEASE);
    }
    unlock(&read_only.lock);
    return i < MAX_RANGES ? 0 : -ENOSPC;
}

void mmio_make_writable(mfn_t first, uint64_t pages)
{
    unsigned int i;

    lock(&read_only.lock);
    i = find(encode(first, pages));
    if (i < MAX_RANGES)
        WRITE_ONCE(read_only.range[i], 0);
    unlock(&read_only.lock);
}

bool mmio_is_read_only(mfn_t mfn)
{
    unsigned int count = __atomic_load_n(&read_only.count, __ATOMIC_ACQUIRE);

    for (unsigned int i = 0; i < count; i++)
        if (contains(READ_ONCE(read_only.range[i]), mfn))
            return true;
    return false;
}
