/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bit tests, bit scans, and the exchanges that compare or add. */
#include "emulate/txn.h"

/*
 * A bit offset in a register reaches beyond the memory operand (SDM 2A 3.1.1.9): it is a signed number of
 * bits from the operand's address, of which the part above the operand's width moves the address by whole
 * operands.
 */
static enum emu_result resolve_bit_string(struct emu_txn *t, uint64_t bit)
{
    const struct insn *insn = t->insn;
    unsigned size = insn->operand[0].size;
    int64_t operands = arith_sign_extend(bit, size) >> (size == 2 ? 4 : size == 4 ? 5 : 6);
    uint64_t offset = (txn_mem_offset(t) + (uint64_t)operands * size) & arith_mask(insn->address_size);
    enum emu_access access = insn->op == INSN_OP_BT ? EMU_ACCESS_READ : EMU_ACCESS_RMW;
    enum emu_result result = txn_linear(t, insn->mem.seg, offset, size, access, &t->address);

    t->have_address = result == EMU_OK;
    return result;
}

enum emu_result exec_bit_test(struct emu_txn *t)
{
    const struct insn *insn = t->insn;
    unsigned size = insn->operand[0].size;
    uint64_t bit, value, mask;
    enum emu_result result = txn_get(t, 1, &bit);

    if (result == EMU_OK && insn->operand[0].kind == INSN_OPERAND_MEM &&
        insn->operand[1].kind == INSN_OPERAND_REG) {
        result = resolve_bit_string(t, bit);
    }
    if (result == EMU_OK) {
        result = insn->op == INSN_OP_BT ? txn_get(t, 0, &value) : txn_get_to_modify(t, 0, &value);
    }
    if (result != EMU_OK) {
        return result;
    }
    mask = 1ull << (bit & (8 * size - 1));
    arith_set_flag(&t->regs.rflags, EFLAGS_CF, value & mask);
    switch (insn->op) {
    case INSN_OP_BTS:
        return txn_set(t, 0, value | mask);
    case INSN_OP_BTR:
        return txn_set(t, 0, value & ~mask);
    case INSN_OP_BTC:
        return txn_set(t, 0, value ^ mask);
    default:
        return EMU_OK;
    }
}

/* BSF and BSR: a source of zero sets ZF and leaves the destination, as processors do and AMD documents. */
enum emu_result exec_bit_scan(struct emu_txn *t)
{
    uint64_t value;
    enum emu_result result = txn_get(t, 1, &value);

    if (result != EMU_OK) {
        return result;
    }
    arith_set_flag(&t->regs.rflags, EFLAGS_ZF, value == 0);
    if (value == 0) {
        return EMU_OK;
    }
    return txn_set(
        t, 0, (uint64_t)(t->insn->op == INSN_OP_BSF ? __builtin_ctzll(value) : 63 - __builtin_clzll(value)));
}

/* The number of one bits, without a library call. */
static unsigned population(uint64_t value)
{
    unsigned count = 0;

    for (; value; value &= value - 1) {
        count++;
    }
    return count;
}

/* TZCNT, LZCNT, POPCNT. */
enum emu_result exec_bit_count(struct emu_txn *t)
{
    unsigned bits = 8u * t->insn->operand[0].size;
    uint64_t *flags = &t->regs.rflags;
    uint64_t value;
    unsigned count;
    enum emu_result result = txn_get(t, 1, &value);

    if (result != EMU_OK) {
        return result;
    }
    if (t->insn->op == INSN_OP_POPCNT) {
        *flags &= ~EFLAGS_STATUS;
        arith_set_flag(flags, EFLAGS_ZF, value == 0);
        return txn_set(t, 0, population(value));
    }
    if (value == 0) {
        count = bits;
    } else if (t->insn->op == INSN_OP_TZCNT) {
        count = (unsigned)__builtin_ctzll(value);
    } else {
        count = bits - 64 + (unsigned)__builtin_clzll(value);
    }
    arith_set_flag(flags, EFLAGS_CF, value == 0);
    arith_set_flag(flags, EFLAGS_ZF, count == 0);
    return txn_set(t, 0, count);
}

