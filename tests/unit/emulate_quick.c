/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The pre-decoder against the full emulator: whatever it accepts, both do alike; and it accepts what Linux
 * uses.
 */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <cmocka.h>

#include "emu_machine.h"
#include "random.h"
#include "emulate/arith.h"
#include "emulate/quick.h"

static const uint8_t gpr_offset[16] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120};

/* Memory that answers at any address: one cell of 16 bytes, wherever it is looked for. */
static uint8_t cell[16];
static uint64_t cell_address;
static bool cell_atomic;

static enum emu_result cell_read(struct emu *emu, uint64_t linear, void *buffer, unsigned length,
                                 enum emu_access access)
{
    (void)emu;
    (void)access;
    cell_address = linear;
    memcpy(buffer, cell, length);
    return EMU_OK;
}

static enum emu_result cell_write(struct emu *emu, uint64_t linear, const void *buffer, unsigned length)
{
    (void)emu;
    cell_address = linear;
    cell_atomic = false;
    memcpy(cell, buffer, length);
    return EMU_OK;
}

static enum emu_result cell_cmpxchg(struct emu *emu, uint64_t linear, const void *expected,
                                    const void *desired, unsigned length)
{
    (void)emu;
    assert_int_equal(linear, cell_address);
    assert_memory_equal(cell, expected, length);
    cell_atomic = true;
    memcpy(cell, desired, length);
    return EMU_OK;
}

static enum emu_result cell_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *segment)
{
    (void)emu;
    *segment = (struct emu_segment){.base = seg == INSN_SEG_FS ? 0x111000 : 0x222000};
    return EMU_OK;
}

static const struct emu_ops cell_ops = {
    .read = cell_read,
    .write = cell_write,
    .cmpxchg = cell_cmpxchg,
    .read_segment = cell_segment,
};

/* Runs both on the same state. False: the pre-decoder declined. */
static bool compare(const uint8_t *bytes, size_t length)
{
    struct emu_regs full = {.rip = 0xffffffff81234567ull,
                            .rflags = EFLAGS_FIXED | (random64() & EFLAGS_STATUS)};
    struct emu_regs quick_state;
    struct quick_regs regs = {.frame = &quick_state.gpr, .offset = gpr_offset};
    struct emu emu = {.ops = &cell_ops, .regs = &full, .classes = ~0u, .mode = INSN_MODE_64, .va_bits = 57};
    struct quick_insn quick;
    struct insn insn;
    uint64_t old = random64() & random64(), memory, address;
    enum emu_result result;

    for (unsigned i = 0; i < 16; i++) {
        full.gpr[i] = random_below(3) ? random64() >> random_below(60) : old;
    }
    quick_state = full;
    if (!quick_decode(&quick, bytes, length, &regs, full.rip)) {
        return false;
    }
    memcpy(cell, &old, 8);
    cell_address = ~0ull;
    assert_int_equal(insn_decode(&insn, bytes, length, INSN_MODE_64), INSN_OK);
    assert_int_equal(insn.length, quick.length);
    result = emu_execute(&emu, &insn);
    if (result == EMU_EXCEPTION) {
        return true; /* the address is not canonical: the pre-decoder's caller compares it with CR2 */
    }
    assert_int_equal(result, EMU_OK);

    old &= arith_mask(quick.size);
    memory = quick_result(&quick, old);
    quick_complete(&quick, &regs, old, &quick_state.rflags);
    quick_state.rip += quick.length;
    address = quick.offset + (quick.seg == INSN_SEG_FS ? 0x111000 : quick.seg == INSN_SEG_GS ? 0x222000 : 0);
    assert_int_equal(address, cell_address);
    assert_int_equal(quick.locked, cell_atomic);
    assert_memory_equal(&memory, cell, quick.size);
    assert_memory_equal(&full, &quick_state, sizeof(full));
    return true;
}

