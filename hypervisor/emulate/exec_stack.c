/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The stack, and near control flow. */
#include "emulate/txn.h"

enum emu_result exec_push(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size;
    uint64_t value;
    enum emu_result result = txn_get(t, 0, &value);

    return result == EMU_OK ? txn_push(t, &value, size, size) : result;
}

/* A memory operand based on rSP is addressed after rSP has moved (SDM 2B POP), and POP rSP keeps what was
 * popped. */
enum emu_result exec_pop(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_pop(t, t->insn->operand_size, &value);

    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

/* rAX, rCX, rDX, rBX, rSP as it was, rBP, rSI, rDI: the last is lowest, so this is one store. */
enum emu_result exec_pusha(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size;
    uint8_t data[TXN_MAX_STORE];

    for (unsigned reg = 0; reg < 8; reg++) {
        __builtin_memcpy(data + (7 - reg) * size, &t->regs.gpr[reg], size);
    }
    return txn_push(t, data, 8 * size, 8 * size);
}

enum emu_result exec_popa(struct emu_txn *t)
{
    for (unsigned reg = 8; reg-- > 0;) {
        uint64_t value;
        enum emu_result result = txn_pop(t, t->insn->operand_size, &value);

        if (result != EMU_OK) {
            return result;
        }
        if (reg != INSN_RSP) {
            txn_set_gpr(t, reg, t->insn->operand_size, value);
        }
    }
    return EMU_OK;
}

/* Nested procedures (level above 0) store in several places; nobody has used them in living memory. */
enum emu_result exec_enter(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size, width;
    uint64_t frame = txn_gpr(t, INSN_RBP, size);
    enum emu_result result = txn_stack_width(t, &width);

    if (t->insn->imm2 & 31) {
        return EMU_UNHANDLED;
    }
    if (result == EMU_OK) {
        result = txn_push(t, &frame, size, size);
    }
    if (result == EMU_OK) {
        txn_set_gpr(t, INSN_RBP, size, t->regs.gpr[INSN_RSP]);
        txn_set_gpr(t, INSN_RSP, width, t->regs.gpr[INSN_RSP] - (uint64_t)t->insn->imm);
    }
    return result;
}

enum emu_result exec_leave(struct emu_txn *t)
{
    unsigned width;
    uint64_t value;
    enum emu_result result = txn_stack_width(t, &width);

    if (result != EMU_OK) {
        return result;
    }
    txn_set_gpr(t, INSN_RSP, width, t->regs.gpr[INSN_RBP]);
    result = txn_pop(t, t->insn->operand_size, &value);
    if (result == EMU_OK) {
        txn_set_gpr(t, INSN_RBP, t->insn->operand_size, value);
    }
    return result;
}

enum emu_result exec_pushf(struct emu_txn *t)
{
    /* The caller's RF is already cleared in the transaction; VM reads as 0 too (SDM 2B PUSHF). */
    uint64_t value = (t->regs.rflags & ~(EFLAGS_RF | EFLAGS_VM)) | EFLAGS_FIXED;

    return txn_push(t, &value, t->insn->operand_size, t->insn->operand_size);
}

/* Which flags a privilege level may change: SDM 2B POPF, table 4-15. */
enum emu_result exec_popf(struct emu_txn *t)
{
    const struct emu *emu = t->emu;
    uint64_t writable = EFLAGS_STATUS | EFLAGS_TF | EFLAGS_DF | EFLAGS_NT | EFLAGS_AC | EFLAGS_ID;
    uint64_t value;
    enum emu_result result = txn_pop(t, t->insn->operand_size, &value);

    if (result != EMU_OK) {
        return result;
    }
    if (emu->cpl == 0) {
        writable |= EFLAGS_IOPL;
    }
    if (emu->cpl <= (t->regs.rflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT) {
        writable |= EFLAGS_IF;
    }
    writable &= arith_mask(t->insn->operand_size);
    t->regs.rflags = (t->regs.rflags & ~writable) | (value & writable);
    t->events |= EMU_EVENT_FLAGS_WRITE;
    return EMU_OK;
}

/* A selector is zero-extended to 64 bits; into a slot of 32, Intel's processors write 16 (SDM 2B PUSH). */
enum emu_result exec_push_seg(struct emu_txn *t)
{
    unsigned size = t->insn->operand_size;
    struct emu_segment segment = {.selector = 0};
    enum emu_result result = txn_read_segment(t, t->insn->operand[0].reg, &segment);
    uint64_t selector = segment.selector;

    return result == EMU_OK ? txn_push(t, &selector, size == 4 ? 2 : size, size) : result;
}

enum emu_result exec_pop_seg(struct emu_txn *t)
{
    unsigned seg = t->insn->operand[0].reg;
    uint64_t value;
    enum emu_result result = txn_pop(t, t->insn->operand_size, &value);

    if (result == EMU_OK) {
        txn_note(t, EFFECT_SEGMENT, seg, value & 0xffff);
        t->events |= seg == INSN_SEG_SS ? EMU_EVENT_SS_SHADOW : 0;
    }
    return result;
}

/* The target of a near branch: relative to the next instruction, or an operand. */
static enum emu_result branch_target(struct emu_txn *t, uint64_t *target)
{
    enum emu_result result = txn_get(t, 0, target);

    if (t->insn->operand[0].kind == INSN_OPERAND_REL) {
        *target += t->regs.rip;
    }
    return result;
}

enum emu_result exec_jmp(struct emu_txn *t)
{
    uint64_t target;
    enum emu_result result = branch_target(t, &target);

    return result == EMU_OK ? txn_jump(t, target) : result;
}

enum emu_result exec_jcc(struct emu_txn *t)
{
    return arith_condition(t->insn->opcode & 15, t->regs.rflags) ? exec_jmp(t) : EMU_OK;
}

/* LOOPNE E0h, LOOPE E1h, LOOP E2h; the counter has the address size. */
enum emu_result exec_loop(struct emu_txn *t)
{
    unsigned size = t->insn->address_size;
    uint64_t count = (txn_gpr(t, INSN_RCX, size) - 1) & arith_mask(size);
    bool zero = t->regs.rflags & EFLAGS_ZF;
    bool taken = count != 0;

    if (t->insn->opcode != 0xe2) {
        taken = taken && zero == (t->insn->opcode == 0xe1);
    }
    txn_set_gpr(t, INSN_RCX, size, count);
    return taken ? exec_jmp(t) : EMU_OK;
}

enum emu_result exec_jcxz(struct emu_txn *t)
{
    return txn_gpr(t, INSN_RCX, t->insn->address_size) == 0 ? exec_jmp(t) : EMU_OK;
}

enum emu_result exec_call(struct emu_txn *t)
{
    uint64_t target, next = t->regs.rip;
    enum emu_result result = branch_target(t, &target);

    if (result == EMU_OK) {
        result = txn_push(t, &next, t->insn->operand_size, t->insn->operand_size);
    }
    return result == EMU_OK ? txn_jump(t, target) : result;
}

enum emu_result exec_ret(struct emu_txn *t)
{
    unsigned width;
    uint64_t target;
    enum emu_result result = txn_stack_width(t, &width);

    if (result == EMU_OK) {
        result = txn_pop(t, t->insn->operand_size, &target);
    }
    if (result != EMU_OK) {
        return result;
    }
    txn_set_gpr(t, INSN_RSP, width, t->regs.gpr[INSN_RSP] + (uint64_t)t->insn->imm);
    return txn_jump(t, target);
}
