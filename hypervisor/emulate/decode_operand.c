/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decoding, second half: addresses (SDM 2A 2.1.5 and 2.2.1) and operands. */
#include "emulate/decoder.h"

/* The width of an operand code; those above 8 are computed from the instruction's sizes. */
enum width {
    W_0 = 0,
    W_1 = 1,
    W_2 = 2,
    W_4 = 4,
    W_8 = 8,
    W_V = 16, /* operand size */
    W_Z,      /* operand size, at most 4 */
    W_Y,      /* 4, or 8 with operand size 8 */
    W_MODE,   /* 8 in 64-bit mode, else 4 */
    W_Q2,     /* twice W_Y */
    W_VW,     /* operand size in a register, 2 in memory */
};

enum form {
    F_NONE,
    F_E,     /* ModRM.rm: register or memory */
    F_RM,    /* ModRM.rm: always a register */
    F_G,     /* ModRM.reg */
    F_Z,     /* the opcode's low bits */
    F_FIXED, /* a fixed register */
    F_IMM,   /* immediate, of this width, zero-extended if one byte */
    F_SIMM,  /* immediate byte, sign-extended */
    F_IMM2,  /* immediate byte into imm2 */
    F_ONE,
    F_REL,
    F_FAR,
    F_MOFFS,
    F_SRC,
    F_DST,
    F_SEG, /* ModRM.reg */
    F_FIXED_SEG,
    F_CR,
    F_DR,
};

static const struct operand_form {
    uint8_t form;
    uint8_t width;
    uint8_t reg;
} forms[K_COUNT] = {
    [K_NONE] = {F_NONE, W_0, 0},
    [K_Eb] = {F_E, W_1, 0},
    [K_Ew] = {F_E, W_2, 0},
    [K_Ed] = {F_E, W_4, 0},
    [K_Ev] = {F_E, W_V, 0},
    [K_Ey] = {F_E, W_Y, 0},
    [K_Ez] = {F_E, W_Z, 0},
    [K_EvW] = {F_E, W_VW, 0},
    [K_M] = {F_E, W_0, 0},
    [K_Mq2] = {F_E, W_Q2, 0},
    [K_Ry] = {F_RM, W_MODE, 0},
    [K_Gb] = {F_G, W_1, 0},
    [K_Gw] = {F_G, W_2, 0},
    [K_Gv] = {F_G, W_V, 0},
    [K_Gy] = {F_G, W_Y, 0},
    [K_Zb] = {F_Z, W_1, 0},
    [K_Zv] = {F_Z, W_V, 0},
    [K_AL] = {F_FIXED, W_1, INSN_RAX},
    [K_CL] = {F_FIXED, W_1, INSN_RCX},
    [K_DX] = {F_FIXED, W_2, INSN_RDX},
    [K_rAX] = {F_FIXED, W_V, INSN_RAX},
    [K_zAX] = {F_FIXED, W_Z, INSN_RAX},
    [K_One] = {F_ONE, W_1, 0},
    [K_Ib] = {F_IMM, W_1, 0},
    [K_sIb] = {F_SIMM, W_1, 0},
    [K_Iw] = {F_IMM, W_2, 0},
    [K_Iz] = {F_IMM, W_Z, 0},
    [K_Iv] = {F_IMM, W_V, 0},
    [K_Iw2] = {F_IMM, W_2, 0},
    [K_Ib2] = {F_IMM2, W_1, 0},
    [K_Jb] = {F_REL, W_1, 0},
    [K_Jz] = {F_REL, W_Z, 0},
    [K_Ap] = {F_FAR, W_Z, 0},
    [K_Ob] = {F_MOFFS, W_1, 0},
    [K_Ov] = {F_MOFFS, W_V, 0},
    [K_Xb] = {F_SRC, W_1, 0},
    [K_Xv] = {F_SRC, W_V, 0},
    [K_Xz] = {F_SRC, W_Z, 0},
    [K_Yb] = {F_DST, W_1, 0},
    [K_Yv] = {F_DST, W_V, 0},
    [K_Yz] = {F_DST, W_Z, 0},
    [K_Sw] = {F_SEG, W_2, 0},
    [K_Cy] = {F_CR, W_MODE, 0},
    [K_Dy] = {F_DR, W_MODE, 0},
    [K_ES] = {F_FIXED_SEG, W_2, INSN_SEG_ES},
    [K_CS] = {F_FIXED_SEG, W_2, INSN_SEG_CS},
    [K_SS] = {F_FIXED_SEG, W_2, INSN_SEG_SS},
    [K_DS] = {F_FIXED_SEG, W_2, INSN_SEG_DS},
    [K_FS] = {F_FIXED_SEG, W_2, INSN_SEG_FS},
    [K_GS] = {F_FIXED_SEG, W_2, INSN_SEG_GS},
};

