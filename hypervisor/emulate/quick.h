/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A pre-decoder for what Linux does to a page-table page that it may not write: a plain store, an exchange, a
 * locked AND, OR, BTS, BTR or CMPXCHG, of 1, 4 or 8 bytes, in 64-bit mode. It decodes and fetches the
 * register operands in one pass; what it does not know it leaves to insn_decode().
 *
 * Invariant, tested: where quick_decode() answers true, insn_decode() and emu_execute() do the same.
 *
 * Use: quick_decode(); compare quick->offset (plus the FS or GS base) with the faulting address; read the old
 * value; store quick_result(), atomically against the old value if quick->locked (start again from the read
 * if that fails); then quick_complete(), and add quick->length to rip.
 */
#ifndef EMULATE_QUICK_H
#define EMULATE_QUICK_H

#include "emulate/insn.h"

enum quick_kind {
    QUICK_MOV,
    QUICK_XCHG,
    QUICK_AND,
    QUICK_OR,
    QUICK_BTS,
    QUICK_BTR,
    QUICK_CMPXCHG,
};

/* Where the general registers are: `offset` has 16 entries, by enum insn_gpr, in bytes from `frame`. */
struct quick_regs {
    void *frame;
    const uint8_t *offset;
};

struct quick_insn {
    uint8_t kind;      /* enum quick_kind */
    uint8_t size;      /* 1, 4, 8 */
    uint8_t length;    /* of the instruction */
    uint8_t reg;       /* which register XCHG loads */
    uint8_t seg;       /* INSN_SEG_FS, INSN_SEG_GS: its base is to be added to `offset`; else INSN_SEG_NONE */
    bool locked;       /* LOCK prefix, or XCHG */
    uint64_t offset;   /* effective address */
    uint64_t source;   /* operand; for BTS and BTR a mask of one bit; cut to the size */
    uint64_t expected; /* QUICK_CMPXCHG only: the accumulator, cut to the size */
};

/* Decodes at `rip` in 64-bit mode. False: not one of the forms, or bytes missing; nothing can be said then.
 */
bool quick_decode(struct quick_insn *quick, const uint8_t *bytes, size_t len, const struct quick_regs *regs,
                  uint64_t rip);

/* What memory is to hold, given what it holds. For a failing QUICK_CMPXCHG that is `old` itself. */
uint64_t quick_result(const struct quick_insn *quick, uint64_t old);

/* Sets registers and the arithmetic flags, after the store. */
void quick_complete(const struct quick_insn *quick, const struct quick_regs *regs, uint64_t old,
                    uint64_t *rflags);

#endif
