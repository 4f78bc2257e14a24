/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug builds: locks are taken in the order of their ranks (hv/lock.h). Each processor remembers what it
 * holds. An interrupt starts afresh: what it interrupts was taken with interrupts on, so no handler takes that
 * lock anywhere (K2), whatever its rank, and whoever waits for it does not hold a handler's lock meanwhile.
 */
#ifdef DEBUG
#include "hv/irqflags.h"
#include "hv/lock.h"
#include "hv/panic.h"
#include "hv/percpu.h"

#define MAX_HELD 12

struct held {
    lock_t *lock[MAX_HELD];
    unsigned int count;
    unsigned int base; /* those below are held by what was interrupted */
};
static DEFINE_PERCPU(struct held, held);

void lock_check_take(lock_t *l, bool same_rank_allowed)
{
    uint64_t flags = irq_save();
    struct held *h = &this_cpu(held);

    if (h->count == MAX_HELD)
        panic("more than %u locks held\n", MAX_HELD);
    for (unsigned int i = 0; i < h->count; i++) {
        if (h->lock[i] == l)
            panic("lock %p (rank %u) taken twice\n", (void *)l, l->rank);
        if (i >= h->base && l->rank && h->lock[i]->rank &&
            (h->lock[i]->rank > l->rank || (h->lock[i]->rank == l->rank && !same_rank_allowed)))
            panic("lock of rank %u taken under one of rank %u\n", l->rank, h->lock[i]->rank);
    }
    h->lock[h->count++] = l;
    irq_restore(flags);
}

unsigned int lock_check_interrupted(void)
{
    struct held *h = &this_cpu(held);
    unsigned int base = h->base;

    h->base = h->count;
    return base;
}

void lock_check_resumed(unsigned int base)
{
    this_cpu(held).base = base;
}

void lock_check_drop(lock_t *l)
{
    uint64_t flags = irq_save();
    struct held *h = &this_cpu(held);
    unsigned int i = h->count;

    while (i-- > 0)
        if (h->lock[i] == l)
            break;
    if (i >= MAX_HELD)
        panic("lock %p (rank %u) dropped, which this processor does not hold\n", (void *)l, l->rank);
    for (h->count--; i < h->count; i++)
        h->lock[i] = h->lock[i + 1];
    irq_restore(flags);
}
#endif
