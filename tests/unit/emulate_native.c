/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator against the host's processor: random instructions on random registers, flags and memory, run
 * by both; registers, memory, flags and exceptions must agree, but for flags that the manual leaves
 * undefined.
 *
 * A fresh seed each run, printed; EMULATE_SEED repeats one, EMULATE_SECONDS (default 4) says how long.
 */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
// UNIT-FLAGS: -D_GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <time.h>
#include <sys/random.h>
#include <cmocka.h>

#include "native_run.h"
#include "emulate/arith.h"

#define GS_BASE 0x5000ull

static struct machine machine;
static uint64_t random_state;

static uint64_t random64(void)
{
    /* xorshift64* (Marsaglia, Vigna) */
    random_state ^= random_state >> 12;
    random_state ^= random_state << 25;
    random_state ^= random_state >> 27;
    return random_state * 0x2545f4914f6cdd1dull;
}

static unsigned random_below(unsigned n)
{
    return (unsigned)((random64() >> 33) % n);
}

static bool chance(unsigned percent)
{
    return random_below(100) < percent;
}

/* How the bytes after the opcode are made, and what needs care. */
enum kind {
    PLAIN,     /* nothing after the opcode */
    MODRM,     /* register or memory */
    MODRM_REG, /* register only */
    MODRM_MEM, /* memory only */
};

enum care {
    NO_CARE,
    CARE_SHIFT,  /* OF is defined for a count of one only */
    CARE_DOUBLE, /* SHLD, SHRD: the same; 16-bit counts stay below 16 */
    CARE_BITS,   /* the register operand moves the address */
    CARE_STRING,
    CARE_BRANCH, /* relative: keep it in the code page but off the tail */
    CARE_TARGET, /* jumps to a register or memory operand */
    CARE_RET,
    CARE_SCAN, /* the destination is undefined for a source of zero */
    CARE_POPF,
    CARE_MOFFS,
    CARE_SPLIT, /* exchanges memory, locked: keep it within a cache line */
    CARE_XLAT,
    CARE_LEAVE,
    CARE_DIVIDE,
};

#define F_UNDEF_LOGIC    FLAG_AF
#define F_UNDEF_MULTIPLY (FLAG_SF | FLAG_ZF | FLAG_AF | FLAG_PF)
#define F_UNDEF_BITTEST  (FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define F_UNDEF_SCAN     (FLAG_CF | FLAG_OF | FLAG_SF | FLAG_AF | FLAG_PF)
#define F_UNDEF_ALL      FLAGS_ARITH

enum imm {
    I0,
    I8,
    I16,
    IZ, /* 2 or 4 by operand size */
    IV, /* up to 8 */
    I32,
    IMOFFS,
};

struct form {
    uint8_t opcode[3];
    uint8_t length;
    uint8_t kind;
    int8_t digit; /* ModRM.reg, or -1 */
    uint8_t imm;
    uint8_t care;
    bool lockable;
    uint64_t undefined;
    uint8_t prefix; /* mandatory, or 0 */
    uint8_t count;  /* so many opcodes in a row */
};

