/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that a seed repeats: xorshift64* (Marsaglia, Vigna). Include it in one file of a program; its threads have a sequence each. */
#ifndef TESTS_RANDOM_H
#define TESTS_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static __thread uint64_t random_state;

/* SEED of the environment, else a fresh one; printed. The first call is made before there are other threads. */
static inline uint64_t seed_of_run(void)
{
    static uint64_t seed;
    static bool known;
    const char *given = getenv("SEED");

    if (known)
        return seed;
    if (given)
        seed = strtoull(given, NULL, 0);
    else if (getrandom(&seed, sizeof(seed), 0) != (ssize_t)sizeof(seed))
        abort();
    known = true;
    printf("# SEED=0x%lx\n", seed);
    fflush(stdout);
    return seed;
}

/* This thread goes on with the so-many-th of the run's sequences, from its beginning. */
static inline void random_sequence(unsigned number)
{
    random_state = (seed_of_run() ^ number * 0x9e3779b97f4a7c15ull) | 1;
}

static inline uint64_t random64(void)
{
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static inline unsigned random_below(unsigned n)
{
    return (unsigned)((random64() >> 33) % n);
}

static inline bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

#endif
