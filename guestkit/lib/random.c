/* SPDX-License-Identifier: MIT */
#include <kit/random.h>

static uint64_t state = 88172645463325252ULL;

void kit_random_seed(uint64_t seed)
{
    state = seed ? seed : 88172645463325252ULL;
    for (int i = 0; i < 8; i++)
        kit_random(); /* small seeds have few bits set */
}

uint64_t kit_random(void)
{
    state ^= state >> 12;
    state ^= state << 25;
    state ^= state >> 27;
    return state * 2685821657736338717ULL;
}

uint64_t kit_random_below(uint64_t bound)
{
    return (uint64_t)(((unsigned __int128)kit_random() * bound) >> 64);
}
