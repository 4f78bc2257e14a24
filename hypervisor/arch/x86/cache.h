/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The processors' caches, as far as software has to think of them: where something writes or reads memory past them. */
#ifndef ARCH_X86_CACHE_H
#define ARCH_X86_CACHE_H

#include "hv/types.h"

#define CACHE_LINE 64 /* of every x86-64 processor (CPUID 1, EBX bits 15:8, in units of 8 bytes) */

/*
 * The lines of these bytes, in whichever processor's cache, are written back if they were changed, and thrown away; done when it returns (SDM, CLFLUSH;
 * the fence before it is for processors that do not order it behind older stores: APM, CLFLUSH).
 */
void cache_write_back(const void *from, size_t bytes);

#endif
