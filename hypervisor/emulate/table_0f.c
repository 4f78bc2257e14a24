/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The two-byte opcode map and the two three-byte maps (SDM 2D tables ). SIMD is described as far as
 * its length needs. */
#include "emulate/table.h"

#define SIMD     OP(SIMD, 0, 0, 0, T_MODRM)
#define SIMD_IMM OP(SIMD, 0, 0, 0, T_MODRM | T_IMM8)

const struct opcode opcode_0f[256] = {
    [0x00] = SUB(GROUP6, 0, 0, 0),
    [0x01] = SUB(GROUP7, 0, 0, 0),
    [0x02] = OP(LAR, K_Gv, K_EvW, 0, 0),
    [0x03] = OP(LSL, K_Gv, K_EvW, 0, 0),
    [0x05] = OP(SYSCALL, 0, 0, 0, 0),
    [0x06] = OP(CLTS, 0, 0, 0, 0),
    [0x07] = OP(SYSRET, 0, 0, 0, 0),
    [0x08] = OP(INVD, 0, 0, 0, 0),
    [0x09] = OP(WBINVD, 0, 0, 0, 0),
    [0x0b] = OP(UD, 0, 0, 0, 0),
    [0x0d] = OP(NOP, 0, 0, 0, T_MODRM),
    [0x0e] = OP(SIMD, 0, 0, 0, 0),
    [0x0f] = SIMD_IMM,
    [0x10 ... 0x17] = SIMD,
    [0x18 ... 0x1f] = OP(NOP, K_Ev, 0, 0, 0),
    [0x20] = OP(MOV_FROM_CR, K_Ry, K_Cy, 0, 0),
    [0x21] = OP(MOV_FROM_DR, K_Ry, K_Dy, 0, 0),
    [0x22] = OP(MOV_TO_CR, K_Cy, K_Ry, 0, 0),
    [0x23] = OP(MOV_TO_DR, K_Dy, K_Ry, 0, 0),
    [0x28 ... 0x2f] = SIMD,
    [0x30] = OP(WRMSR, 0, 0, 0, 0),
    [0x31] = OP(RDTSC, 0, 0, 0, 0),
    [0x32] = OP(RDMSR, 0, 0, 0, 0),
    [0x33] = OP(RDPMC, 0, 0, 0, 0),
    [0x34] = OP(SYSENTER, 0, 0, 0, 0),
    [0x35] = OP(SYSEXIT, 0, 0, 0, 0),
    [0x40 ... 0x4f] = OP(CMOVCC, K_Gv, K_Ev, 0, 0),
    [0x50 ... 0x6f] = SIMD,
    [0x70] = SIMD_IMM,
    [0x71] = SUB(GROUP12, 0, 0, 0),
    [0x72] = SUB(GROUP14, 0, 0, 0),
    [0x73] = SUB(GROUP14, 0, 0, 0),
    [0x74 ... 0x76] = SIMD,
    [0x77] = OP(SIMD, 0, 0, 0, 0),
    [0x78] = OP(VIRT, K_Ey, K_Gy, 0, 0),
    [0x79] = OP(VIRT, K_Gy, K_Ey, 0, 0),
    [0x7c ... 0x7f] = SIMD,
    [0x80 ... 0x8f] = OP(JCC, K_Jz, 0, 0, T_F64),
    [0x90 ... 0x9f] = OP(SETCC, K_Eb, 0, 0, 0),
    [0xa0] = OP(PUSH_SEG, K_FS, 0, 0, T_D64),
    [0xa1] = OP(POP_SEG, K_FS, 0, 0, T_D64),
    [0xa2] = OP(CPUID, 0, 0, 0, 0),
    [0xa3] = OP(BT, K_Ev, K_Gv, 0, 0),
    [0xa4] = OP(SHLD, K_Ev, K_Gv, K_Ib, 0),
    [0xa5] = OP(SHLD, K_Ev, K_Gv, K_CL, 0),
    [0xa8] = OP(PUSH_SEG, K_GS, 0, 0, T_D64),
    [0xa9] = OP(POP_SEG, K_GS, 0, 0, T_D64),
    [0xaa] = OP(RSM, 0, 0, 0, 0),
    [0xab] = OP(BTS, K_Ev, K_Gv, 0, T_LOCK),
    [0xac] = OP(SHRD, K_Ev, K_Gv, K_Ib, 0),
    [0xad] = OP(SHRD, K_Ev, K_Gv, K_CL, 0),
    [0xae] = SUB(GROUP15, 0, 0, 0),
    [0xaf] = OP(IMUL, K_Gv, K_Ev, 0, 0),
    [0xb0] = OP(CMPXCHG, K_Eb, K_Gb, 0, T_LOCK),
    [0xb1] = OP(CMPXCHG, K_Ev, K_Gv, 0, T_LOCK),
    [0xb2] = OP(LOAD_FAR, K_Gv, K_M, 0, T_MEM),
    [0xb3] = OP(BTR, K_Ev, K_Gv, 0, T_LOCK),
    [0xb4] = OP(LOAD_FAR, K_Gv, K_M, 0, T_MEM),
    [0xb5] = OP(LOAD_FAR, K_Gv, K_M, 0, T_MEM),
    [0xb6] = OP(MOVZX, K_Gv, K_Eb, 0, 0),
    [0xb7] = OP(MOVZX, K_Gv, K_Ew, 0, 0),
    [0xb8] = SUB(POPCNT, 0, 0, 0),
    [0xb9] = OP(UD, 0, 0, 0, T_MODRM),
    [0xba] = SUB(GROUP8, K_Ev, K_Ib, 0),
    [0xbb] = OP(BTC, K_Ev, K_Gv, 0, T_LOCK),
    [0xbc] = SUB(BSF, 0, 0, 0),
    [0xbd] = SUB(BSR, 0, 0, 0),
    [0xbe] = OP(MOVSX, K_Gv, K_Eb, 0, 0),
    [0xbf] = OP(MOVSX, K_Gv, K_Ew, 0, 0),
    [0xc0] = OP(XADD, K_Eb, K_Gb, 0, T_LOCK),
    [0xc1] = OP(XADD, K_Ev, K_Gv, 0, T_LOCK),
    [0xc2] = SIMD_IMM,
    [0xc3] = SUB(MOVNTI, 0, 0, 0),
    [0xc4] = SIMD_IMM,
    [0xc5] = SIMD_IMM,
    [0xc6] = SIMD_IMM,
    [0xc7] = SUB(GROUP9, 0, 0, 0),
    [0xc8 ... 0xcf] = OP(BSWAP, K_Zv, 0, 0, 0),
    [0xd0 ... 0xfe] = SIMD,
    [0xff] = OP(UD, 0, 0, 0, T_MODRM),
};

