/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits in words and in arrays of words. Functions named atomic_ are; all others need a lock or a single owner. */
#ifndef HV_BITOPS_H
#define HV_BITOPS_H

#include "hv/types.h"

#define BITS_PER_LONG    64
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)

static inline bool test_bit(unsigned int bit, const volatile uint64_t *words)
{
    return words[bit / 64] >> (bit % 64) & 1;
}

static inline void set_bit(unsigned int bit, uint64_t *words)
{
    words[bit / 64] |= BIT(bit % 64);
}

static inline void clear_bit(unsigned int bit, uint64_t *words)
{
    words[bit / 64] &= ~BIT(bit % 64);
}

static inline void atomic_set_bit(unsigned int bit, volatile uint64_t *words)
{
    __atomic_fetch_or(&words[bit / 64], BIT(bit % 64), __ATOMIC_SEQ_CST);
}

static inline void atomic_clear_bit(unsigned int bit, volatile uint64_t *words)
{
    __atomic_fetch_and(&words[bit / 64], ~BIT(bit % 64), __ATOMIC_SEQ_CST);
}

/*
 * Both return the bit's value before. One instruction each in the hypervisor; a bit number in a register reaches any word of the array.
 */
#ifdef UNIT_HOSTED
static inline bool atomic_test_and_set_bit(unsigned int bit, volatile uint64_t *words)
{
    return __atomic_fetch_or(&words[bit / 64], BIT(bit % 64), __ATOMIC_SEQ_CST) >> (bit % 64) & 1;
}

static inline bool atomic_test_and_clear_bit(unsigned int bit, volatile uint64_t *words)
{
    return __atomic_fetch_and(&words[bit / 64], ~BIT(bit % 64), __ATOMIC_SEQ_CST) >> (bit % 64) & 1;
}
#else
static inline bool atomic_test_and_set_bit(unsigned int bit, volatile uint64_t *words)
{
    bool before;

    __asm__ volatile("lock btsq %2, %1" : "=@ccc"(before), "+m"(*words) : "r"((uint64_t)bit) : "memory");
    return before;
}

static inline bool atomic_test_and_clear_bit(unsigned int bit, volatile uint64_t *words)
{
    bool before;

    __asm__ volatile("lock btrq %2, %1" : "=@ccc"(before), "+m"(*words) : "r"((uint64_t)bit) : "memory");
    return before;
}
#endif

/* Index of the lowest set bit at or above `from`, or `size` if there is none. */
static inline unsigned int find_next_bit(const uint64_t *words, unsigned int size, unsigned int from)
{
    while (from < size) {
        uint64_t rest = words[from / 64] >> (from % 64);

        if (rest) {
            unsigned int found = from + (unsigned int)__builtin_ctzll(rest);

            return found < size ? found : size;
        }
        from = (from / 64 + 1) * 64;
    }
    return size;
}

static inline unsigned int find_next_zero_bit(const uint64_t *words, unsigned int size, unsigned int from)
{
    while (from < size) {
        uint64_t rest = ~words[from / 64] >> (from % 64);

        if (rest) {
            unsigned int found = from + (unsigned int)__builtin_ctzll(rest);

            return found < size ? found : size;
        }
        from = (from / 64 + 1) * 64;
    }
    return size;
}

#define for_each_set_bit(bit, words, size)                                                                   \
    for ((bit) = find_next_bit(words, size, 0); (bit) < (size); (bit) = find_next_bit(words, size, (bit) + 1))

#endif
