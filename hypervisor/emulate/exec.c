/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executor's frame: the table of handlers, the beginning and the commit of a transaction, exceptions. */
#include "emulate/txn.h"

/* Operations without a handler are decoded only. */
static const emu_handler handlers[INSN_OP_COUNT] = {
    [INSN_OP_ADD] = exec_alu,
    [INSN_OP_OR] = exec_alu,
    [INSN_OP_ADC] = exec_alu,
    [INSN_OP_SBB] = exec_alu,
    [INSN_OP_AND] = exec_alu,
    [INSN_OP_SUB] = exec_alu,
    [INSN_OP_XOR] = exec_alu,
    [INSN_OP_CMP] = exec_alu,
    [INSN_OP_ROL] = exec_shift,
    [INSN_OP_ROR] = exec_shift,
    [INSN_OP_RCL] = exec_shift,
    [INSN_OP_RCR] = exec_shift,
    [INSN_OP_SHL] = exec_shift,
    [INSN_OP_SHR] = exec_shift,
    [INSN_OP_SAL] = exec_shift,
    [INSN_OP_SAR] = exec_shift,
    [INSN_OP_TEST] = exec_test,
    [INSN_OP_NOT] = exec_not,
    [INSN_OP_NEG] = exec_neg,
    [INSN_OP_INC] = exec_inc_dec,
    [INSN_OP_DEC] = exec_inc_dec,
    [INSN_OP_MUL] = exec_multiply,
    [INSN_OP_IMUL1] = exec_multiply,
    [INSN_OP_IMUL] = exec_imul,
    [INSN_OP_DIV] = exec_divide,
    [INSN_OP_IDIV] = exec_divide,
    [INSN_OP_SHLD] = exec_shift_double,
    [INSN_OP_SHRD] = exec_shift_double,
    [INSN_OP_BT] = exec_bit_test,
    [INSN_OP_BTS] = exec_bit_test,
    [INSN_OP_BTR] = exec_bit_test,
    [INSN_OP_BTC] = exec_bit_test,
    [INSN_OP_BSF] = exec_bit_scan,
    [INSN_OP_BSR] = exec_bit_scan,
    [INSN_OP_TZCNT] = exec_bit_count,
    [INSN_OP_LZCNT] = exec_bit_count,
    [INSN_OP_POPCNT] = exec_bit_count,
    [INSN_OP_CRC32] = exec_crc32,
    [INSN_OP_XADD] = exec_xadd,
    [INSN_OP_CMPXCHG] = exec_cmpxchg,
    [INSN_OP_CMPXCHG8B] = exec_cmpxchg8b,
    [INSN_OP_CBW] = exec_cbw,
    [INSN_OP_CWD] = exec_cwd,
    [INSN_OP_DAA] = exec_daa_das,
    [INSN_OP_DAS] = exec_daa_das,
    [INSN_OP_AAA] = exec_aaa_aas,
    [INSN_OP_AAS] = exec_aaa_aas,
    [INSN_OP_AAM] = exec_aam,
    [INSN_OP_AAD] = exec_aad,
    [INSN_OP_SALC] = exec_salc,
    [INSN_OP_MOV] = exec_mov,
    [INSN_OP_MOVZX] = exec_mov,
    [INSN_OP_MOVSX] = exec_movsx,
    [INSN_OP_MOVBE] = exec_movbe,
    [INSN_OP_XCHG] = exec_xchg,
    [INSN_OP_LEA] = exec_lea,
    [INSN_OP_BSWAP] = exec_bswap,
    [INSN_OP_CMOVCC] = exec_cmovcc,
    [INSN_OP_SETCC] = exec_setcc,
    [INSN_OP_XLAT] = exec_xlat,
    [INSN_OP_NOP] = exec_nop,
    [INSN_OP_PAUSE] = exec_nop,
    [INSN_OP_FENCE] = exec_nop,
    [INSN_OP_PUSH] = exec_push,
    [INSN_OP_POP] = exec_pop,
    [INSN_OP_PUSHA] = exec_pusha,
    [INSN_OP_POPA] = exec_popa,
    [INSN_OP_ENTER] = exec_enter,
    [INSN_OP_LEAVE] = exec_leave,
    [INSN_OP_JMP] = exec_jmp,
    [INSN_OP_JCC] = exec_jcc,
    [INSN_OP_LOOP] = exec_loop,
    [INSN_OP_JCXZ] = exec_jcxz,
    [INSN_OP_CALL] = exec_call,
    [INSN_OP_RET] = exec_ret,
    [INSN_OP_MOVS] = exec_movs,
    [INSN_OP_CMPS] = exec_cmps,
    [INSN_OP_STOS] = exec_stos,
    [INSN_OP_LODS] = exec_lods,
    [INSN_OP_SCAS] = exec_scas,
    [INSN_OP_INS] = exec_ins,
    [INSN_OP_OUTS] = exec_outs,
    [INSN_OP_IN] = exec_in,
    [INSN_OP_OUT] = exec_out,
    [INSN_OP_CMC] = exec_arith_flags,
    [INSN_OP_CLC] = exec_arith_flags,
    [INSN_OP_STC] = exec_arith_flags,
    [INSN_OP_CLD] = exec_arith_flags,
    [INSN_OP_STD] = exec_arith_flags,
    [INSN_OP_LAHF] = exec_lahf_sahf,
    [INSN_OP_SAHF] = exec_lahf_sahf,
    [INSN_OP_CLI] = exec_cli_sti,
    [INSN_OP_STI] = exec_cli_sti,
    [INSN_OP_PUSHF] = exec_pushf,
    [INSN_OP_POPF] = exec_popf,
    [INSN_OP_CLAC] = exec_clac_stac,
    [INSN_OP_STAC] = exec_clac_stac,
    [INSN_OP_CPUID] = exec_cpuid,
    [INSN_OP_RDMSR] = exec_rdmsr,
    [INSN_OP_WRMSR] = exec_wrmsr,
    [INSN_OP_RDTSC] = exec_rdtsc,
    [INSN_OP_RDTSCP] = exec_rdtsc,
    [INSN_OP_RDPID] = exec_rdpid,
    [INSN_OP_MOV_FROM_CR] = exec_mov_from_cr,
    [INSN_OP_MOV_TO_CR] = exec_mov_to_cr,
    [INSN_OP_CLTS] = exec_clts,
    [INSN_OP_SMSW] = exec_smsw,
    [INSN_OP_LMSW] = exec_lmsw,
    [INSN_OP_MOV_FROM_DR] = exec_mov_from_dr,
    [INSN_OP_MOV_TO_DR] = exec_mov_to_dr,
    [INSN_OP_XGETBV] = exec_xgetbv,
    [INSN_OP_XSETBV] = exec_xsetbv,
    [INSN_OP_WBINVD] = exec_wbinvd,
    [INSN_OP_INVD] = exec_wbinvd,
    [INSN_OP_CLFLUSH] = exec_clflush,
    [INSN_OP_INVLPG] = exec_invlpg,
    [INSN_OP_INT3] = exec_int,
    [INSN_OP_INT] = exec_int,
    [INSN_OP_INTO] = exec_int,
    [INSN_OP_ICEBP] = exec_int,
    [INSN_OP_UD] = exec_ud,
    [INSN_OP_MOV_FROM_SEG] = exec_mov_from_seg,
    [INSN_OP_MOV_TO_SEG] = exec_mov_to_seg,
    [INSN_OP_PUSH_SEG] = exec_push_seg,
    [INSN_OP_POP_SEG] = exec_pop_seg,
    [INSN_OP_RDFSBASE] = exec_rdbase,
    [INSN_OP_RDGSBASE] = exec_rdbase,
    [INSN_OP_WRFSBASE] = exec_wrbase,
    [INSN_OP_WRGSBASE] = exec_wrbase,
    [INSN_OP_HLT] = exec_hlt,
};

