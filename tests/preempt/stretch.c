/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * QEMU TCG plugin: the longest stretches, in executed instructions, in which a processor inside the hypervisor (the range of addresses that the PV interface reserves for it)
 * had interrupts off, and in which it did not look for pending work. A stretch ends also when the hypervisor is left. Whenever the guest executes an instruction at one of the addresses of
 * marks=FILE, a region ends and the next begins; each is a line of out=FILE:
 *
 *   REGION mark INSTRUCTIONS off LENGTH FROM TO unchecked LENGTH FROM TO wrong TIMES
 *
 * Registers cannot be read here, so EFLAGS.IF is followed: every way into the hypervisor clears it (interrupt gates; the SYSCALL mask), STI and CLI change it, a trap inside the hypervisor
 * (execution goes on in the table of entry stubs, stubs=ADDRESS) saves it and the IRET from there restores it; the IRET at guest_iret=ADDRESS leads to the guest and may fault. `wrong` counts what
 * contradicts this: an interrupt taken where IF is believed to be off, an IRET too many, POPF, SYSRET. Looks for pending work are the instructions at checks=FILE
 * (hypervisor/core/softirq_bits.h). Each iteration of a string instruction counts as an instruction.
 *
 * With -icount QEMU runs all processors on one thread; they change between translation blocks.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "../lib/qemu_plugin.h"

int qemu_plugin_version = 1;

#define MAX_LIST         1024
#define MAX_CPUS         64
#define MAX_NESTED       16
#define STUB_SIZE        16
#define FIRST_IRQ_VECTOR 32

struct list {
    size_t n;
    uint64_t at[MAX_LIST];
};

struct stretch {
    uint64_t length, from, to;
};

/* One kind of stretch on one processor: since when it lasts. */
struct running {
    bool on;
    uint64_t since, from;
};

struct cpu {
    uint64_t executed; /* in the hypervisor */
    bool inside, irq_on;
    unsigned int nested;
    bool saved[MAX_NESTED]; /* irq_on of what each trap inside the hypervisor interrupted */
    struct running off, unchecked;
};

static struct list marks, checks;
static uint64_t stubs, guest_iret, mark; /* mark: what began this region */
static uint64_t executed;                /* in the hypervisor, by all, up to now */
static uint64_t settled, region_start;
static unsigned int running_cpu;
static struct cpu cpus[MAX_CPUS];
static struct stretch longest_off, longest_unchecked;
static uint64_t wrong;
static FILE *out;

static bool in_hypervisor(uint64_t address)
{
    return address >= HV_START && address <= HV_END;
}

static bool is_listed(const struct list *l, uint64_t address)
{
    for (size_t i = 0; i < l->n; i++)
        if (l->at[i] == address)
            return true;
    return false;
}

/* What was executed since the last look was executed by the processor that was looked at. */
static struct cpu *settle(unsigned int cpu)
{
    cpus[running_cpu].executed += executed - settled;
    settled = executed;
    running_cpu = cpu;
    return &cpus[cpu];
}

static void begin(struct cpu *c, struct running *r, uint64_t address)
{
    *r = (struct running){.on = true, .since = c->executed, .from = address};
}

static void end(struct cpu *c, struct running *r, struct stretch *longest, uint64_t address)
{
    uint64_t length = c->executed - r->since;

    if (r->on && length > longest->length)
        *longest = (struct stretch){length, r->from, address};
    r->on = false;
}

static void irq_becomes(struct cpu *c, bool on, uint64_t address)
{
    if (c->irq_on == on)
        return;
    c->irq_on = on;
    if (on)
        end(c, &c->off, &longest_off, address);
    else
        begin(c, &c->off, address);
}

static void enter(struct cpu *c, uint64_t address)
{
    c->inside = true;
    c->irq_on = false;
    c->nested = 0;
    begin(c, &c->off, address);
    begin(c, &c->unchecked, address);
}

static void leave(struct cpu *c, uint64_t address)
{
    c->inside = false;
    end(c, &c->off, &longest_off, address);
    end(c, &c->unchecked, &longest_unchecked, address);
}

static void nested_trap(struct cpu *c, uint64_t address)
{
    if (c->nested == MAX_NESTED) {
        wrong++;
        return;
    }
    wrong += !c->irq_on && (address - stubs) / STUB_SIZE >= FIRST_IRQ_VECTOR;
    c->saved[c->nested++] = c->irq_on;
    irq_becomes(c, false, address);
}

static void block_begins(unsigned int cpu, void *data)
{
    uint64_t address = (uintptr_t)data;
    struct cpu *c = settle(cpu);

    if (in_hypervisor(address) != c->inside)
        (c->inside ? leave : enter)(c, address);
    else if (c->inside && address - stubs < 256 * STUB_SIZE && address % STUB_SIZE == 0)
        nested_trap(c, address);
}

static void sti(unsigned int cpu, void *data)
{
    irq_becomes(settle(cpu), true, (uintptr_t)data);
}

