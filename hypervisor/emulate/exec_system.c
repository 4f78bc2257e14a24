/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged and model-specific instructions. Checked here: privilege level, and the CR4 bits that gate an
 * instruction where the caller lets CR4 be read. The validity of a register's number and of its value is the
 * callback's.
 */
#include "emulate/txn.h"

enum emu_result exec_cpuid(struct emu_txn *t)
{
    static const uint8_t registers[4] = {INSN_RAX, INSN_RBX, INSN_RCX, INSN_RDX};
    uint32_t out[4] = {0};
    enum emu_result result;

    if (!t->emu->ops->cpuid) {
        return EMU_UNHANDLED;
    }
    result =
        t->emu->ops->cpuid(t->emu, (uint32_t)t->regs.gpr[INSN_RAX], (uint32_t)t->regs.gpr[INSN_RCX], out);
    if (result == EMU_OK) {
        for (unsigned i = 0; i < 4; i++) {
            txn_set_gpr(t, registers[i], 4, out[i]);
        }
    }
    return result;
}

static enum emu_result read_msr(struct emu_txn *t, uint32_t msr, uint64_t *value)
{
    return t->emu->ops->read_msr ? t->emu->ops->read_msr(t->emu, msr, value) : EMU_UNHANDLED;
}

enum emu_result exec_rdmsr(struct emu_txn *t)
{
    uint64_t value = 0;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        result = read_msr(t, (uint32_t)t->regs.gpr[INSN_RCX], &value);
    }
    if (result == EMU_OK) {
        txn_set_edx_eax(t, value);
    }
    return result;
}

enum emu_result exec_wrmsr(struct emu_txn *t)
{
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK) {
        txn_note(t, EFFECT_MSR, (uint32_t)t->regs.gpr[INSN_RCX], txn_get_edx_eax(t));
    }
    return result;
}

/* RDTSC and RDTSCP: the caller's read_msr gives the time stamp as the guest sees it. */
enum emu_result exec_rdtsc(struct emu_txn *t)
{
    uint64_t tsc = 0, aux = 0, cr4 = 0;
    enum emu_result result = EMU_OK;

    if (t->emu->cpl != 0) {
        result = txn_read_cr4(t, 0, &cr4);
        if (result == EMU_OK && (cr4 & CR4_TSD)) {
            result = emu_raise(t->emu, VECTOR_GP, 0);
        }
    }
    if (result == EMU_OK) {
        result = read_msr(t, MSR_TSC, &tsc);
    }
    if (result == EMU_OK && t->insn->op == INSN_OP_RDTSCP) {
        result = read_msr(t, MSR_TSC_AUX, &aux);
        txn_set_gpr(t, INSN_RCX, 4, aux);
    }
    txn_set_edx_eax(t, tsc);
    return result;
}

enum emu_result exec_rdpid(struct emu_txn *t)
{
    uint64_t aux = 0;
    enum emu_result result = read_msr(t, MSR_TSC_AUX, &aux);

    return result == EMU_OK ? txn_set(t, 0, aux & 0xffffffffu) : result;
}

enum emu_result exec_wbinvd(struct emu_txn *t)
{
    enum emu_cache_op op = EMU_CACHE_INVD;
    enum emu_result result = txn_need_cpl0(t);

    if (t->insn->op == INSN_OP_WBINVD) {
        op = insn_has(t->insn, INSN_PREFIX_REP) ? EMU_CACHE_WBNOINVD : EMU_CACHE_WBINVD;
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_CACHE, op, 0);
    }
    return result;
}

enum emu_result exec_clflush(struct emu_txn *t)
{
    enum emu_result result = txn_resolve(t, 1, EMU_ACCESS_READ);

    if (result == EMU_OK) {
        txn_note(t, EFFECT_CACHE, EMU_CACHE_LINE, t->address);
    }
    return result;
}

/* The address is not accessed: no limit is checked, and one that is not canonical is ignored (SDM 2A INVLPG).
 */
enum emu_result exec_invlpg(struct emu_txn *t)
{
    unsigned seg = t->insn->mem.seg;
    struct emu_segment segment = {.base = 0};
    uint64_t linear = txn_mem_offset(t);
    bool long_mode = t->emu->mode == INSN_MODE_64;
    enum emu_result result = txn_need_cpl0(t);

    if (result == EMU_OK && (!long_mode || seg == INSN_SEG_FS || seg == INSN_SEG_GS)) {
        result = txn_read_segment(t, seg, &segment);
    }
    if (result != EMU_OK) {
        return result;
    }
    linear += segment.base;
    if (!long_mode) {
        linear &= 0xffffffffu;
    }
    if (emu_is_canonical(t->emu, linear)) {
        txn_note(t, EFFECT_INVLPG, 0, linear);
    }
    return EMU_OK;
}

enum emu_result exec_hlt(struct emu_txn *t)
{
    t->events |= EMU_EVENT_HALT;
    return txn_need_cpl0(t);
}

/* A software interrupt is for the caller to deliver: the gate's privilege level decides whether it may. */
enum emu_result exec_int(struct emu_txn *t)
{
    uint8_t vector;

    switch (t->insn->op) {
    case INSN_OP_INT3:
        vector = VECTOR_BP;
        break;
    case INSN_OP_ICEBP:
        vector = VECTOR_DB;
        break;
    case INSN_OP_INTO:
        if (!(t->regs.rflags & EFLAGS_OF)) {
            return EMU_OK;
        }
        vector = VECTOR_OF;
        break;
    default:
        vector = (uint8_t)t->insn->imm;
        break;
    }
    t->emu->exception = (struct emu_exception){.vector = vector, .software = true};
    return EMU_EXCEPTION;
}

enum emu_result exec_ud(struct emu_txn *t)
{
    return emu_raise(t->emu, VECTOR_UD, 0);
}

enum emu_result exec_mov_from_seg(struct emu_txn *t)
{
    struct emu_segment segment;
    enum emu_result result = txn_read_segment(t, t->insn->operand[1].reg, &segment);

    return result == EMU_OK ? txn_set(t, 0, segment.selector) : result;
}

enum emu_result exec_mov_to_seg(struct emu_txn *t)
{
    unsigned seg = t->insn->operand[0].reg;
    uint64_t selector;
    enum emu_result result = txn_get(t, 1, &selector);

    if (result == EMU_OK) {
        txn_note(t, EFFECT_SEGMENT, seg, selector & 0xffff);
        t->events |= seg == INSN_SEG_SS ? EMU_EVENT_SS_SHADOW : 0;
    }
    return result;
}

enum emu_result exec_rdbase(struct emu_txn *t)
{
    uint64_t base = 0;
    enum emu_result result = txn_need_cr4(t, CR4_FSGSBASE);

    if (result == EMU_OK) {
        result = read_msr(t, t->insn->op == INSN_OP_RDFSBASE ? MSR_FS_BASE : MSR_GS_BASE, &base);
    }
    return result == EMU_OK ? txn_set(t, 0, base) : result;
}

enum emu_result exec_wrbase(struct emu_txn *t)
{
    uint64_t base = 0;
    enum emu_result result = txn_need_cr4(t, CR4_FSGSBASE);

    if (result == EMU_OK) {
        result = txn_get(t, 0, &base);
    }
    if (result == EMU_OK && !emu_is_canonical(t->emu, base)) {
        result = emu_raise(t->emu, VECTOR_GP, 0);
    }
    if (result == EMU_OK) {
        txn_note(t, EFFECT_MSR, t->insn->op == INSN_OP_WRFSBASE ? MSR_FS_BASE : MSR_GS_BASE, base);
    }
    return result;
}
