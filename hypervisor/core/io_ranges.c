/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of ports and of device pages (core/io_ranges.h). */
#include "core/io_ranges.h"
#include "hv/errno.h"
#include "hv/string.h"

/* The first range that ends at `number` or behind it. */
static unsigned int find(const struct io_ranges *set, uint64_t number)
{
    unsigned int i = 0;

    while (i < set->count && set->range[i].last < number)
        i++;
    return i;
}

/* Ranges [from, to) give way to `with`, of which there are `count`; there is room. */
static void replace(struct io_ranges *set, unsigned int from, unsigned int to, const struct io_range *with,
                    unsigned int count)
{
    memmove(&set->range[from + count], &set->range[to], (set->count - to) * sizeof(set->range[0]));
    memcpy(&set->range[from], with, count * sizeof(*with));
    set->count += count - (to - from);
}

int io_ranges_add(struct io_ranges *set, uint64_t first, uint64_t last)
{
    unsigned int from = find(set, first ? first - 1 : 0), to = from; /* neighbours become one */
    struct io_range whole = {first, last};

    while (to < set->count && (last == UINT64_MAX || set->range[to].first <= last + 1))
        to++;
    if (to == from && set->count == IO_RANGES)
        return -ENOSPC;
    if (to > from) {
        whole.first = min(first, set->range[from].first);
        whole.last = max(last, set->range[to - 1].last);
    }
    replace(set, from, to, &whole, 1);
    return 0;
}

int io_ranges_remove(struct io_ranges *set, uint64_t first, uint64_t last)
{
    unsigned int from = find(set, first), to = from, rest = 0;
    struct io_range left[2];

    while (to < set->count && set->range[to].first <= last)
        to++;
    if (to == from)
        return 0;
    if (set->range[from].first < first)
        left[rest++] = (struct io_range){set->range[from].first, first - 1};
    if (set->range[to - 1].last > last)
        left[rest++] = (struct io_range){last + 1, set->range[to - 1].last};
    if (set->count - (to - from) + rest > IO_RANGES)
        return -ENOSPC;
    replace(set, from, to, left, rest);
    return 0;
}

bool io_ranges_contain(const struct io_ranges *set, uint64_t first, uint64_t last)
{
    unsigned int i = find(set, first);

    return i < set->count && set->range[i].first <= first && set->range[i].last >= last;
}

bool io_ranges_touch(const struct io_ranges *set, uint64_t first, uint64_t last)
{
    unsigned int i = find(set, first);

    return i < set->count && set->range[i].first <= last;
}