/* CRC32: polynomial 11EDC6F41h (SDM 2A CRC32), bit-reflected. */
enum emu_result exec_crc32(struct emu_txn *t)
{
    uint64_t data;
    uint32_t crc = (uint32_t)txn_gpr(t, t->insn->operand[0].reg, 4);
    enum emu_result result = txn_get(t, 1, &data);

    if (result != EMU_OK) {
        return result;
    }
    for (unsigned i = 0; i < 8u * t->insn->operand[1].size; i++) {
        bool low = (crc ^ (data >> i)) & 1;

        crc = (crc >> 1) ^ (low ? 0x82f63b78u : 0);
    }
    return txn_set(t, 0, crc);
}

enum emu_result exec_xadd(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t old, addend, sum;
    enum emu_result result = txn_get_to_modify(t, 0, &old);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &addend);
    }
    if (result != EMU_OK) {
        return result;
    }
    sum = arith_binary(ARITH_ADD, size, old, addend, &t->regs.rflags);
    /* The source first: XADD of a register with itself leaves the sum. */
    result = txn_set(t, 1, old);
    return result == EMU_OK ? txn_set(t, 0, sum) : result;
}

/* The destination is written in either case (SDM 2A CMPXCHG), so that it faults in either case. */
enum emu_result exec_cmpxchg(struct emu_txn *t)
{
    unsigned size = t->insn->operand[0].size;
    uint64_t accumulator = txn_gpr(t, INSN_RAX, size);
    uint64_t old, desired;
    enum emu_result result = txn_get_to_modify(t, 0, &old);

    if (result == EMU_OK) {
        result = txn_get(t, 1, &desired);
    }
    if (result != EMU_OK) {
        return result;
    }
    arith_binary(ARITH_CMP, size, accumulator, old, &t->regs.rflags);
    if (old == accumulator) {
        return txn_set(t, 0, desired);
    }
    if (t->insn->operand[0].kind == INSN_OPERAND_MEM) {
        result = txn_set(t, 0, old);
    }
    txn_set_gpr(t, INSN_RAX, size, old);
    return result;
}

/* CMPXCHG8B and CMPXCHG16B. */
enum emu_result exec_cmpxchg8b(struct emu_txn *t)
{
    unsigned length = t->insn->operand[0].size, half = length / 2;
    uint64_t old_low = 0, old_high = 0;
    uint8_t data[16];
    enum emu_result result = txn_resolve(t, length, EMU_ACCESS_RMW);

    if (result != EMU_OK) {
        return result;
    }
    if (length == 16 && (t->address & 15)) {
        return emu_raise(t->emu, VECTOR_GP, 0);
    }
    result = t->emu->ops->read(t->emu, t->address, t->expected, length, EMU_ACCESS_RMW);
    if (result != EMU_OK) {
        return result;
    }
    __builtin_memcpy(data, t->expected, sizeof(data));
    __builtin_memcpy(&old_low, data, half);
    __builtin_memcpy(&old_high, data + half, half);
    if (old_low == txn_gpr(t, INSN_RAX, half) && old_high == txn_gpr(t, INSN_RDX, half)) {
        uint64_t low = txn_gpr(t, INSN_RBX, half), high = txn_gpr(t, INSN_RCX, half);

        __builtin_memcpy(data, &low, half);
        __builtin_memcpy(data + half, &high, half);
        t->regs.rflags |= EFLAGS_ZF;
    } else {
        txn_set_gpr(t, INSN_RAX, half, old_low);
        txn_set_gpr(t, INSN_RDX, half, old_high);
        t->regs.rflags &= ~EFLAGS_ZF;
    }
    txn_note_store(t, t->address, data, length, insn_has(t->insn, INSN_PREFIX_LOCK));
    return EMU_OK;
}