#define D(x) .digit = x
#define ANY  .digit = -1
static const struct form forms[] = {
    /* arithmetic block: 00-3f by eights, two memory forms each */
    {{0x00}, 1, MODRM, ANY, .lockable = true, .count = 2},
    {{0x02}, 1, MODRM, ANY, .count = 2},
    {{0x04}, 1, PLAIN, .imm = I8},
    {{0x05}, 1, PLAIN, .imm = IZ},
    {{0x08}, 1, MODRM, ANY, .lockable = true, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x0a}, 1, MODRM, ANY, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x10}, 1, MODRM, ANY, .lockable = true, .count = 2},
    {{0x12}, 1, MODRM, ANY, .count = 2},
    {{0x15}, 1, PLAIN, .imm = IZ},
    {{0x18}, 1, MODRM, ANY, .lockable = true, .count = 2},
    {{0x1a}, 1, MODRM, ANY, .count = 2},
    {{0x20}, 1, MODRM, ANY, .lockable = true, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x22}, 1, MODRM, ANY, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x24}, 1, PLAIN, .imm = I8, .undefined = F_UNDEF_LOGIC},
    {{0x28}, 1, MODRM, ANY, .lockable = true, .count = 2},
    {{0x2a}, 1, MODRM, ANY, .count = 2},
    {{0x30}, 1, MODRM, ANY, .lockable = true, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x32}, 1, MODRM, ANY, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0x38}, 1, MODRM, ANY, .count = 2},
    {{0x3a}, 1, MODRM, ANY, .count = 2},
    {{0x3d}, 1, PLAIN, .imm = IZ},
    {{0x80}, 1, MODRM, D(0), .imm = I8, .lockable = true},
    {{0x80}, 1, MODRM, D(2), .imm = I8, .lockable = true},
    {{0x80}, 1, MODRM, D(4), .imm = I8, .lockable = true, .undefined = F_UNDEF_LOGIC},
    {{0x80}, 1, MODRM, D(7), .imm = I8},
    {{0x81}, 1, MODRM, D(0), .imm = IZ, .lockable = true},
    {{0x81}, 1, MODRM, D(1), .imm = IZ, .lockable = true, .undefined = F_UNDEF_LOGIC},
    {{0x81}, 1, MODRM, D(3), .imm = IZ, .lockable = true},
    {{0x81}, 1, MODRM, D(5), .imm = IZ, .lockable = true},
    {{0x81}, 1, MODRM, D(7), .imm = IZ},
    {{0x83}, 1, MODRM, D(0), .imm = I8, .lockable = true},
    {{0x83}, 1, MODRM, D(1), .imm = I8, .lockable = true, .undefined = F_UNDEF_LOGIC},
    {{0x83}, 1, MODRM, D(4), .imm = I8, .lockable = true, .undefined = F_UNDEF_LOGIC},
    {{0x83}, 1, MODRM, D(6), .imm = I8, .lockable = true, .undefined = F_UNDEF_LOGIC},
    {{0x83}, 1, MODRM, D(7), .imm = I8},
    {{0x84}, 1, MODRM, ANY, .undefined = F_UNDEF_LOGIC, .count = 2},
    {{0xa8}, 1, PLAIN, .imm = I8, .undefined = F_UNDEF_LOGIC},
    {{0xa9}, 1, PLAIN, .imm = IZ, .undefined = F_UNDEF_LOGIC},
    {{0xf6}, 1, MODRM, D(0), .imm = I8, .undefined = F_UNDEF_LOGIC},
    {{0xf7}, 1, MODRM, D(0), .imm = IZ, .undefined = F_UNDEF_LOGIC},
    {{0xf6}, 1, MODRM, D(2), .lockable = true, .count = 2},
    {{0xf6}, 1, MODRM, D(3), .lockable = true, .count = 2},
    {{0xf6}, 1, MODRM, D(4), .undefined = F_UNDEF_MULTIPLY, .count = 2},
    {{0xf6}, 1, MODRM, D(5), .undefined = F_UNDEF_MULTIPLY, .count = 2},
    {{0xf6}, 1, MODRM, D(6), .care = CARE_DIVIDE, .undefined = F_UNDEF_ALL, .count = 2},
    {{0xf6}, 1, MODRM, D(7), .care = CARE_DIVIDE, .undefined = F_UNDEF_ALL, .count = 2},
    {{0xfe}, 1, MODRM, D(0), .lockable = true, .count = 2},
    {{0xfe}, 1, MODRM, D(1), .lockable = true, .count = 2},
    {{0x69}, 1, MODRM, ANY, .imm = IZ, .undefined = F_UNDEF_MULTIPLY},
    {{0x6b}, 1, MODRM, ANY, .imm = I8, .undefined = F_UNDEF_MULTIPLY},
    {{0x0f, 0xaf}, 2, MODRM, ANY, .undefined = F_UNDEF_MULTIPLY},
    {{0x98}, 1, PLAIN, .count = 2},
    /* shifts */
    {{0xc0}, 1, MODRM, ANY, .imm = I8, .care = CARE_SHIFT, .count = 2},
    {{0xd0}, 1, MODRM, ANY, .care = CARE_SHIFT, .count = 2},
    {{0xd2}, 1, MODRM, ANY, .care = CARE_SHIFT, .count = 2},
    {{0x0f, 0xa4}, 2, MODRM, ANY, .imm = I8, .care = CARE_DOUBLE},
    {{0x0f, 0xa5}, 2, MODRM, ANY, .care = CARE_DOUBLE},
    {{0x0f, 0xac}, 2, MODRM, ANY, .imm = I8, .care = CARE_DOUBLE},
    {{0x0f, 0xad}, 2, MODRM, ANY, .care = CARE_DOUBLE},
    /* bits */
    {{0x0f, 0xa3}, 2, MODRM, ANY, .care = CARE_BITS, .undefined = F_UNDEF_BITTEST},
    {{0x0f, 0xab}, 2, MODRM, ANY, .care = CARE_BITS, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xb3}, 2, MODRM, ANY, .care = CARE_BITS, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xbb}, 2, MODRM, ANY, .care = CARE_BITS, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xba}, 2, MODRM, D(4), .imm = I8, .undefined = F_UNDEF_BITTEST},
    {{0x0f, 0xba}, 2, MODRM, D(5), .imm = I8, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xba}, 2, MODRM, D(6), .imm = I8, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xba}, 2, MODRM, D(7), .imm = I8, .undefined = F_UNDEF_BITTEST, .lockable = true},
    {{0x0f, 0xbc}, 2, MODRM, ANY, .care = CARE_SCAN, .undefined = F_UNDEF_SCAN, .count = 2},
    {{0x0f, 0xbc},
     2,
     MODRM,
     ANY,
     .prefix = 0xf3,
     .undefined = FLAG_OF | FLAG_SF | FLAG_PF | FLAG_AF,
     .count = 2},
    {{0x0f, 0xb8}, 2, MODRM, ANY, .prefix = 0xf3},
    {{0x0f, 0x38, 0xf0}, 3, MODRM, ANY, .prefix = 0xf2, .count = 2},
    {{0x0f, 0x38, 0xf0}, 3, MODRM_MEM, ANY, .count = 2},
    {{0x0f, 0xc8}, 2, PLAIN, .count = 8},
    /* exchanges */
    {{0x86}, 1, MODRM, ANY, .care = CARE_SPLIT, .lockable = true, .count = 2},
    {{0x90}, 1, PLAIN, .count = 8},
    {{0x0f, 0xb0}, 2, MODRM, ANY, .lockable = true, .count = 2},
    {{0x0f, 0xc0}, 2, MODRM, ANY, .lockable = true, .count = 2},
    {{0x0f, 0xc7}, 2, MODRM_MEM, D(1), .lockable = true},
    /* moves */
    {{0x88}, 1, MODRM, ANY, .count = 4},
    {{0xc6}, 1, MODRM, D(0), .imm = I8},
    {{0xc7}, 1, MODRM, D(0), .imm = IZ},
    {{0xb0}, 1, PLAIN, .imm = I8, .count = 8},
    {{0xb8}, 1, PLAIN, .imm = IV, .count = 8},
    {{0xa0}, 1, PLAIN, .imm = IMOFFS, .care = CARE_MOFFS, .count = 4},
    {{0x63}, 1, MODRM, ANY},
    {{0x8d}, 1, MODRM_MEM, ANY},
    {{0x0f, 0xb6}, 2, MODRM, ANY, .count = 2},
    {{0x0f, 0xbe}, 2, MODRM, ANY, .count = 2},
    {{0x0f, 0xc3}, 2, MODRM_MEM, ANY},
    {{0x0f, 0x40}, 2, MODRM, ANY, .count = 16},
    {{0x0f, 0x90}, 2, MODRM, ANY, .count = 16},
    {{0x0f, 0x1f}, 2, MODRM, D(0)},
    {{0x0f, 0x18}, 2, MODRM_MEM, D(1)},
    {{0xd7}, 1, PLAIN, .care = CARE_XLAT},
    {{0xf5}, 1, PLAIN, ANY},
    {{0xf8}, 1, PLAIN, .count = 2},
    {{0xfc}, 1, PLAIN, .count = 2},
    {{0x9e}, 1, PLAIN, .count = 2},
    {{0x8c}, 1, MODRM, D(4)},
    /* stack */
    {{0x50}, 1, PLAIN, .count = 16},
    {{0x68}, 1, PLAIN, .imm = IZ},
    {{0x6a}, 1, PLAIN, .imm = I8},
    {{0x8f}, 1, MODRM, D(0)},
    {{0xff}, 1, MODRM, D(6)},
    {{0x9c}, 1, PLAIN, ANY},
    {{0x9d}, 1, PLAIN, .care = CARE_POPF},
    {{0xc9}, 1, PLAIN, .care = CARE_LEAVE},
    {{0x0f, 0xa0}, 2, PLAIN, ANY},
    /* control flow */
    {{0x70}, 1, PLAIN, .imm = I8, .care = CARE_BRANCH, .count = 16},
    {{0x0f, 0x80}, 2, PLAIN, .imm = I32, .care = CARE_BRANCH, .count = 16},
    {{0xe0}, 1, PLAIN, .imm = I8, .care = CARE_BRANCH, .count = 4},
    {{0xe8}, 1, PLAIN, .imm = I32, .care = CARE_BRANCH, .count = 2},
    {{0xeb}, 1, PLAIN, .imm = I8, .care = CARE_BRANCH},
    {{0xff}, 1, MODRM, D(2), .care = CARE_TARGET},
    {{0xff}, 1, MODRM, D(4), .care = CARE_TARGET},
    {{0xc3}, 1, PLAIN, .care = CARE_RET},
    {{0xc2}, 1, PLAIN, .imm = I16, .care = CARE_RET},
    /* strings */
    {{0xa4}, 1, PLAIN, .care = CARE_STRING, .count = 4},
    {{0xaa}, 1, PLAIN, .care = CARE_STRING, .count = 6},
    /* privileged, from user mode */
    {{0xf4}, 1, PLAIN, ANY},
    {{0xfa}, 1, PLAIN, .count = 2},
    {{0x0f, 0x30}, 2, PLAIN, ANY},
    {{0x0f, 0x32}, 2, PLAIN, ANY},
    {{0x0f, 0x09}, 2, PLAIN, ANY},
    {{0x0f, 0x06}, 2, PLAIN, ANY},
    {{0x0f, 0x0b}, 2, PLAIN, ANY},
    {{0x0f, 0x20}, 2, MODRM_REG, D(0)},
    {{0x0f, 0x22}, 2, MODRM_REG, D(3)},
    {{0x0f, 0x21}, 2, MODRM_REG, D(7)},
    {{0xec}, 1, PLAIN, .count = 4},
};