static void cli(unsigned int cpu, void *data)
{
    irq_becomes(settle(cpu), false, (uintptr_t)data);
}

static void iret(unsigned int cpu, void *data)
{
    struct cpu *c = settle(cpu);

    if ((uintptr_t)data == guest_iret)
        return;
    if (c->nested)
        irq_becomes(c, c->saved[--c->nested], (uintptr_t)data);
    else
        wrong++;
}

static void unforeseen(unsigned int cpu, void *data)
{
    (void)cpu;
    (void)data;
    wrong++;
}

static void check(unsigned int cpu, void *data)
{
    struct cpu *c = settle(cpu);

    end(c, &c->unchecked, &longest_unchecked, (uintptr_t)data);
    begin(c, &c->unchecked, (uintptr_t)data);
}

static void print_region(void)
{
    fprintf(out, "REGION %#" PRIx64 " %" PRIu64, mark, executed - region_start);
    fprintf(out, " off %" PRIu64 " %#" PRIx64 " %#" PRIx64, longest_off.length, longest_off.from,
            longest_off.to);
    fprintf(out, " unchecked %" PRIu64 " %#" PRIx64 " %#" PRIx64 " wrong %" PRIu64 "\n",
            longest_unchecked.length, longest_unchecked.from, longest_unchecked.to, wrong);
}

static void next_region(unsigned int cpu, void *data)
{
    settle(cpu);
    print_region();
    mark = (uintptr_t)data;
    region_start = executed;
    longest_off = longest_unchecked = (struct stretch){0};
    wrong = 0;
}

/* SDM 2B, 2A: CLI, STI, IRET (with or without REX.W), POPF, SYSRET. */
static exec_callback callback_for(uint64_t address, const uint8_t *bytes, size_t size)
{
    size_t i = size > 1 && (bytes[0] & 0xf0) == 0x40; /* REX */

    if (is_listed(&checks, address))
        return check;
    if (bytes[i] == 0xfa)
        return cli;
    if (bytes[i] == 0xfb)
        return sti;
    if (bytes[i] == 0xcf)
        return iret;
    if (bytes[i] == 0x9d || (bytes[i] == 0x0f && size > i + 1 && bytes[i + 1] == 0x07))
        return unforeseen;
    return NULL;
}

static void watch_instruction(struct qemu_plugin_insn *insn)
{
    uint64_t address = qemu_plugin_insn_vaddr(insn);
    void *data = (void *)(uintptr_t)address;
    exec_callback cb;

    if (!in_hypervisor(address)) {
        if (is_listed(&marks, address))
            qemu_plugin_register_vcpu_insn_exec_cb(insn, next_region, CB_NO_REGS, data);
        return;
    }
    cb = callback_for(address, qemu_plugin_insn_data(insn), qemu_plugin_insn_size(insn));
    if (cb)
        qemu_plugin_register_vcpu_insn_exec_cb(insn, cb, CB_NO_REGS, data);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, INLINE_ADD_U64, &executed, 1);
}

static void watch_block(uint64_t id, struct qemu_plugin_tb *tb)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_cb(tb, block_begins, CB_NO_REGS,
                                         (void *)(uintptr_t)qemu_plugin_tb_vaddr(tb));
    for (size_t i = 0, n = qemu_plugin_tb_n_insns(tb); i < n; i++)
        watch_instruction(qemu_plugin_tb_get_insn(tb, i));
}

static void finish(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    settle(running_cpu);
    print_region();
    fclose(out);
}

static int read_list(struct list *l, const char *path)
{
    FILE *in = fopen(path, "r");

    if (!in) {
        perror(path);
        return -1;
    }
    while (l->n < MAX_LIST && fscanf(in, "%" SCNx64, &l->at[l->n]) == 1)
        l->n++;
    fclose(in);
    return l->n && l->n < MAX_LIST ? 0 : -1;
}

static int argument(const char *word)
{
    if (!strncmp(word, "marks=", 6))
        return read_list(&marks, word + 6);
    if (!strncmp(word, "checks=", 7))
        return read_list(&checks, word + 7);
    if (!strncmp(word, "stubs=", 6))
        return (stubs = strtoull(word + 6, NULL, 16)) ? 0 : -1;
    if (!strncmp(word, "guest_iret=", 11))
        return (guest_iret = strtoull(word + 11, NULL, 16)) ? 0 : -1;
    if (!strncmp(word, "out=", 4))
        return (out = fopen(word + 4, "w")) ? 0 : -1;
    return -1;
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++)
        if (argument(argv[i])) {
            fprintf(stderr, "stretch: bad argument %s\n", argv[i]);
            return -1;
        }
    if (!marks.n || !checks.n || !stubs || !guest_iret || !out)
        return -1;
    qemu_plugin_register_vcpu_tb_trans_cb(id, watch_block);
    qemu_plugin_register_atexit_cb(id, finish, NULL);
    return 0;
}