bool emu_is_canonical(const struct emu *emu, uint64_t address)
{
    unsigned unused = 64 - (emu->va_bits ? emu->va_bits : 48);

    return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

enum emu_result emu_raise(struct emu *emu, uint8_t vector, uint32_t error_code)
{
    emu->exception = (struct emu_exception){
        .vector = vector,
        .has_error_code = vector < EXCEPTIONS && (EXCEPTIONS_WITH_ERROR_CODE >> vector & 1),
        .error_code = error_code,
    };
    return EMU_EXCEPTION;
}

enum emu_result emu_raise_page_fault(struct emu *emu, uint64_t cr2, uint32_t error_code)
{
    enum emu_result result = emu_raise(emu, VECTOR_PF, error_code);

    emu->exception.cr2 = cr2;
    return result;
}

void txn_begin(struct emu_txn *t, struct emu *emu, const struct insn *insn)
{
    t->emu = emu;
    t->insn = insn;
    t->regs = *emu->regs;
    t->regs.rip += insn->length;
    if (emu->mode != INSN_MODE_64) {
        t->regs.rip &= 0xffffffffu;
    }
    t->regs.rflags &= ~EFLAGS_RF;
    t->effect.kind = EFFECT_NONE;
    t->events = 0;
    t->have_address = false;
    t->address = 0;
    t->expected[0] = t->expected[1] = 0;
}

static enum emu_result do_effect(struct emu *emu, const struct emu_effect *e)
{
    const struct emu_ops *ops = emu->ops;

    switch (e->kind) {
    case EFFECT_NONE:
        return EMU_OK;
    case EFFECT_STORE:
        return ops->write(emu, e->address, e->data, e->length);
    case EFFECT_CMPXCHG:
        return ops->cmpxchg(emu, e->address, e->expected, e->data, e->length);
    case EFFECT_PORT:
        return ops->io_write ? ops->io_write(emu, (uint16_t)e->index, e->length, (uint32_t)e->value)
                             : EMU_UNHANDLED;
    case EFFECT_MSR:
        return ops->write_msr ? ops->write_msr(emu, e->index, e->value) : EMU_UNHANDLED;
    case EFFECT_CR:
        return ops->write_cr ? ops->write_cr(emu, e->index, e->value) : EMU_UNHANDLED;
    case EFFECT_DR:
        return ops->write_dr ? ops->write_dr(emu, e->index, e->value) : EMU_UNHANDLED;
    case EFFECT_XCR:
        return ops->write_xcr ? ops->write_xcr(emu, e->index, e->value) : EMU_UNHANDLED;
    case EFFECT_SEGMENT:
        return ops->load_segment ? ops->load_segment(emu, (enum insn_seg)e->index, (uint16_t)e->value)
                                 : EMU_UNHANDLED;
    case EFFECT_CACHE:
        return ops->cache ? ops->cache(emu, (enum emu_cache_op)e->index, e->value) : EMU_UNHANDLED;
    default:
        return ops->invlpg ? ops->invlpg(emu, e->value) : EMU_UNHANDLED;
    }
}

enum emu_result txn_commit(struct emu_txn *t)
{
    enum emu_result result = do_effect(t->emu, &t->effect);

    if (result == EMU_OK) {
        *t->emu->regs = t->regs;
        t->emu->events |= t->events;
    }
    return result;
}

/* Whether one instruction stands for many iterations: strings, with or without a repeat prefix. */
static bool is_string(const struct insn *insn)
{
    return (insn->op >= INSN_OP_MOVS && insn->op <= INSN_OP_SCAS) || insn->op == INSN_OP_INS ||
           insn->op == INSN_OP_OUTS;
}

enum emu_result emu_execute(struct emu *emu, const struct insn *insn)
{
    struct emu_txn t;
    emu_handler handler;
    enum emu_result result;

    emu->length = insn->length;
    emu->events = 0;
    if (insn->op >= INSN_OP_COUNT || !(insn_class(insn) & emu->classes)) {
        return EMU_UNHANDLED;
    }
    handler = handlers[insn->op];
    if (!handler) {
        return EMU_UNHANDLED;
    }
    if (is_string(insn) && (insn->prefixes & (INSN_PREFIX_REP | INSN_PREFIX_REPNE))) {
        return exec_repeat(emu, insn, handler);
    }
    txn_begin(&t, emu, insn);
    result = handler(&t);
    return result == EMU_OK ? txn_commit(&t) : result;
}
