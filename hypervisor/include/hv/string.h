/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Memory and strings. The compiler may call the first four by itself. */
#ifndef HV_STRING_H
#define HV_STRING_H

#include "hv/types.h"

#ifdef UNIT_HOSTED
#include <string.h>
#include <stdio.h>
#include <stdlib.h>
#else
void *memcpy(void *restrict dst, const void *restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
void *memchr(const void *s, int byte, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t max);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *s, const char *what);
int snprintf(char *buf, size_t size, const char *fmt, ...) __printf(3, 4);
int vsnprintf(char *buf, size_t size, const char *fmt, __builtin_va_list args) __printf(3, 0);
unsigned long strtoul(const char *s, char **end, int base);
unsigned long long strtoull(const char *s, char **end, int base);
#endif
/* Copies at most size-1 characters and always terminates. Returns strlen(src). */
size_t copy_string(char *dst, const char *src, size_t size);

#endif
