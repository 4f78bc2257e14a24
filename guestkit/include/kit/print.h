/* SPDX-License-Identifier: MIT */
/* Formatted output to the hypervisor's console. */
#ifndef KIT_PRINT_H
#define KIT_PRINT_H

#include <kit/types.h>

/*
 * Format into buf, always terminated when size > 0. Understands %d %i %u %x %X %p %s %c %%, the
 * flags '0' and '-', a width, a precision for %s, and the lengths l, ll, z. Returns the length
 * that the whole text has.
 */
int kit_vsnprintf(char *buf, size_t size, const char *format, va_list args);
int kit_snprintf(char *buf, size_t size, const char *format, ...) __printf(3, 4);

/* Print to the console in one hypercall, so that lines of several vcpus do not mix. At most 512 bytes. */
void kit_printf(const char *format, ...) __printf(1, 2);
void kit_puts(const char *text, size_t length);

#endif
