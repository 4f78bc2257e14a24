/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the two ways of an exchange share: chunks done in one go (memory_exchange.c), and larger ones in pieces (memory_exchange_large.c). */
#ifndef CORE_MEMORY_EXCHANGE_H
#define CORE_MEMORY_EXCHANGE_H

#include "core/memory_op.h"

struct exchange {
    struct hypercall *hc;
    struct domain *d;
    abi_xen_memory_exchange_t arg;
    struct guest_words in, out;               /* their lists */
    unsigned int in_per_chunk, out_per_chunk; /* extents; powers of two, one of them 1 */
    unsigned int width;                       /* address bits of the new frames; 0: any */
    struct heap_where where;                  /* they are to lie */
};

/*
 * Takes the domain's page out of anybody's reach: its one reference, the allocation's, goes to 0 without
 * releasing it, and nobody gets a new one. It becomes the first of `list`, which goes on through the frames'
 * data (number + 1; 0: end). False: it is not the domain's, or is in use.
 */
bool exchange_take(struct domain *d, struct frame *f, uint32_t *list);
/* The first of the list, taken off it; NULL: it is empty. */
struct frame *exchange_next(uint32_t *list);
/* Taken off the list already: the domain's again, as it was. Goes to the heap if the domain's end has begun: that may have passed it over. */
void exchange_put_back(struct domain *d, struct frame *f);

/*
 * One chunk, of 2^EXCHANGE_WHOLE_ORDER frames and more. -ERESTART: call again with the same arguments; other
 * errors: nothing of it was exchanged, or it was and the guest's list is wrong.
 */
int exchange_large(struct exchange *x) __must_check;

#endif
