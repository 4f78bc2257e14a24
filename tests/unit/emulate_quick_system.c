/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The short way for privileged instructions against the full emulator: the same calls, the same registers. */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "emulate/arith.h"
#include "emulate/quick_system.h"
#include "random.h"

static const uint8_t gpr_offset[16] = {0, 8, 16, 24, 32, 40, 48, 56, 64, 72, 80, 88, 96, 104, 112, 120};

/* What the callbacks were asked, in order; the n-th of them fails. */
struct call {
    char what;
    uint64_t index, value;
};

static struct call calls[8];
static unsigned call_count, failing_call;

static enum emu_result note(struct emu *emu, char what, uint64_t index, uint64_t value)
{
    assert_true(call_count < 8);
    calls[call_count++] = (struct call){.what = what, .index = index, .value = value};
    return call_count == failing_call ? emu_raise(emu, VECTOR_GP, (uint32_t)what) : EMU_OK;
}

static uint64_t answer(uint64_t index)
{
    return index * 0x9e3779b97f4a7c15ull;
}

static enum emu_result check_port(struct emu *emu, uint16_t port, unsigned size)
{
    return note(emu, 'p', port, size);
}

static enum emu_result io_read(struct emu *emu, uint16_t port, unsigned size, uint32_t *value)
{
    *value = (uint32_t)answer(port + 1u);
    return note(emu, 'i', port, size);
}

static enum emu_result io_write(struct emu *emu, uint16_t port, unsigned size, uint32_t value)
{
    return note(emu, 'o', port | size << 16, value);
}

static enum emu_result cpuid(struct emu *emu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    for (unsigned i = 0; i < 4; i++) {
        result[i] = (uint32_t)answer(leaf + i);
    }
    return note(emu, 'c', leaf, subleaf);
}

static enum emu_result read_msr(struct emu *emu, uint32_t msr, uint64_t *value)
{
    *value = answer(msr);
    return note(emu, 'm', msr, 0);
}

static enum emu_result write_msr(struct emu *emu, uint32_t msr, uint64_t value)
{
    return note(emu, 'M', msr, value);
}

static enum emu_result read_cr(struct emu *emu, unsigned cr, uint64_t *value)
{
    *value = answer(cr + 7);
    return note(emu, 'r', cr, 0);
}

static enum emu_result write_cr(struct emu *emu, unsigned cr, uint64_t value)
{
    return note(emu, 'R', cr, value);
}

static enum emu_result read_dr(struct emu *emu, unsigned dr, uint64_t *value)
{
    *value = answer(dr + 17);
    return note(emu, 'd', dr, 0);
}

static enum emu_result write_dr(struct emu *emu, unsigned dr, uint64_t value)
{
    return note(emu, 'D', dr, value);
}

static enum emu_result cache(struct emu *emu, enum emu_cache_op op, uint64_t linear)
{
    return note(emu, 'w', op, linear);
}

static const struct emu_ops ops = {
    .check_port_permission = check_port,
    .io_read = io_read,
    .io_write = io_write,
    .cpuid = cpuid,
    .read_msr = read_msr,
    .write_msr = write_msr,
    .read_cr = read_cr,
    .write_cr = write_cr,
    .read_dr = read_dr,
    .write_dr = write_dr,
    .cache = cache,
};

