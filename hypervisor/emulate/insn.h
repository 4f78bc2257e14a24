/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The instruction decoder: bytes in, `struct insn` out. Pure: no state, no memory but its arguments, total on
 * every input.
 *
 * Decoding follows SDM 2 and 2A-2D (appendix A for the opcode maps); where vendors differ (66h before a near
 * branch in 64-bit mode) it follows Intel. It must not know about registers' contents, memory, or the
 * hypervisor.
 */
#ifndef EMULATE_INSN_H
#define EMULATE_INSN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "emulate/insn_ops.h"

/* The longest instruction that a processor accepts, in bytes (SDM 2A 2.3.11). */
#define INSN_MAX_LENGTH 15

/* The code segment's default sizes, not the processor's mode: real mode and 16-bit protected mode decode
 * alike. */
enum insn_mode {
    INSN_MODE_16 = 2,
    INSN_MODE_32 = 4,
    INSN_MODE_64 = 8,
};

enum insn_status {
    INSN_OK = 0,
    INSN_TRUNCATED, /* more bytes are needed than were given */
    INSN_TOO_LONG,  /* longer than 15 bytes: #GP(0) */
    INSN_UNDEFINED, /* no such instruction, or LOCK where it may not be: #UD */
};

/* What a caller of the executor may allow; one bit each (see emulate/exec.h). */
enum emu_class {
    EMU_CLASS_MEM_MOV = 1u << 0,   /* moves between registers and memory, exchanges, NOP, LEA */
    EMU_CLASS_ALU = 1u << 1,       /* integer arithmetic, also on memory, also locked */
    EMU_CLASS_STACK = 1u << 2,     /* push, pop, enter, leave */
    EMU_CLASS_BRANCH = 1u << 3,    /* near jumps, calls and returns */
    EMU_CLASS_STRING = 1u << 4,    /* movs, cmps, stos, lods, scas */
    EMU_CLASS_IO = 1u << 5,        /* in, out, ins, outs */
    EMU_CLASS_FLAGS = 1u << 6,     /* clc, stc, cmc, cld, std, lahf, sahf */
    EMU_CLASS_FLAGS_CTL = 1u << 7, /* cli, sti, pushf, popf, clac, stac */
    EMU_CLASS_CPUID = 1u << 8,
    EMU_CLASS_MSR = 1u << 9,        /* rdmsr, wrmsr */
    EMU_CLASS_TSC = 1u << 10,       /* rdtsc, rdtscp, rdpid */
    EMU_CLASS_CR = 1u << 11,        /* mov cr, clts, lmsw, smsw */
    EMU_CLASS_DR = 1u << 12,        /* mov dr */
    EMU_CLASS_XCR = 1u << 13,       /* xgetbv, xsetbv */
    EMU_CLASS_CACHE = 1u << 14,     /* wbinvd, invd, clflush */
    EMU_CLASS_TLB = 1u << 15,       /* invlpg */
    EMU_CLASS_INTERRUPT = 1u << 16, /* int n, int3, into, icebp, ud2 */
    EMU_CLASS_SYSTEM = 1u << 17,    /* segment registers, hlt, and what is only decoded */
    EMU_CLASS_SIMD = 1u << 18,      /* x87, MMX, SSE, AVX: decoded for their length only */
};

enum insn_op {
    INSN_OP_NONE = 0,
#define X(name, class) INSN_OP_##name,
    INSN_OPS(X)
#undef X
        INSN_OP_COUNT
};

/* General registers by their encoding. */
enum insn_gpr {
    INSN_RAX = 0,
    INSN_RCX,
    INSN_RDX,
    INSN_RBX,
    INSN_RSP,
    INSN_RBP,
    INSN_RSI,
    INSN_RDI,
    INSN_R8,
    INSN_R15 = 15,
    INSN_REG_HIGH = 0x10, /* added to 0-3: AH, CH, DH, BH */
    INSN_REG_NONE = 0xff,
};

