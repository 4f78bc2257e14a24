/* SPDX-License-Identifier: MIT */
/* A repeatable generator (xorshift64*, Vigna 2016), seeded by seed= on the command line. One for all vcpus,
 * not locked. */
#ifndef KIT_RANDOM_H
#define KIT_RANDOM_H

#include <kit/types.h>

void kit_random_seed(uint64_t seed);
uint64_t kit_random(void);
uint64_t kit_random_below(uint64_t bound); /* bound > 0 */

#endif
