/* SPDX-License-Identifier: MIT */
/* The command line: words, `key` or `key=value`, separated by blanks. */
#ifndef KIT_ARGS_H
#define KIT_ARGS_H

#include <kit/types.h>

void kit_args_init(const char *line);
bool kit_arg_flag(const char *key);

/* Copies the value (at most size - 1 bytes, terminated); false if the key is not there. */
bool kit_arg_string(const char *key, char *buf, size_t size);

/* Decimal, or hexadecimal after 0x. */
uint64_t kit_arg_number(const char *key, uint64_t otherwise);

/* True if the value of key is absent, or a list with name in it, separated by colons (QEMU takes commas for itself). */
bool kit_arg_selects(const char *key, const char *name);

#endif
