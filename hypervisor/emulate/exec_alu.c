/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Arithmetic instructions: the glue between operands and arith.c. */
#include "emulate/txn.h"

enum emu_result exec_alu(struct emu_txn *t)
{
    const struct insn *insn = t->insn;
    enum arith_op op = (enum arith_op)(insn->op - INSN_OP_ADD);
    uint64_t a, b, value;
    enum emu_result result = op == ARITH_CMP ? txn_get(t, 0, &a) : txn_get_to_modify(t, 0, &a);

    if (result != EMU_OK) {
        return result;
    }
    result = txn_get(t, 1, &b);
    if (result != EMU_OK) {
        return result;
    }
    value = arith_binary(op, insn->operand[0].size, a, b, &t->regs.rflags);
    return op == ARITH_CMP ? EMU_OK : txn_set(t, 0, value);
}

enum emu_result exec_test(struct emu_txn *t)
{
    uint64_t a, b;
    enum emu_result result = txn_get(t, 0, &a);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &b);
    }
    if (result == EMU_OK) {
        arith_set_logic_flags(t->insn->operand[0].size, a & b, &t->regs.rflags);
    }
    return result;
}

enum emu_result exec_not(struct emu_txn *t)
{
    uint64_t a;
    enum emu_result result = txn_get_to_modify(t, 0, &a);

    return result == EMU_OK ? txn_set(t, 0, ~a) : result;
}

enum emu_result exec_neg(struct emu_txn *t)
{
    uint64_t a;
    enum emu_result result = txn_get_to_modify(t, 0, &a);

    if (result != EMU_OK) {
        return result;
    }
    return txn_set(t, 0, arith_neg(t->insn->operand[0].size, a, &t->regs.rflags));
}

enum emu_result exec_inc_dec(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t a;
    enum emu_result result = txn_get_to_modify(t, 0, &a);

    if (result != EMU_OK) {
        return result;
    }
    a = t->insn->op == INSN_OP_INC ? arith_inc(size, a, &t->regs.rflags)
                                   : arith_dec(size, a, &t->regs.rflags);
    return txn_set(t, 0, a);
}

enum emu_result exec_shift(struct emu_txn *t)
{
    uint64_t value, count;
    enum emu_result result = txn_get_to_modify(t, 0, &value);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &count);
    }
    if (result != EMU_OK) {
        return result;
    }
    value = arith_shift((enum shift_op)(t->insn->op - INSN_OP_ROL), t->insn->operand[0].size, value,
                        (unsigned)count & 0xff, &t->regs.rflags);
    return txn_set(t, 0, value);
}

enum emu_result exec_shift_double(struct emu_txn *t)
{
    uint64_t value, fill, count;
    enum emu_result result = txn_get_to_modify(t, 0, &value);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &fill);
    }
    if (result == EMU_OK) {
        result = txn_get(t, 2, &count);
    }
    if (result != EMU_OK) {
        return result;
    }
    value = arith_shift_double(t->insn->op == INSN_OP_SHLD, t->insn->operand[0].size, value, fill,
                               (unsigned)count & 0xff, &t->regs.rflags);
    return txn_set(t, 0, value);
}

/* MUL, and IMUL with one operand: AX = AL * r/m8, or rDX:rAX = rAX * r/m. */
enum emu_result exec_multiply(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t a = txn_gpr(t, INSN_RAX, size), b, low, high;
    enum emu_result result = txn_get(t, 0, &b);

    if (result != EMU_OK) {
        return result;
    }
    low = t->insn->op == INSN_OP_MUL ? arith_mul(size, a, b, &high, &t->regs.rflags)
                                     : arith_imul(size, a, b, &high, &t->regs.rflags);
    if (size == 1) {
        txn_set_gpr(t, INSN_RAX, 2, low | high << 8);
    } else {
        txn_set_gpr(t, INSN_RAX, size, low);
        txn_set_gpr(t, INSN_RDX, size, high);
    }
    return EMU_OK;
}

/* IMUL with two operands, or three. */
enum emu_result exec_imul(struct emu_txn *t)
{
    const struct insn *insn = t->insn;
    bool three = insn->operand[2].kind == INSN_OPERAND_IMM;
    uint64_t a, b, high;
    enum emu_result result = txn_get(t, three ? 1 : 0, &a);

    if (result == EMU_OK) {
        result = txn_get(t, three ? 2 : 1, &b);
    }
    if (result != EMU_OK) {
        return result;
    }
    return txn_set(t, 0, arith_imul(insn->operand[0].size, a, b, &high, &t->regs.rflags));
}

enum emu_result exec_divide(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t low = txn_gpr(t, INSN_RAX, size);
    uint64_t high = size == 1 ? txn_gpr(t, INSN_RAX | INSN_REG_HIGH, 1) : txn_gpr(t, INSN_RDX, size);
    uint64_t divisor, quotient, remainder;
    enum emu_result result = txn_get(t, 0, &divisor);
    bool fits;

    if (result != EMU_OK) {
        return result;
    }
    fits = t->insn->op == INSN_OP_DIV ? arith_div(size, high, low, divisor, &quotient, &remainder)
                                      : arith_idiv(size, high, low, divisor, &quotient, &remainder);
    if (!fits) {
        return emu_raise(t->emu, VECTOR_DE, 0);
    }
    txn_set_gpr(t, INSN_RAX, size, quotient);
    txn_set_gpr(t, size == 1 ? INSN_RAX | INSN_REG_HIGH : INSN_RDX, size, remainder);
    return EMU_OK;
}

/* CBW, CWDE, CDQE: the lower half of rAX, sign-extended. */
enum emu_result exec_cbw(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size;
    uint64_t half = txn_gpr(t, INSN_RAX, size / 2);

    txn_set_gpr(t, INSN_RAX, size, (uint64_t)arith_sign_extend(half, size / 2));
    return EMU_OK;
}

/* CWD, CDQ, CQO: rAX's sign into rDX. */
enum emu_result exec_cwd(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size;
    bool negative = txn_gpr(t, INSN_RAX, size) & arith_sign_bit(size);

    txn_set_gpr(t, INSN_RDX, size, negative ? ~0ull : 0);
    return EMU_OK;
}
