/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Opcodes that need more than their byte: groups by ModRM.reg, and choices by prefix, by ModRM.mod and by
 * ModRM.rm (SDM 2D table A-6). */
#include "emulate/table.h"

#define NONE          OP(NONE, 0, 0, 0, 0)
#define PLAIN(name)   OP(name, 0, 0, 0, 0)
#define FURTHER(name) SUB(name, 0, 0, 0)

static const struct opcode group_arith[8] = {
    OP(ADD, 0, 0, 0, T_LOCK), OP(OR, 0, 0, 0, T_LOCK),  OP(ADC, 0, 0, 0, T_LOCK), OP(SBB, 0, 0, 0, T_LOCK),
    OP(AND, 0, 0, 0, T_LOCK), OP(SUB, 0, 0, 0, T_LOCK), OP(XOR, 0, 0, 0, T_LOCK), PLAIN(CMP),
};
static const struct opcode group_shift[8] = {
    PLAIN(ROL), PLAIN(ROR), PLAIN(RCL), PLAIN(RCR), PLAIN(SHL), PLAIN(SHR), PLAIN(SAL), PLAIN(SAR),
};
static const struct opcode group1a[8] = {OP(POP, 0, 0, 0, T_D64)};
#define GROUP3(operand, immediate)                                                                           \
    {                                                                                                        \
        OP(TEST, operand, immediate, 0, 0), OP(TEST, operand, immediate, 0, 0), OP(NOT, 0, 0, 0, T_LOCK),    \
            OP(NEG, 0, 0, 0, T_LOCK), PLAIN(MUL), PLAIN(IMUL1), PLAIN(DIV), PLAIN(IDIV),                     \
    }
static const struct opcode group3b[8] = GROUP3(K_Eb, K_sIb);
static const struct opcode group3v[8] = GROUP3(K_Ev, K_Iz);
static const struct opcode group4[8] = {OP(INC, 0, 0, 0, T_LOCK), OP(DEC, 0, 0, 0, T_LOCK)};
static const struct opcode group5[8] = {
    OP(INC, 0, 0, 0, T_LOCK), OP(DEC, 0, 0, 0, T_LOCK),
    OP(CALL, 0, 0, 0, T_F64), OP(CALL_FAR, K_M, 0, 0, T_MEM),
    OP(JMP, 0, 0, 0, T_F64),  OP(JMP_FAR, K_M, 0, 0, T_MEM),
    OP(PUSH, 0, 0, 0, T_D64), NONE,
};

static const struct opcode group6[8] = {
    OP(SLDT, K_EvW, 0, 0, 0),
    OP(STR, K_EvW, 0, 0, 0),
    OP(LLDT, K_Ew, 0, 0, 0),
    OP(LTR, K_Ew, 0, 0, 0),
    OP(VERR, K_Ew, 0, 0, 0),
    OP(VERW, K_Ew, 0, 0, 0),
    NONE,
    NONE,
};
static const struct opcode group7[2] = {FURTHER(GROUP7_MEM), FURTHER(GROUP7_REG)};
static const struct opcode group7_mem[8] = {
    OP(SGDT, K_M, 0, 0, 0),   OP(SIDT, K_M, 0, 0, 0),  OP(LGDT, K_M, 0, 0, 0),  OP(LIDT, K_M, 0, 0, 0),
    OP(SMSW, K_EvW, 0, 0, 0), OP(SHSTK, K_M, 0, 0, 0), OP(LMSW, K_Ew, 0, 0, 0), OP(INVLPG, K_M, 0, 0, 0),
};
static const struct opcode group7_reg[8] = {
    FURTHER(GROUP7_R0),       FURTHER(GROUP7_R1), FURTHER(GROUP7_R2),      FURTHER(GROUP7_R3),
    OP(SMSW, K_EvW, 0, 0, 0), FURTHER(GROUP7_R5), OP(LMSW, K_Ew, 0, 0, 0), FURTHER(GROUP7_R7),
};
static const struct opcode group7_r0[8] = {PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT),
                                           PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT)};
