/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts a run into regions for the plugins of the bench. A region ends, and the next begins, whenever the instruction at one of the addresses in the
 * file marks=FILE (hexadecimal, one a line) is executed. Region 0 begins with the machine.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#include "../lib/qemu_plugin.h"
#include <stddef.h>

#define MARKS_COUNTERS_MAX 16

/* The arguments marks=FILE and out=FILE of the plugin `name`, and its `count` counters (at most MARKS_COUNTERS_MAX; they stay its own). -1, said on stderr: of no use. */
int marks_install(const char *name, int argc, char **argv, const uint64_t *counters, size_t count);

/* When an instruction is translated: ends a region there if it is marked. */
void marks_watch(struct qemu_plugin_insn *insn);

/*
 * At the machine's end: a line for each region from `first` on into the file of out=, or to stderr: REGION, the address that began it (0: the machine's begin), and by how much each counter
 * rose in it, with names[i] before the counters from i * per_name on; names NULL: none.
 */
void marks_print(size_t first, const char *const names[], size_t per_name);

#endif
