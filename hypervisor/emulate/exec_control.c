/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Control, debug and extended control registers, and the flags that need privilege. Checked here: privilege
 * level, and the CR4 bits that gate an instruction where the caller lets CR4 be read. The validity of a
 * register's number and of its value is the callback's.
 */
#include "emulate/txn.h"

enum emu_result txn_read_cr4(struct emu_txn *t, uint64_t unknown, uint64_t *cr4)
{
    *cr4 = unknown;
    return t->emu->ops->read_cr ? t->emu->ops->read_cr(t->emu, 4, cr4) : EMU_OK;
}

enum emu_result txn_need_cr4(struct emu_txn *t, uint64_t bit)
{
    uint64_t cr4;
    enum emu_result result = txn_read_cr4(t, bit, &cr4);

    if (result == EMU_OK && !(cr4 & bit)) {
        result = emu_raise(t->emu, VECTOR_UD, 0);
    }
    return result;
}

void txn_set_edx_eax(struct emu_txn *t, uint64_t value)
{
    txn_set_gpr(t, INSN_RAX, 4, value);
    txn_set_gpr(t, INSN_RDX, 4, value >> 32);
}

uint64_t txn_get_edx_eax(const struct emu_txn *t)
{
    return txn_gpr(t, INSN_RDX, 4) << 32 | txn_gpr(t, INSN_RAX, 4);
}

static enum emu_result read_cr(struct emu_txn *t, unsigned cr, uint64_t *value)
{
    return t->emu->ops->read_cr ? t->emu->ops->read_cr(t->emu, cr, value) : EMU_UNHANDLED;
}

enum emu_result exec_mov_from_cr(struct emu_txn *t)
{
    uint64_t value = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = read_cr(t, t->insn->operand[1].reg, &value);
    }
    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

static enum emu_result mov_to(struct emu_txn *t, enum txn_effect kind)
{
    uint64_t value = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &value);
    }
    if (result == EMU_OK) {
        txn_note(t, kind, t->insn->operand[0].reg, value);
    }
    return result;
}

enum emu_result exec_mov_to_cr(struct emu_txn *t)
{
    return mov_to(t, EFFECT_CR);
}

enum emu_result exec_clts(struct emu_txn *t)
{
    uint64_t cr0 = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = read_cr(t, 0, &cr0);
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_CR, 0, cr0 & ~CR0_TS);
    }
    return result;
}

enum emu_result exec_smsw(struct emu_txn *t)
{
    uint64_t cr0 = 0, cr4 = 0;
    enum emu_result result = read_cr(t, 0, &cr0);

    if (result == EMU_OK && t->emu->cpl != 0) {
        result = read_cr(t, 4, &cr4);
        if (result == EMU_OK && (cr4 & CR4_UMIP)) {
            result = emu_raise(t->emu, VECTOR_GP, 0);
        }
    }
    return result == EMU_OK ? txn_set(t, 0, cr0) : result;
}

/* LMSW sets the low four bits of CR0, but cannot clear PE (SDM 2A LMSW). */
enum emu_result exec_lmsw(struct emu_txn *t)
{
    uint64_t cr0 = 0, value = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = txn_get(t, 0, &value);
    }
    if (result == EMU_OK) {
        result = read_cr(t, 0, &cr0);
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_CR, 0,
                 (cr0 & ~(CR0_MP | CR0_EM | CR0_TS)) | (value & (CR0_PE | CR0_MP | CR0_EM | CR0_TS)));
    }
    return result;
}

enum emu_result exec_mov_from_dr(struct emu_txn *t)
{
    uint64_t value = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = t->emu->ops->read_dr ? t->emu->ops->read_dr(t->emu, t->insn->operand[1].reg, &value)
                                      : EMU_UNHANDLED;
    }
    return result == EMU_OK ? txn_set(t, 0, value) : result;
}

enum emu_result exec_mov_to_dr(struct emu_txn *t)
{
    return mov_to(t, EFFECT_DR);
}

enum emu_result exec_xgetbv(struct emu_txn *t)
{
    uint64_t value = 0;
    enum emu_result result = txn_need_cr4(t, CR4_OSXSAVE);

    if (result == EMU_OK) {
        result = t->emu->ops->read_xcr
                     ? t->emu->ops->read_xcr(t->emu, (uint32_t)t->regs.gpr[INSN_RCX], &value)
                     : EMU_UNHANDLED;
    }
    if (result == EMU_OK) {
        txn_set_edx_eax(t, value);
    }
    return result;
}

enum emu_result exec_xsetbv(struct emu_txn *t)
{
    enum emu_result result = txn_need_cr4(t, CR4_OSXSAVE);

    if (result == EMU_OK) {
        result = txn_need_cpl0(t);
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_XCR, (uint32_t)t->regs.gpr[INSN_RCX], txn_get_edx_eax(t));
    }
    return result;
}

enum emu_result exec_cli_sti(struct emu_txn *t)
{
    bool set = t->insn->op == INSN_OP_STI;

    if (t->emu->cpl > (t->regs.rflags & EFLAGS_IOPL) >> EFLAGS_IOPL_SHIFT) {
        return emu_raise(t->emu, VECTOR_GP, 0);
    }
    if (set && !(t->regs.rflags & EFLAGS_IF)) {
        t->events |= EMU_EVENT_STI_SHADOW;
    }
    arith_set_flag(&t->regs.rflags, EFLAGS_IF, set);
    t->events |= EMU_EVENT_FLAGS_WRITE;
    return EMU_OK;
}

enum emu_result exec_clac_stac(struct emu_txn *t)
{
    if (t->emu->cpl != 0) {
        return emu_raise(t->emu, VECTOR_UD, 0);
    }
    arith_set_flag(&t->regs.rflags, EFLAGS_AC, t->insn->op == INSN_OP_STAC);
    t->events |= EMU_EVENT_FLAGS_WRITE;
    return EMU_OK;
}
