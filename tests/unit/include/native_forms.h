/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The instructions that emulate_native.c tries, and what must be minded about each. */
#ifndef TESTS_NATIVE_FORMS_H
#define TESTS_NATIVE_FORMS_H

#include "emulate/arith.h"

/* How the bytes after the opcode are made, and what needs care. */
enum kind {
    PLAIN,     /* nothing after the opcode */
    MODRM,     /* register or memory */
    MODRM_REG, /* register only */
    MODRM_MEM, /* memory only */
};

enum modes {
    ONLY64 = 1,
    NOT64,
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
    CARE_WIDTH, /* how much memory is touched depends on the processor: PUSH of a selector into 32 bits, MOVSXD to 16 */
    CARE_PUSHA, /* PUSHA, POPA: the processor may have done some of eight moves when it faults; the emulator has done none */
};

#define F_UNDEF_LOGIC    EFLAGS_AF
#define F_UNDEF_MULTIPLY (EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF)
#define F_UNDEF_BITTEST  (EFLAGS_OF | EFLAGS_SF | EFLAGS_AF | EFLAGS_PF)
#define F_UNDEF_SCAN     (EFLAGS_CF | EFLAGS_OF | EFLAGS_SF | EFLAGS_AF | EFLAGS_PF)
#define F_UNDEF_ALL      EFLAGS_STATUS

enum imm {
    I0,
    I8,
    I16,
    IZ, /* 2 or 4 by operand size */
    IV, /* up to 8 */
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
    uint8_t modes;  /* ONLY64, NOT64, or 0 */
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
     .undefined = EFLAGS_OF | EFLAGS_SF | EFLAGS_PF | EFLAGS_AF,
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
    {{0x63}, 1, MODRM, ANY, .care = CARE_WIDTH, .modes = ONLY64},
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
    {{0x0f, 0xa0}, 2, PLAIN, ANY, .care = CARE_WIDTH},
    /* control flow */
    {{0x70}, 1, PLAIN, .imm = I8, .care = CARE_BRANCH, .count = 16},
    {{0x0f, 0x80}, 2, PLAIN, .imm = IZ, .care = CARE_BRANCH, .count = 16},
    {{0xe0}, 1, PLAIN, .imm = I8, .care = CARE_BRANCH, .count = 4},
    {{0xe8}, 1, PLAIN, .imm = IZ, .care = CARE_BRANCH, .count = 2},
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
    /* not in 64-bit mode */
    {{0x40}, 1, PLAIN, ANY, .count = 16, .modes = NOT64},
    {{0x06}, 1, PLAIN, ANY, .care = CARE_WIDTH, .modes = NOT64},
    {{0x0e}, 1, PLAIN, ANY, .care = CARE_WIDTH, .modes = NOT64},
    {{0x16}, 1, PLAIN, ANY, .care = CARE_WIDTH, .modes = NOT64},
    {{0x1e}, 1, PLAIN, ANY, .care = CARE_WIDTH, .modes = NOT64},
    {{0x27}, 1, PLAIN, ANY, .undefined = EFLAGS_OF, .modes = NOT64},
    {{0x2f}, 1, PLAIN, ANY, .undefined = EFLAGS_OF, .modes = NOT64},
    {{0x37}, 1, PLAIN, ANY, .undefined = EFLAGS_OF | EFLAGS_SF | EFLAGS_ZF | EFLAGS_PF, .modes = NOT64},
    {{0x3f}, 1, PLAIN, ANY, .undefined = EFLAGS_OF | EFLAGS_SF | EFLAGS_ZF | EFLAGS_PF, .modes = NOT64},
    {{0xd4}, 1, PLAIN, ANY, .imm = I8, .undefined = EFLAGS_OF | EFLAGS_AF | EFLAGS_CF, .modes = NOT64},
    {{0xd5}, 1, PLAIN, ANY, .imm = I8, .undefined = EFLAGS_OF | EFLAGS_AF | EFLAGS_CF, .modes = NOT64},
    {{0xd6}, 1, PLAIN, ANY, .modes = NOT64},
    {{0x60}, 1, PLAIN, ANY, .care = CARE_PUSHA, .count = 2, .modes = NOT64},
    {{0x82}, 1, MODRM, D(0), .imm = I8, .lockable = true, .modes = NOT64},
};

#undef D
#undef ANY

#endif
