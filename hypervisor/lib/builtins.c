/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Arithmetic that the compiler calls for by name. libgcc's own is built for user programs (red zone), which
 * an interrupt in the hypervisor would trample on.
 */
#include "hv/types.h"

int __popcountdi2(uint64_t word);
unsigned __int128 __udivti3(unsigned __int128 n, unsigned __int128 d);

int __popcountdi2(uint64_t word)
{
    int count = 0;

    for (; word; word &= word - 1)
        count++;
    return count;
}

/* high:low / d, where high < d, so that the quotient fits. */
static uint64_t divide(uint64_t high, uint64_t low, uint64_t d, uint64_t *rest)
{
    uint64_t q;

    __asm__("divq %4" : "=a"(q), "=d"(*rest) : "a"(low), "d"(high), "rm"(d));
    return q;
}

unsigned __int128 __udivti3(unsigned __int128 n, unsigned __int128 d)
{
    unsigned __int128 q = 0;
    uint64_t high = (uint64_t)(n >> 64), rest;

    if (!(d >> 64)) {
        q = (unsigned __int128)divide(0, high, (uint64_t)d, &rest) << 64;
        return q | divide(rest, (uint64_t)n, (uint64_t)d, &rest);
    }
    /* The divisor has more than 64 bits, so the quotient has less than 64: bit by bit. */
    for (int bit = __builtin_clzll((uint64_t)(d >> 64)); bit >= 0; bit--) {
        if (n >= d << bit) {
            n -= d << bit;
            q |= (unsigned __int128)1 << bit;
        }
    }
    return q;
}
