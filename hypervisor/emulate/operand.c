/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How handlers reach registers, memory and the stack. */
#include "emulate/txn.h"

uint64_t txn_gpr(const struct emu_txn *t, unsigned reg, unsigned size)
{
    if (reg & INSN_REG_HIGH) {
        return (t->regs.gpr[reg & 3] >> 8) & 0xff;
    }
    return t->regs.gpr[reg & 15] & arith_mask(size);
}

void txn_set_gpr(struct emu_txn *t, unsigned reg, unsigned size, uint64_t value)
{
    uint64_t *gpr = &t->regs.gpr[reg & (reg & INSN_REG_HIGH ? 3 : 15)];

    if (reg & INSN_REG_HIGH) {
        *gpr = (*gpr & ~0xff00ull) | ((value & 0xff) << 8);
    } else if (size >= 4) {
        *gpr = value & arith_mask(size);
    } else {
        *gpr = (*gpr & ~arith_mask(size)) | (value & arith_mask(size));
    }
}

enum emu_result txn_read_segment(struct emu_txn *t, unsigned seg, struct emu_segment *segment)
{
    if (!t->emu->ops->read_segment) {
        return EMU_UNHANDLED;
    }
    return t->emu->ops->read_segment(t->emu, (enum insn_seg)seg, segment);
}

static enum emu_result segment_fault(struct emu_txn *t, unsigned seg)
{
    return emu_raise(t->emu, seg == INSN_SEG_SS ? VECTOR_SS : VECTOR_GP, 0);
}

static enum emu_result linear64(struct emu_txn *t, unsigned seg, uint64_t offset, unsigned length,
                                uint64_t *linear)
{
    uint64_t base = 0;

    if (seg == INSN_SEG_FS || seg == INSN_SEG_GS) {
        struct emu_segment segment;
        enum emu_result result = txn_read_segment(t, seg, &segment);

        if (result != EMU_OK) {
            return result;
        }
        base = segment.base;
    }
    *linear = base + offset;
    if (!emu_is_canonical(t->emu, *linear) || !emu_is_canonical(t->emu, *linear + length - 1)) {
        return segment_fault(t, seg);
    }
    return EMU_OK;
}

/* Whether the segment's type allows the access. Types: SDM 3A table 3-1; bit 3 code, bit 1 writable or
 * readable. */
static bool segment_allows(const struct emu_segment *segment, enum emu_access access)
{
    unsigned need = EMU_SEGMENT_PRESENT | EMU_SEGMENT_S;

    if ((segment->attributes & need) != need) {
        return false;
    }
    switch (segment->attributes & 0xa) {
    case 0x2: /* data, writable */
        return true;
    case 0x0: /* data, read-only */
    case 0xa: /* code, readable */
        return access == EMU_ACCESS_READ;
    default: /* code, execute-only */
        return false;
    }
}

static bool within_limit(const struct emu_segment *segment, uint32_t offset, unsigned length)
{
    uint64_t last = (uint64_t)offset + length - 1;

    if ((segment->attributes & 0xc) == 0x4) { /* data, expand down */
        uint64_t top = segment->attributes & EMU_SEGMENT_DB ? 0xffffffffu : 0xffffu;

        return offset > segment->limit && last <= top;
    }
    return last <= segment->limit;
}

static enum emu_result linear32(struct emu_txn *t, unsigned seg, uint64_t offset, unsigned length,
                                enum emu_access access, uint64_t *linear)
{
    struct emu_segment segment;
    enum emu_result result = txn_read_segment(t, seg, &segment);

    if (result != EMU_OK) {
        return result;
    }
    if (!segment_allows(&segment, access) || !within_limit(&segment, (uint32_t)offset, length)) {
        return segment_fault(t, seg);
    }
    *linear = (uint32_t)(segment.base + offset);
    return EMU_OK;
}

enum emu_result txn_linear(struct emu_txn *t, unsigned seg, uint64_t offset, unsigned length,
                           enum emu_access access, uint64_t *linear)
{
    if (t->emu->mode == INSN_MODE_64) {
        return linear64(t, seg, offset, length, linear);
    }
    return linear32(t, seg, offset, length, access, linear);
}

uint64_t txn_mem_offset(const struct emu_txn *t)
{
    const struct insn_mem *mem = &t->insn->mem;
    uint64_t offset = (uint64_t)mem->disp;

    if (mem->rip_relative) {
        offset += t->regs.rip;
    }
    if (mem->base != INSN_REG_NONE) {
        offset += t->regs.gpr[mem->base & 15];
    }
    if (mem->index != INSN_REG_NONE) {
        offset += t->regs.gpr[mem->index & 15] * mem->scale;
    }
    return offset & arith_mask(t->insn->address_size);
}

enum emu_result txn_resolve(struct emu_txn *t, unsigned length, enum emu_access access)
{
    enum emu_result result;

    if (t->have_address) {
        return EMU_OK;
    }
    result = txn_linear(t, t->insn->mem.seg, txn_mem_offset(t), length, access, &t->address);
    t->have_address = result == EMU_OK;
    return result;
}

enum emu_result txn_load(struct emu_txn *t, unsigned seg, uint64_t offset, void *buffer, unsigned length)
{
    uint64_t linear;
    enum emu_result result = txn_linear(t, seg, offset, length, EMU_ACCESS_READ, &linear);

    if (result != EMU_OK) {
        return result;
    }
    return t->emu->ops->read(t->emu, linear, buffer, length, EMU_ACCESS_READ);
}

