/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Integer arithmetic with flags: SDM 1 3.4.3.1 and the "flags affected" of each instruction in SDM 2. */
#include "emulate/arith.h"

static bool odd_parity(uint64_t value)
{
    return __builtin_parity((unsigned)(value & 0xff));
}

/* ZF, SF, PF of a result that is already cut to its size. */
static uint64_t result_flags(unsigned size, uint64_t result)
{
    return (result == 0 ? EFLAGS_ZF : 0) | (result & arith_sign_bit(size) ? EFLAGS_SF : 0) |
           (odd_parity(result) ? 0 : EFLAGS_PF);
}

static void set_flags(uint64_t *flags, uint64_t arith)
{
    *flags = (*flags & ~EFLAGS_STATUS) | arith;
}

void arith_set_logic_flags(unsigned size, uint64_t result, uint64_t *flags)
{
    set_flags(flags, result_flags(size, result & arith_mask(size)));
}

/* a + b + carry. The carry out of each bit is the majority of both operands and the carry in. */
static uint64_t add(unsigned size, uint64_t a, uint64_t b, bool carry, uint64_t *flags)
{
    uint64_t sign = arith_sign_bit(size);
    uint64_t r = (a + b + carry) & arith_mask(size);
    uint64_t carries = (a & b) | ((a | b) & ~r);

    set_flags(flags, result_flags(size, r) | (carries & sign ? EFLAGS_CF : 0) | ((a ^ b ^ r) & EFLAGS_AF) |
                         ((a ^ r) & (b ^ r) & sign ? EFLAGS_OF : 0));
    return r;
}

/* a - b - borrow. */
static uint64_t subtract(unsigned size, uint64_t a, uint64_t b, bool borrow, uint64_t *flags)
{
    uint64_t sign = arith_sign_bit(size);
    uint64_t r = (a - b - borrow) & arith_mask(size);
    uint64_t borrows = (~a & b) | ((~a | b) & r);

    set_flags(flags, result_flags(size, r) | (borrows & sign ? EFLAGS_CF : 0) | ((a ^ b ^ r) & EFLAGS_AF) |
                         ((a ^ b) & (a ^ r) & sign ? EFLAGS_OF : 0));
    return r;
}

uint64_t arith_binary(enum arith_op op, unsigned size, uint64_t a, uint64_t b, uint64_t *flags)
{
    bool carry = *flags & EFLAGS_CF;
    uint64_t r;

    a &= arith_mask(size);
    b &= arith_mask(size);
    switch (op) {
    case ARITH_ADD:
        return add(size, a, b, false, flags);
    case ARITH_ADC:
        return add(size, a, b, carry, flags);
    case ARITH_SBB:
        return subtract(size, a, b, carry, flags);
    case ARITH_SUB:
    case ARITH_CMP:
        return subtract(size, a, b, false, flags);
    case ARITH_OR:
        r = a | b;
        break;
    case ARITH_AND:
        r = a & b;
        break;
    default:
        r = a ^ b;
        break;
    }
    arith_set_logic_flags(size, r, flags);
    return r;
}

uint64_t arith_inc(unsigned size, uint64_t a, uint64_t *flags)
{
    uint64_t carry = *flags & EFLAGS_CF;
    uint64_t r = add(size, a & arith_mask(size), 1, false, flags);

    *flags = (*flags & ~EFLAGS_CF) | carry;
    return r;
}

uint64_t arith_dec(unsigned size, uint64_t a, uint64_t *flags)
{
    uint64_t carry = *flags & EFLAGS_CF;
    uint64_t r = subtract(size, a & arith_mask(size), 1, false, flags);

    *flags = (*flags & ~EFLAGS_CF) | carry;
    return r;
}

uint64_t arith_neg(unsigned size, uint64_t a, uint64_t *flags)
{
    return subtract(size, 0, a & arith_mask(size), false, flags);
}

