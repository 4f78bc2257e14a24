/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The form of the opcode tables: private to the decoder.
 *
 * An opcode leads to one `struct opcode`. It either names the operation, or (flag T_SPLIT) a further table
 * and what to index it by; a few such steps end at an operation or at OP_NONE, which is #UD. An entry without
 * operands of its own inherits those of the entry that led to it.
 */
#ifndef EMULATE_TABLE_H
#define EMULATE_TABLE_H

#include "emulate/insn.h"

/*
 * How an operand is encoded: SDM 2D appendix A.2's letters. E: ModRM.rm, register or memory; G: ModRM.reg; I:
 * immediate; Z: register in the opcode's low bits; then the width: b, w, d, q, v (operand size), z (at most
 * 4), y (4 or 8).
 */
enum operand_code {
    K_NONE = 0,
    K_Eb,
    K_Ew,
    K_Ed,
    K_Ev,
    K_Ey,
    K_Ez,
    K_EvW, /* a register of the operand size, or 16 bits of memory: selectors and the machine status word */
    K_M,   /* memory of no particular size */
    K_Mq2, /* 8 bytes, 16 with REX.W: cmpxchg8b */
    K_Ry,  /* ModRM.rm as a register whatever ModRM.mod says, of the mode's width */
    K_Gb,
    K_Gw,
    K_Gv,
    K_Gy,
    K_Zb,
    K_Zv,
    K_AL,
    K_CL,
    K_DX,
    K_rAX, /* operand size */
    K_zAX, /* operand size, at most 4 */
    K_One,
    K_Ib,  /* one byte, zero-extended */
    K_sIb, /* one byte, sign-extended to the operand size */
    K_Iw,
    K_Iz,  /* 2 or 4 bytes, sign-extended */
    K_Iv,  /* 2, 4 or 8 bytes */
    K_Iw2, /* ENTER: 16 bits, then K_Ib2 */
    K_Ib2, /* into imm2 */
    K_Jb,
    K_Jz,
    K_Ap, /* far pointer in the instruction */
    K_Ob, /* address in the instruction */
    K_Ov,
    K_Xb, /* string source */
    K_Xv,
    K_Xz,
    K_Yb, /* string destination */
    K_Yv,
    K_Yz,
    K_Sw, /* segment register in ModRM.reg */
    K_Cy,
    K_Dy,
    K_ES, /* fixed segment registers, in encoding order */
    K_CS,
    K_SS,
    K_DS,
    K_FS,
    K_GS,
    K_COUNT
};

enum opcode_flags {
    T_MODRM = 1u << 0, /* has a ModRM byte although no operand says so */
    T_LOCK = 1u << 1,  /* LOCK is allowed if operand 0 is memory */
    T_MEM = 1u << 2,   /* #UD unless ModRM names memory */
    T_D64 = 1u << 3,   /* in 64-bit mode 64 bits unless 66h */
    T_F64 = 1u << 4,   /* in 64-bit mode always 64 bits */
    T_NO64 = 1u << 5,  /* #UD in 64-bit mode */
    T_ONLY64 = 1u << 6,
    T_SPLIT = 1u << 7, /* `op` is an enum opcode_subtable */
    T_IMM8 = 1u << 8,  /* a SIMD instruction's immediate byte */
};

struct opcode {
    uint8_t op;      /* enum insn_op, or enum opcode_subtable */
    uint8_t code[3]; /* enum operand_code */
    uint16_t flags;
};

/* Entries: an operation and its operands; a further table, whose entries inherit the operands given here. */
#define OP(name, a, b, c, flags)                                                                             \
    {                                                                                                        \
        INSN_OP_##name, {a, b, c}, flags                                                                     \
    }
#define SUB(name, a, b, flags)                                                                               \
    {                                                                                                        \
        SUB_##name, {a, b, K_NONE}, (flags) | T_SPLIT                                                        \
    }

enum split_by {
    SPLIT_REG,    /* ModRM.reg, 8 entries */
    SPLIT_MOD,    /* 2 entries: memory, register */
    SPLIT_RM,     /* ModRM.rm, 8 entries */
    SPLIT_PREFIX, /* 4 entries: none, 66, F3, F2; the last of F3 and F2 wins over 66 */
};

struct opcode_split {
    uint8_t by; /* enum split_by */
    const struct opcode *entry;
};

enum opcode_subtable {
    SUB_GROUP1A,
    SUB_GROUP3B,
    SUB_GROUP3V,
    SUB_GROUP4,
    SUB_GROUP5,
    SUB_GROUP6,
    SUB_GROUP7,
    SUB_GROUP7_MEM,
    SUB_GROUP7_REG,
    SUB_GROUP7_R0,
    SUB_GROUP7_R1,
    SUB_GROUP7_R2,
    SUB_GROUP7_R3,
    SUB_GROUP7_R5,
    SUB_GROUP7_R7,
    SUB_GROUP8,
    SUB_GROUP9,
    SUB_GROUP9_MEM,
    SUB_GROUP9_REG,
    SUB_GROUP9_R7,
    SUB_GROUP11B,
    SUB_GROUP11V,
    SUB_GROUP12,
    SUB_GROUP14,
    SUB_GROUP15,
    SUB_GROUP15_MEM,
    SUB_GROUP15_REG,
    SUB_GROUP15_R0,
    SUB_GROUP15_R1,
    SUB_GROUP15_R2,
    SUB_GROUP15_R3,
    SUB_GROUP15_R5,
    SUB_GROUP15_R6,
    SUB_GROUP15_M6,
    SUB_GROUP15_M7,
    SUB_GROUP16,
    SUB_ARITH,
    SUB_SHIFT,
    SUB_NOP90,
    SUB_POPCNT,
    SUB_BSF,
    SUB_BSR,
    SUB_MOVNTI,
    SUB_0F38_F0,
    SUB_0F38_F1,
    SUB_0F38_F6,
    SUB_0F38_F8,
    SUB_COUNT
};

extern const struct opcode opcode_primary[256];
extern const struct opcode opcode_movsxd; /* 63h in 64-bit mode */
extern const struct opcode opcode_0f[256];
extern const struct opcode_split opcode_split[SUB_COUNT];

/* The entry for an opcode of the two sparse maps, by value: most of them are SIMD and alike. */
struct opcode opcode_0f38(uint8_t byte);
struct opcode opcode_0f3a(uint8_t byte);

#endif