/* One test case while it is made. */
struct test_case {
    const struct form *form;
    uint8_t bytes[15 + 8];
    unsigned length;
    struct emu_regs regs;
    uint8_t opcode; /* the last opcode byte */
    uint8_t modrm;
    uint8_t imm8;
    bool rex_w, rex_any, small, address32, lock, gs;
    unsigned rex_r, rex_x, rex_b;
    bool memory;
    uint64_t target; /* where the memory operand is meant to be */
    uint64_t undefined;
    bool ignore_destination; /* ModRM.reg */
};

static unsigned operand_size(const struct test_case *c)
{
    return c->rex_w ? 8 : c->small ? 2 : 4;
}

/* Values at which arithmetic turns. */
static uint64_t random_value(void)
{
    static const uint64_t edges[] = {0,      1,      2,          0x7f,       0x80,       0xff,      0x7fff,
                                     0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 1ull << 63};

    switch (random_below(5)) {
    case 0:
        return edges[random_below(sizeof(edges) / sizeof(edges[0]))];
    case 1:
        return 0 - edges[random_below(sizeof(edges) / sizeof(edges[0]))];
    case 2:
        return random_below(256);
    default:
        return random64();
    }
}

/* An address in the machine: mostly plain memory, sometimes across a page, read-only, absent or not
 * canonical. */
