/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The executor where the host's processor cannot be asked in emulate_native.c: privileged instructions,
 * ports, classes, failures of callbacks, real mode.
 */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "emu_machine.h"
#include "emulate/arith.h"

#define M16 INSN_MODE_16
#define M32 INSN_MODE_32
#define M64 INSN_MODE_64

/* A processor whose registers are arrays, with a log of the last change. */
struct cpu {
    struct machine machine; /* first: machine_of() finds it */
    struct emu_regs regs;
    struct emu emu;
    uint64_t cr[9], dr[8];
    uint32_t msr_index, port_value;
    uint64_t msr_value;
    uint64_t invlpg;
    unsigned cache_ops, changes, port_reads;
    uint16_t port;
    struct emu_segment seg[6];
    bool deny_ports;
};

static struct cpu cpu;

static struct cpu *cpu_of(struct emu *emu)
{
    return emu->opaque;
}

static enum emu_result read_cr(struct emu *emu, unsigned cr, uint64_t *value)
{
    *value = cpu_of(emu)->cr[cr];
    return EMU_OK;
}

static enum emu_result write_cr(struct emu *emu, unsigned cr, uint64_t value)
{
    if (cr == 4 && value >> 32) {
        return emu_raise(emu, VECTOR_GP, 0);
    }
    cpu_of(emu)->cr[cr] = value;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result read_dr(struct emu *emu, unsigned dr, uint64_t *value)
{
    *value = cpu_of(emu)->dr[dr];
    return EMU_OK;
}

static enum emu_result write_dr(struct emu *emu, unsigned dr, uint64_t value)
{
    cpu_of(emu)->dr[dr] = value;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result read_msr(struct emu *emu, uint32_t msr, uint64_t *value)
{
    if (msr == 0xbad) {
        return emu_raise(emu, VECTOR_GP, 0);
    }
    *value = 0x1122334455667788ull + msr;
    return EMU_OK;
}

static enum emu_result write_msr(struct emu *emu, uint32_t msr, uint64_t value)
{
    if (msr == 0xbad) {
        emu->error = -5;
        return EMU_ERROR;
    }
    cpu_of(emu)->msr_index = msr;
    cpu_of(emu)->msr_value = value;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result cpuid(struct emu *emu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    result[0] = leaf + 1;
    result[1] = 0x1b;
    result[2] = subleaf + 2;
    result[3] = 0x1d;
    return EMU_OK;
}

static enum emu_result check_port(struct emu *emu, uint16_t port, unsigned size)
{
    return cpu_of(emu)->deny_ports ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result io_read(struct emu *emu, uint16_t port, unsigned size, uint32_t *value)
{
    cpu_of(emu)->port = port;
    cpu_of(emu)->port_reads++;
    *value = 0xaabbccdd;
    return EMU_OK;
}

static enum emu_result io_write(struct emu *emu, uint16_t port, unsigned size, uint32_t value)
{
    cpu_of(emu)->port = port;
    cpu_of(emu)->port_value = value;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result cache(struct emu *emu, enum emu_cache_op op, uint64_t linear)
{
    cpu_of(emu)->cache_ops |= 1u << op;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result invlpg(struct emu *emu, uint64_t linear)
{
    cpu_of(emu)->invlpg = linear;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static enum emu_result probe(struct emu *emu, uint64_t linear, unsigned length, enum emu_access access)
{
    return machine_map(emu, linear, length, access != EMU_ACCESS_READ) ? EMU_OK : EMU_EXCEPTION;
}

static enum emu_result read_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *segment)
{
    *segment = cpu_of(emu)->seg[seg];
    return EMU_OK;
}

static enum emu_result load_segment(struct emu *emu, enum insn_seg seg, uint16_t selector)
{
    if (selector == 0xbad) {
        return emu_raise(emu, VECTOR_GP, selector & ~3u);
    }
    cpu_of(emu)->seg[seg].selector = selector;
    cpu_of(emu)->changes++;
    return EMU_OK;
}

static const struct emu_ops cpu_ops = {
    .read = machine_read,
    .write = machine_write,
    .cmpxchg = machine_cmpxchg,
    .probe = probe,
    .read_segment = read_segment,
    .load_segment = load_segment,
    .check_port_permission = check_port,
    .io_read = io_read,
    .io_write = io_write,
    .cpuid = cpuid,
    .read_msr = read_msr,
    .write_msr = write_msr,
    .read_cr = read_cr,
    .write_cr = write_cr,
    .read_dr = read_dr,
    .write_dr = write_dr,
    .cache = cache,
    .invlpg = invlpg,
};

static int reset(void **state)
{
    (void)state;
    memset(&cpu, 0, sizeof(cpu));
    cpu.emu = (struct emu){
        .ops = &cpu_ops, .opaque = &cpu, .regs = &cpu.regs, .classes = ~0u, .mode = M64, .rep_limit = 1000};
    cpu.regs.rip = 0x400000;
    cpu.regs.rflags = EFLAGS_FIXED | EFLAGS_IF;
    cpu.regs.gpr[INSN_RSP] = MACHINE_RW_START + 0x1000;
    for (unsigned i = 0; i < 6; i++) {
        cpu.seg[i] =
            (struct emu_segment){.attributes = i == INSN_SEG_CS ? 0xc9b : 0xc93, .limit = 0xffffffff};
    }
    return 0;
}

#define RUN(...) run((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}))

static enum emu_result run(const uint8_t *bytes, size_t length)
{
    struct insn insn;

    assert_int_equal(insn_decode(&insn, bytes, length, (enum insn_mode)cpu.emu.mode), INSN_OK);
    assert_int_equal(insn.length, length);
    return emu_execute(&cpu.emu, &insn);
}

/* Runs something that must leave the registers alone and give `result`. */
#define EXPECT(result, ...)                                                                                  \
    do {                                                                                                     \
        struct emu_regs before = cpu.regs;                                                                   \
        unsigned changes = cpu.changes;                                                                      \
        assert_int_equal(RUN(__VA_ARGS__), result);                                                          \
        assert_memory_equal(&before, &cpu.regs, sizeof(before));                                             \
        assert_int_equal(changes, cpu.changes);                                                              \
    } while (0)

static void test_classes(void **state)
{
    (void)state;
    cpu.emu.classes = EMU_CLASS_IO | EMU_CLASS_CPUID | EMU_CLASS_MSR | EMU_CLASS_CR | EMU_CLASS_DR |
                      EMU_CLASS_TSC | EMU_CLASS_CACHE | EMU_CLASS_FLAGS_CTL | EMU_CLASS_SYSTEM;
    EXPECT(EMU_UNHANDLED, 0x48, 0x89, 0x07);       /* mov %rax,(%rdi) */
    EXPECT(EMU_UNHANDLED, 0x90);                   /* nop */
    EXPECT(EMU_UNHANDLED, 0x0f, 0x01, 0x10);       /* lgdt: allowed, not implemented */
    EXPECT(EMU_UNHANDLED, 0xf3, 0x0f, 0x6f, 0x00); /* movdqu */
    assert_int_equal(RUN(0x0f, 0xa2), EMU_OK);     /* cpuid */
    assert_int_equal(cpu.regs.rip, 0x400002);
}

static void test_cpuid_msr_tsc(void **state)
{
    (void)state;
    cpu.regs.gpr[INSN_RAX] = 0xffffffff00000010ull;
    cpu.regs.gpr[INSN_RCX] = 0xffffffff00000020ull;
    assert_int_equal(RUN(0x0f, 0xa2), EMU_OK);
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0x11);
    assert_int_equal(cpu.regs.gpr[INSN_RBX], 0x1b);
    assert_int_equal(cpu.regs.gpr[INSN_RCX], 0x22);
    assert_int_equal(cpu.regs.gpr[INSN_RDX], 0x1d);
    assert_int_equal(RUN(0x0f, 0x32), EMU_OK); /* rdmsr of 22h */
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0x556677aa);
    assert_int_equal(cpu.regs.gpr[INSN_RDX], 0x11223344);
    assert_int_equal(RUN(0x0f, 0x30), EMU_OK); /* wrmsr */
    assert_int_equal(cpu.msr_index, 0x22);
    assert_int_equal(cpu.msr_value, 0x11223344556677aaull);
    cpu.regs.gpr[INSN_RCX] = 0xbad;
    EXPECT(EMU_EXCEPTION, 0x0f, 0x32);
    EXPECT(EMU_ERROR, 0x0f, 0x30);
    assert_int_equal(cpu.emu.error, -5);
    assert_int_equal(RUN(0x0f, 0x31), EMU_OK); /* rdtsc */
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0x55667798);
    cpu.emu.cpl = 3;
    EXPECT(EMU_EXCEPTION, 0x0f, 0x30);
    assert_int_equal(RUN(0x0f, 0x31), EMU_OK);
    cpu.cr[4] = 1 << 2; /* TSD */
    EXPECT(EMU_EXCEPTION, 0x0f, 0x31);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_GP);
    assert_true(cpu.emu.exception.has_error_code);
}

static void test_control_registers(void **state)
{
    (void)state;
    cpu.regs.gpr[INSN_RAX] = 0x80050033;
    assert_int_equal(RUN(0x0f, 0x22, 0xc0), EMU_OK); /* mov %rax,%cr0 */
    assert_int_equal(cpu.cr[0], 0x80050033);
    cpu.cr[0] |= 8;
    assert_int_equal(RUN(0x0f, 0x06), EMU_OK); /* clts */
    assert_int_equal(cpu.cr[0], 0x80050033);
    cpu.regs.gpr[INSN_RCX] = 0x8;
    assert_int_equal(RUN(0x0f, 0x01, 0xf1), EMU_OK); /* lmsw %cx: TS set, PE kept, MP cleared */
    assert_int_equal(cpu.cr[0], 0x80050039);
    assert_int_equal(RUN(0x0f, 0x01, 0xe2), EMU_OK); /* smsw %edx */
    assert_int_equal(cpu.regs.gpr[INSN_RDX], 0x80050039);
    cpu.regs.gpr[INSN_RAX] = 1ull << 40;
    EXPECT(EMU_EXCEPTION, 0x0f, 0x22, 0xe0);         /* mov %rax,%cr4: refused by the callback */
    assert_int_equal(RUN(0x0f, 0x23, 0xf8), EMU_OK); /* mov %rax,%dr7 */
    assert_int_equal(cpu.dr[7], 1ull << 40);
    assert_int_equal(RUN(0x41, 0x0f, 0x21, 0xf8), EMU_OK); /* mov %db7,%r8 */
    assert_int_equal(cpu.regs.gpr[8], 1ull << 40);
    cpu.emu.cpl = 3;
    EXPECT(EMU_EXCEPTION, 0x0f, 0x22, 0xc0);
    EXPECT(EMU_EXCEPTION, 0x0f, 0x06);
    EXPECT(EMU_EXCEPTION, 0x0f, 0x23, 0xf8);
}

static void test_ports(void **state)
{
    (void)state;
    cpu.regs.gpr[INSN_RAX] = 0x1111111111111111ull;
    cpu.regs.gpr[INSN_RDX] = 0x10cfc;
    assert_int_equal(RUN(0xec), EMU_OK); /* in (%dx),%al */
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0x11111111111111ddull);
    assert_int_equal(cpu.port, 0xcfc);
    assert_int_equal(RUN(0x66, 0xed), EMU_OK);
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0x111111111111ccddull);
    assert_int_equal(RUN(0x48, 0xed), EMU_OK); /* REX.W does not widen a port */
    assert_int_equal(cpu.regs.gpr[INSN_RAX], 0xaabbccdd);
    assert_int_equal(RUN(0xe6, 0x80), EMU_OK); /* out %al,$0x80 */
    assert_int_equal(cpu.port, 0x80);
    assert_int_equal(cpu.port_value, 0xdd);
    cpu.deny_ports = true;
    EXPECT(EMU_EXCEPTION, 0xe6, 0x80);
    EXPECT(EMU_EXCEPTION, 0xec);
}