/* ROL and ROR. Only CF and OF change, and neither for a masked count of zero. */
static uint64_t rotate(bool left, unsigned size, uint64_t value, unsigned count, uint64_t *flags)
{
    unsigned bits = 8 * size;
    unsigned n = count % bits;
    uint64_t r = value;
    bool top, next, carry;

    if (n) {
        unsigned shift = left ? n : bits - n;

        r = ((value << shift) | (value >> (bits - shift))) & arith_mask(size);
    }
    top = r & arith_sign_bit(size);
    next = r & (arith_sign_bit(size) >> 1);
    carry = left ? r & 1 : top;
    arith_set_flag(flags, EFLAGS_CF, carry);
    arith_set_flag(flags, EFLAGS_OF, left ? top != carry : top != next);
    return r;
}

/* RCL and RCR: a rotation of size * 8 + 1 bits with CF at the top. */
static uint64_t rotate_carry(bool left, unsigned size, uint64_t value, unsigned count, uint64_t *flags)
{
    unsigned bits = 8 * size;
    unsigned n = count % (bits + 1);
    uint64_t sign = arith_sign_bit(size);
    bool carry = *flags & EFLAGS_CF;

    for (unsigned i = 0; i < n; i++) {
        bool out = left ? value & sign : value & 1;

        if (left) {
            value = ((value << 1) | carry) & arith_mask(size);
        } else {
            value = (value >> 1) | (carry ? sign : 0);
        }
        carry = out;
    }
    arith_set_flag(flags, EFLAGS_CF, carry);
    if (left) {
        arith_set_flag(flags, EFLAGS_OF, !!(value & sign) != carry);
    } else {
        arith_set_flag(flags, EFLAGS_OF, !!(value & sign) != !!(value & (sign >> 1)));
    }
    return value;
}

/* SHL, SHR, SAR with 0 < count < 64. */
static uint64_t shift(enum shift_op op, unsigned size, uint64_t value, unsigned count, uint64_t *flags)
{
    uint64_t sign = arith_sign_bit(size);
    uint64_t r, before; /* before: shifted by one less, where the bit that leaves can be seen */
    bool carry, overflow;

    if (op == SHIFT_SAR) {
        int64_t wide = arith_sign_extend(value, size);

        before = (uint64_t)(wide >> (count - 1));
        r = (uint64_t)(wide >> count) & arith_mask(size);
        carry = before & 1;
        overflow = false;
    } else if (op == SHIFT_SHR) {
        before = value >> (count - 1);
        r = value >> count;
        carry = before & 1;
        overflow = value & sign;
    } else {
        before = value << (count - 1);
        r = (value << count) & arith_mask(size);
        carry = before & sign;
        overflow = !!(r & sign) != carry;
    }
    set_flags(flags, result_flags(size, r) | (carry ? EFLAGS_CF : 0) | (overflow ? EFLAGS_OF : 0));
    return r;
}

uint64_t arith_shift(enum shift_op op, unsigned size, uint64_t value, unsigned count, uint64_t *flags)
{
    count &= size == 8 ? 63 : 31;
    value &= arith_mask(size);
    if (count == 0) {
        return value;
    }
    switch (op) {
    case SHIFT_ROL:
    case SHIFT_ROR:
        return rotate(op == SHIFT_ROL, size, value, count, flags);
    case SHIFT_RCL:
    case SHIFT_RCR:
        return rotate_carry(op == SHIFT_RCL, size, value, count, flags);
    default:
        return shift(op, size, value, count, flags);
    }
}

uint64_t arith_shift_double(bool left, unsigned size, uint64_t value, uint64_t fill, unsigned count,
                            uint64_t *flags)
{
    unsigned bits = 8 * size;
    uint64_t sign = arith_sign_bit(size);
    uint64_t r;
    bool carry;

    count &= size == 8 ? 63 : 31;
    value &= arith_mask(size);
    fill &= arith_mask(size);
    if (count == 0) {
        return value;
    }
    count =
        count > bits ? count - bits : count; /* only 16-bit forms get here; the result is undefined there */
    if (left) {
        carry = (value >> (bits - count)) & 1;
        r = count == bits ? fill : (value << count) | (fill >> (bits - count));
    } else {
        carry = (value >> (count - 1)) & 1;
        r = count == bits ? fill : (value >> count) | (fill << (bits - count));
    }
    r &= arith_mask(size);
    set_flags(flags, result_flags(size, r) | (carry ? EFLAGS_CF : 0) | ((r ^ value) & sign ? EFLAGS_OF : 0));
    return r;
}

