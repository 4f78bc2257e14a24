/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <time.h>
#include "toolstack/common/clock.h"

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
