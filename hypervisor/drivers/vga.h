/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA text mode, 80x25, at 0xB8000. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include "hv/types.h"

/* False if the adapter is not in text mode (or there is none). */
bool vga_init(void);
void vga_write(const char *text, size_t n);

#endif
