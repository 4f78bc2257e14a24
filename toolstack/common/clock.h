/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef TOOLSTACK_COMMON_CLOCK_H
#define TOOLSTACK_COMMON_CLOCK_H

#include <stdint.h>

/* Milliseconds that never go back: of the kernel's last tick, so behind by some of them, which costs a few instructions. */
uint64_t now_ms(void);

#endif