static uint64_t random_address(bool aligned)
{
    uint64_t a;

    switch (random_below(20)) {
    case 0:
        a = MACHINE_RO_START - 8 + random_below(24);
        break;
    case 1:
        a = MACHINE_END - 8 + random_below(24);
        break;
    case 2:
        a = MACHINE_RW_START - 8 + random_below(24);
        break;
    case 3:
        a = MACHINE_RW_START + MACHINE_PAGE - 8 + random_below(16);
        break;
    default:
        a = MACHINE_RW_START + 0x400 + random_below(0x3000);
        break;
    }
    return aligned ? a & ~15ull : a;
}

static void put(struct test_case *c, uint64_t value, unsigned size)
{
    memcpy(c->bytes + c->length, &value, size);
    c->length += size;
}

static void make_prefixes(struct test_case *c)
{
    const struct form *f = c->form;
    uint8_t rex = 0;

    c->small = chance(20) && f->care != CARE_BRANCH && f->care != CARE_TARGET && f->care != CARE_RET;
    c->address32 = chance(12);
    c->gs = chance(12);
    c->lock = f->lockable && c->memory && chance(40);
    if (c->gs) {
        put(c, 0x65, 1);
        if (chance(20)) {
            put(c, 0x3e, 1); /* ignored */
        }
    }
    if (c->small) {
        put(c, 0x66, 1);
    }
    if (c->address32) {
        put(c, 0x67, 1);
    }
    if (f->prefix) {
        put(c, f->prefix, 1);
    } else if (f->care == CARE_STRING && chance(70)) {
        put(c, chance(50) ? 0xf3 : 0xf2, 1);
    }
    if (c->lock) {
        put(c, 0xf0, 1);
    }
    if (chance(60)) {
        rex = (uint8_t)(0x40 | random_below(16));
        put(c, rex, 1);
    }
    c->rex_any = rex;
    c->rex_w = rex & 8;
    c->rex_r = (rex & 4) << 1;
    c->rex_x = (rex & 2) << 2;
    c->rex_b = (rex & 1) << 3;
}