/* One exception of a sparse map: everything in it that is not SIMD. */
struct sparse {
    uint8_t byte;
    struct opcode opcode;
};

static const struct sparse exceptions_0f38[] = {
    {0x80, OP(VIRT, K_Gy, K_M, 0, T_MEM)}, /* INVEPT */
    {0x81, OP(VIRT, K_Gy, K_M, 0, T_MEM)}, /* INVVPID */
    {0x82, OP(INVPCID, K_Gy, K_M, 0, T_MEM)},
    {0xf0, SUB(0F38_F0, 0, 0, 0)},
    {0xf1, SUB(0F38_F1, 0, 0, 0)},
    {0xf5, OP(SHSTK, K_Ey, K_Gy, 0, T_MEM)}, /* WRUSS */
    {0xf6, SUB(0F38_F6, 0, 0, 0)},
    {0xf8, SUB(0F38_F8, 0, 0, 0)},
    {0xf9, OP(SIMD, K_Ey, K_Gy, 0, T_MEM)}, /* MOVDIRI */
};

struct opcode opcode_0f38(uint8_t byte)
{
    for (size_t i = 0; i < sizeof(exceptions_0f38) / sizeof(exceptions_0f38[0]); i++) {
        if (exceptions_0f38[i].byte == byte) {
            return exceptions_0f38[i].opcode;
        }
    }
    return (struct opcode)SIMD;
}

struct opcode opcode_0f3a(uint8_t byte)
{
    /* Every instruction of this map, now and by convention later, has ModRM and an immediate byte. */
    (void)byte;
    return (struct opcode)SIMD_IMM;
}