/* A port is not read if what it gives could not be stored. */
static void test_string_ports(void **state)
{
    (void)state;
    cpu.regs.gpr[INSN_RCX] = 4;
    cpu.regs.gpr[INSN_RDI] = MACHINE_RO_START - 8;
    assert_int_equal(RUN(0xf3, 0x6d), EMU_EXCEPTION); /* rep insl */
    assert_int_equal(cpu.emu.exception.vector, VECTOR_PF);
    assert_int_equal(cpu.emu.exception.cr2, MACHINE_RO_START);
    assert_int_equal(cpu.port_reads, 2);
    assert_int_equal(cpu.regs.gpr[INSN_RCX], 2);
    assert_int_equal(cpu.regs.rip, 0x400000);
    cpu.regs.gpr[INSN_RSI] = MACHINE_RO_START - 8;
    assert_int_equal(RUN(0xf3, 0x6f), EMU_OK); /* rep outsl */
    assert_int_equal(cpu.port_value, 0xaabbccdd);
    assert_int_equal(cpu.regs.gpr[INSN_RCX], 0);
    assert_int_equal(cpu.regs.gpr[INSN_RSI], MACHINE_RO_START);
}

static void test_repeat_limit(void **state)
{
    (void)state;
    cpu.emu.rep_limit = 10;
    cpu.regs.gpr[INSN_RCX] = 25;
    cpu.regs.gpr[INSN_RDI] = MACHINE_RW_START;
    cpu.regs.gpr[INSN_RAX] = 0x5a;
    for (unsigned left = 25; left > 10;) {
        left -= 10;
        assert_int_equal(RUN(0xf3, 0xaa), EMU_OK); /* rep stosb */
        assert_int_equal(cpu.emu.events & EMU_EVENT_REP_PARTIAL, EMU_EVENT_REP_PARTIAL);
        assert_int_equal(cpu.regs.gpr[INSN_RCX], left);
        assert_int_equal(cpu.regs.rip, 0x400000);
    }
    assert_int_equal(RUN(0xf3, 0xaa), EMU_OK);
    assert_int_equal(cpu.emu.events, 0);
    assert_int_equal(cpu.regs.rip, 0x400002);
    assert_int_equal(cpu.regs.gpr[INSN_RDI], MACHINE_RW_START + 25);
}

