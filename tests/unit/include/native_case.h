/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes random instructions for emulate_native.c, with registers such that what they address is (mostly) in the machine's memory. It computes
 * addresses on its own, not through the emulator, since a wrong one would run natively all the same.
 */
#ifndef TESTS_NATIVE_CASE_H
#define TESTS_NATIVE_CASE_H

#include <cpuid.h>

#include "native_forms.h"
#include "native_segments.h"

#define GS_BASE 0x5000ull /* in 64-bit mode */

/* One test case while it is made. */
struct test_case {
    const struct form *form;
    enum insn_mode mode;
    uint8_t bytes[15 + 16];
    unsigned length;
    struct emu_regs regs;
    uint8_t opcode; /* the last opcode byte */
    uint8_t modrm;
    uint8_t imm8;
    uint8_t seg; /* override, or INSN_SEG_NONE */
    bool rex_w, small, other_address, lock;
    unsigned rex_r, rex_x, rex_b;
    bool memory;
    uint64_t target; /* where the memory operand is meant to be */
    uint64_t undefined;
};

static unsigned operand_size(const struct test_case *c)
{
    if (c->mode == INSN_MODE_64 && c->rex_w) {
        return 8;
    }
    return c->small != (c->mode == INSN_MODE_16) ? 2 : 4;
}

static unsigned address_size(const struct test_case *c)
{
    if (c->mode == INSN_MODE_64) {
        return c->other_address ? 4 : 8;
    }
    return c->other_address != (c->mode == INSN_MODE_16) ? 2 : 4;
}