static const struct opcode group7_r1[8] = {
    PLAIN(MONITOR), PLAIN(MWAIT), PLAIN(CLAC), PLAIN(STAC), NONE, NONE, NONE, PLAIN(VIRT),
};
static const struct opcode group7_r2[8] = {
    PLAIN(XGETBV), PLAIN(XSETBV), NONE, NONE, PLAIN(VIRT), PLAIN(TSX), PLAIN(TSX), PLAIN(VIRT),
};
static const struct opcode group7_r3[8] = {
    PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT), PLAIN(VIRT),
};
static const struct opcode group7_r5[8] = {
    PLAIN(SHSTK), PLAIN(TSX), PLAIN(SHSTK), NONE, PLAIN(TSX), PLAIN(TSX), PLAIN(PKRU), PLAIN(PKRU),
};
static const struct opcode group7_r7[8] = {
    OP(SWAPGS, 0, 0, 0, T_ONLY64),
    PLAIN(RDTSCP),
    PLAIN(MONITOR),
    PLAIN(MWAIT),
    PLAIN(VIRT),
    PLAIN(VIRT),
    PLAIN(VIRT),
    PLAIN(VIRT),
};

static const struct opcode group8[8] = {
    NONE,
    NONE,
    NONE,
    NONE,
    PLAIN(BT),
    OP(BTS, 0, 0, 0, T_LOCK),
    OP(BTR, 0, 0, 0, T_LOCK),
    OP(BTC, 0, 0, 0, T_LOCK),
};
static const struct opcode group9[2] = {FURTHER(GROUP9_MEM), FURTHER(GROUP9_REG)};
static const struct opcode group9_mem[8] = {
    NONE,
    OP(CMPXCHG8B, K_Mq2, 0, 0, T_LOCK),
    NONE,
    OP(XSTATE, K_M, 0, 0, 0),
    OP(XSTATE, K_M, 0, 0, 0),
    OP(XSTATE, K_M, 0, 0, 0),
    OP(VIRT, K_M, 0, 0, 0),
    OP(VIRT, K_M, 0, 0, 0),
};
static const struct opcode group9_reg[8] = {
    NONE, NONE, NONE, NONE, NONE, NONE, OP(RDRAND, K_Ev, 0, 0, 0), FURTHER(GROUP9_R7),
};
static const struct opcode group9_r7[4] = {
    OP(RDRAND, K_Ev, 0, 0, 0),
    OP(RDRAND, K_Ev, 0, 0, 0),
    OP(RDPID, K_Ry, 0, 0, 0),
    NONE,
};
static const struct opcode group11b[8] = {PLAIN(MOV), NONE, NONE, NONE, NONE, NONE, NONE, PLAIN(TSX)};
static const struct opcode group11v[8] = {PLAIN(MOV), NONE, NONE, NONE,
                                          NONE,       NONE, NONE, OP(TSX, K_Jz, 0, 0, 0)};

#define SIMD_IMM OP(SIMD, 0, 0, 0, T_IMM8)
static const struct opcode group12[8] = {NONE, NONE, SIMD_IMM, NONE, SIMD_IMM, NONE, SIMD_IMM, NONE};
static const struct opcode group14[8] = {NONE, NONE, SIMD_IMM, SIMD_IMM, SIMD_IMM, NONE, SIMD_IMM, SIMD_IMM};

