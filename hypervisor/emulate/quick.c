/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pre-decoder for writes to page tables; see quick.h. */
#include "emulate/quick.h"

#include "emulate/arith.h"

/* A cursor over the bytes, with what the prefixes said. */
struct cursor {
    const uint8_t *at, *end;
    uint8_t rex;
    uint8_t modrm;
    bool lock;
    uint8_t seg;
};

static uint64_t *gpr(const struct quick_regs *regs, unsigned reg)
{
    return (uint64_t *)((char *)regs->frame + regs->offset[reg & 15]);
}

/* Prefixes: LOCK, FS or GS, DS (with which Linux overwrites LOCK on one processor), then REX. */
static bool take_prefixes(struct cursor *c)
{
    for (; c->at < c->end; c->at++) {
        if (*c->at == 0xf0) {
            c->lock = true;
        } else if (*c->at == 0x64 || *c->at == 0x65) {
            c->seg = *c->at == 0x64 ? INSN_SEG_FS : INSN_SEG_GS;
        } else if (*c->at != 0x3e) {
            break;
        }
    }
    if (c->at < c->end && (*c->at & 0xf0) == 0x40) {
        c->rex = *c->at++;
    }
    return c->at < c->end;
}

/* One of the forms as the opcode names it. */
struct form {
    uint8_t kind;
    bool byte;       /* one byte wide */
    uint8_t imm;     /* bytes of immediate, 0: the operand is ModRM.reg */
    bool bit_number; /* the operand is a bit's number */
};

/* Groups, where ModRM.reg is part of the opcode. */
static bool group_form(uint8_t opcode, unsigned digit, struct form *form)
{
    switch (opcode) {
    case 0x80:
    case 0x81:
    case 0x83:
        *form =
            (struct form){digit == 1 ? QUICK_OR : QUICK_AND, opcode == 0x80, opcode == 0x81 ? 4 : 1, false};
        return digit == 1 || digit == 4;
    case 0xc6:
    case 0xc7:
        *form = (struct form){QUICK_MOV, opcode == 0xc6, opcode == 0xc6 ? 1 : 4, false};
        return digit == 0;
    default:
        return false;
    }
}

static bool primary_form(uint8_t opcode, unsigned digit, struct form *form)
{
    bool byte = !(opcode & 1);

    switch (opcode & ~1u) {
    case 0x88:
        *form = (struct form){QUICK_MOV, byte, 0, false};
        return true;
    case 0x86:
        *form = (struct form){QUICK_XCHG, byte, 0, false};
        return true;
    case 0x20:
        *form = (struct form){QUICK_AND, byte, 0, false};
        return true;
    case 0x08:
        *form = (struct form){QUICK_OR, byte, 0, false};
        return true;
    default:
        return group_form(opcode, digit, form);
    }
}

static bool secondary_form(uint8_t opcode, unsigned digit, struct form *form)
{
    switch (opcode) {
    case 0xb0:
    case 0xb1:
        *form = (struct form){QUICK_CMPXCHG, opcode == 0xb0, 0, false};
        return true;
    case 0xab:
    case 0xb3:
        *form = (struct form){opcode == 0xab ? QUICK_BTS : QUICK_BTR, false, 0, true};
        return true;
    case 0xba:
        *form = (struct form){digit == 5 ? QUICK_BTS : QUICK_BTR, false, 1, true};
        return digit == 5 || digit == 6;
    default:
        return false;
    }
}

/* Opcode and ModRM. Memory operands only. */
static bool take_opcode(struct cursor *c, struct form *form)
{
    bool secondary = *c->at == 0x0f;
    uint8_t opcode;
    unsigned digit;

    c->at += secondary;
    if (c->end - c->at < 2) {
        return false;
    }
    opcode = c->at[0];
    c->modrm = c->at[1];
    c->at += 2;
    digit = (c->modrm >> 3) & 7;
    if (c->modrm >= 0xc0) {
        return false;
    }
    return secondary ? secondary_form(opcode, digit, form) : primary_form(opcode, digit, form);
}

static bool take_signed(struct cursor *c, unsigned size, int64_t *value)
{
    if ((size_t)(c->end - c->at) < size) {
        return false;
    }
    if (size == 1) {
        *value = (int8_t)*c->at;
    } else {
        int32_t v;

        __builtin_memcpy(&v, c->at, 4);
        *value = v;
    }
    c->at += size;
    return true;
}

