/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * String instructions: one iteration each, and the repetition.
 *
 * A repeated instruction is a sequence of transactions, one an iteration, each of which leaves rCX, rSI and
 * rDI as the processor would if it were interrupted there, and rip at the instruction until the last. So it
 * can stop anywhere and be run again.
 */
#include "emulate/txn.h"

static unsigned source_segment(const struct insn *insn)
{
    return insn->seg_override == INSN_SEG_NONE ? INSN_SEG_DS : insn->seg_override;
}

static uint64_t index_register(const struct emu_txn *t, unsigned reg)
{
    return txn_gpr(t, reg, t->insn->address_size);
}

/* Moves rSI or rDI by one element, in the direction of DF. */
static void advance(struct emu_txn *t, unsigned reg, unsigned size)
{
    uint64_t step = t->regs.rflags & EFLAGS_DF ? 0 - (uint64_t)size : size;

    txn_set_gpr(t, reg, t->insn->address_size, index_register(t, reg) + step);
}

static enum emu_result load_source(struct emu_txn *t, unsigned size, uint64_t *value)
{
    enum emu_result result;

    *value = 0;
    result = txn_load(t, source_segment(t->insn), index_register(t, INSN_RSI), value, size);
    advance(t, INSN_RSI, size);
    return result;
}

static enum emu_result load_destination(struct emu_txn *t, unsigned size, uint64_t *value)
{
    enum emu_result result;

    *value = 0;
    result = txn_load(t, INSN_SEG_ES, index_register(t, INSN_RDI), value, size);
    advance(t, INSN_RDI, size);
    return result;
}

static enum emu_result store_destination(struct emu_txn *t, unsigned size, uint64_t value)
{
    enum emu_result result = txn_store(t, INSN_SEG_ES, index_register(t, INSN_RDI), &value, size);

    advance(t, INSN_RDI, size);
    return result;
}

enum emu_result exec_movs(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t value;
    enum emu_result result = load_source(t, size, &value);

    return result == EMU_OK ? store_destination(t, size, value) : result;
}

enum emu_result exec_stos(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;

    return store_destination(t, size, txn_gpr(t, INSN_RAX, size));
}

enum emu_result exec_lods(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t value;
    enum emu_result result = load_source(t, size, &value);

    if (result == EMU_OK) {
        txn_set_gpr(t, INSN_RAX, size, value);
    }
    return result;
}

/* Where both operands would fault, the destination does: so do Intel's processors. */
enum emu_result exec_cmps(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t a, b;
    enum emu_result result = load_destination(t, size, &b);

    if (result == EMU_OK) {
        result = load_source(t, size, &a);
    }
    if (result == EMU_OK) {
        arith_binary(ARITH_CMP, size, a, b, &t->regs.rflags);
    }
    return result;
}

enum emu_result exec_scas(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t b;
    enum emu_result result = load_destination(t, size, &b);

    if (result == EMU_OK) {
        arith_binary(ARITH_CMP, size, txn_gpr(t, INSN_RAX, size), b, &t->regs.rflags);
    }
    return result;
}

/* The port is read last, when the store has been found possible: what was read from a device cannot be put
 * back. */
enum emu_result exec_ins(struct emu_txn *t)
{
    const struct emu_ops *ops = t->emu->ops;
    unsigned size = t->insn->operand[0].size;
    uint16_t port = (uint16_t)t->regs.gpr[INSN_RDX];
    uint64_t linear;
    uint32_t value = 0;
    enum emu_result result = txn_check_port(t, port, size);

    if (result == EMU_OK) {
        result = txn_linear(t, INSN_SEG_ES, index_register(t, INSN_RDI), size, EMU_ACCESS_WRITE, &linear);
    }
    if (result == EMU_OK && ops->probe) {
        result = ops->probe(t->emu, linear, size, EMU_ACCESS_WRITE);
    }
    if (result == EMU_OK) {
        result = ops->io_read ? ops->io_read(t->emu, port, size, &value) : EMU_UNHANDLED;
    }
    if (result == EMU_OK) {
        txn_note_store(t, linear, &value, size, false);
        advance(t, INSN_RDI, size);
    }
    return result;
}

enum emu_result exec_outs(struct emu_txn *t)
{
    unsigned size = t->insn->operand[1].size;
    uint16_t port = (uint16_t)t->regs.gpr[INSN_RDX];
    uint64_t value;
    enum emu_result result = txn_check_port(t, port, size);

    if (result == EMU_OK) {
        result = load_source(t, size, &value);
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_PORT, port, value);
        t->effect.length = (uint8_t)size;
    }
    return result;
}

/* Whether the flags end a repeated comparison: REPE goes on while ZF is set, REPNE while it is clear. */
static bool comparison_ends(const struct emu_txn *t)
{
    const struct insn *insn = t->insn;

    if (insn->op != INSN_OP_CMPS && insn->op != INSN_OP_SCAS) {
        return false;
    }
    return !(t->regs.rflags & EFLAGS_ZF) == !!insn_has(insn, INSN_PREFIX_REP);
}

enum emu_result exec_repeat(struct emu *emu, const struct insn *insn, emu_handler iteration)
{
    uint32_t left = emu->rep_limit ? emu->rep_limit : 1;
    unsigned width = insn->address_size;
    uint64_t flags = emu->regs->rflags;
    struct emu_txn t;
    bool done;

    txn_begin(&t, emu, insn);
    if (txn_gpr(&t, INSN_RCX, width) == 0) {
        return txn_commit(&t);
    }
    do {
        uint64_t count = txn_gpr(&t, INSN_RCX, width) - 1;
        enum emu_result result = iteration(&t);

        if (result == EMU_OK) {
            txn_set_gpr(&t, INSN_RCX, width, count);
            done = count == 0 || comparison_ends(&t);
            if (!done) {
                t.regs.rip = emu->regs->rip;
            }
            result = txn_commit(&t);
        }
        if (result != EMU_OK) {
            /* The flags of comparisons before a fault are forgotten (SDM 2B REP). */
            emu->regs->rflags = flags;
            return result;
        }
        left--;
        txn_begin(&t, emu, insn);
    } while (!done && left);
    if (!done) {
        emu->events |= EMU_EVENT_REP_PARTIAL;
    }
    return EMU_OK;
}