/* The base of the segment through which an operand goes whose default is `seg`. */
static uint64_t segment_base(const struct test_case *c, enum insn_seg seg)
{
    if (c->seg != INSN_SEG_NONE) {
        seg = (enum insn_seg)c->seg;
    }
    if (c->mode == INSN_MODE_64) {
        return seg == INSN_SEG_GS ? GS_BASE : 0;
    }
    return native_segments[seg].base;
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

/* An address in the machine: mostly plain memory, sometimes across a page, read-only or absent. */
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

static void make_rex(struct test_case *c)
{
    uint8_t rex = (uint8_t)(0x40 | random_below(16));

    if (c->mode != INSN_MODE_64 || chance(40)) {
        return;
    }
    put(c, rex, 1);
    c->rex_w = rex & 8;
    c->rex_r = (rex & 4u) << 1;
    c->rex_x = (rex & 2u) << 2;
    c->rex_b = (rex & 1u) << 3;
}

static void make_segment_override(struct test_case *c)
{
    c->seg = INSN_SEG_NONE;
    if (!chance(12)) {
        return;
    }
    if (c->mode == INSN_MODE_64) {
        c->seg = INSN_SEG_GS;
        put(c, 0x65, 1);
        if (chance(20)) {
            put(c, 0x3e, 1); /* ignored */
        }
    } else {
        c->seg = (uint8_t)random_below(4);
        put(c, 0x26u | (uint64_t)c->seg << 3, 1);
    }
}

static void make_prefixes(struct test_case *c)
{
    const struct form *f = c->form;
    bool branch = f->care == CARE_BRANCH || f->care == CARE_TARGET || f->care == CARE_RET;

    c->small = chance(20) && !(branch && c->mode == INSN_MODE_64);
    c->other_address = chance(12);
    c->lock = f->lockable && c->memory && chance(40);
    if (c->mode == INSN_MODE_64 && (c->small || c->other_address) && chance(10)) {
        put(c, 0x48u | random_below(8), 1); /* REX not directly before the opcode: ignored */
    }
    make_segment_override(c);
    if (c->small) {
        put(c, 0x66, 1);
    }
    if (c->other_address) {
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
    make_rex(c);
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
    case IMOFFS:
        return address_size(c);
    default:
        return 0;
    }
}

static void set_low(uint64_t *reg, uint64_t value, unsigned size)
{
    *reg = (*reg & ~arith_mask(size)) | (value & arith_mask(size));
}

/* 16-bit addressing: one of eight register combinations. */
static bool make_memory16(struct test_case *c, unsigned reg)
{
    static const uint8_t bases[8] = {INSN_RBX, INSN_RBX, INSN_RBP, INSN_RBP,
                                     INSN_RSI, INSN_RDI, INSN_RBP, INSN_RBX};
    unsigned mod = random_below(3), rm = random_below(8);
    bool absolute = mod == 0 && rm == 6;
    unsigned base = bases[rm], disp_size = absolute ? 2 : mod;
    uint64_t offset = c->target - segment_base(c, base == INSN_RBP && !absolute ? INSN_SEG_SS : INSN_SEG_DS);
    int64_t disp = mod == 1 ? (int8_t)random64() : (int16_t)random64();

    if (offset > 0xffff) {
        return false;
    }
    if (absolute) {
        disp = (int64_t)offset;
    } else {
        offset -= mod ? (uint64_t)disp : 0;
        offset -= rm < 4 ? c->regs.gpr[rm & 1 ? INSN_RDI : INSN_RSI] : 0;
        set_low(&c->regs.gpr[base], offset, 2);
    }
    c->modrm = (uint8_t)(mod << 6 | reg << 3 | rm);
    put(c, c->modrm, 1);
    put(c, (uint64_t)disp, disp_size);
    return true;
}

/* An address in words: what ModRM, SIB and displacement say. */
struct form32 {
    unsigned mod, rm, base, index, scale, disp_size;
    bool has_base, relative;
    uint8_t sib;
};

static struct form32 random_form32(const struct test_case *c)
{
    struct form32 f = {
        .mod = random_below(3), .rm = random_below(8), .index = 16, .scale = 1, .has_base = true};

    f.base = f.rm | c->rex_b;
    f.disp_size = f.mod == 1 ? 1 : f.mod == 2 ? 4 : 0;
    if (f.rm == 4) {
        f.sib = (uint8_t)random64();
        f.index = ((f.sib >> 3) & 7) | c->rex_x;
        f.index = f.index == 4 ? 16 : f.index;
        f.scale = 1u << (f.sib >> 6);
        f.base = (f.sib & 7) | c->rex_b;
        f.has_base = !((f.sib & 7) == 5 && f.mod == 0);
    } else if (f.rm == 5 && f.mod == 0) {
        f.has_base = false;
        f.relative = c->mode == INSN_MODE_64;
    }
    f.disp_size = f.has_base ? f.disp_size : 4;
    return f;
}

/*
 * ModRM, SIB and displacement for the memory operand, and a register or displacement adjusted so that it lies at c->target.
 * False if this addressing form cannot express it (base and index the same register).
 */
static bool make_memory32(struct test_case *c, unsigned reg)
{
    struct form32 f = random_form32(c);
    bool stack = f.has_base && (f.base == INSN_RSP || f.base == INSN_RBP);
    uint64_t offset = c->target - segment_base(c, stack ? INSN_SEG_SS : INSN_SEG_DS);
    int32_t disp = f.disp_size == 1 ? (int8_t)random64() : f.disp_size == 4 ? (int32_t)random64() : 0;

    if (f.has_base) {
        if (f.base == f.index) {
            return false;
        }
        offset -= (uint64_t)disp + (f.index < 16 ? c->regs.gpr[f.index] * f.scale : 0);
        set_low(&c->regs.gpr[f.base], offset, c->mode == INSN_MODE_64 ? 8 : 4);
    } else {
        if (f.index < 16) {
            c->regs.gpr[f.index] = random_below(4096);
            offset -= c->regs.gpr[f.index] * f.scale;
        }
        if (f.relative) {
            offset -= NATIVE_INSN + c->length + 5 + imm_size(c);
        }
        if (c->mode == INSN_MODE_64 && offset >> 31 && ~offset >> 31) {
            return false; /* not canonical, and no register to hold it */
        }
        disp = (int32_t)offset;
    }
    c->modrm = (uint8_t)(f.mod << 6 | reg << 3 | f.rm);
    put(c, c->modrm, 1);
    if (f.rm == 4) {
        put(c, f.sib, 1);
    }
    put(c, (uint64_t)disp, f.disp_size);
    return true;
}

/* The relative branch stays in the page of INT3s, off the way back behind the instruction. */
static uint64_t branch_displacement(unsigned size)
{
    int d = 20 + (int)random_below(size == 1 ? 100 : 1500);

    return (uint64_t)(int64_t)(chance(50) ? d : -d - 20);
}

static bool make_immediate(struct test_case *c)
{
    unsigned size = imm_size(c);
    uint64_t value = random_value();

    if (c->form->care == CARE_BRANCH) {
        value = branch_displacement(size);
    } else if (c->form->care == CARE_MOFFS) {
        value = c->target - segment_base(c, INSN_SEG_DS);
        if (size == 2 && value > 0xffff) {
            return false;
        }
    } else if (c->form->care == CARE_RET) {
        value &= 0xff;
    }
    c->imm8 = (uint8_t)value;
    put(c, value, size);
    return true;
}

/* Registers, before the address is made of some of them. */
static void make_registers(struct test_case *c)
{
    uint64_t stack_base = c->mode == INSN_MODE_64 ? 0 : native_segments[INSN_SEG_SS].base;
    uint64_t *gpr = c->regs.gpr;

    for (unsigned i = 0; i < 16; i++) {
        gpr[i] = random_value();
    }
    gpr[INSN_RSP] =
        (chance(95) ? MACHINE_RW_START + 0x1000 + random_below(0x2000) : random_address(false)) - stack_base;
    switch (c->form->care) {
    case CARE_STRING:
        gpr[INSN_RSI] = random_address(false) - segment_base(c, INSN_SEG_DS);
        gpr[INSN_RDI] =
            random_address(false) - (c->mode == INSN_MODE_64 ? 0 : native_segments[INSN_SEG_ES].base);
        gpr[INSN_RCX] = random_below(40);
        break;
    case CARE_XLAT:
        gpr[INSN_RBX] = random_address(false) - segment_base(c, INSN_SEG_DS);
        break;
    case CARE_LEAVE:
        gpr[INSN_RBP] = random_address(false) - stack_base;
        break;
    case CARE_DIVIDE:
        gpr[INSN_RDX] = chance(70) ? random_below(4) : gpr[INSN_RDX];
        break;
    default:
        break;
    }
    for (unsigned i = 0; i < 16 && c->mode != INSN_MODE_64; i++) {
        gpr[i] = i < 8 ? (uint32_t)gpr[i] : 0;
    }
    c->regs.rflags = EFLAGS_FIXED | EFLAGS_IF | (random64() & (EFLAGS_STATUS | (chance(30) ? EFLAGS_DF : 0)));
    c->regs.rip = NATIVE_INSN - (c->mode == INSN_MODE_64 ? 0 : native_segments[INSN_SEG_CS].base);
}

/* For the bit strings: a bit offset that stays in memory. False if it shares a register with the address. */
static bool make_bit_offset(struct test_case *c, unsigned reg)
{
    int64_t bit = (int)random_below(16000) - 8000;
    struct insn insn;

    if (insn_decode(&insn, c->bytes, c->length, c->mode) != INSN_OK || insn.mem.base == reg ||
        insn.mem.index == reg) {
        return false;
    }
    set_low(&c->regs.gpr[reg], (uint64_t)bit, operand_size(c));
    return true;
}

/* False if the result itself is undefined. */
static bool find_undefined(struct test_case *c)
{
    unsigned bits = c->opcode & 1 || c->form->length > 1 ? 8 * operand_size(c) : 8;
    bool rotate = c->form->care == CARE_SHIFT && ((c->modrm >> 3) & 7) < 4;
    bool by_cl = c->form->length == 2 ? c->form->imm == I0 : c->opcode >= 0xd2;
    unsigned count;

    c->undefined = c->form->undefined;
    if (c->form->care != CARE_SHIFT && c->form->care != CARE_DOUBLE) {
        return true;
    }
    count = by_cl ? c->regs.gpr[INSN_RCX] & 0xff : c->form->imm == I0 ? 1 : c->imm8;
    count &= bits == 64 ? 63 : 31;
    if (c->form->care == CARE_DOUBLE && count > bits) {
        return false;
    }
    if (count != 0) {
        c->undefined |= rotate ? 0 : EFLAGS_AF;
        c->undefined |= count == 1 ? 0 : EFLAGS_OF;
        c->undefined |= !rotate && count >= bits ? EFLAGS_CF : 0;
    }
    return true;
}

/*
 * Whether the stack is where it may be used. An operand addressed by rSP may have taken it elsewhere, perhaps to the test's own memory; below
 * 64 KiB there is none.
 */
static bool stack_is_safe(const struct test_case *c)
{
    uint64_t sp = c->regs.gpr[INSN_RSP];

    if (c->mode != INSN_MODE_64) {
        const struct emu_segment *ss = &native_segments[INSN_SEG_SS];

        sp = (uint32_t)(ss->base + (ss->attributes & EMU_SEGMENT_DB ? sp : sp & 0xffff));
        if (sp < 0xff00) {
            return true;
        }
    } else if (c->form->length != 1 || (c->opcode != 0x8f && c->opcode != 0xff)) {
        return true;
    }
    return sp - MACHINE_BASE <= 0x11000;
}

/* In legacy modes a string's registers may wrap at 64 KiB, but then they stay in the segment; a 32-bit address is as it was made. */
static bool make_operands(struct test_case *c)
{
    const struct form *f = c->form;
    unsigned reg = f->digit >= 0 ? (unsigned)f->digit : random_below(8);

    if (f->kind != PLAIN && c->memory) {
        if (address_size(c) == 2 ? !make_memory16(c, reg) : !make_memory32(c, reg)) {
            return false;
        }
    } else if (f->kind != PLAIN) {
        c->modrm = (uint8_t)(0xc0 | reg << 3 | random_below(8));
        put(c, c->modrm, 1);
    }
    if (!make_immediate(c)) {
        return false;
    }
    return f->care != CARE_BITS || !c->memory || make_bit_offset(c, reg | c->rex_r);
}

/* Whether the host has MOVBE, CRC32, POPCNT, TZCNT and LZCNT, which the emulator always has: the forms with prefix or in map 0F38. */
static bool host_has_extensions(void)
{
    const unsigned need = 1u << 20 | 1u << 22 | 1u << 23; /* SSE4.2, MOVBE, POPCNT */
    static int known = -1;                                /* CPUID is slow in a virtual machine */
    unsigned a, b, c, d;

    if (known < 0) {
        known = __get_cpuid(1, &a, &b, &c, &d) && (c & need) == need &&
                __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b & 1u << 3) &&
                __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & 1u << 5);
    }
    return known;
}

