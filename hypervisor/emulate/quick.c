/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pre-decoder for writes to page tables; see quick.h. */
#include "emulate/quick.h"

#include "emulate/arith.h"

static inline uint64_t *gpr(const struct quick_regs *regs, unsigned reg)
{
    return (uint64_t *)((char *)regs->frame + regs->offset[reg & 15]);
}

/*
 * What an opcode says, in one byte: the kind, or a group (where ModRM.reg says the kind), one byte wide or
 * not, and the immediate. Zero: not ours.
 */
#define ENTRY_KIND  0x07u /* enum quick_kind, or a row of group_kinds */
#define ENTRY_GROUP 0x08u
#define ENTRY_BYTE  0x10u
#define ENTRY_IMM8  0x20u
#define ENTRY_IMM32 0x40u
#define ENTRY_VALID 0x80u

#define PAIR(opcode, kind) [opcode] = ENTRY_VALID | (kind) | ENTRY_BYTE, [(opcode) + 1] = ENTRY_VALID | (kind)

enum group {
    GROUP_LOGIC,
    GROUP_MOV,
    GROUP_BIT,
};

static const uint8_t primary[256] = {
    PAIR(0x88, QUICK_MOV),
    PAIR(0x86, QUICK_XCHG),
    PAIR(0x20, QUICK_AND),
    PAIR(0x08, QUICK_OR),
    [0x80] = ENTRY_VALID | ENTRY_GROUP | GROUP_LOGIC | ENTRY_IMM8 | ENTRY_BYTE,
    [0x81] = ENTRY_VALID | ENTRY_GROUP | GROUP_LOGIC | ENTRY_IMM32,
    [0x83] = ENTRY_VALID | ENTRY_GROUP | GROUP_LOGIC | ENTRY_IMM8,
    [0xc6] = ENTRY_VALID | ENTRY_GROUP | GROUP_MOV | ENTRY_IMM8 | ENTRY_BYTE,
    [0xc7] = ENTRY_VALID | ENTRY_GROUP | GROUP_MOV | ENTRY_IMM32,
};

static const uint8_t secondary[256] = {
    PAIR(0xb0, QUICK_CMPXCHG),
    [0xab] = ENTRY_VALID | QUICK_BTS,
    [0xb3] = ENTRY_VALID | QUICK_BTR,
    [0xba] = ENTRY_VALID | ENTRY_GROUP | GROUP_BIT | ENTRY_IMM8,
};

/* By ModRM.reg; 0 where it is none of ours. */
static const uint8_t group_kinds[][8] = {
    [GROUP_LOGIC] = {[1] = ENTRY_VALID | QUICK_OR, [4] = ENTRY_VALID | QUICK_AND},
    [GROUP_MOV] = {[0] = ENTRY_VALID | QUICK_MOV},
    [GROUP_BIT] = {[5] = ENTRY_VALID | QUICK_BTS, [6] = ENTRY_VALID | QUICK_BTR},
};

/* The bytes that are left, and what the prefixes said. */
struct cursor {
    const uint8_t *at, *end;
    unsigned rex;
    unsigned modrm;
};

/* Legacy prefixes: LOCK, FS or GS, DS (with which Linux overwrites LOCK on one processor). */
static bool take_prefixes(struct cursor *c, struct quick_insn *quick)
{
    for (; c->at < c->end; c->at++) {
        unsigned byte = *c->at;

        if (byte == 0xf0) {
            quick->locked = true;
        } else if (byte == 0x64 || byte == 0x65) {
            quick->seg = byte == 0x64 ? INSN_SEG_FS : INSN_SEG_GS;
        } else if (byte != 0x3e) {
            return true;
        }
    }
    return false;
}

/* REX, opcode and ModRM, which must name memory. Answers the opcode's entry, of which the kind is resolved, or 0. */
static unsigned take_opcode(struct cursor *c)
{
    const uint8_t *table = primary;
    unsigned entry;

    if ((*c->at & 0xf0) == 0x40) {
        c->rex = *c->at++;
    }
    if (c->end - c->at < 2) {
        return 0;
    }
    if (*c->at == 0x0f) {
        table = secondary;
        if (++c->at + 1 == c->end) {
            return 0;
        }
    }
    entry = table[c->at[0]];
    c->modrm = c->at[1];
    c->at += 2;
    if (!entry || c->modrm >= 0xc0) {
        return 0;
    }
    if (entry & ENTRY_GROUP) {
        unsigned kind = group_kinds[entry & ENTRY_KIND][(c->modrm >> 3) & 7];

        entry = kind ? (entry & ~(ENTRY_GROUP | ENTRY_KIND)) | kind : 0;
    }
    return entry;
}

static bool take_signed(struct cursor *c, unsigned size, int64_t *value)
{
    int32_t wide;

    if ((size_t)(c->end - c->at) < size) {
        return false;
    }
    if (size == 1) {
        *value = (int8_t)*c->at;
    } else {
        __builtin_memcpy(&wide, c->at, 4);
        *value = wide;
    }
    c->at += size;
    return true;
}

/* The scaled index and the base of a SIB byte; false if a displacement of 32 bits stands for the base. */
static bool add_sib(const struct cursor *c, const struct quick_regs *regs, unsigned sib, uint64_t *offset)
{
    unsigned index = ((sib >> 3) & 7) | (c->rex & 2u) << 2;

    if (index != INSN_RSP) {
        *offset = *gpr(regs, index) << (sib >> 6);
    }
    if ((sib & 7) == 5 && c->modrm < 0x40) {
        return false;
    }
    *offset += *gpr(regs, (sib & 7) | (c->rex & 1u) << 3);
    return true;
}

