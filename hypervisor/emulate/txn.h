/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transaction of one instruction (or of one iteration of a string instruction): private to the executor.
 *
 * Invariant: handlers change nothing but the transaction. They may call callbacks that read; what changes the
 * world is noted in `effect`, of which there is at most one, and done by the commit in exec.c, before the
 * registers. A port that is read changes the world too: such a handler makes sure beforehand that nothing
 * after it can fail but the store it was probed for.
 */
#ifndef EMULATE_TXN_H
#define EMULATE_TXN_H

#include "emulate/arith.h"
#include "emulate/exec.h"

/* The widest single store: PUSHA with 32-bit operands. */
#define TXN_MAX_STORE 32

enum txn_effect {
    EFFECT_NONE = 0,
    EFFECT_STORE,
    EFFECT_CMPXCHG,
    EFFECT_PORT,
    EFFECT_MSR,
    EFFECT_CR,
    EFFECT_DR,
    EFFECT_XCR,
    EFFECT_SEGMENT,
    EFFECT_CACHE,
    EFFECT_INVLPG,
};

struct emu_effect {
    uint8_t kind;     /* enum txn_effect */
    uint8_t length;   /* of a store, a port */
    uint32_t index;   /* port, MSR, control register, segment, cache operation */
    uint64_t address; /* linear */
    uint64_t value;   /* where there is no data */
    uint8_t data[TXN_MAX_STORE];
    uint8_t expected[16];
};

struct emu_txn {
    struct emu *emu;
    const struct insn *insn;
    struct emu_regs regs; /* becomes the caller's at commit; rip starts at the next instruction */
    struct emu_effect effect;
    uint32_t events;
    bool have_address;
    uint64_t address;     /* linear, of insn->mem */
    uint64_t expected[2]; /* what a read-modify-write has read */
};

typedef enum emu_result (*emu_handler)(struct emu_txn *t);

/* Registers. Byte registers may be INSN_REG_HIGH. A 32-bit write clears the upper half (SDM 1 3.4.1.1). */
uint64_t txn_gpr(const struct emu_txn *t, unsigned reg, unsigned size);
void txn_set_gpr(struct emu_txn *t, unsigned reg, unsigned size, uint64_t value);

/* Operands. A value is zero-extended from the operand's size, but an immediate is as insn->imm has it. */
enum emu_result txn_get(struct emu_txn *t, unsigned operand, uint64_t *value);
enum emu_result txn_get_to_modify(struct emu_txn *t, unsigned operand, uint64_t *value);
enum emu_result txn_set(struct emu_txn *t, unsigned operand, uint64_t value);

/* The effective offset of insn->mem, before its segment is added. */
uint64_t txn_mem_offset(const struct emu_txn *t);

/* Segment checks and base (SDM 3A 5.3-5.5): the linear address of [seg:offset, +length), or #SS(0), #GP(0).
 */
enum emu_result txn_linear(struct emu_txn *t, unsigned seg, uint64_t offset, unsigned length,
                           enum emu_access access, uint64_t *linear);

/* The linear address of insn->mem for an access of `length` bytes; kept in t->address. */
enum emu_result txn_resolve(struct emu_txn *t, unsigned length, enum emu_access access);

/* Memory by segment and offset. A store is noted, not done. */
enum emu_result txn_load(struct emu_txn *t, unsigned seg, uint64_t offset, void *buffer, unsigned length);
enum emu_result txn_store(struct emu_txn *t, unsigned seg, uint64_t offset, const void *data,
                          unsigned length);

/* Notes a store to a linear address that was checked; as a compare-and-exchange against t->expected if
 * `atomic`. */
void txn_note_store(struct emu_txn *t, uint64_t linear, const void *data, unsigned length, bool atomic);

/* Notes an effect without data. */
void txn_note(struct emu_txn *t, enum txn_effect kind, uint32_t index, uint64_t value);

/* The stack. Moves rSP in the transaction. `size` bytes of room, of which `length` are written. */
enum emu_result txn_push(struct emu_txn *t, const void *data, unsigned length, unsigned size);
enum emu_result txn_pop(struct emu_txn *t, unsigned size, uint64_t *value);
enum emu_result txn_stack_width(struct emu_txn *t, unsigned *width);

/* Goes to `target`, cut to the operand size; #GP(0) if it is not canonical or outside CS. */
enum emu_result txn_jump(struct emu_txn *t, uint64_t target);

enum emu_result txn_read_segment(struct emu_txn *t, unsigned seg, struct emu_segment *segment);

/* #GP(0) unless CPL is 0. */
enum emu_result txn_need_cpl0(struct emu_txn *t);

/* CR4, or `unknown` where the caller has no control registers; #UD unless the bit is set there (or unknown). */
enum emu_result txn_read_cr4(struct emu_txn *t, uint64_t unknown, uint64_t *cr4);
enum emu_result txn_need_cr4(struct emu_txn *t, uint64_t bit);

/* rDX:rAX as two 32-bit halves, the convention of the MSR, TSC and XCR instructions. */
void txn_set_edx_eax(struct emu_txn *t, uint64_t value);
uint64_t txn_get_edx_eax(const struct emu_txn *t);