/* CF and OF say whether the high half matters; the others are undefined and are left. */
static void set_multiply_flags(uint64_t *flags, bool significant)
{
    arith_set_flag(flags, EFLAGS_CF | EFLAGS_OF, significant);
}

uint64_t arith_mul(unsigned size, uint64_t a, uint64_t b, uint64_t *high, uint64_t *flags)
{
    unsigned __int128 product = (unsigned __int128)(a & arith_mask(size)) * (b & arith_mask(size));
    uint64_t low = (uint64_t)product & arith_mask(size);

    *high = (uint64_t)(product >> (8 * size)) & arith_mask(size);
    set_multiply_flags(flags, *high != 0);
    return low;
}

uint64_t arith_imul(unsigned size, uint64_t a, uint64_t b, uint64_t *high, uint64_t *flags)
{
    __int128 product = (__int128)arith_sign_extend(a, size) * arith_sign_extend(b, size);
    uint64_t low = (uint64_t)product & arith_mask(size);

    *high = (uint64_t)((unsigned __int128)product >> (8 * size)) & arith_mask(size);
    set_multiply_flags(flags, product != arith_sign_extend(low, size));
    return low;
}

/* 128 by 64 bits, by the processor's own instruction: a compiler would call its library for it. high <
 * divisor. */
static uint64_t divide_wide(uint64_t high, uint64_t low, uint64_t divisor, uint64_t *remainder)
{
    uint64_t quotient;

    __asm__("divq %[divisor]"
            : "=a"(quotient), "=d"(*remainder)
            : "a"(low), "d"(high), [divisor] "rm"(divisor)
            : "cc");
    return quotient;
}

bool arith_div(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
               uint64_t *remainder)
{
    uint64_t mask = arith_mask(size);

    high &= mask;
    low &= mask;
    divisor &= mask;
    if (high >= divisor) { /* also a divisor of zero */
        return false;
    }
    if (size == 8) {
        *quotient = divide_wide(high, low, divisor, remainder);
        return true;
    }
    low |= high << (8 * size);
    *quotient = low / divisor;
    *remainder = low % divisor;
    return true;
}

bool arith_idiv(unsigned size, uint64_t high, uint64_t low, uint64_t divisor, uint64_t *quotient,
                uint64_t *remainder)
{
    uint64_t mask = arith_mask(size);
    uint64_t sign = arith_sign_bit(size);
    bool negative_dividend = high & sign;
    bool negative_divisor = divisor & sign;
    bool negative = negative_dividend != negative_divisor;

    high &= mask;
    low &= mask;
    if (negative_dividend) { /* negate high:low */
        low = -low & mask;
        high = (~high + (low == 0)) & mask;
    }
    if (!arith_div(size, high, low, negative_divisor ? -divisor : divisor, quotient, remainder)) {
        return false;
    }
    /* The quotient's magnitude may reach the sign bit only if it is negative, and then only as the bit alone.
     */
    if (*quotient > (negative ? sign : sign - 1)) {
        return false;
    }
    *quotient = (negative ? -*quotient : *quotient) & mask;
    *remainder = (negative_dividend ? -*remainder : *remainder) & mask;
    return true;
}

bool arith_condition(unsigned code, uint64_t flags)
{
    bool sign_differs = !!(flags & EFLAGS_SF) != !!(flags & EFLAGS_OF);
    bool holds;

    switch ((code >> 1) & 7) {
    case 0:
        holds = flags & EFLAGS_OF;
        break;
    case 1:
        holds = flags & EFLAGS_CF;
        break;
    case 2:
        holds = flags & EFLAGS_ZF;
        break;
    case 3:
        holds = flags & (EFLAGS_CF | EFLAGS_ZF);
        break;
    case 4:
        holds = flags & EFLAGS_SF;
        break;
    case 5:
        holds = flags & EFLAGS_PF;
        break;
    case 6:
        holds = sign_differs;
        break;
    default:
        holds = (flags & EFLAGS_ZF) || sign_differs;
        break;
    }
    return holds != (code & 1);
}