static void test_flags_and_events(void **state)
{
    (void)state;
    assert_int_equal(RUN(0xfa), EMU_OK); /* cli */
    assert_int_equal(cpu.regs.rflags, EFLAGS_FIXED);
    assert_int_equal(RUN(0xfb), EMU_OK); /* sti */
    assert_int_equal(cpu.emu.events, EMU_EVENT_STI_SHADOW | EMU_EVENT_FLAGS_WRITE);
    assert_int_equal(RUN(0xfb), EMU_OK);
    assert_int_equal(cpu.emu.events, EMU_EVENT_FLAGS_WRITE);
    assert_int_equal(RUN(0xf4), EMU_OK); /* hlt */
    assert_int_equal(cpu.emu.events, EMU_EVENT_HALT);
    cpu.regs.gpr[INSN_RAX] = EFLAGS_IOPL;
    assert_int_equal(RUN(0x50), EMU_OK);
    assert_int_equal(RUN(0x9d), EMU_OK); /* popf at CPL 0 */
    assert_int_equal(cpu.regs.rflags, EFLAGS_FIXED | EFLAGS_IOPL);
    cpu.regs.rflags |= EFLAGS_RF;
    assert_int_equal(RUN(0x90), EMU_OK); /* whatever completes clears RF */
    assert_int_equal(cpu.regs.rflags, EFLAGS_FIXED | EFLAGS_IOPL);
    cpu.emu.cpl = 3;
    assert_int_equal(RUN(0xfb), EMU_OK); /* allowed by IOPL */
    EXPECT(EMU_EXCEPTION, 0xf4);
    cpu.regs.rflags = EFLAGS_FIXED;
    EXPECT(EMU_EXCEPTION, 0xfa);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_GP);
}