/* Makes one case for the mode; false if the dice gave something that cannot be tested. */
static bool make_case(struct test_case *c, enum insn_mode mode)
{
    const struct form *f = &forms[random_below(sizeof(forms) / sizeof(forms[0]))];

    if (f->modes == (mode == INSN_MODE_64 ? NOT64 : ONLY64)) {
        return false;
    }
    if ((f->prefix || f->length == 3) && !host_has_extensions()) {
        return false;
    }
    memset(c, 0, sizeof(*c));
    c->form = f;
    c->mode = mode;
    c->memory = f->kind == MODRM_MEM || (f->kind == MODRM && chance(60));
    make_prefixes(c);
    make_registers(c);
    c->target = random_address(c->lock || f->care == CARE_SPLIT);
    if (f->care == CARE_BITS) {
        c->target = (MACHINE_RW_START + 0x1000 + random_below(0x2000)) & ~15ull;
    } else if (chance(2) && address_size(c) == 8 && c->memory) {
        c->target = (0x0000800000000000ull + (random64() >> 17)) & ~15ull; /* not canonical */
    }
    for (unsigned i = 0; i < f->length; i++) {
        put(c, f->opcode[i], 1);
    }
    c->opcode = (uint8_t)(f->opcode[f->length - 1] + (f->count ? random_below(f->count) : 0));
    c->bytes[c->length - 1] = c->opcode;
    return make_operands(c) && stack_is_safe(c) && find_undefined(c) && c->length <= INSN_MAX_LENGTH;
}

#endif
