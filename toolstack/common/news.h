/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A limit for what a guest can make a daemon say. */
#ifndef TOOLSTACK_COMMON_NEWS_H
#define TOOLSTACK_COMMON_NEWS_H

#include <stdbool.h>

/* It has happened once more (counted in @times): the first, second, fourth, eighth... time is worth a line. */
static inline bool is_news(unsigned int *times)
{
    ++*times;
    return !(*times & (*times - 1));
}

#endif