/* The effective address, but for the length of what follows in RIP-relative forms: *relative says so. */
static bool take_address(struct cursor *c, const struct quick_regs *regs, uint64_t *offset, bool *relative)
{
    unsigned mod = c->modrm >> 6, rm = c->modrm & 7;
    unsigned disp_size = mod == 1 ? 1 : mod == 2 ? 4 : 0;
    int64_t disp = 0;

    *offset = 0;
    *relative = false;
    if (rm == 4) {
        unsigned sib, index;

        if (c->at == c->end) {
            return false;
        }
        sib = *c->at++;
        index = ((sib >> 3) & 7) | (c->rex & 2u) << 2;
        if (index != INSN_RSP) {
            *offset = *gpr(regs, index) << (sib >> 6);
        }
        if ((sib & 7) == 5 && mod == 0) {
            disp_size = 4;
        } else {
            *offset += *gpr(regs, (sib & 7) | (c->rex & 1u) << 3);
        }
    } else if (rm == 5 && mod == 0) {
        *relative = true;
        disp_size = 4;
    } else {
        *offset = *gpr(regs, rm | (c->rex & 1u) << 3);
    }
    if (disp_size && !take_signed(c, disp_size, &disp)) {
        return false;
    }
    *offset += (uint64_t)disp;
    return true;
}

/* The operand: an immediate, or the register in ModRM.reg. */
static bool take_source(struct cursor *c, const struct quick_regs *regs, const struct form *form,
                        struct quick_insn *quick)
{
    unsigned bits = 8u * quick->size;
    int64_t imm;

    quick->reg = (uint8_t)(((c->modrm >> 3) & 7) | (c->rex & 4u) << 1);
    if (form->imm) {
        if (!take_signed(c, form->imm, &imm)) {
            return false;
        }
        quick->source = (uint64_t)imm & (form->bit_number ? bits - 1 : ~0ull);
    } else {
        if (form->byte && !c->rex && quick->reg >= 4) {
            return false; /* AH, CH, DH, BH */
        }
        quick->source = *gpr(regs, quick->reg);
    }
    quick->source &= arith_mask(quick->size);
    if (form->bit_number) {
        if (quick->source >= bits) {
            return false; /* beyond the operand: the address is not what ModRM says */
        }
        quick->source = 1ull << quick->source;
    }
    return true;
}

bool quick_decode(struct quick_insn *quick, const uint8_t *bytes, size_t len, const struct quick_regs *regs,
                  uint64_t rip)
{
    struct cursor c = {
        .at = bytes, .end = bytes + (len > INSN_MAX_LENGTH ? INSN_MAX_LENGTH : len), .seg = INSN_SEG_NONE};
    struct form form;
    bool relative;

    if (!take_prefixes(&c) || !take_opcode(&c, &form) || (c.lock && form.kind == QUICK_MOV)) {
        return false;
    }
    quick->kind = form.kind;
    quick->size = form.byte ? 1 : c.rex & 8 ? 8 : 4;
    quick->seg = c.seg;
    quick->locked = c.lock || form.kind == QUICK_XCHG;
    if (!take_address(&c, regs, &quick->offset, &relative) || !take_source(&c, regs, &form, quick)) {
        return false;
    }
    quick->expected = *gpr(regs, INSN_RAX) & arith_mask(quick->size);
    quick->length = (uint8_t)(c.at - bytes);
    if (relative) {
        quick->offset += rip + quick->length;
    }
    return true;
}

uint64_t quick_result(const struct quick_insn *quick, uint64_t old)
{
    switch (quick->kind) {
    case QUICK_AND:
        return old & quick->source;
    case QUICK_OR:
    case QUICK_BTS:
        return old | quick->source;
    case QUICK_BTR:
        return old & ~quick->source;
    case QUICK_CMPXCHG:
        return old == quick->expected ? quick->source : old;
    default:
        return quick->source;
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
    switch (quick->kind) {
    case QUICK_MOV:
        break;
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
        arith_set_flag(rflags, FLAG_CF, old & quick->source);
        break;
    }
    *rflags &= ~FLAG_RF;
}