static unsigned imm_size(const struct test_case *c)
{
    switch (c->form->imm) {
    case I8:
        return 1;
    case I16:
        return 2;
    case IZ:
        return operand_size(c) == 2 ? 2 : 4;
    case IV:
        return operand_size(c);
    case I32:
        return 4;
    case IMOFFS:
        return c->address32 ? 4 : 8;
    default:
        return 0;
    }
}

/*
 * ModRM, SIB and displacement for the memory operand, and a register or displacement adjusted so that it lies
 * at c->target. False if this addressing form cannot express it (base and index the same register).
 */
static bool make_memory(struct test_case *c, unsigned reg)
{
    unsigned mod = random_below(3), rm = random_below(8), base = rm | c->rex_b, index = 16, scale = 1;
    bool has_base = true, relative = false;
    int32_t disp = 0;
    unsigned disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    uint64_t offset = c->target - (c->gs ? GS_BASE : 0);
    uint8_t sib = 0;

    if (rm == 4) {
        sib = (uint8_t)random64();
        index = ((sib >> 3) & 7) | c->rex_x;
        index = index == 4 ? 16 : index;
        scale = 1u << (sib >> 6);
        base = (sib & 7) | c->rex_b;
        has_base = !((sib & 7) == 5 && mod == 0);
        disp_size = has_base ? disp_size : 4;
    } else if (rm == 5 && mod == 0) {
        has_base = false;
        relative = true;
        disp_size = 4;
    }
    disp = disp_size == 1 ? (int8_t)random64() : disp_size == 4 ? (int32_t)random64() : 0;
    if (has_base) {
        if (base == index) {
            return false;
        }
        c->regs.gpr[base] = offset - (uint64_t)disp - (index < 16 ? c->regs.gpr[index] * scale : 0);
    } else {
        if (index < 16) {
            c->regs.gpr[index] = random_below(4096);
            offset -= c->regs.gpr[index] * scale;
        }
        if (relative) {
            offset -= NATIVE_INSN + c->length + 5 + imm_size(c);
        }
        if (offset >> 31 && ~offset >> 31) {
            return false; /* not canonical, and no register to hold it */
        }
        disp = (int32_t)offset;
    }
    c->modrm = (uint8_t)(mod << 6 | reg << 3 | rm);
    put(c, c->modrm, 1);
    if (rm == 4) {
        put(c, sib, 1);
    }
    put(c, (uint64_t)disp, disp_size);
    return true;
}

/* The relative branch stays in the page of INT3s, off the jump behind the instruction. */
static uint64_t branch_displacement(unsigned size)
{
    int d = 20 + (int)random_below(size == 1 ? 100 : 1500);

    return (uint64_t)(int64_t)(chance(50) ? d : -d - 20);
}