static void test_interrupts(void **state)
{
    (void)state;
    EXPECT(EMU_EXCEPTION, 0xcd, 0x80);
    assert_true(cpu.emu.exception.software);
    assert_int_equal(cpu.emu.exception.vector, 0x80);
    assert_int_equal(cpu.emu.length, 2);
    EXPECT(EMU_EXCEPTION, 0x0f, 0x0b);
    assert_false(cpu.emu.exception.software);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_UD);
    assert_false(cpu.emu.exception.has_error_code);
}

static void test_cache_and_tlb(void **state)
{
    (void)state;
    assert_int_equal(RUN(0x0f, 0x09), EMU_OK);
    assert_int_equal(RUN(0xf3, 0x0f, 0x09), EMU_OK);
    assert_int_equal(RUN(0x0f, 0x08), EMU_OK);
    assert_int_equal(RUN(0x0f, 0xae, 0x38), EMU_OK);
    assert_int_equal(cpu.cache_ops, 0xf);
    cpu.regs.gpr[INSN_RAX] = 0xffff888000001234ull;
    assert_int_equal(RUN(0x0f, 0x01, 0x38), EMU_OK);
    assert_int_equal(cpu.invlpg, 0xffff888000001234ull);
    cpu.regs.gpr[INSN_RAX] = 0x0000900000000000ull; /* not canonical: ignored */
    cpu.invlpg = 0;
    assert_int_equal(RUN(0x0f, 0x01, 0x38), EMU_OK);
    assert_int_equal(cpu.invlpg, 0);
    cpu.emu.va_bits = 57;
    assert_int_equal(RUN(0x0f, 0x01, 0x38), EMU_OK);
    assert_int_equal(cpu.invlpg, 0x0000900000000000ull);
    cpu.emu.cpl = 3;
    EXPECT(EMU_EXCEPTION, 0x0f, 0x09);
    EXPECT(EMU_EXCEPTION, 0x0f, 0x01, 0x38);
}

