/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A bounded set of numbers, kept as ranges: rising, apart from each other by at least one number. Pure; its owner locks. */
#ifndef CORE_IO_RANGES_H
#define CORE_IO_RANGES_H

#include "hv/types.h"

#define IO_RANGES                                                                                            \
    64 /* a domain is given the windows of a few devices; who gives more pieces is told that there is no room */

struct io_ranges {
    unsigned int count;
    struct io_range {
        uint64_t first, last;
    } range[IO_RANGES];
};

/* first <= last in all. -ENOSPC: the set stays as it is. */
int io_ranges_add(struct io_ranges *set, uint64_t first, uint64_t last) __must_check;
int io_ranges_remove(struct io_ranges *set, uint64_t first, uint64_t last) __must_check;
/* All of them; any of them. */
bool io_ranges_contain(const struct io_ranges *set, uint64_t first, uint64_t last);
bool io_ranges_touch(const struct io_ranges *set, uint64_t first, uint64_t last);

#endif