/* The handlers, one file each. */
enum emu_result exec_alu(struct emu_txn *t);
enum emu_result exec_shift(struct emu_txn *t);
enum emu_result exec_test(struct emu_txn *t);
enum emu_result exec_not(struct emu_txn *t);
enum emu_result exec_neg(struct emu_txn *t);
enum emu_result exec_inc_dec(struct emu_txn *t);
enum emu_result exec_multiply(struct emu_txn *t);
enum emu_result exec_imul(struct emu_txn *t);
enum emu_result exec_divide(struct emu_txn *t);
enum emu_result exec_shift_double(struct emu_txn *t);
enum emu_result exec_cbw(struct emu_txn *t);
enum emu_result exec_cwd(struct emu_txn *t);

enum emu_result exec_bit_test(struct emu_txn *t);
enum emu_result exec_bit_scan(struct emu_txn *t);
enum emu_result exec_bit_count(struct emu_txn *t);
enum emu_result exec_crc32(struct emu_txn *t);
enum emu_result exec_xadd(struct emu_txn *t);
enum emu_result exec_cmpxchg(struct emu_txn *t);
enum emu_result exec_cmpxchg8b(struct emu_txn *t);

enum emu_result exec_daa_das(struct emu_txn *t);
enum emu_result exec_aaa_aas(struct emu_txn *t);
enum emu_result exec_aam(struct emu_txn *t);
enum emu_result exec_aad(struct emu_txn *t);
enum emu_result exec_salc(struct emu_txn *t);

enum emu_result exec_mov(struct emu_txn *t);
enum emu_result exec_movsx(struct emu_txn *t);
enum emu_result exec_movbe(struct emu_txn *t);
enum emu_result exec_xchg(struct emu_txn *t);
enum emu_result exec_lea(struct emu_txn *t);
enum emu_result exec_bswap(struct emu_txn *t);
enum emu_result exec_cmovcc(struct emu_txn *t);
enum emu_result exec_setcc(struct emu_txn *t);
enum emu_result exec_xlat(struct emu_txn *t);
enum emu_result exec_nop(struct emu_txn *t);
enum emu_result exec_arith_flags(struct emu_txn *t);
enum emu_result exec_lahf_sahf(struct emu_txn *t);

enum emu_result exec_push(struct emu_txn *t);
enum emu_result exec_pop(struct emu_txn *t);
enum emu_result exec_pusha(struct emu_txn *t);
enum emu_result exec_popa(struct emu_txn *t);
enum emu_result exec_enter(struct emu_txn *t);
enum emu_result exec_leave(struct emu_txn *t);
enum emu_result exec_pushf(struct emu_txn *t);
enum emu_result exec_popf(struct emu_txn *t);
enum emu_result exec_push_seg(struct emu_txn *t);
enum emu_result exec_pop_seg(struct emu_txn *t);

enum emu_result exec_jmp(struct emu_txn *t);
enum emu_result exec_jcc(struct emu_txn *t);
enum emu_result exec_loop(struct emu_txn *t);
enum emu_result exec_jcxz(struct emu_txn *t);
enum emu_result exec_call(struct emu_txn *t);
enum emu_result exec_ret(struct emu_txn *t);

/* One iteration each; the repetition is exec_repeat()'s. */
enum emu_result exec_movs(struct emu_txn *t);
enum emu_result exec_cmps(struct emu_txn *t);
enum emu_result exec_stos(struct emu_txn *t);
enum emu_result exec_lods(struct emu_txn *t);
enum emu_result exec_scas(struct emu_txn *t);
enum emu_result exec_ins(struct emu_txn *t);
enum emu_result exec_outs(struct emu_txn *t);
enum emu_result exec_repeat(struct emu *emu, const struct insn *insn, emu_handler iteration);

enum emu_result exec_in(struct emu_txn *t);
enum emu_result exec_out(struct emu_txn *t);
enum emu_result txn_check_port(struct emu_txn *t, uint16_t port, unsigned size);

enum emu_result exec_cpuid(struct emu_txn *t);
enum emu_result exec_rdmsr(struct emu_txn *t);
enum emu_result exec_wrmsr(struct emu_txn *t);
enum emu_result exec_rdtsc(struct emu_txn *t);
enum emu_result exec_rdpid(struct emu_txn *t);
enum emu_result exec_mov_from_cr(struct emu_txn *t);
enum emu_result exec_mov_to_cr(struct emu_txn *t);
enum emu_result exec_clts(struct emu_txn *t);
enum emu_result exec_smsw(struct emu_txn *t);
enum emu_result exec_lmsw(struct emu_txn *t);
enum emu_result exec_mov_from_dr(struct emu_txn *t);
enum emu_result exec_mov_to_dr(struct emu_txn *t);
enum emu_result exec_xgetbv(struct emu_txn *t);
enum emu_result exec_xsetbv(struct emu_txn *t);
enum emu_result exec_wbinvd(struct emu_txn *t);
enum emu_result exec_clflush(struct emu_txn *t);
enum emu_result exec_invlpg(struct emu_txn *t);
enum emu_result exec_cli_sti(struct emu_txn *t);
enum emu_result exec_clac_stac(struct emu_txn *t);
enum emu_result exec_hlt(struct emu_txn *t);
enum emu_result exec_int(struct emu_txn *t);
enum emu_result exec_ud(struct emu_txn *t);
enum emu_result exec_mov_from_seg(struct emu_txn *t);
enum emu_result exec_mov_to_seg(struct emu_txn *t);
enum emu_result exec_rdbase(struct emu_txn *t);
enum emu_result exec_wrbase(struct emu_txn *t);

/* Begins and commits a transaction; exec.c. */
void txn_begin(struct emu_txn *t, struct emu *emu, const struct insn *insn);
enum emu_result txn_commit(struct emu_txn *t);

#endif