static const struct opcode group15[2] = {FURTHER(GROUP15_MEM), FURTHER(GROUP15_REG)};
static const struct opcode group15_mem[8] = {
    OP(XSTATE, K_M, 0, 0, 0), OP(XSTATE, K_M, 0, 0, 0), OP(SIMD, K_M, 0, 0, 0), OP(SIMD, K_M, 0, 0, 0),
    OP(XSTATE, K_M, 0, 0, 0), OP(XSTATE, K_M, 0, 0, 0), FURTHER(GROUP15_M6),    FURTHER(GROUP15_M7),
};
static const struct opcode group15_reg[8] = {
    FURTHER(GROUP15_R0), FURTHER(GROUP15_R1), FURTHER(GROUP15_R2), FURTHER(GROUP15_R3), NONE,
    FURTHER(GROUP15_R5), FURTHER(GROUP15_R6), PLAIN(FENCE),
};
#define FSGSBASE(name)                                                                                       \
    {                                                                                                        \
        NONE, NONE, OP(name, K_Ey, 0, 0, T_ONLY64), NONE                                                     \
    }
static const struct opcode group15_r0[4] = FSGSBASE(RDFSBASE);
static const struct opcode group15_r1[4] = FSGSBASE(RDGSBASE);
static const struct opcode group15_r2[4] = FSGSBASE(WRFSBASE);
static const struct opcode group15_r3[4] = FSGSBASE(WRGSBASE);
static const struct opcode group15_r5[4] = {PLAIN(FENCE), NONE, PLAIN(SHSTK), NONE};
static const struct opcode group15_r6[4] = {PLAIN(FENCE), PLAIN(SIMD), PLAIN(MONITOR), PLAIN(MWAIT)};
static const struct opcode group15_m6[4] = {
    OP(XSTATE, K_M, 0, 0, 0),
    OP(CLFLUSH, K_M, 0, 0, 0),
    OP(SHSTK, K_M, 0, 0, 0),
    NONE,
};
static const struct opcode group15_m7[4] = {OP(CLFLUSH, K_M, 0, 0, 0), OP(CLFLUSH, K_M, 0, 0, 0), NONE, NONE};

static const struct opcode prefix_nop90[4] = {PLAIN(NOP), PLAIN(NOP), PLAIN(PAUSE), PLAIN(NOP)};
static const struct opcode prefix_popcnt[4] = {NONE, NONE, OP(POPCNT, K_Gv, K_Ev, 0, 0), NONE};
#define SCAN(plain, counted)                                                                                 \
    {                                                                                                        \
        OP(plain, K_Gv, K_Ev, 0, 0), OP(plain, K_Gv, K_Ev, 0, 0), OP(counted, K_Gv, K_Ev, 0, 0),             \
            OP(plain, K_Gv, K_Ev, 0, 0)                                                                      \
    }
static const struct opcode prefix_bsf[4] = SCAN(BSF, TZCNT);
static const struct opcode prefix_bsr[4] = SCAN(BSR, LZCNT);
static const struct opcode prefix_movnti[4] = {OP(MOV, K_Ey, K_Gy, 0, T_MEM), NONE, NONE, NONE};
static const struct opcode prefix_0f38_f0[4] = {
    OP(MOVBE, K_Gv, K_Ev, 0, T_MEM),
    OP(MOVBE, K_Gv, K_Ev, 0, T_MEM),
    NONE,
    OP(CRC32, K_Gy, K_Eb, 0, 0),
};
static const struct opcode prefix_0f38_f1[4] = {
    OP(MOVBE, K_Ev, K_Gv, 0, T_MEM),
    OP(MOVBE, K_Ev, K_Gv, 0, T_MEM),
    NONE,
    OP(CRC32, K_Gy, K_Ev, 0, 0),
};
static const struct opcode prefix_0f38_f6[4] = {
    OP(SHSTK, K_Ey, K_Gy, 0, T_MEM), OP(SIMD, K_Gy, K_Ey, 0, 0), OP(SIMD, K_Gy, K_Ey, 0, 0),
    NONE, /* WRSS, ADCX, ADOX */
};
static const struct opcode prefix_0f38_f8[4] = {
    NONE, OP(SIMD, K_M, 0, 0, T_MEM), OP(SIMD, K_M, 0, 0, T_MEM),
    OP(SIMD, K_M, 0, 0, T_MEM), /* MOVDIR64B, ENQCMD */
};

