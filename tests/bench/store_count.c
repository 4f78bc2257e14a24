/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU TCG plugin for the bench of the store: who executes how many instructions, told by address alone. User addresses are the
 * client's where it is linked (store_client.c, at CLIENT_START) and the daemon's with its libraries everywhere else, for nothing
 * else runs; the daemon's system calls are its SYSCALL instructions. The run is cut into regions as by count.c:
 *
 *   REGION address client N daemon N kernel N hypervisor N syscalls N
 *
 * The daemon's instructions are counted one by one; the others', for information, by translated block, as if none were left early.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include "../lib/qemu_plugin.h"

#define CLIENT_START UINT64_C(0x5a000000)
#define CLIENT_END   UINT64_C(0x5affffff)
#define USER_END     UINT64_C(0x00007fffffffffff)

int qemu_plugin_version = 1;

enum who { CLIENT, DAEMON, KERNEL, XEN, SYSCALLS, COUNTERS };
static const char *const names[COUNTERS] = {"client", "daemon", "kernel", "hypervisor", "syscalls"};

static uint64_t counters[COUNTERS];
static uint64_t at_mark[MAX_REGIONS][COUNTERS];
static uint64_t opened_by[MAX_REGIONS];
static size_t regions;
static uint64_t marks[MAX_MARKS];
static size_t mark_count;
static char out_path[4096];

static enum who who(uint64_t address)
{
    if (address >= CLIENT_START && address <= CLIENT_END)
        return CLIENT;
    if (address <= USER_END)
        return DAEMON;
    return address >= HV_START && address <= HV_END ? XEN : KERNEL;
}

static void next_region(unsigned int vcpu, void *mark)
{
    (void)vcpu;
    if (regions == MAX_REGIONS)
        return;
    opened_by[regions] = *(const uint64_t *)mark;
    memcpy(at_mark[regions++], counters, sizeof(counters));
}

static void watch_client(struct qemu_plugin_tb *tb)
{
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        for (size_t k = 0; k < mark_count; k++)
            if (qemu_plugin_insn_vaddr(insn) == marks[k])
                qemu_plugin_register_vcpu_insn_exec_cb(insn, next_region, CB_NO_REGS, &marks[k]);
    }
}

static void watch_daemon(struct qemu_plugin_tb *tb)
{
    static const uint8_t syscall_opcode[] = {0x0f, 0x05};

    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++) {
        struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);

        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &counters[DAEMON], 1);
        if (qemu_plugin_insn_size(insn) == 2 && !memcmp(qemu_plugin_insn_data(insn), syscall_opcode, 2))
            qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &counters[SYSCALLS], 1);
    }
}

static void watch_block(uint64_t id, struct qemu_plugin_tb *tb)
{
    enum who side = who(qemu_plugin_tb_vaddr(tb));

    (void)id;
    if (side == CLIENT)
        watch_client(tb);
    if (side == DAEMON)
        watch_daemon(tb);
    else
        qemu_plugin_register_vcpu_insn_exec_inline(qemu_plugin_tb_get_insn(tb, 0), INLINE_ADD_U64,
                                                   &counters[side], qemu_plugin_tb_n_insns(tb));
}

static void print_counts(uint64_t id, void *data)
{
    FILE *out = fopen(out_path, "w");

    (void)id;
    (void)data;
    if (!out) {
        perror(out_path);
        return;
    }
    for (size_t n = 0; n < regions; n++) {
        const uint64_t *end = n + 1 < regions ? at_mark[n + 1] : counters;

        fprintf(out, "REGION %#" PRIx64, opened_by[n]);
        for (int i = 0; i < COUNTERS; i++)
            fprintf(out, " %s %" PRIu64, names[i], end[i] - at_mark[n][i]);
        fputc('\n', out);
    }
    fclose(out);
}

static int read_marks(const char *path)
{
    FILE *in = fopen(path, "r");

    if (!in) {
        perror(path);
        return -1;
    }
    while (mark_count < MAX_MARKS && fscanf(in, "%" SCNx64, &marks[mark_count]) == 1)
        mark_count++;
    fclose(in);
    return 0;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (!strncmp(argv[i], "marks=", 6)) {
            if (read_marks(argv[i] + 6))
                return -1;
        } else if (!strncmp(argv[i], "out=", 4)) {
            snprintf(out_path, sizeof(out_path), "%s", argv[i] + 4);
        } else {
            fprintf(stderr, "store_count: unknown argument %s\n", argv[i]);
            return -1;
        }
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, print_counts, NULL);
    return 0;
}
