/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Any bytes as a guest's instruction, with any registers and segments: the decoder and the executor are total, look at no byte that was not
 * given, change nothing when they fail, and agree with the pre-decoder.
 */
// FUZZ-SOURCES: hypervisor/emulate/[a-z]*.c
#include <stdlib.h>

#include "emu_machine.h"
#include "emulate/quick.h"
#include "emulate/quick_system.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The input: this, then the instruction. */
struct head {
    uint8_t mode, cpl, rep_limit, failure;
    uint64_t rflags, rip;
    uint64_t gpr[16];
    uint16_t attributes;
    uint16_t base;
    uint32_t limit;
};

static struct machine machine;
static const struct head *head;
static unsigned calls, effects;

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Every callback may fail: the failure-th does. */
static enum emu_result outcome(struct emu *emu)
{
    return ++calls == head->failure ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result effect(struct emu *emu)
{
    enum emu_result result = outcome(emu);

    effects += result == EMU_OK;
    return result;
}

static enum emu_result fuzz_read(struct emu *emu, uint64_t linear, void *buffer, unsigned length,
                                 enum emu_access access)
{
    check(length > 0 && length <= 64 && emu_is_canonical(emu, linear) &&
          emu_is_canonical(emu, linear + length - 1));
    check(emu->mode == INSN_MODE_64 || linear <= 0xffffffffu);
    memset(buffer, (int)(linear ^ linear >> 8), length);
    (void)access;
    return outcome(emu);
}

static enum emu_result fuzz_write(struct emu *emu, uint64_t linear, const void *buffer, unsigned length)
{
    check(length > 0 && length <= 64 && emu_is_canonical(emu, linear) &&
          emu_is_canonical(emu, linear + length - 1));
    memcpy(machine.memory, buffer, length);
    return effect(emu);
}

static enum emu_result fuzz_cmpxchg(struct emu *emu, uint64_t linear, const void *expected,
                                    const void *desired, unsigned length)
{
    check(length == 1 || length == 2 || length == 4 || length == 8 || length == 16);
    memcpy(machine.memory + 64, expected, length);
    return fuzz_write(emu, linear, desired, length);
}

static enum emu_result fuzz_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *segment)
{
    check(seg <= INSN_SEG_GS);
    *segment = (struct emu_segment){
        .selector = head->base,
        .attributes = (uint16_t)(head->attributes ^ (seg << 1)),
        .limit = head->limit,
        .base = (uint64_t)head->base << 16,
    };
    return outcome(emu);
}

static enum emu_result fuzz_load_segment(struct emu *emu, enum insn_seg seg, uint16_t selector)
{
    check(seg <= INSN_SEG_GS && seg != INSN_SEG_CS);
    (void)selector;
    return effect(emu);
}

static enum emu_result fuzz_io_read(struct emu *emu, uint16_t port, unsigned size, uint32_t *value)
{
    check(size == 1 || size == 2 || size == 4);
    *value = port;
    return outcome(emu);
}

static enum emu_result fuzz_io_write(struct emu *emu, uint16_t port, unsigned size, uint32_t value)
{
    check(size == 1 || size == 2 || size == 4);
    check(size == 4 || value >> (8 * size) == 0);
    (void)port;
    return effect(emu);
}

static enum emu_result fuzz_cpuid(struct emu *emu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    result[0] = leaf;
    result[3] = subleaf;
    return outcome(emu);
}

static enum emu_result fuzz_get32(struct emu *emu, uint32_t index, uint64_t *value)
{
    *value = (uint64_t)index << 20 | head->limit;
    return outcome(emu);
}

static enum emu_result fuzz_set32(struct emu *emu, uint32_t index, uint64_t value)
{
    (void)index;
    (void)value;
    return effect(emu);
}

static enum emu_result fuzz_get(struct emu *emu, unsigned index, uint64_t *value)
{
    check(index <= 8);
    *value = head->rflags >> index;
    return outcome(emu);
}

static enum emu_result fuzz_set(struct emu *emu, unsigned index, uint64_t value)
{
    check(index <= 8);
    (void)value;
    return effect(emu);
}

static enum emu_result fuzz_cache(struct emu *emu, enum emu_cache_op op, uint64_t linear)
{
    check(op <= EMU_CACHE_LINE && emu_is_canonical(emu, linear));
    return effect(emu);
}

static enum emu_result fuzz_invlpg(struct emu *emu, uint64_t linear)
{
    check(emu_is_canonical(emu, linear));
    return effect(emu);
}

static const struct emu_ops ops = {
    .read = fuzz_read,
    .write = fuzz_write,
    .cmpxchg = fuzz_cmpxchg,
    .read_segment = fuzz_segment,
    .load_segment = fuzz_load_segment,
    .io_read = fuzz_io_read,
    .io_write = fuzz_io_write,
    .cpuid = fuzz_cpuid,
    .read_msr = fuzz_get32,
    .write_msr = fuzz_set32,
    .read_cr = fuzz_get,
    .write_cr = fuzz_set,
    .read_dr = fuzz_get,
    .write_dr = fuzz_set,
    .read_xcr = fuzz_get32,
    .write_xcr = fuzz_set32,
    .cache = fuzz_cache,
    .invlpg = fuzz_invlpg,
};

