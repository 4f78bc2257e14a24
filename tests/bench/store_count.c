/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU TCG plugin for the bench of the store: who executes how many instructions, told by address alone. User addresses are the
 * client's where it is linked (store_client.c, at CLIENT_START) and the daemon's with its libraries everywhere else, for nothing
 * else runs; the daemon's system calls are its SYSCALL instructions. The run is cut into regions (marks.h), of which the one before the first mark is left out:
 *
 *   REGION address client N daemon N kernel N hypervisor N syscalls N
 *
 * The daemon's instructions are counted one by one; the others', for information, by translated block, as if none were left early.
 */
#include "marks.h"
#include <string.h>

#define CLIENT_START UINT64_C(0x5a000000)
#define CLIENT_END   UINT64_C(0x5affffff)
#define USER_END     UINT64_C(0x00007fffffffffff)

int qemu_plugin_version = 1;

enum who { CLIENT, DAEMON, KERNEL, XEN, SYSCALLS, COUNTERS };

static uint64_t counters[COUNTERS];

static enum who who(uint64_t address)
{
    if (address >= CLIENT_START && address <= CLIENT_END)
        return CLIENT;
    if (address <= USER_END)
        return DAEMON;
    return address >= HV_START && address <= HV_END ? XEN : KERNEL;
}

static void watch_client(struct qemu_plugin_tb *tb)
{
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++)
        marks_watch(qemu_plugin_tb_get_insn(tb, i));
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
    static const char *const names[COUNTERS] = {"client", "daemon", "kernel", "hypervisor", "syscalls"};

    (void)id;
    (void)data;
    marks_print(1, names, 1);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (marks_install("store_count", argc, argv, counters, COUNTERS))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, print_counts, NULL);
    return 0;
}