static void make_immediate(struct test_case *c)
{
    unsigned size = imm_size(c);
    uint64_t value = random_value();

    if (c->form->care == CARE_BRANCH) {
        value = branch_displacement(size);
    } else if (c->form->care == CARE_MOFFS) {
        value = c->target - (c->gs ? GS_BASE : 0);
    } else if (c->form->care == CARE_RET) {
        value &= 0xff;
    }
    c->imm8 = (uint8_t)value;
    put(c, value, size);
}

/* Register values that a form needs beside its memory operand. May not touch what the address is made of: it
 * is called before that. */
static void make_registers(struct test_case *c)
{
    for (unsigned i = 0; i < 16; i++) {
        c->regs.gpr[i] = random_value();
    }
    c->regs.gpr[INSN_RSP] =
        chance(95) ? MACHINE_RW_START + 0x1000 + random_below(0x2000) : random_address(false);
    c->regs.rflags = FLAG_ONE | FLAG_IF | (random64() & (FLAGS_ARITH | (chance(30) ? FLAG_DF : 0)));
    c->regs.rip = NATIVE_INSN;
    switch (c->form->care) {
    case CARE_STRING:
        c->regs.gpr[INSN_RSI] = random_address(false) - (c->gs ? GS_BASE : 0);
        c->regs.gpr[INSN_RDI] = random_address(false);
        c->regs.gpr[INSN_RCX] = random_below(40);
        break;
    case CARE_XLAT:
        c->regs.gpr[INSN_RBX] = random_address(false) - (c->gs ? GS_BASE : 0);
        break;
    case CARE_LEAVE:
        c->regs.gpr[INSN_RBP] = random_address(false);
        break;
    case CARE_DIVIDE:
        if (chance(70)) {
            c->regs.gpr[INSN_RDX] = random_below(4);
        }
        break;
    default:
        break;
    }
}

/* For the bit strings: a bit offset that stays in memory, sign-extended to the operand. False if it shares a
 * register with the address. */
static bool make_bit_offset(struct test_case *c, unsigned reg)
{
    uint64_t before = c->regs.gpr[reg];
    int bit = (int)random_below(16000) - 8000;
    struct insn insn;

    if (insn_decode(&insn, c->bytes, c->length, INSN_MODE_64) != INSN_OK || insn.mem.base == reg ||
        insn.mem.index == reg) {
        return false;
    }
    c->regs.gpr[reg] = operand_size(c) == 8 ? (uint64_t)(int64_t)bit
                                            : (before & ~arith_mask(operand_size(c))) |
                                                  ((uint64_t)bit & arith_mask(operand_size(c)));
    return true;
}

/* False if the result itself is undefined. */
static bool find_undefined(struct test_case *c)
{
    unsigned bits = c->opcode & 1 || c->form->length > 1 ? 8 * operand_size(c) : 8;
    unsigned count;

    c->undefined = c->form->undefined;
    if (c->form->care == CARE_SHIFT || c->form->care == CARE_DOUBLE) {
        bool by_cl = c->form->length == 2 ? c->form->imm == I0 : c->opcode >= 0xd2;

        count = by_cl ? c->regs.gpr[INSN_RCX] & 0xff : c->form->imm == I0 ? 1 : c->imm8;
        count &= bits == 64 ? 63 : 31;
        if (c->form->care == CARE_DOUBLE && count > bits) {
            return false;
        }
        if (count != 0) {
            unsigned digit = (c->modrm >> 3) & 7;
            bool rotate = c->form->care == CARE_SHIFT && digit < 4;

            c->undefined |= rotate ? 0 : FLAG_AF;
            c->undefined |= count == 1 ? 0 : FLAG_OF;
            c->undefined |= !rotate && count >= bits ? FLAG_CF : 0;
        }
    }
    return true;
}

