/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Names for code addresses, from the table that the build links in (tools/symbols.py). */
#ifndef DEBUG_SYMBOLS_H
#define DEBUG_SYMBOLS_H

#include "hv/types.h"

/* Writes "name+0x12" (or the bare address) and returns the length written, less than size. */
size_t symbol_format(char *buf, size_t size, uint64_t address);
/* The n-th symbol in order of address; false past the end. For XENPF_get_symbol. */
bool symbol_get(uint64_t n, uint64_t *address, const char **name);
/* True if the address lies in the hypervisor's code. */
bool is_hypervisor_text(uint64_t address);

#endif
