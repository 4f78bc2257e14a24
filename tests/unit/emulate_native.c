/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The emulator against the host's processor: random instructions on random registers, flags and memory, run
 * by both; registers, memory, flags and exceptions must agree, but for flags that the manual leaves
 * undefined.
 *
 * A fresh seed each run, printed; SEED repeats one, EMULATE_SECONDS (default 4) says how long.
 */
// UNIT-SOURCES: hypervisor/emulate/[a-z]*.c
// UNIT-FLAGS: -D_GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <cpuid.h>
#include <time.h>
#include <cmocka.h>

#include "native_case.h"

static struct machine machine;
static bool host_is_intel; /* what the emulator follows where the manuals leave a choice */

static void report(const struct test_case *c, const char *what, const struct emu_regs *ours,
                   const struct emu_regs *theirs)
{
    fprintf(stderr, "%s differ for", what);
    for (unsigned i = 0; i < c->length; i++) {
        fprintf(stderr, " %02x", c->bytes[i]);
    }
    fprintf(stderr, "\n          %16s %16s %16s\n", "before", "emulated", "native");
    for (unsigned i = 0; i < 16; i++) {
        fprintf(stderr, "  r%-2u      %16lx %16lx %16lx%s\n", i, c->regs.gpr[i], ours->gpr[i], theirs->gpr[i],
                ours->gpr[i] != theirs->gpr[i] ? " <-" : "");
    }
    fprintf(stderr, "  rflags   %16lx %16lx %16lx\n", c->regs.rflags, ours->rflags, theirs->rflags);
    fprintf(stderr, "  rip      %16lx %16lx %16lx\n", c->regs.rip, ours->rip, theirs->rip);
    for (unsigned i = 0; i < 4 && c->mode != INSN_MODE_64; i++) {
        fprintf(stderr, "  %cs: base %08lx limit %08x attributes %04x\n", "ecsd"[i], native_segments[i].base,
                native_segments[i].limit, native_segments[i].attributes);
    }
}

/* Runs to the end of a repeated string instruction; *interrupted: in more than one piece. */
static enum emu_result emulate(struct emu *emu, const struct insn *insn, bool *interrupted)
{
    enum emu_result result;
    unsigned calls = 0;

    do {
        emu->rep_limit = 1 + random_below(40);
        result = emu_execute(emu, insn);
        *interrupted = ++calls > 1;
    } while (result == EMU_OK && (emu->events & EMU_EVENT_REP_PARTIAL));
    return result;
}

/* Whether an exception of ours is the processor's. Of the kernel's half of the address space only it knows
 * what is present. */
static bool same_exception(const struct test_case *c, const struct emu_exception *ours)
{
    uint64_t present = native_state.cr2 >> 63;

    if (c->form->care == CARE_PUSHA || (c->form->care == CARE_STRING && !host_is_intel)) {
        return true; /* several accesses, and which faults first is the processor's choice */
    }
    if (c->form->care == CARE_TARGET && ours->vector == VECTOR_GP && native_state.vector == VECTOR_PF) {
        return true; /* a bad target and a bad stack: Intel's processors find the stack first */
    }
    if (native_state.vector != ours->vector ||
        (native_state.error_code | present) != (ours->error_code | present)) {
        return false;
    }
    return native_state.vector != VECTOR_PF || native_state.cr2 == ours->cr2;
}

/* A branch into the instruction itself, or into a way back, would not end as the harness expects. */
static bool ends_in_harness(const struct test_case *c, uint64_t rip)
{
    uint64_t linear = rip + (c->mode == INSN_MODE_64 ? 0 : native_segments[INSN_SEG_CS].base);
    uint64_t after = NATIVE_INSN + c->length;

    if (linear - NATIVE_BACK < NATIVE_TAIL) {
        return true;
    }
    return linear >= NATIVE_INSN && linear < after + NATIVE_TAIL && linear != after;
}

static void copy_native_memory(void)
{
    memcpy(machine.memory, (void *)(uintptr_t)MACHINE_RW_START, MACHINE_BYTES);
}

/* The machine's segments: flat but for GS in 64-bit mode, the local descriptor table's in the others. */
static enum emu_result read_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *segment)
{
    if (emu->mode == INSN_MODE_64) {
        return machine_segment(emu, seg, segment);
    }
    *segment = native_segments[seg];
    return EMU_OK;
}

static const struct emu_ops ops = {
    .read = machine_read,
    .write = machine_write,
    .cmpxchg = machine_cmpxchg,
    .read_segment = read_segment,
};

/* Registers that legacy modes have: the lower halves of eight. */
static void cut_registers(const struct test_case *c, struct emu_regs *regs)
{
    for (unsigned i = 0; i < 16 && c->mode != INSN_MODE_64; i++) {
        regs->gpr[i] = i < 8 ? (uint32_t)regs->gpr[i] : 0;
    }
}

/* Compares what both have left behind. */
static void compare(const struct test_case *c, struct emu_regs *ours, struct emu_regs *theirs, bool trapped,
                    uint64_t ignore)
{
    if (trapped && c->form->care == CARE_PUSHA) {
        copy_native_memory();
        return;
    }
    if (!host_is_intel && trapped && c->form->care == CARE_STRING) {
        ignore |= EFLAGS_STATUS;
    }
    if (!host_is_intel && c->form->care == CARE_WIDTH) {
        copy_native_memory();
    }
    cut_registers(c, ours);
    cut_registers(c, theirs);
    if (c->form->care == CARE_SCAN && (ours->rflags & EFLAGS_ZF)) {
        unsigned destination = ((c->modrm >> 3) & 7) | c->rex_r;

        ours->gpr[destination] = theirs->gpr[destination];
    }
    if (memcmp(ours->gpr, theirs->gpr, sizeof(ours->gpr)) != 0 || ours->rip != theirs->rip) {
        report(c, "Registers", ours, theirs);
        fail();
    }
    if ((ours->rflags ^ theirs->rflags) & ~ignore) {
        report(c, "Flags", ours, theirs);
        fail();
    }
    if (trapped && c->form->care == CARE_TARGET) {
        /* Intel's processors have pushed the return address before they find that the target is bad. */
        copy_native_memory();
    }
    if (memcmp(machine.memory, (void *)(uintptr_t)MACHINE_RW_START, MACHINE_BYTES) != 0) {
        report(c, "Memories", ours, theirs);
        fail();
    }
}