bool operand_needs_modrm(uint8_t code)
{
    switch (forms[code].form) {
    case F_E:
    case F_RM:
    case F_G:
    case F_SEG:
    case F_CR:
    case F_DR:
        return true;
    default:
        return false;
    }
}

/* 16-bit addressing: SDM 2A table 2-1. */
static enum insn_status take_address16(struct decoder *d)
{
    static const struct {
        uint8_t base, index;
    } pair[8] = {
        {INSN_RBX, INSN_RSI},      {INSN_RBX, INSN_RDI},      {INSN_RBP, INSN_RSI},
        {INSN_RBP, INSN_RDI},      {INSN_RSI, INSN_REG_NONE}, {INSN_RDI, INSN_REG_NONE},
        {INSN_RBP, INSN_REG_NONE}, {INSN_RBX, INSN_REG_NONE},
    };
    struct insn *insn = d->insn;
    struct insn_mem *mem = &insn->mem;
    unsigned mod = modrm_mod(insn), rm = modrm_rm(insn);

    if (mod == 0 && rm == 6) {
        return decoder_take_signed(d, 2, &mem->disp);
    }
    mem->base = pair[rm].base;
    mem->index = pair[rm].index;
    return mod == 0 ? INSN_OK : decoder_take_signed(d, mod, &mem->disp);
}

static enum insn_status take_sib(struct decoder *d)
{
    struct insn *insn = d->insn;
    struct insn_mem *mem = &insn->mem;
    uint64_t sib = 0;
    enum insn_status status = decoder_take(d, 1, &sib);
    unsigned index = ((sib >> 3) & 7) | rex_x(insn);

    if (status != INSN_OK) {
        return status;
    }
    insn->sib = (uint8_t)sib;
    mem->scale = (uint8_t)(1u << (sib >> 6));
    mem->index = index == INSN_RSP ? INSN_REG_NONE : (uint8_t)index;
    if ((sib & 7) == INSN_RBP && modrm_mod(insn) == 0) {
        return decoder_take_signed(d, 4, &mem->disp);
    }
    mem->base = (uint8_t)((sib & 7) | rex_b(insn));
    return INSN_OK;
}

/* 32-bit and 64-bit addressing: SDM 2A tables 2-2 and 2-3. */
static enum insn_status take_address32(struct decoder *d)
{
    struct insn *insn = d->insn;
    struct insn_mem *mem = &insn->mem;
    unsigned mod = modrm_mod(insn), rm = modrm_rm(insn);
    enum insn_status status = INSN_OK;

    if (rm == INSN_RSP) {
        status = take_sib(d);
    } else if (mod == 0 && rm == INSN_RBP) {
        mem->rip_relative = insn->mode == INSN_MODE_64;
        return decoder_take_signed(d, 4, &mem->disp);
    } else {
        mem->base = (uint8_t)(rm | rex_b(insn));
    }
    if (status == INSN_OK && mod != 0) {
        status = decoder_take_signed(d, mod == 1 ? 1 : 4, &mem->disp);
    }
    return status;
}

enum insn_status decoder_take_address(struct decoder *d)
{
    struct insn *insn = d->insn;
    struct insn_mem *mem = &insn->mem;
    enum insn_status status;

    if (modrm_mod(insn) == 3) {
        return INSN_OK;
    }
    status = insn->address_size == 2 ? take_address16(d) : take_address32(d);
    if (insn->seg_override != INSN_SEG_NONE) {
        mem->seg = insn->seg_override;
    } else {
        mem->seg = mem->base == INSN_RSP || mem->base == INSN_RBP ? INSN_SEG_SS : INSN_SEG_DS;
    }
    return status;
}

static unsigned width_of(const struct insn *insn, uint8_t width)
{
    unsigned y = insn->operand_size == 8 ? 8 : 4;

    switch (width) {
    case W_V:
        return insn->operand_size;
    case W_Z:
        return insn->operand_size == 2 ? 2 : 4;
    case W_Y:
        return y;
    case W_MODE:
        return insn->mode == INSN_MODE_64 ? 8 : 4;
    case W_Q2:
        return 2 * y;
    case W_VW:
        return modrm_mod(insn) == 3 ? insn->operand_size : 2;
    default:
        return width;
    }
}

/* A general register operand. Without REX, byte registers 4-7 are AH, CH, DH, BH. */
static void set_register(const struct insn *insn, struct insn_operand *operand, unsigned reg)
{
    operand->kind = INSN_OPERAND_REG;
    if (operand->size == 1 && !insn->rex && reg >= 4) {
        operand->reg = (uint8_t)((reg - 4) | INSN_REG_HIGH);
    } else {
        operand->reg = (uint8_t)reg;
    }
}

static enum insn_status set_special(struct insn *insn, struct insn_operand *operand, uint8_t form)
{
    unsigned reg = modrm_reg(insn);

