/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The command line: `name=value`, `name`, and for booleans also `no-name` and `name=0|no|off|false`. The last occurrence wins. */
#ifndef CORE_OPTIONS_H
#define CORE_OPTIONS_H

#include "hv/types.h"

/* Takes a copy of the line. Names that no part knows are reported by options_report_unknown(). */
void options_parse(const char *line);
/* The whole line as given. */
const char *options_line(void);
/* Value of an option; "" if it stands without one; NULL if it is not there. */
const char *option_string(const char *name);
bool option_bool(const char *name, bool otherwise);
/* Decimal or 0x; `otherwise` if it is not there or is no number. */
uint64_t option_number(const char *name, uint64_t otherwise);
/* Bytes, with an optional suffix B, K, M, G, T; without one, KiB, as in dom0_mem=. */
uint64_t parse_size(const char *s, const char **end);
/* Is the word one of a list with commas? `list` may be NULL. */
bool option_list_has(const char *list, const char *word);
void options_report_unknown(void);

#endif