/* Runs both. False: the short way declined. */
static bool compare(const uint8_t *bytes, size_t length)
{
    struct emu_regs full = {.rip = 0xffffffff81000000ull, .rflags = EFLAGS_FIXED}, quick_state;
    struct quick_regs regs = {.frame = quick_state.gpr, .offset = gpr_offset};
    struct emu emu = {
        .ops = &ops, .regs = &full, .classes = chance(80) ? ~0u : (uint32_t)random64(), .mode = INSN_MODE_64};
    struct emu quick_emu;
    struct quick_system quick;
    struct insn insn;
    struct call expected[8];
    unsigned expected_count;
    enum emu_result result, quick_result;

    if (!quick_system_decode(&quick, bytes, length)) {
        return false;
    }
    assert_int_equal(insn_decode(&insn, bytes, length, INSN_MODE_64), INSN_OK);
    assert_int_equal(insn.length, quick.length);
    for (unsigned i = 0; i < 16; i++) {
        full.gpr[i] = random64() >> random_below(64);
    }
    quick_state = full;
    emu.cpl = chance(80) ? 0 : 3;
    quick_emu = emu;
    failing_call = random_below(8);

    memset(calls, 0, sizeof(calls));
    call_count = 0;
    result = emu_execute(&emu, &insn);
    expected_count = call_count;
    memcpy(expected, calls, sizeof(calls));

    memset(calls, 0, sizeof(calls));
    call_count = 0;
    quick_result = quick_system_execute(&quick, &quick_emu, &regs);
    assert_int_equal(result, quick_result);
    assert_int_equal(expected_count, call_count);
    assert_memory_equal(expected, calls, sizeof(calls));
    assert_memory_equal(full.gpr, quick_state.gpr, sizeof(full.gpr));
    if (result == EMU_EXCEPTION) {
        assert_int_equal(emu.exception.vector, quick_emu.exception.vector);
        assert_int_equal(emu.exception.error_code, quick_emu.exception.error_code);
    }
    return true;
}

static void test_accepts_the_common_forms(void **state)
{
    static const struct {
        uint8_t length;
        uint8_t bytes[4];
    } forms[] = {
        {1, {0xec}},
        {1, {0xed}},
        {2, {0x66, 0xed}},
        {2, {0xe4, 0x60}},
        {1, {0xee}},
        {1, {0xef}},
        {2, {0x66, 0xef}},
        {2, {0xe6, 0x80}},
        {3, {0x66, 0xe5, 0x40}},
        {2, {0x0f, 0x32}},
        {2, {0x0f, 0x30}},
        {2, {0x0f, 0xa2}},
        {2, {0x0f, 0x31}},
        {3, {0x0f, 0x20, 0xc0}},
        {3, {0x0f, 0x22, 0xd8}},
        {2, {0x0f, 0x06}},
        {2, {0x0f, 0x09}},
        {4, {0x41, 0x0f, 0x20, 0xe0}},
        {3, {0x0f, 0x23, 0xf8}},
        {3, {0x0f, 0x21, 0xf8}},
    };

    (void)state;
    for (unsigned i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        for (unsigned n = 0; n < 100; n++) {
            assert_true(compare(forms[i].bytes, forms[i].length));
        }
        for (unsigned n = 0; n < forms[i].length; n++) {
            assert_false(compare(forms[i].bytes, n));
        }
    }
}

static void test_agrees_with_the_full_emulator(void **state)
{
    static const uint8_t opcodes_0f[] = {0x06, 0x09, 0x20, 0x21, 0x22, 0x23, 0x30, 0x31, 0x32, 0xa2};
    unsigned accepted = 0;

    (void)state;
    for (unsigned n = 0; n < 1000000; n++) {
        uint8_t bytes[8];
        unsigned at = 0;

        for (unsigned i = 0; i < sizeof(bytes); i++) {
            bytes[i] = (uint8_t)(random64() >> 20);
        }
        if (random_below(3) == 0) {
            bytes[at++] = "\x66\xf0\xf2\xf3\x67\x2e"[random_below(6)];
        }
        if (random_below(3) == 0) {
            bytes[at++] = (uint8_t)(0x40 | random_below(16));
        }
        if (random_below(2)) {
            bytes[at++] = 0x0f;
            bytes[at++] = opcodes_0f[random_below(sizeof(opcodes_0f))];
        } else {
            bytes[at++] = (uint8_t)(0xe4 | (random64() & 0xb));
        }
        accepted += compare(bytes, 1 + random_below(8));
    }
    assert_in_range(accepted, 100000, 1000000);
}

static int setup(void **state)
{
    (void)state;
    random_sequence(0);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepts_the_common_forms),
        cmocka_unit_test(test_agrees_with_the_full_emulator),
    };

    return cmocka_run_group_tests(tests, setup, NULL);
}
