/* SPDX-License-Identifier: MIT */
/* The few string functions that a freestanding compiler needs and tests use; meanings as in ISO C. */
#ifndef KIT_STRING_H
#define KIT_STRING_H

#include <kit/types.h>

void *memcpy(void *to, const void *from, size_t n);
void *memmove(void *to, const void *from, size_t n);
void *memset(void *to, int byte, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
char *strstr(const char *text, const char *word);

#endif
