/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Regions of a run: see marks.h. */
#include "marks.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_MARKS   1024
#define MAX_REGIONS 8192

static struct {
    const uint64_t *counters;
    size_t counter_count;
    uint64_t marks[MAX_MARKS];
    size_t mark_count;
    size_t passed; /* marks, each the end of a region */
    uint64_t at_mark[MAX_REGIONS][MARKS_COUNTERS_MAX];
    uint64_t passed_at[MAX_REGIONS];
    const char *out_path;
} state;

static void next_region(unsigned int vcpu, void *mark)
{
    (void)vcpu;
    if (state.passed == MAX_REGIONS)
        return;
    state.passed_at[state.passed] = *(const uint64_t *)mark;
    memcpy(state.at_mark[state.passed++], state.counters, state.counter_count * sizeof(*state.counters));
}

void marks_watch(struct qemu_plugin_insn *insn)
{
    uint64_t address = qemu_plugin_insn_vaddr(insn);

    for (size_t i = 0; i < state.mark_count; i++)
        if (address == state.marks[i])
            qemu_plugin_register_vcpu_insn_exec_cb(insn, next_region, CB_NO_REGS, &state.marks[i]);
}

static uint64_t rise(size_t region, size_t counter)
{
    const uint64_t *end = region < state.passed ? state.at_mark[region] : state.counters;

    return end[counter] - (region ? state.at_mark[region - 1][counter] : 0);
}

void marks_print(size_t first, const char *const names[], size_t per_name)
{
    FILE *out = state.out_path ? fopen(state.out_path, "w") : stderr;

    if (!out) {
        perror(state.out_path);
        return;
    }
    for (size_t region = first; region <= state.passed; region++) {
        fprintf(out, "REGION %#" PRIx64, region ? state.passed_at[region - 1] : 0);
        for (size_t i = 0; i < state.counter_count; i++) {
            if (names && i % per_name == 0)
                fprintf(out, " %s", names[i / per_name]);
            fprintf(out, " %" PRIu64, rise(region, i));
        }
        fputc('\n', out);
    }
    if (out != stderr)
        fclose(out);
}

static int read_marks(const char *path)
{
    FILE *in = fopen(path, "r");

    if (!in) {
        perror(path);
        return -1;
    }
    while (state.mark_count < MAX_MARKS && fscanf(in, "%" SCNx64, &state.marks[state.mark_count]) == 1)
        state.mark_count++;
    fclose(in);
    return 0;
}

int marks_install(const char *name, int argc, char **argv, const uint64_t *counters, size_t count)
{
    state.counters = counters;
    state.counter_count = count;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "marks=", 6)) {
            if (read_marks(argv[i] + 6))
                return -1;
        } else if (!strncmp(argv[i], "out=", 4)) {
            state.out_path = strdup(argv[i] + 4);
        } else {
            fprintf(stderr, "%s: unknown argument %s\n", name, argv[i]);
            return -1;
        }
    }
    return 0;
}