    switch (form) {
    case F_SEG:
        operand->kind = INSN_OPERAND_SEG;
        operand->reg = (uint8_t)reg;
        /* SDM 2B MOV: CS cannot be loaded. */
        return reg > INSN_SEG_GS || (reg == INSN_SEG_CS && insn->op == INSN_OP_MOV_TO_SEG) ? INSN_UNDEFINED
                                                                                           : INSN_OK;
    case F_CR:
        reg |= rex_r(insn);
        operand->kind = INSN_OPERAND_CR;
        operand->reg = (uint8_t)reg;
        return reg == 0 || (reg >= 2 && reg <= 4) || reg == 8 ? INSN_OK : INSN_UNDEFINED;
    default:
        reg |= rex_r(insn);
        operand->kind = INSN_OPERAND_DR;
        operand->reg = (uint8_t)reg;
        return reg < 8 ? INSN_OK : INSN_UNDEFINED;
    }
}

static enum insn_status take_immediate(struct decoder *d, struct insn_operand *operand, uint8_t form)
{
    struct insn *insn = d->insn;
    uint64_t value = 0;
    enum insn_status status;

    operand->kind = INSN_OPERAND_IMM;
    switch (form) {
    case F_ONE:
        insn->imm = 1;
        return INSN_OK;
    case F_IMM2:
        status = decoder_take(d, 1, &value);
        insn->imm2 = (uint16_t)value;
        return status;
    case F_FAR:
        operand->kind = INSN_OPERAND_FAR;
        status = decoder_take(d, operand->size, &value);
        insn->imm = (int64_t)value;
        if (status == INSN_OK) {
            status = decoder_take(d, 2, &value);
            insn->imm2 = (uint16_t)value;
        }
        return status;
    case F_REL:
        operand->kind = INSN_OPERAND_REL;
        return decoder_take_signed(d, operand->size, &insn->imm);
    case F_IMM:
        if (operand->size == 1 || insn->op == INSN_OP_RET || insn->op == INSN_OP_ENTER) {
            status = decoder_take(d, operand->size, &value);
            insn->imm = (int64_t)value;
            return status;
        }
        return decoder_take_signed(d, operand->size, &insn->imm);
    default:
        return decoder_take_signed(d, operand->size, &insn->imm);
    }
}

static enum insn_status take_moffs(struct decoder *d, struct insn_operand *operand)
{
    struct insn *insn = d->insn;
    uint64_t offset = 0;
    enum insn_status status = decoder_take(d, insn->address_size, &offset);

    operand->kind = INSN_OPERAND_MEM;
    insn->mem.disp = (int64_t)offset;
    insn->mem.seg = insn->seg_override != INSN_SEG_NONE ? insn->seg_override : INSN_SEG_DS;
    return status;
}

static enum insn_status take_operand(struct decoder *d, struct insn_operand *operand, uint8_t code)
{
    struct insn *insn = d->insn;
    const struct operand_form *form = &forms[code];

    operand->size = (uint8_t)width_of(insn, form->width);
    switch (form->form) {
    case F_E:
        if (modrm_mod(insn) != 3) {
            operand->kind = INSN_OPERAND_MEM;
            return INSN_OK;
        }
        set_register(insn, operand, modrm_rm(insn) | rex_b(insn));
        return INSN_OK;
    case F_RM:
        set_register(insn, operand, modrm_rm(insn) | rex_b(insn));
        return INSN_OK;
    case F_G:
        set_register(insn, operand, modrm_reg(insn) | rex_r(insn));
        return INSN_OK;
    case F_Z:
        set_register(insn, operand, (insn->opcode & 7u) | rex_b(insn));
        return INSN_OK;
    case F_FIXED:
        set_register(insn, operand, form->reg);
        return INSN_OK;
    case F_FIXED_SEG:
        operand->kind = INSN_OPERAND_SEG;
        operand->reg = form->reg;
        return INSN_OK;
    case F_MOFFS:
        return take_moffs(d, operand);
    case F_SRC:
        operand->kind = INSN_OPERAND_SRC;
        return INSN_OK;
    case F_DST:
        operand->kind = INSN_OPERAND_DST;
        return INSN_OK;
    case F_SEG:
    case F_CR:
    case F_DR:
        return set_special(insn, operand, form->form);
    default:
        return take_immediate(d, operand, form->form);
    }
}

enum insn_status decoder_take_operands(struct decoder *d, const uint8_t code[3])
{
    struct insn *insn = d->insn;

    for (unsigned i = 0; i < 3 && code[i] != K_NONE; i++) {
        enum insn_status status = take_operand(d, &insn->operand[i], code[i]);

        if (status != INSN_OK) {
            return status;
        }
        /* An immediate has the width of what it is combined with; a far pointer and a relative target keep
         * their own. */
        if (insn->operand[i].kind == INSN_OPERAND_IMM && code[i] == K_sIb) {
            insn->operand[i].size = i ? insn->operand[0].size : insn->operand_size;
        }
    }
    return INSN_OK;
}
