/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU TCG plugin: counts the instructions of each processor, apart for the hypervisor's addresses and for the rest, and cuts the run into regions (marks.h), each a line of the file out=FILE:
 *
 *   REGION address  HYPERVISOR ELSEWHERE  of processor 0, of processor 1, ...
 *
 * By blocks, as if each were executed to its end. Every processor may have a thread: each counts in its own place, and a mark that one passes reads the others' a moment early or late.
 */
#include "marks.h"

#define PROCESSORS 4

int qemu_plugin_version = 1;

static uint64_t counters[PROCESSORS][2];

/* A block's number of instructions, and whose they are, in one word. */
static void executed(unsigned int vcpu, void *block)
{
    uintptr_t word = (uintptr_t)block;

    if (vcpu < PROCESSORS)
        counters[vcpu][word & 1] += word >> 1;
}

static void watch_block(uint64_t id, struct qemu_plugin_tb *tb)
{
    size_t n = qemu_plugin_tb_n_insns(tb);
    uint64_t address = qemu_plugin_tb_vaddr(tb);
    uintptr_t word = n << 1 | !(address >= HV_START && address <= HV_END);

    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, executed, CB_NO_REGS, (void *)word);
    for (size_t i = 0; i < n; i++)
        marks_watch(qemu_plugin_tb_get_insn(tb, i));
}

static void print_counts(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    marks_print(0, NULL, 0);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (marks_install("vcpu_count", argc, argv, counters[0], sizeof(counters) / sizeof(counters[0][0])))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, print_counts, NULL);
    return 0;
}