static void test_accepts_what_linux_uses(void **state)
{
    static const struct {
        const char *text;
        uint8_t length;
        uint8_t bytes[12];
    } forms[] = {
        {"mov %rax,(%rdi)", 3, {0x48, 0x89, 0x07}},
        {"mov %rsi,(%rbx,%rcx,8)", 4, {0x48, 0x89, 0x34, 0xcb}},
        {"mov %r12,0x10(%r13)", 4, {0x4d, 0x89, 0x65, 0x10}},
        {"mov %eax,0x1000(%rdi)", 6, {0x89, 0x87, 0, 0x10, 0, 0}},
        {"mov %rax,0x1000(%rip)", 7, {0x48, 0x89, 0x05, 0, 0x10, 0, 0}},
        {"movq $0,(%rdi)", 7, {0x48, 0xc7, 0x07, 0, 0, 0, 0}},
        {"movl $1,(%rdi)", 6, {0xc7, 0x07, 1, 0, 0, 0}},
        {"movb $1,(%rdi)", 3, {0xc6, 0x07, 1}},
        {"xchg %rax,(%rdi)", 3, {0x48, 0x87, 0x07}},
        {"lock and %rax,(%rdi)", 4, {0xf0, 0x48, 0x21, 0x07}},
        {"lock andb $0xfd,(%rdi)", 4, {0xf0, 0x80, 0x27, 0xfd}},
        {"lock or $0x40,(%rdi)", 5, {0xf0, 0x48, 0x83, 0x0f, 0x40}},
        {"lock btrq $1,(%rdi)", 6, {0xf0, 0x48, 0x0f, 0xba, 0x37, 1}},
        {"lock btsq $5,(%rdi)", 6, {0xf0, 0x48, 0x0f, 0xba, 0x2f, 5}},
        {"lock cmpxchg %rcx,(%rdi)", 5, {0xf0, 0x48, 0x0f, 0xb1, 0x0f}},
        {"ds btrq $1,(%rdi)", 6, {0x3e, 0x48, 0x0f, 0xba, 0x37, 1}},
        {"mov %rax,%gs:(%rdi)", 4, {0x65, 0x48, 0x89, 0x07}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (unsigned n = 0; n < 100; n++) {
            if (!compare(forms[i].bytes, forms[i].length)) {
                fail_msg("declined: %s", forms[i].text);
            }
        }
        for (unsigned n = 0; n < forms[i].length; n++) {
            assert_false(compare(forms[i].bytes, n));
        }
    }
}

static void test_agrees_with_full_decoder(void **state)
{
    static const uint8_t opcodes[] = {0x88, 0x89, 0xc6, 0xc7, 0x86, 0x87, 0x20,
                                      0x21, 0x08, 0x09, 0x80, 0x81, 0x83};
    static const uint8_t opcodes_0f[] = {0xb0, 0xb1, 0xab, 0xb3, 0xba};
    unsigned accepted = 0;

    (void)state;
    random_sequence(0);
    for (unsigned n = 0; n < 2000000; n++) {
        uint8_t bytes[16];
        unsigned at = 0;

        for (unsigned i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(random64() >> 20);
        }
        if (random_below(3) == 0) {
            bytes[at++] = "\xf0\x64\x65\x3e\x66\x67\xf3\x2e"[random_below(8)];
        }
        if (random_below(2)) {
            bytes[at++] = (uint8_t)(0x40 | random_below(16));
        }
        switch (random_below(4)) {
        case 0:
            bytes[at++] = 0x0f;
            bytes[at++] = opcodes_0f[random_below(sizeof(opcodes_0f))];
            break;
        case 1:
            break;
        default:
            bytes[at++] = opcodes[random_below(sizeof(opcodes))];
            break;
        }
        accepted += compare(bytes, 1 + random_below(16));
    }
    assert_in_range(accepted, 100000, 2000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_what_linux_uses),
        cmocka_unit_test(test_agrees_with_full_decoder),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
