/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Moves, exchanges, and the arithmetic flags as data. */
#include "emulate/txn.h"

/* MOV and MOVZX: values are zero-extended when they are read. */
enum emu_result exec_mov(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_get(t, 1, &value);

    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

enum emu_result exec_movsx(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_get(t, 1, &value);

    return result == EMU_OK ? txn_set(t, 0, (uint64_t)arith_sign_extend(value, t->insn->operand[1].size))
                            : result;
}

static uint64_t swap_bytes(uint64_t value, unsigned size)
{
    return __builtin_bswap64(value) >> (64 - 8 * size);
}

enum emu_result exec_movbe(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_get(t, 1, &value);

    return result == EMU_OK ? txn_set(t, 0, swap_bytes(value, t->insn->operand[0].size)) : result;
}

/* BSWAP of a 16-bit register is undefined; processors give zero. */
enum emu_result exec_bswap(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t value;
    enum emu_result result = txn_get(t, 0, &value);

    return result == EMU_OK ? txn_set(t, 0, size == 2 ? 0 : swap_bytes(value, size)) : result;
}

enum emu_result exec_xchg(struct emu_txn *t)
{
    uint64_t a, b;
    enum emu_result result = txn_get_to_modify(t, 0, &a);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &b);
    }
    if (result == EMU_OK) {
        result = txn_set(t, 0, b);
    }
    return result == EMU_OK ? txn_set(t, 1, a) : result;
}

enum emu_result exec_lea(struct emu_txn *t)
{
    return txn_set(t, 0, txn_mem_offset(t));
}

/* The source is read, and may fault, whether or not the condition holds; a 32-bit destination is
 * zero-extended in either case. */
enum emu_result exec_cmovcc(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_get(t, 1, &value);

    if (result == EMU_OK && !arith_condition(t->insn->opcode & 15, t->regs.rflags)) {
        result = txn_get(t, 0, &value);
    }
    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

enum emu_result exec_setcc(struct emu_txn *t)
{
    return txn_set(t, 0, arith_condition(t->insn->opcode & 15, t->regs.rflags));
}

enum emu_result exec_xlat(struct emu_txn *t)
{
    const struct insn *insn = t->insn;
    unsigned seg = insn->seg_override == INSN_SEG_NONE ? INSN_SEG_DS : insn->seg_override;
    uint64_t offset = (t->regs.gpr[INSN_RBX] + txn_gpr(t, INSN_RAX, 1)) & arith_mask(insn->address_size);
    uint8_t value = 0;
    enum emu_result result = txn_load(t, seg, offset, &value, 1);

    if (result == EMU_OK) {
        txn_set_gpr(t, INSN_RAX, 1, value);
    }
    return result;
}

/* NOP, PAUSE, prefetches, ENDBR, fences: the store order of one processor is not the emulator's to change. */
enum emu_result exec_nop(struct emu_txn *t)
{
    (void)t;
    return EMU_OK;
}

enum emu_result exec_arith_flags(struct emu_txn *t)
{
    uint64_t *flags = &t->regs.rflags;

    switch (t->insn->op) {
    case INSN_OP_CMC:
        *flags ^= EFLAGS_CF;
        break;
    case INSN_OP_CLC:
    case INSN_OP_STC:
        arith_set_flag(flags, EFLAGS_CF, t->insn->op == INSN_OP_STC);
        break;
    default:
        arith_set_flag(flags, EFLAGS_DF, t->insn->op == INSN_OP_STD);
        break;
    }
    return EMU_OK;
}

enum emu_result exec_lahf_sahf(struct emu_txn *t)
{
    const uint64_t flags = EFLAGS_SF | EFLAGS_ZF | EFLAGS_AF | EFLAGS_PF | EFLAGS_CF;
    unsigned ah = INSN_RAX | INSN_REG_HIGH;

    if (t->insn->op == INSN_OP_LAHF) {
        txn_set_gpr(t, ah, 1, (t->regs.rflags & flags) | EFLAGS_FIXED);
    } else {
        t->regs.rflags = (t->regs.rflags & ~flags) | (txn_gpr(t, ah, 1) & flags);
    }
    return EMU_OK;
}