const struct opcode_split opcode_split[SUB_COUNT] = {
    [SUB_GROUP1A] = {SPLIT_REG, group1a},
    [SUB_GROUP3B] = {SPLIT_REG, group3b},
    [SUB_GROUP3V] = {SPLIT_REG, group3v},
    [SUB_GROUP4] = {SPLIT_REG, group4},
    [SUB_GROUP5] = {SPLIT_REG, group5},
    [SUB_GROUP6] = {SPLIT_REG, group6},
    [SUB_GROUP7] = {SPLIT_MOD, group7},
    [SUB_GROUP7_MEM] = {SPLIT_REG, group7_mem},
    [SUB_GROUP7_REG] = {SPLIT_REG, group7_reg},
    [SUB_GROUP7_R0] = {SPLIT_RM, group7_r0},
    [SUB_GROUP7_R1] = {SPLIT_RM, group7_r1},
    [SUB_GROUP7_R2] = {SPLIT_RM, group7_r2},
    [SUB_GROUP7_R3] = {SPLIT_RM, group7_r3},
    [SUB_GROUP7_R5] = {SPLIT_RM, group7_r5},
    [SUB_GROUP7_R7] = {SPLIT_RM, group7_r7},
    [SUB_GROUP8] = {SPLIT_REG, group8},
    [SUB_GROUP9] = {SPLIT_MOD, group9},
    [SUB_GROUP9_MEM] = {SPLIT_REG, group9_mem},
    [SUB_GROUP9_REG] = {SPLIT_REG, group9_reg},
    [SUB_GROUP9_R7] = {SPLIT_PREFIX, group9_r7},
    [SUB_GROUP11B] = {SPLIT_REG, group11b},
    [SUB_GROUP11V] = {SPLIT_REG, group11v},
    [SUB_GROUP12] = {SPLIT_REG, group12},
    [SUB_GROUP14] = {SPLIT_REG, group14},
    [SUB_GROUP15] = {SPLIT_MOD, group15},
    [SUB_GROUP15_MEM] = {SPLIT_REG, group15_mem},
    [SUB_GROUP15_REG] = {SPLIT_REG, group15_reg},
    [SUB_GROUP15_R0] = {SPLIT_PREFIX, group15_r0},
    [SUB_GROUP15_R1] = {SPLIT_PREFIX, group15_r1},
    [SUB_GROUP15_R2] = {SPLIT_PREFIX, group15_r2},
    [SUB_GROUP15_R3] = {SPLIT_PREFIX, group15_r3},
    [SUB_GROUP15_R5] = {SPLIT_PREFIX, group15_r5},
    [SUB_GROUP15_R6] = {SPLIT_PREFIX, group15_r6},
    [SUB_GROUP15_M6] = {SPLIT_PREFIX, group15_m6},
    [SUB_GROUP15_M7] = {SPLIT_PREFIX, group15_m7},
    [SUB_ARITH] = {SPLIT_REG, group_arith},
    [SUB_SHIFT] = {SPLIT_REG, group_shift},
    [SUB_NOP90] = {SPLIT_PREFIX, prefix_nop90},
    [SUB_POPCNT] = {SPLIT_PREFIX, prefix_popcnt},
    [SUB_BSF] = {SPLIT_PREFIX, prefix_bsf},
    [SUB_BSR] = {SPLIT_PREFIX, prefix_bsr},
    [SUB_MOVNTI] = {SPLIT_PREFIX, prefix_movnti},
    [SUB_0F38_F0] = {SPLIT_PREFIX, prefix_0f38_f0},
    [SUB_0F38_F1] = {SPLIT_PREFIX, prefix_0f38_f1},
    [SUB_0F38_F6] = {SPLIT_PREFIX, prefix_0f38_f6},
    [SUB_0F38_F8] = {SPLIT_PREFIX, prefix_0f38_f8},
};