/* Whether the instruction may store to its memory operand, as what quick_decode() takes does. Strings and stack excluded. */
static bool writes_memory(const struct insn *insn)
{
    switch (insn->op) {
    case INSN_OP_CMP:
    case INSN_OP_TEST:
    case INSN_OP_BT:
    case INSN_OP_MUL:
    case INSN_OP_IMUL1:
    case INSN_OP_DIV:
    case INSN_OP_IDIV:
    case INSN_OP_PUSH:
    case INSN_OP_JMP:
    case INSN_OP_CALL:
    case INSN_OP_NOP:
    case INSN_OP_INVLPG:
    case INSN_OP_CLFLUSH:
    case INSN_OP_LMSW:
    case INSN_OP_VERR:
    case INSN_OP_VERW:
    case INSN_OP_LLDT:
    case INSN_OP_LTR:
    case INSN_OP_LGDT:
    case INSN_OP_LIDT:
    case INSN_OP_JMP_FAR:
    case INSN_OP_CALL_FAR:
        return false;
    case INSN_OP_XCHG:
    case INSN_OP_XADD:
        return insn->operand[0].kind == INSN_OPERAND_MEM || insn->operand[1].kind == INSN_OPERAND_MEM;
    default:
        return (insn_class(insn) &
                (EMU_CLASS_MEM_MOV | EMU_CLASS_ALU | EMU_CLASS_STACK | EMU_CLASS_CR | EMU_CLASS_SYSTEM)) &&
               insn->operand[0].kind == INSN_OPERAND_MEM;
    }
}

static void check_quick(const uint8_t *bytes, size_t size, const struct emu_regs *before,
                        const struct insn *insn, enum insn_status status)
{
    static const uint8_t offset[16] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120};
    struct emu_regs copy = *before;
    struct quick_regs regs = {.frame = copy.gpr, .offset = offset};
    struct quick_insn quick;
    struct quick_system system;

    if (quick_decode(&quick, bytes, size, &regs, copy.rip)) {
        check(status == INSN_OK && quick.length == insn->length && writes_memory(insn));
    }
    if (quick_system_decode(&system, bytes, size)) {
        check(status == INSN_OK && system.length == insn->length && system.op == insn->op);
    }
}

static void execute(const struct insn *insn, struct emu_regs *regs)
{
    const struct emu_regs before = *regs;
    struct emu emu = {
        .ops = &ops,
        .regs = regs,
        .classes = ~0u,
        .mode = insn->mode,
        .cpl = head->cpl & 3,
        .rep_limit = head->rep_limit,
        .va_bits = head->cpl & 4 ? 57 : 48,
    };
    bool string = (insn->op >= INSN_OP_MOVS && insn->op <= INSN_OP_SCAS) || insn->op == INSN_OP_INS ||
                  insn->op == INSN_OP_OUTS;
    enum emu_result result;

    calls = effects = 0;
    result = emu_execute(&emu, insn);
    check(result != EMU_ERROR && result != EMU_RETRY);
    if (result == EMU_EXCEPTION) {
        check(emu.exception.software || emu.exception.vector < 32);
    }
    if (!string) {
        check(effects <= (result == EMU_OK ? 1u : 0u));
        check(result == EMU_OK || memcmp(&before, regs, sizeof(before)) == 0);
    } else {
        check(effects <= (head->rep_limit ? head->rep_limit : 1u));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum insn_mode modes[] = {INSN_MODE_16, INSN_MODE_32, INSN_MODE_64, INSN_MODE_64};
    static struct head current;
    struct emu_regs regs;
    struct insn insn;
    enum insn_status status;
    enum insn_mode mode;

    if (size <= sizeof(current)) {
        return 0;
    }
    memcpy(&current, data, sizeof(current));
    head = &current;
    data += sizeof(current);
    size -= sizeof(current);
    mode = modes[current.mode & 3];

    memcpy(regs.gpr, current.gpr, sizeof(regs.gpr));
    regs.rip = current.rip;
    regs.rflags = current.rflags;
    status = insn_decode(&insn, data, size, mode);
    if (mode == INSN_MODE_64) {
        check_quick(data, size, &regs, &insn, status);
    }
    if (status != INSN_OK) {
        return 0;
    }
    check(insn.length > 0 && insn.length <= size && insn.length <= INSN_MAX_LENGTH && insn_class(&insn) != 0);
    for (size_t shorter = 0; shorter < insn.length; shorter++) {
        struct insn other;

        check(insn_decode(&other, data, shorter, mode) == INSN_TRUNCATED);
    }
    execute(&insn, &regs);
    return 0;
}