/* Makes one case; false if the dice gave something that cannot be tested. */
static bool make_case(struct test_case *c)
{
    const struct form *f = &forms[random_below(sizeof(forms) / sizeof(forms[0]))];
    unsigned reg = f->digit >= 0 ? (unsigned)f->digit : random_below(8);

    memset(c, 0, sizeof(*c));
    c->form = f;
    c->memory = f->kind == MODRM_MEM || (f->kind == MODRM && chance(60));
    make_registers(c);
    make_prefixes(c);
    c->target = random_address(c->lock || f->care == CARE_SPLIT);
    if (f->care == CARE_BITS) {
        c->target = (MACHINE_RW_START + 0x1000 + random_below(0x2000)) & ~15ull;
    } else if (chance(2) && !c->address32 && c->memory) {
        c->target = (0x0000800000000000ull + (random64() >> 17)) & ~15ull;
    }
    for (unsigned i = 0; i < f->length; i++) {
        put(c, f->opcode[i], 1);
    }
    c->opcode = (uint8_t)(f->opcode[f->length - 1] + (f->count ? random_below(f->count) : 0));
    c->bytes[c->length - 1] = c->opcode;
    if (f->kind != PLAIN) {
        if (c->memory) {
            if (!make_memory(c, reg)) {
                return false;
            }
        } else {
            c->modrm = (uint8_t)(0xc0 | reg << 3 | random_below(8));
            put(c, c->modrm, 1);
        }
    }
    make_immediate(c);
    if (f->care == CARE_BITS && c->memory && !make_bit_offset(c, reg | c->rex_r)) {
        return false;
    }
    if (f->length == 1 && (c->opcode == 0x8f || c->opcode == 0xff) &&
        c->regs.gpr[INSN_RSP] - MACHINE_BASE > 2 * MACHINE_BYTES) {
        return false; /* an operand addressed by RSP has taken the stack to where the test's own memory may be
                       */
    }
    return find_undefined(c) && c->length <= 15;
}

static void report(const struct test_case *c, const char *what, const struct emu_regs *ours,
                   const struct emu_regs *theirs)
{
    fprintf(stderr, "%s differ for", what);
    for (unsigned i = 0; i < c->length; i++) {
        fprintf(stderr, " %02x", c->bytes[i]);
    }
    fprintf(stderr, "\n          %16s %16s %16s\n", "before", "emulated", "native");
    for (unsigned i = 0; i < 16; i++) {
        fprintf(stderr, "  r%-2u      %16lx %16lx %16lx%s\n", i, c->regs.gpr[i], ours->gpr[i], theirs->gpr[i],
                ours->gpr[i] != theirs->gpr[i] ? " <-" : "");
    }
    fprintf(stderr, "  rflags   %16lx %16lx %16lx\n", c->regs.rflags, ours->rflags, theirs->rflags);
    fprintf(stderr, "  rip      %16lx %16lx %16lx\n", c->regs.rip, ours->rip, theirs->rip);
}

/* Runs to the end of a repeated string instruction; *interrupted: in more than one piece. */
static enum emu_result emulate(struct emu *emu, const struct insn *insn, bool *interrupted)
{
    enum emu_result result;
    unsigned calls = 0;

    do {
        emu->rep_limit = 1 + random_below(40);
        result = emu_execute(emu, insn);
        *interrupted = ++calls > 1;
    } while (result == EMU_OK && (emu->events & EMU_EVENT_REP_PARTIAL));
    return result;
}

/* Whether an exception of ours is the processor's. Of the kernel's half of the address space only it knows
 * what is present. */
static bool same_exception(const struct test_case *c, const struct emu_exception *ours)
{
    uint64_t present = native_state.cr2 >> 63;

    if (c->form->care == CARE_TARGET && ours->vector == EMU_VECTOR_GP &&
        native_state.vector == EMU_VECTOR_PF) {
        return true; /* a bad target and a bad stack: Intel's processors find the stack first */
    }
    if (native_state.vector != ours->vector ||
        (native_state.error_code | present) != (ours->error_code | present)) {
        return false;
    }
    return native_state.vector != EMU_VECTOR_PF || native_state.cr2 == ours->cr2;
}

/* A branch into the instruction itself, or into the jump behind it, would not end as the harness expects. */
static bool ends_in_harness(const struct test_case *c, uint64_t rip)
{
    uint64_t after = NATIVE_INSN + c->length;

    return rip >= NATIVE_INSN && rip < after + 14 && rip != after;
}

