/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cuts a run into regions for the plugins of the bench. A region ends, and the next begins, whenever the instruction at one of the addresses in the
 * file marks=FILE (hexadecimal, one a line) is executed. Region 0 begins with the machine.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#include "../lib/qemu_plugin.h"
#include <stdio.h>

#define MARKS_COUNTERS_MAX 16

/* The arguments marks=FILE and out=FILE of the plugin `name`, and its `count` counters (at most MARKS_COUNTERS_MAX; they stay its own). -1, said on stderr: of no use. */
int marks_install(const char *name, int argc, char **argv, const uint64_t *counters, size_t count);

/* When an instruction is translated: ends a region there if it is marked. */
void marks_watch(struct qemu_plugin_insn *insn);

/* The file of out=, or stderr; NULL, said on stderr: it cannot be written. To be closed by marks_close(). */
FILE *marks_open(void);
void marks_close(FILE *out);

/* How many regions there were, 1 at least; the address that began one, 0 for the first; by how much a counter rose in one. */
size_t marks_regions(void);
uint64_t marks_begin(size_t region);
uint64_t marks_rise(size_t region, size_t counter);

#endif