/* Segment registers by their encoding. */
enum insn_seg {
    INSN_SEG_ES = 0,
    INSN_SEG_CS,
    INSN_SEG_SS,
    INSN_SEG_DS,
    INSN_SEG_FS,
    INSN_SEG_GS,
    INSN_SEG_NONE = 0xff,
};

/* Values of insn.prefixes. */
enum insn_prefix {
    INSN_PREFIX_LOCK = 1u << 0,
    INSN_PREFIX_REP = 1u << 1,   /* F3, and the later one if F2 was there too */
    INSN_PREFIX_REPNE = 1u << 2, /* F2 */
    INSN_PREFIX_66 = 1u << 3,
    INSN_PREFIX_67 = 1u << 4,
    INSN_PREFIX_REX = 1u << 5,
};

/* Values of insn.map. */
enum insn_map {
    INSN_MAP_PRIMARY = 0,
    INSN_MAP_0F,
    INSN_MAP_0F38,
    INSN_MAP_0F3A,
    INSN_MAP_VEX, /* VEX, EVEX or XOP: only the length is meant */
};

enum insn_operand_kind {
    INSN_OPERAND_NONE = 0,
    INSN_OPERAND_REG, /* .reg: a general register, perhaps with INSN_REG_HIGH */
    INSN_OPERAND_MEM, /* insn.mem */
    INSN_OPERAND_IMM, /* insn.imm, already extended as the instruction says */
    INSN_OPERAND_REL, /* insn.imm, relative to the next instruction */
    INSN_OPERAND_SEG, /* .reg: a segment register */
    INSN_OPERAND_CR,  /* .reg: 0, 2, 3, 4, 8 */
    INSN_OPERAND_DR,  /* .reg: 0-7 */
    INSN_OPERAND_SRC, /* the string source, seg:[rSI] */
    INSN_OPERAND_DST, /* the string destination, es:[rDI] */
    INSN_OPERAND_FAR, /* insn.imm: offset, insn.imm2: selector */
};

struct insn_operand {
    uint8_t kind; /* enum insn_operand_kind */
    uint8_t reg;
    uint8_t size; /* in bytes; 0 where the instruction has no notion of it (LEA, INVLPG) */
};

/* An address as written: segment:[base + index * scale + disp], cut to the address size. */
struct insn_mem {
    uint8_t seg;       /* after overrides and defaults */
    uint8_t base;      /* INSN_REG_NONE if absent */
    uint8_t index;     /* INSN_REG_NONE if absent */
    uint8_t scale;     /* 1, 2, 4, 8 */
    bool rip_relative; /* to the next instruction */
    int64_t disp;
};

struct insn {
    uint8_t length;
    uint8_t mode; /* enum insn_mode */
    uint8_t map;  /* enum insn_map */
    uint8_t opcode;
    uint8_t op;           /* enum insn_op */
    uint8_t prefixes;     /* enum insn_prefix */
    uint8_t rex;          /* 0 if absent */
    uint8_t seg_override; /* enum insn_seg or INSN_SEG_NONE; never one that 64-bit mode ignores */
    bool has_modrm;
    uint8_t modrm; /* 0 if absent */
    uint8_t sib;
    uint8_t operand_size; /* 2, 4, 8: of the instruction, where its opcode does not say "byte" */
    uint8_t address_size; /* 2, 4, 8 */
    struct insn_operand operand[3];
    struct insn_mem mem;
    int64_t imm;
    uint16_t imm2;
};

/*
 * Decodes the instruction at `bytes`, of which `len` are readable (more than INSN_MAX_LENGTH are not looked
 * at). Answers an `enum insn_status`; `insn` is meaningful for INSN_OK only, and then insn->length <= len.
 */
enum insn_status insn_decode(struct insn *insn, const uint8_t *bytes, size_t len, enum insn_mode mode);

/* The class (one bit of `enum emu_class`) of a decoded instruction. */
uint32_t insn_class(const struct insn *insn);
uint32_t insn_op_class(enum insn_op op);

static inline bool insn_has(const struct insn *insn, enum insn_prefix prefix)
{
    return insn->prefixes & prefix;
}

#endif