static void test_segments(void **state)
{
    (void)state;
    cpu.emu.mode = M32;
    cpu.regs.gpr[INSN_RAX] = 0x10;
    cpu.seg[INSN_SEG_DS].base = MACHINE_RW_START - 0x10;
    cpu.seg[INSN_SEG_DS].limit = 0x13;
    assert_int_equal(RUN(0xc7, 0x00, 1, 2, 3, 4), EMU_OK); /* movl $,(%eax) */
    assert_memory_equal(cpu.machine.memory, "\1\2\3\4", 4);
    cpu.regs.gpr[INSN_RAX] = 0x11;
    EXPECT(EMU_EXCEPTION, 0xc7, 0x00, 1, 2, 3, 4); /* beyond the limit */
    assert_int_equal(cpu.emu.exception.vector, VECTOR_GP);
    cpu.seg[INSN_SEG_SS].limit = 0x10;
    EXPECT(EMU_EXCEPTION, 0x50);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_SS);
    cpu.regs.gpr[INSN_RAX] = 0x10;
    cpu.seg[INSN_SEG_DS].attributes = 0xc91; /* read-only */
    EXPECT(EMU_EXCEPTION, 0xc7, 0x00, 1, 2, 3, 4);
    assert_int_equal(RUN(0x8b, 0x18), EMU_OK); /* mov (%eax),%ebx */
    assert_int_equal(cpu.regs.gpr[INSN_RBX], 0x04030201);
    EXPECT(EMU_EXCEPTION, 0x2e, 0xc7, 0x00, 1, 2, 3, 4); /* through CS */
    cpu.seg[INSN_SEG_DS].attributes = 0xc97;             /* expand down: valid above the limit */
    cpu.seg[INSN_SEG_DS].limit = 0x10;
    EXPECT(EMU_EXCEPTION, 0x8b, 0x18);
    cpu.seg[INSN_SEG_DS].limit = 0xf;
    assert_int_equal(RUN(0x8b, 0x18), EMU_OK);
    assert_int_equal(RUN(0x8e, 0xd0), EMU_OK); /* mov %eax,%ss */
    assert_int_equal(cpu.seg[INSN_SEG_SS].selector, 0x10);
    assert_int_equal(cpu.emu.events, EMU_EVENT_SS_SHADOW);
    cpu.regs.gpr[INSN_RAX] = 0xbad;
    EXPECT(EMU_EXCEPTION, 0x8e, 0xd8);
    assert_int_equal(cpu.emu.exception.error_code, 0xbac);
}

/* A linear address has 32 bits outside 64-bit mode. */
static void test_linear_wrap(void **state)
{
    (void)state;
    cpu.emu.mode = M32;
    cpu.seg[INSN_SEG_DS].base = 0xf0000000;
    cpu.regs.gpr[INSN_RAX] = (uint32_t)(MACHINE_RW_START - 0xf0000000);
    cpu.machine.memory[0] = 0x5a;
    assert_int_equal(RUN(0x8a, 0x18), EMU_OK); /* mov (%eax),%bl */
    assert_int_equal(cpu.regs.gpr[INSN_RBX], 0x5a);
}

/* Both ends of an access are canonical, or it faults; #SS where the stack segment is the default. */
static void test_canonical(void **state)
{
    (void)state;
    cpu.regs.gpr[INSN_RAX] = 0x00007ffffffffffcull;
    EXPECT(EMU_EXCEPTION, 0x48, 0x8b, 0x18); /* mov (%rax),%rbx */
    assert_int_equal(cpu.emu.exception.vector, VECTOR_GP);
    cpu.regs.gpr[INSN_RAX] = 0xffff7ffffffffffcull;
    EXPECT(EMU_EXCEPTION, 0x48, 0x8b, 0x18);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_GP);
    cpu.regs.gpr[INSN_RBP] = 0x0000800000000000ull;
    EXPECT(EMU_EXCEPTION, 0x48, 0x8b, 0x5d, 0x00); /* mov (%rbp),%rbx */
    assert_int_equal(cpu.emu.exception.vector, VECTOR_SS);
    cpu.emu.va_bits = 57;
    EXPECT(EMU_EXCEPTION, 0x48, 0x8b, 0x5d, 0x00);
    assert_int_equal(cpu.emu.exception.vector, VECTOR_PF);
}