void txn_note_store(struct emu_txn *t, uint64_t linear, const void *data, unsigned length, bool atomic)
{
    t->effect.kind = atomic && t->emu->ops->cmpxchg ? EFFECT_CMPXCHG : EFFECT_STORE;
    t->effect.length = (uint8_t)length;
    t->effect.address = linear;
    __builtin_memcpy(t->effect.data, data, length);
    if (atomic) {
        __builtin_memcpy(t->effect.expected, t->expected, sizeof(t->effect.expected));
    }
}

void txn_note(struct emu_txn *t, enum txn_effect kind, uint32_t index, uint64_t value)
{
    t->effect.kind = (uint8_t)kind;
    t->effect.index = index;
    t->effect.value = value;
}

enum emu_result txn_store(struct emu_txn *t, unsigned seg, uint64_t offset, const void *data, unsigned length)
{
    uint64_t linear;
    enum emu_result result = txn_linear(t, seg, offset, length, EMU_ACCESS_WRITE, &linear);

    if (result == EMU_OK) {
        txn_note_store(t, linear, data, length, false);
    }
    return result;
}

static enum emu_result get(struct emu_txn *t, unsigned operand, uint64_t *value, enum emu_access access)
{
    const struct insn_operand *o = &t->insn->operand[operand];
    enum emu_result result;

    switch (o->kind) {
    case INSN_OPERAND_REG:
        *value = txn_gpr(t, o->reg, o->size);
        return EMU_OK;
    case INSN_OPERAND_IMM:
    case INSN_OPERAND_REL:
        *value = (uint64_t)t->insn->imm;
        return EMU_OK;
    case INSN_OPERAND_MEM:
        break;
    default:
        return EMU_UNHANDLED;
    }
    result = txn_resolve(t, o->size, access);
    if (result != EMU_OK) {
        return result;
    }
    t->expected[0] = 0;
    result = t->emu->ops->read(t->emu, t->address, &t->expected[0], o->size, access);
    *value = t->expected[0];
    return result;
}

enum emu_result txn_get(struct emu_txn *t, unsigned operand, uint64_t *value)
{
    return get(t, operand, value, EMU_ACCESS_READ);
}

enum emu_result txn_get_to_modify(struct emu_txn *t, unsigned operand, uint64_t *value)
{
    return get(t, operand, value, EMU_ACCESS_RMW);
}

enum emu_result txn_set(struct emu_txn *t, unsigned operand, uint64_t value)
{
    const struct insn_operand *o = &t->insn->operand[operand];
    enum emu_result result;

    switch (o->kind) {
    case INSN_OPERAND_REG:
        txn_set_gpr(t, o->reg, o->size, value);
        return EMU_OK;
    case INSN_OPERAND_MEM:
        result = txn_resolve(t, o->size, EMU_ACCESS_WRITE);
        if (result == EMU_OK) {
            /* XCHG locks without the prefix (SDM 2D XCHG). */
            bool atomic = insn_has(t->insn, INSN_PREFIX_LOCK) || t->insn->op == INSN_OP_XCHG;

            txn_note_store(t, t->address, &value, o->size, atomic);
        }
        return result;
    default:
        return EMU_UNHANDLED;
    }
}

enum emu_result txn_stack_width(struct emu_txn *t, unsigned *width)
{
    struct emu_segment segment;
    enum emu_result result;

    if (t->emu->mode == INSN_MODE_64) {
        *width = 8;
        return EMU_OK;
    }
    result = txn_read_segment(t, INSN_SEG_SS, &segment);
    if (result == EMU_OK) {
        *width = segment.attributes & EMU_SEGMENT_DB ? 4 : 2;
    }
    return result;
}

enum emu_result txn_push(struct emu_txn *t, const void *data, unsigned length, unsigned size)
{
    unsigned width;
    uint64_t sp;
    enum emu_result result = txn_stack_width(t, &width);

    if (result != EMU_OK) {
        return result;
    }
    sp = (txn_gpr(t, INSN_RSP, width) - size) & arith_mask(width);
    txn_set_gpr(t, INSN_RSP, width, sp);
    return txn_store(t, INSN_SEG_SS, sp, data, length);
}

enum emu_result txn_pop(struct emu_txn *t, unsigned size, uint64_t *value)
{
    unsigned width;
    uint64_t sp;
    enum emu_result result = txn_stack_width(t, &width);

    if (result != EMU_OK) {
        return result;
    }
    sp = txn_gpr(t, INSN_RSP, width);
    *value = 0;
    result = txn_load(t, INSN_SEG_SS, sp, value, size);
    txn_set_gpr(t, INSN_RSP, width, sp + size);
    return result;
}

enum emu_result txn_jump(struct emu_txn *t, uint64_t target)
{
    struct emu_segment code;
    enum emu_result result;

    target &= arith_mask(t->insn->operand_size);
    if (t->emu->mode == INSN_MODE_64) {
        if (!emu_is_canonical(t->emu, target)) {
            return emu_raise(t->emu, VECTOR_GP, 0);
        }
    } else {
        result = txn_read_segment(t, INSN_SEG_CS, &code);
        if (result != EMU_OK) {
            return result;
        }
        if (target > code.limit) {
            return emu_raise(t->emu, VECTOR_GP, 0);
        }
    }
    t->regs.rip = target;
    return EMU_OK;
}

enum emu_result txn_need_cpl0(struct emu_txn *t)
{
    return t->emu->cpl == 0 ? EMU_OK : emu_raise(t->emu, VECTOR_GP, 0);
}