/* The page of code, which CS reaches, is memory that the emulator's machine does not have. */
static bool reads_code(const struct emu *emu, enum emu_result result)
{
    return result == EMU_EXCEPTION && emu->exception.vector == VECTOR_PF &&
           emu->exception.cr2 - (NATIVE_CODE - 8) < MACHINE_PAGE + 8;
}

/* What the processor would do with what cannot be decoded. */
static enum emu_result undecoded(struct emu *emu, enum insn_status status)
{
    return status == INSN_TRUNCATED ? EMU_RETRY
                                    : emu_raise(emu, status == INSN_TOO_LONG ? VECTOR_GP : VECTOR_UD, 0);
}

static void check_case(struct test_case *c)
{
    struct emu_regs ours = c->regs, theirs = c->regs;
    struct emu emu = {
        .ops = &ops, .opaque = &machine, .regs = &ours, .classes = ~0u, .mode = (uint8_t)c->mode, .cpl = 3};
    struct insn insn;
    bool interrupted = false, trapped;
    enum insn_status status = insn_decode(&insn, c->bytes, c->length, c->mode);
    enum emu_result result = status == INSN_OK ? emulate(&emu, &insn, &interrupted) : undecoded(&emu, status);
    uint64_t ignore = c->undefined | EFLAGS_RF;

    if (result == EMU_UNHANDLED || (status == INSN_OK && insn.length != c->length)) {
        report(c, "Understandings", &ours, &theirs);
        fail();
    }
    if (interrupted && result == EMU_EXCEPTION) {
        ignore |= EFLAGS_STATUS; /* a fault restores the flags, and ours were those of the last piece */
    }
    if (c->form->care == CARE_POPF && (ours.rflags & (EFLAGS_TF | EFLAGS_AC | EFLAGS_NT))) {
        return; /* would trap after the instruction: not what is compared */
    }
    if ((result == EMU_OK && ends_in_harness(c, ours.rip)) || reads_code(&emu, result)) {
        copy_native_memory();
        return;
    }
    trapped = native_run(c->bytes, c->length, &theirs, c->mode == INSN_MODE_64 ? NULL : native_segments);
    if (trapped != (result == EMU_EXCEPTION) || (trapped && !same_exception(c, &emu.exception))) {
        if (!host_is_intel && c->form->care == CARE_WIDTH) {
            copy_native_memory(); /* the page behind was touched, or not */
            return;
        }
        report(c, "Exceptions", &ours, &theirs);
        fprintf(stderr,
                "  emulated: %d vector %u error %x cr2 %lx\n  native: %d vector %lu error %lx cr2 %lx\n",
                result, emu.exception.vector, emu.exception.error_code, emu.exception.cr2, trapped,
                native_state.vector, native_state.error_code, native_state.cr2);
        fail();
    }
    compare(c, &ours, &theirs, trapped, ignore);
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Half of EMULATE_SECONDS: there are two tests. */
static double time_to_stop(void)
{
    const char *seconds = getenv("EMULATE_SECONDS");

    return now() + (seconds ? atof(seconds) : 4.0) / 2;
}

static unsigned long run_cases(enum insn_mode mode, unsigned count)
{
    unsigned long cases = 0;

    for (unsigned i = 0; i < count; i++) {
        struct test_case c;

        if (make_case(&c, mode)) {
            check_case(&c);
            cases++;
        }
    }
    return cases;
}

static void test_64bit_mode(void **state)
{
    double end = time_to_stop();
    unsigned long cases = 0;

    (void)state;
    native_install_handlers(); /* here: cmocka sets its own before each test */
    while (now() < end) {
        cases += run_cases(INSN_MODE_64, 1000);
    }
    printf("%lu instructions compared in 64-bit mode\n", cases);
    assert_true(cases > 1000);
}

static void test_legacy_modes(void **state)
{
    double end = time_to_stop();
    unsigned long cases[5] = {0};

    (void)state;
    native_install_handlers(); /* here: cmocka sets its own before each test */
    if (!have_segments()) {
        print_message("no local descriptor table here (modify_ldt)\n");
        skip();
    }
    while (now() < end) {
        enum insn_mode mode = random_segments();

        cases[mode] += run_cases(mode, 1000);
    }
    printf("%lu in 32-bit mode, %lu in 16-bit mode\n", cases[INSN_MODE_32], cases[INSN_MODE_16]);
    assert_true(cases[INSN_MODE_32] > 1000 && cases[INSN_MODE_16] > 1000);
}

static int setup(void **state)
{
    unsigned leaf, ebx = 0, ecx, edx;

    (void)state;
    __get_cpuid(0, &leaf, &ebx, &ecx, &edx);
    host_is_intel = ebx == signature_INTEL_ebx;
    random_sequence(0);
    for (unsigned i = 0; i < MACHINE_BYTES; i++) {
        machine.memory[i] = (uint8_t)random_value();
    }
    machine.gs_base = GS_BASE;
    native_setup(machine.memory, GS_BASE);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_64bit_mode),
                                       cmocka_unit_test(test_legacy_modes)};

    return cmocka_run_group_tests(tests, setup, NULL);
}