/* Real mode, as a caller describes it: base = selector * 16, limits of 64 KiB, a 16-bit stack. */
static void test_real_mode(void **state)
{
    (void)state;
    cpu.emu.mode = M16;
    for (unsigned i = 0; i < 6; i++) {
        cpu.seg[i] = (struct emu_segment){.attributes = 0x93, .limit = 0xffff, .base = MACHINE_RW_START};
    }
    cpu.regs.rip = 0x100;
    cpu.regs.gpr[INSN_RSP] = 0x12340002;
    cpu.regs.gpr[INSN_RAX] = 0xbeef;
    assert_int_equal(RUN(0x50), EMU_OK); /* push %ax */
    assert_int_equal(cpu.regs.gpr[INSN_RSP], 0x12340000);
    assert_memory_equal(cpu.machine.memory, "\xef\xbe", 2);
    EXPECT(EMU_EXCEPTION, 0x50); /* SP wraps to FFFEh, where there is no memory */
    assert_int_equal(cpu.emu.exception.cr2, MACHINE_RW_START + 0xfffe);
    cpu.regs.gpr[INSN_RBP] = 0xfff0;
    cpu.regs.gpr[INSN_RSI] = 0x20;
    assert_int_equal(RUN(0x8a, 0x02), EMU_OK); /* mov (%bp,%si),%al: 10h after wrapping */
    cpu.regs.gpr[INSN_RSI] = 0xf;
    EXPECT(EMU_EXCEPTION, 0x8b, 0x02); /* a word at FFFFh */
    assert_int_equal(cpu.emu.exception.vector, VECTOR_SS);
    cpu.regs.rip = 0xfff0;
    assert_int_equal(RUN(0xeb, 0x20), EMU_OK); /* jmp: IP wraps */
    assert_int_equal(cpu.regs.rip, 0x12);
}

static void test_locked_stores(void **state)
{
    struct emu_ops plain = cpu_ops;

    (void)state;
    cpu.regs.gpr[INSN_RDI] = MACHINE_RW_START;
    assert_int_equal(RUN(0xf0, 0xff, 0x07), EMU_OK); /* lock incl (%rdi) */
    assert_int_equal(cpu.machine.exchanges, 1);
    assert_int_equal(cpu.machine.writes, 0);
    plain.cmpxchg = NULL; /* then a store will do */
    cpu.emu.ops = &plain;
    assert_int_equal(RUN(0xf0, 0xff, 0x07), EMU_OK);
    assert_int_equal(cpu.machine.memory[0], 2);
    assert_int_equal(cpu.machine.writes, 1);
}

static enum emu_result lost(struct emu *emu, uint64_t linear, const void *expected, const void *desired,
                            unsigned length)
{
    return EMU_RETRY;
}

static void test_retry(void **state)
{
    struct emu_ops losing = cpu_ops;

    (void)state;
    losing.cmpxchg = lost;
    cpu.emu.ops = &losing;
    cpu.regs.gpr[INSN_RDI] = MACHINE_RW_START;
    EXPECT(EMU_RETRY, 0xf0, 0xff, 0x07);
    EXPECT(EMU_RETRY, 0x48, 0x87, 0x07); /* xchg locks by itself */
    assert_int_equal(RUN(0xff, 0x07), EMU_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_classes, reset),
        cmocka_unit_test_setup(test_cpuid_msr_tsc, reset),
        cmocka_unit_test_setup(test_control_registers, reset),
        cmocka_unit_test_setup(test_ports, reset),
        cmocka_unit_test_setup(test_string_ports, reset),
        cmocka_unit_test_setup(test_repeat_limit, reset),
        cmocka_unit_test_setup(test_flags_and_events, reset),
        cmocka_unit_test_setup(test_interrupts, reset),
        cmocka_unit_test_setup(test_cache_and_tlb, reset),
        cmocka_unit_test_setup(test_segments, reset),
        cmocka_unit_test_setup(test_linear_wrap, reset),
        cmocka_unit_test_setup(test_canonical, reset),
        cmocka_unit_test_setup(test_real_mode, reset),
        cmocka_unit_test_setup(test_locked_stores, reset),
        cmocka_unit_test_setup(test_retry, reset),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
