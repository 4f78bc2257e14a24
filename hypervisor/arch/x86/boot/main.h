/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef BOOT_MAIN_H
#define BOOT_MAIN_H

#include "hv/types.h"

/* From boot.S: the loader's magic number and the physical address of its information. */
void boot_main(uint32_t magic, uint32_t info) __noreturn;
/* The second half, on the final page tables (top/start.c). */
void boot_continue(void) __noreturn;

#endif
