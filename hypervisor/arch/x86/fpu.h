/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Floating point and vector state: saved and restored whole at each switch (never on first use: #NM is not relied on). */
#ifndef ARCH_X86_FPU_H
#define ARCH_X86_FPU_H

#include "hv/types.h"

/* An area in the state after reset, 64-byte aligned. NULL: no memory. Freed with hv_free(). */
void *fpu_alloc(void) __must_check;
void fpu_save(void *area);
void fpu_restore(const void *area);

#endif
