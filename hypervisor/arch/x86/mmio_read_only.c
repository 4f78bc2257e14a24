/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A small unsorted set: looked at only when a domain maps device memory writable. Readers take no lock. */
#include "arch/x86/mmio_read_only.h"
#include "hv/errno.h"
#include "hv/lock.h"

#define MAX_PAGES 256

static struct {
    lock_t lock;
    unsigned int count;
    uint64_t page[MAX_PAGES]; /* MFN + 1; 0: empty */
} read_only = {.lock = LOCK_INIT(RANK_LEAF)};

int mmio_make_read_only(mfn_t mfn)
{
    int ret = -ENOSPC;

    lock(&read_only.lock);
    for (unsigned int i = 0; i < MAX_PAGES && ret; i++) {
        if (read_only.page[i])
            continue;
        WRITE_ONCE(read_only.page[i], mfn.n + 1);
        if (i >= read_only.count)
            __atomic_store_n(&read_only.count, i + 1, __ATOMIC_RELEASE);
        ret = 0;
    }
    unlock(&read_only.lock);
    return ret;
}

void mmio_make_writable(mfn_t mfn)
{
    lock(&read_only.lock);
    for (unsigned int i = 0; i < read_only.count; i++)
        if (read_only.page[i] == mfn.n + 1) {
            WRITE_ONCE(read_only.page[i], 0);
            break;
        }
    unlock(&read_only.lock);
}

bool mmio_is_read_only(mfn_t mfn)
{
    unsigned int count = __atomic_load_n(&read_only.count, __ATOMIC_ACQUIRE);

    for (unsigned int i = 0; i < count; i++)
        if (READ_ONCE(read_only.page[i]) == mfn.n + 1)
            return true;
    return false;
}
