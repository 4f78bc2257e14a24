/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Random numbers that a seed repeats: xorshift64* (Marsaglia, Vigna). Include it in one file of a program. */
#ifndef TESTS_NATIVE_RANDOM_H
#define TESTS_NATIVE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t random_state;

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

/* Takes the seed from the environment variable, else a fresh one, and prints it. */
static inline void random_seed(const char *variable)
{
    const char *seed = getenv(variable);

    if (seed) {
        random_state = strtoull(seed, NULL, 0);
    } else if (getrandom(&random_state, sizeof(random_state), 0) != (ssize_t)sizeof(random_state)) {
        abort();
    }
    random_state |= 1;
    printf("%s=0x%lx\n", variable, random_state);
    fflush(stdout);
}

#endif