static void copy_native_memory(void)
{
    memcpy(machine.memory, (void *)(uintptr_t)MACHINE_RW_START, MACHINE_BYTES);
}

static void check_case(struct test_case *c)
{
    struct emu_regs ours = c->regs, theirs = c->regs;
    struct emu emu = {.ops = &machine_ops,
                      .opaque = &machine,
                      .regs = &ours,
                      .classes = ~0u,
                      .mode = INSN_MODE_64,
                      .cpl = 3};
    struct insn insn;
    bool interrupted = false;
    enum insn_status status = insn_decode(&insn, c->bytes, c->length, INSN_MODE_64);
    enum emu_result result =
        status == INSN_OK ? emulate(&emu, &insn, &interrupted) : emu_decode_failure(&emu, status);
    uint64_t ignore = c->undefined | FLAG_RF;
    bool trapped;

    if (interrupted && result == EMU_EXCEPTION) {
        ignore |= FLAGS_ARITH; /* a fault restores the flags, and ours were those of the last piece */
    }
    if (result == EMU_UNHANDLED) {
        report(c, "Unhandled", &ours, &theirs);
        fail();
    }
    if (status == INSN_OK && insn.length != c->length) {
        report(c, "Lengths", &ours, &theirs);
        fail();
    }
    if (c->form->care == CARE_POPF && (ours.rflags & (FLAG_TF | FLAG_AC | FLAG_NT))) {
        /* Would trap after the instruction: not what is compared. */
        return;
    }
    if (result == EMU_OK && ends_in_harness(c, ours.rip)) {
        copy_native_memory();
        return;
    }
    trapped = native_run(c->bytes, c->length, &theirs);
    if (trapped != (result == EMU_EXCEPTION) || (trapped && !same_exception(c, &emu.exception))) {
        report(c, "Exceptions", &ours, &theirs);
        fprintf(stderr,
                "  emulated: %d vector %u error %x cr2 %lx\n  native: %d vector %lu error %lx cr2 %lx\n",
                result, emu.exception.vector, emu.exception.error_code, emu.exception.cr2, trapped,
                native_state.vector, native_state.error_code, native_state.cr2);
        fail();
    }
    if (c->form->care == CARE_SCAN && (ours.rflags & FLAG_ZF)) {
        unsigned destination = ((c->modrm >> 3) & 7) | c->rex_r;

        ours.gpr[destination] = theirs.gpr[destination];
    }
    if (memcmp(ours.gpr, theirs.gpr, sizeof(ours.gpr)) != 0 || ours.rip != theirs.rip) {
        report(c, "Registers", &ours, &theirs);
        fail();
    }
    if ((ours.rflags ^ theirs.rflags) & ~ignore) {
        report(c, "Flags", &ours, &theirs);
        fail();
    }
    if (trapped && c->form->care == CARE_TARGET) {
        /* Intel's processors have pushed the return address before they find that the target is not
         * canonical. */
        copy_native_memory();
    }
    if (memcmp(machine.memory, (void *)(uintptr_t)MACHINE_RW_START, MACHINE_BYTES) != 0) {
        report(c, "Memories", &ours, &theirs);
        fail();
    }
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void test_against_processor(void **state)
{
    const char *seed = getenv("EMULATE_SEED"), *seconds = getenv("EMULATE_SECONDS");
    double end = now() + (seconds ? atof(seconds) : 4.0);
    unsigned long cases = 0;

    (void)state;
    if (seed) {
        random_state = strtoull(seed, NULL, 0);
    } else {
        assert_int_equal(getrandom(&random_state, sizeof(random_state), 0), sizeof(random_state));
    }
    random_state |= 1;
    printf("EMULATE_SEED=0x%lx\n", random_state);
    for (unsigned i = 0; i < MACHINE_BYTES; i++) {
        machine.memory[i] = (uint8_t)random_value();
    }
    machine.gs_base = GS_BASE;
    native_setup(machine.memory, GS_BASE);
    while (now() < end) {
        struct test_case c;

        for (unsigned i = 0; i < 64; i++) {
            if (make_case(&c)) {
                check_case(&c);
                cases++;
            }
        }
    }
    printf("%lu instructions compared\n", cases);
    assert_true(cases > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_processor)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
