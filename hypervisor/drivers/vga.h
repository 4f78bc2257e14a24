/* SPDX-License-Identifier: GPL-2.0-or-later */
/* VGA text mode, 80x25, at 0xB8000. */
#ifndef DRIVERS_VGA_H
#define DRIVERS_VGA_H

#include "hv/types.h"

/* False if the adapter is not in text mode (or there is none). */
bool vga_init(void);
void vga_write(const char *text, size_t n);
/* Where the next character would stand: ours, or, where we have not written, the loader's. False: there is no screen in text mode. */
bool vga_cursor(unsigned int *column, unsigned int *row);
/* Firmware says that there is no VGA, whatever answers at its ports. */
void vga_is_absent(void);

#endif
