/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU TCG plugin: counts what a processor executes, apart for the range of addresses that Xen's PV interface reserves for the
 * hypervisor and for everything else, and cuts the run into regions (marks.h). Each is a line of the file given as out=FILE, with the
 * address that began it:
 *
 *   REGION address hypervisor INSTRUCTIONS CR3 INVLPG WRMSR ICR LOCKED elsewhere INSTRUCTIONS CR3 INVLPG WRMSR ICR LOCKED
 *
 * Single vcpu only (the counters are not atomic); with -icount QEMU runs all vcpus on one thread, which is as good.
 *
 *   gcc -shared -fPIC -O2 count.c marks.c -o count.so;  qemu-system-x86_64 -plugin ./count.so,marks=addresses,out=counts ...
 */
#include "marks.h"
#include <string.h>

int qemu_plugin_version = 1;

enum kind { INSTRUCTIONS, CR3, INVLPG, WRMSR, ICR, LOCKED, KINDS };
enum side { HYPERVISOR, ELSEWHERE, SIDES };
static uint64_t counters[SIDES][KINDS];

/* What of an instruction's bytes decides its kind: the prefixes, the opcode (0x0f and 0x0f38 maps as such), and ModRM. */
struct decoded {
    bool lock, operand_size;
    unsigned int opcode; /* 0x00-0xff, 0x0f00-0x0fff, 0x0f3800-0x0f38ff */
    bool has_modrm;
    uint8_t modrm;
};

static bool is_prefix(uint8_t byte)
{
    return (byte >= 0x40 && byte <= 0x4f) || strchr("\xf0\xf2\xf3\x66\x67\x2e\x36\x3e\x26\x64\x65", byte);
}

/* SDM 2A 2.1. A byte that a REX prefix is in 64-bit code is INC or DEC in 32-bit code, which nothing measured here is. */
static struct decoded decode(const uint8_t *bytes, size_t size)
{
    struct decoded d = {0};
    size_t i = 0;

    for (; i < size && bytes[i] && is_prefix(bytes[i]); i++) {
        d.lock |= bytes[i] == 0xf0;
        d.operand_size |= bytes[i] == 0x66;
    }
    if (i < size)
        d.opcode = bytes[i++];
    if (d.opcode == 0x0f && i < size)
        d.opcode = 0x0f00 | bytes[i++];
    if (d.opcode == 0x0f38 && i < size)
        d.opcode = 0x0f3800 | bytes[i++];
    d.has_modrm = i < size;
    if (d.has_modrm)
        d.modrm = bytes[i];
    return d;
}

static bool to_memory(const struct decoded *d)
{
    return d->has_modrm && d->modrm >> 6 != 3;
}

static enum kind kind_of(const struct decoded *d)
{
    unsigned int reg = d->modrm >> 3 & 7;

    if (d->opcode == 0x0f22 && d->has_modrm && reg == 3)
        return CR3;
    if ((d->opcode == 0x0f01 && to_memory(d) && reg == 7) || (d->opcode == 0x0f3882 && d->operand_size))
        return INVLPG; /* INVPCID counts as one */
    if (d->opcode == 0x0f30)
        return WRMSR;
    /* XCHG with memory locks without the prefix. */
    if (d->lock || ((d->opcode == 0x86 || d->opcode == 0x87) && to_memory(d)))
        return LOCKED;
    return INSTRUCTIONS;
}

static void stored(unsigned int vcpu, qemu_plugin_meminfo_t info, uint64_t vaddr, void *side)
{
    struct qemu_plugin_hwaddr *where;

    (void)vcpu;
    if ((vaddr & 0xfff) != (APIC_ICR & 0xfff))
        return;
    where = qemu_plugin_get_hwaddr(info, vaddr);
    if (where && qemu_plugin_hwaddr_is_io(where) && qemu_plugin_hwaddr_phys_addr(where) == APIC_ICR)
        counters[(uintptr_t)side][ICR]++;
}

static void watch_instruction(struct qemu_plugin_insn *insn)
{
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    struct decoded d = decode(qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));
    enum side side = address >= HV_START && address <= HV_END ? HYPERVISOR : ELSEWHERE;
    enum kind kind = kind_of(&d);

    marks_watch(insn);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &counters[side][INSTRUCTIONS], 1);
    if (kind != INSTRUCTIONS)
        qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &counters[side][kind], 1);
    /* The APIC is written by 32-bit moves: MOV r/m32, r32 and MOV r/m32, imm32. */
    if ((d.opcode == 0x89 || d.opcode == 0xc7) && to_memory(&d))
        qemu_plugin_register_vcpu_mem_cb(insn, stored, CB_NO_REGS, MEM_WRITES, (void *)(uintptr_t)side);
}

static void watch_block(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++)
        watch_instruction(qemu_plugin_tb_get_insn(tb, i));
}

static void print_counts(uint64_t id, void *data)
{
    static const char *const names[] = {"hypervisor", "elsewhere"};

    (void)id;
    (void)data;
    marks_print(0, names, KINDS);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    if (marks_install("count", argc, argv, counters[0], SIDES * KINDS))
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, print_counts, NULL);
    return 0;
}
