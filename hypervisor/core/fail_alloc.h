/* SPDX-License-Identifier: GPL-2.0-or-later */
/* `fail-alloc=n`: the n-th allocation after the option was armed fails, to run every error path once (tests). */
#ifndef CORE_FAIL_ALLOC_H
#define CORE_FAIL_ALLOC_H

#include "hv/types.h"

extern uint64_t fail_alloc_countdown; /* 0: not armed */

/* Counts one allocation. True: this is the one that is to fail; said so on the console, once. */
bool fail_alloc_count(void);

static inline bool fail_alloc_now(void)
{
    return unlikely(READ_ONCE(fail_alloc_countdown)) && fail_alloc_count();
}

#endif
