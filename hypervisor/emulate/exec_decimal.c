/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The decimal adjustments and SALC, which 64-bit mode does not have. SDM 2A, "Operation" of each. */
#include "emulate/txn.h"

/* Sets ZF, SF, PF from a byte; keeps CF, AF, OF. */
static void byte_flags(struct emu_txn *t, uint64_t value)
{
    uint64_t keep = t->regs.rflags & (EFLAGS_CF | EFLAGS_AF | EFLAGS_OF);

    arith_set_logic_flags(1, value, &t->regs.rflags);
    t->regs.rflags |= keep;
}

enum emu_result exec_daa_das(struct emu_txn *t)
{
    uint64_t *flags = &t->regs.rflags;
    unsigned old = (unsigned)txn_gpr(t, INSN_RAX, 1);
    bool add = t->insn->op == INSN_OP_DAA;
    bool low = (old & 15) > 9 || (*flags & EFLAGS_AF);
    bool high = old > 0x99 || (*flags & EFLAGS_CF);
    unsigned adjust = (low ? 6 : 0) + (high ? 0x60 : 0);
    unsigned al = add ? old + adjust : old - adjust;
    bool carry = high;

    /* DAS: the borrow of the low digit counts although nothing is taken from the high one. */
    if (!add && low && !high) {
        carry = old < 6;
    }
    txn_set_gpr(t, INSN_RAX, 1, al);
    arith_set_flag(flags, EFLAGS_AF, low);
    arith_set_flag(flags, EFLAGS_CF, carry);
    byte_flags(t, al);
    return EMU_OK;
}

enum emu_result exec_aaa_aas(struct emu_txn *t)
{
    uint64_t *flags = &t->regs.rflags;
    unsigned ax = (unsigned)txn_gpr(t, INSN_RAX, 2);
    bool adjust = (ax & 15) > 9 || (*flags & EFLAGS_AF);

    if (adjust) {
        ax = t->insn->op == INSN_OP_AAA ? ax + 0x106 : ax - 0x106;
    }
    txn_set_gpr(t, INSN_RAX, 2, ax & 0xff0f);
    arith_set_flag(flags, EFLAGS_AF | EFLAGS_CF, adjust);
    return EMU_OK;
}

enum emu_result exec_aam(struct emu_txn *t)
{
    unsigned base = (unsigned)t->insn->imm & 0xff;
    unsigned al = (unsigned)txn_gpr(t, INSN_RAX, 1);

    if (base == 0) {
        return emu_raise(t->emu, VECTOR_DE, 0);
    }
    txn_set_gpr(t, INSN_RAX, 2, (al / base) << 8 | al % base);
    byte_flags(t, al % base);
    return EMU_OK;
}

enum emu_result exec_aad(struct emu_txn *t)
{
    unsigned base = (unsigned)t->insn->imm & 0xff;
    unsigned ax = (unsigned)txn_gpr(t, INSN_RAX, 2);
    unsigned al = ((ax >> 8) * base + ax) & 0xff;

    txn_set_gpr(t, INSN_RAX, 2, al);
    byte_flags(t, al);
    return EMU_OK;
}

/* D6h, undocumented by Intel: AL = CF ? FFh : 0. */
enum emu_result exec_salc(struct emu_txn *t)
{
    txn_set_gpr(t, INSN_RAX, 1, t->regs.rflags & EFLAGS_CF ? 0xff : 0);
    return EMU_OK;
}