/* The effective address, but for the next instruction's in RIP-relative forms: *relative says so. */
static bool take_address(struct cursor *c, const struct quick_regs *regs, uint64_t *offset, bool *relative)
{
    unsigned mod = c->modrm >> 6, rm = c->modrm & 7;
    unsigned disp_size = mod == 0 ? 0 : mod == 1 ? 1 : 4;
    int64_t disp;

    *relative = false;
    if (rm == 4) {
        *offset = 0;
        if (c->at == c->end) {
            return false;
        }
        if (!add_sib(c, regs, *c->at++, offset)) {
            disp_size = 4;
        }
    } else if (rm == 5 && mod == 0) {
        *relative = true;
        *offset = 0;
        disp_size = 4;
    } else {
        *offset = *gpr(regs, rm | (c->rex & 1u) << 3);
    }
    if (disp_size) {
        if (!take_signed(c, disp_size, &disp)) {
            return false;
        }
        *offset += (uint64_t)disp;
    }
    return true;
}

/* BTS and BTR: the bit as a mask. A register may hold more than the operand has bits: then the address is elsewhere. */
static bool make_bit(struct quick_insn *quick, bool immediate)
{
    unsigned bits = 8u * quick->size;

    if (!immediate && (quick->source & arith_mask(quick->size)) >= bits) {
        return false;
    }
    quick->source = 1ull << (quick->source & (bits - 1));
    return true;
}

/* The operand: an immediate, or the register in ModRM.reg. */
static bool take_source(struct cursor *c, const struct quick_regs *regs, unsigned entry,
                        struct quick_insn *quick)
{
    quick->reg = (uint8_t)(((c->modrm >> 3) & 7) | (c->rex & 4u) << 1);
    if (entry & (ENTRY_IMM8 | ENTRY_IMM32)) {
        int64_t imm;

        if (!take_signed(c, entry & ENTRY_IMM8 ? 1 : 4, &imm)) {
            return false;
        }
        quick->source = (uint64_t)imm;
    } else {
        if ((entry & ENTRY_BYTE) && !c->rex && quick->reg >= 4) {
            return false; /* AH, CH, DH, BH */
        }
        quick->source = *gpr(regs, quick->reg);
    }
    if (quick->kind == QUICK_BTS || quick->kind == QUICK_BTR) {
        return make_bit(quick, entry & ENTRY_IMM8);
    }
    if (quick->size != 8) {
        quick->source &= quick->size == 4 ? 0xffffffffu : 0xffu;
    }
    return true;
}

bool quick_decode(struct quick_insn *quick, const uint8_t *bytes, size_t len, const struct quick_regs *regs,
                  uint64_t rip)
{
    struct cursor c = {.at = bytes, .end = bytes + (len > INSN_MAX_LENGTH ? INSN_MAX_LENGTH : len)};
    unsigned entry;
    bool relative;

    quick->locked = false;
    quick->seg = INSN_SEG_NONE;
    if (!take_prefixes(&c, quick)) {
        return false;
    }
    entry = take_opcode(&c);
    quick->kind = entry & ENTRY_KIND;
    if (!entry || (quick->locked && quick->kind == QUICK_MOV)) {
        return false;
    }
    quick->size = entry & ENTRY_BYTE ? 1 : c.rex & 8 ? 8 : 4;
    if (!take_address(&c, regs, &quick->offset, &relative) || !take_source(&c, regs, entry, quick)) {
        return false;
    }
    quick->length = (uint8_t)(c.at - bytes);
    if (relative) {
        quick->offset += rip + quick->length;
    }
    if (quick->kind == QUICK_XCHG) {
        quick->locked = true;
    } else if (quick->kind == QUICK_CMPXCHG) {
        quick->expected = *gpr(regs, INSN_RAX) & arith_mask(quick->size);
    }
    return true;
}

uint64_t quick_result(const struct quick_insn *quick, uint64_t old)
{
    if (quick->kind <= QUICK_XCHG) {
        return quick->source;
    }
    switch (quick->kind) {
    case QUICK_AND:
        return old & quick->source;
    case QUICK_BTR:
        return old & ~quick->source;
    case QUICK_CMPXCHG:
        return old == quick->expected ? quick->source : old;
    default:
        return old | quick->source;
    }
}

/* A 32-bit result clears the upper half of its register; an 8-bit one keeps the rest. */
static void set_gpr(const struct quick_regs *regs, unsigned reg, unsigned size, uint64_t value)
{
    uint64_t *p = gpr(regs, reg);

    *p = size == 1 ? (*p & ~0xffull) | value : value;
}

void quick_complete(const struct quick_insn *quick, const struct quick_regs *regs, uint64_t old,
                    uint64_t *rflags)
{
    *rflags &= ~EFLAGS_RF;
    if (quick->kind == QUICK_MOV) {
        return;
    }
    switch (quick->kind) {
    case QUICK_XCHG:
        set_gpr(regs, quick->reg, quick->size, old);
        break;
    case QUICK_AND:
    case QUICK_OR:
        arith_set_logic_flags(quick->size, quick_result(quick, old), rflags);
        break;
    case QUICK_CMPXCHG:
        arith_binary(ARITH_CMP, quick->size, quick->expected, old, rflags);
        if (old != quick->expected) {
            set_gpr(regs, INSN_RAX, quick->size, old);
        }
        break;
    default:
        arith_set_flag(rflags, EFLAGS_CF, old & quick->source);
        break;
    }
}
