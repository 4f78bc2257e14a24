/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Integer arithmetic with flags, as pure functions. Sizes are in bytes: 1, 2, 4, 8. Operands may have
 * anything above their size; results have zeros there. `flags` is RFLAGS: read where the operation reads a
 * flag, its arithmetic bits replaced. Flags that the manual calls undefined get what current processors are
 * seen to give, or stay.
 */
#ifndef EMULATE_ARITH_H
#define EMULATE_ARITH_H

#include <stdbool.h>
#include <stdint.h>
#include "arch/x86/registers.h"

/* All ones in the low `size` bytes. */
static inline uint64_t arith_mask(unsigned size)
{
    return size >= 8 ? ~0ull : (1ull << (8 * size)) - 1;
}

static inline uint64_t arith_sign_bit(unsigned size)
{
    return 1ull << (8 * size - 1);
}

static inline int64_t arith_sign_extend(uint64_t value, unsigned size)
{
    unsigned unused = 64 - 8 * size;

    return (int64_t)(value << unused) >> unused;
}

/* The operations of the arithmetic block and of the shift group, by their three-bit encodings. */
enum arith_op {
    ARITH_ADD = 0,
    ARITH_OR,
    ARITH_ADC,
    ARITH_SBB,
    ARITH_AND,
    ARITH_SUB,
    ARITH_XOR,
    ARITH_CMP, /* gives the difference; the caller drops it */
};

enum shift_op {
    SHIFT_ROL = 0,
    SHIFT_ROR,
    SHIFT_RCL,
    SHIFT_RCR,
    SHIFT_SHL,
    SHIFT_SHR,
    SHIFT_SAL, /* an alias of SHL */
    SHIFT_SAR,
};

uint64_t arith_binary(enum arith_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *flags);
uint64_t arith_inc(unsigned size, uint64_t a, uint64_t *flags);
uint64_t arith_dec(unsigned size, uint64_t a, uint64_t *flags);
uint64_t arith_neg(unsigned size, uint64_t a, uint64_t *flags);

/* `count` is the instruction's, not yet masked. */
uint64_t arith_shift(enum shift_op op, unsigned size, uint64_t value, unsigned count, uint64_t *flags);

/* SHLD and SHRD: shifts `value` and fills from `fill`. Sizes 2, 4, 8. */
uint64_t arith_shift_double(bool left, unsigned size, uint64_t value, uint64_t fill, unsigned count,
                            uint64_t *flags);

/* The double-width product; high half in *high. Sets CF and OF if the high half matters. */
uint64_t arith_mul(unsigned size, uint64_t a, uint64_t b, uint64_t *high, uint64_t *flags);
uint64_t arith_imul(unsigned size, uint64_t a, uint64_t b, uint64_t *high, uint64_t *flags);

/* Divides high:low. False: divisor zero or quotient too large (#DE), outputs unset. */
bool arith_div(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
               uint64_t *remainder);
bool arith_idiv(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
                uint64_t *remainder);

/* Whether condition `code` (the opcode's low four bits: SDM 1 appendix B) holds. */
bool arith_condition(unsigned code, uint64_t flags);

/* Replaces ZF, SF and PF as `result` says, clears CF, OF and AF: the flags of the logical operations. */
void arith_set_logic_flags(unsigned size, uint64_t result, uint64_t *flags);

static inline void arith_set_flag(uint64_t *flags, uint64_t flag, bool on)
{
    *flags = on ? *flags | flag : *flags & ~flag;
}

#endif
