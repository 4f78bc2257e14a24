/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What code does against a processor that guesses wrong: it executes ahead, past a check that fails, and what
 * it touches there can be told from outside (docs/design/speculation.md). A check alone does not keep an
 * index that a guest chose inside an array then.
 */
#ifndef HV_SPECULATION_H
#define HV_SPECULATION_H

#include "hv/types.h"

/*
 * An index that a guest chose, after it was found to be below `bound`: the index, and in any execution, a
 * mispredicted one, too, less than `bound` (0 for a bound of 0). No branch. Three instructions; one where the
 * bound is a constant power of two.
 */
static inline uint64_t array_index_clamp(uint64_t index, uint64_t bound)
{
    uint64_t mask;

    if (__builtin_constant_p(bound) && bound && (bound & (bound - 1)) == 0) {
        __asm__("" : "+r"(index)); /* the compiler knows from the check that the mask changes nothing */
        return index & (bound - 1);
    }
#ifdef UNIT_HOSTED
    mask = index < bound ? ~0ULL : 0;
#else
    __asm__("cmp %2, %1; sbb %0, %0" : "=r"(mask) : "r"(index), "rm"(bound) : "cc");
#endif
    return index & mask;
}

/* Nothing below it executes before everything above it has. On the rare side of a check of privilege. */
static inline void speculation_barrier(void)
{
#ifndef UNIT_HOSTED
    __asm__ volatile("lfence" ::: "memory");
#endif
}

#endif
