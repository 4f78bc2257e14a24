/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic of time, without a 128-bit division (which would need the compiler's library). */
#include "arch/x86/clock/clock.h"

uint64_t clock_mul_div(uint64_t a, uint64_t b, uint64_t c)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product, quotient = 0, rest = 0;

    if (!high)
        return low / c;
    /* Bit by bit, from the top: cold code, 128 steps. */
    for (int bit = 127; bit >= 0; bit--) {
        uint64_t carry = rest >> 63, next = (bit >= 64 ? high >> (bit - 64) : low >> bit) & 1;

        rest = rest << 1 | next;
        quotient <<= 1;
        if (carry || rest >= c) {
            rest -= c;
            quotient |= 1;
        }
    }
    return quotient;
}

struct clock_scale clock_scale_ratio(uint64_t numerator, uint64_t denominator)
{
    struct clock_scale s = {0};

    /* The fraction that is left is in [1/2, 1): its 32 bits are all significant. */
    while (numerator >= denominator) {
        if (denominator >> 62)
            numerator >>= 1;
        else
            denominator <<= 1;
        s.shift++;
    }
    while (numerator < denominator - numerator) {
        numerator <<= 1;
        s.shift--;
    }
    s.mul = (uint32_t)clock_mul_div(numerator, 1ULL << 32, denominator);
    return s;
}

uint64_t clock_unscale(uint64_t ns, struct clock_scale s)
{
    unsigned __int128 product = (unsigned __int128)ns << (32 - s.shift);
    uint64_t high = (uint64_t)(product >> 64), low = (uint64_t)product, upper, lower;

    /* In digits of 32 bits: what is left is less than the divisor, and so is one. */
    upper = (high < s.mul ? high : high % s.mul) << 32 | low >> 32;
    lower = upper % s.mul << 32 | (uint32_t)low;
    return (upper / s.mul << 32) + lower / s.mul;
}
