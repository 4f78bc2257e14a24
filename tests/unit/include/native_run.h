/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs one instruction on the host's own processor: at a fixed address, with all general registers and the
 * flags given, and memory at the addresses of emu_machine.h. Whatever it does (go on, jump away, fault) ends
 * in native_state. Include it in one file of a program.
 */
#ifndef TESTS_NATIVE_RUN_H
#define TESTS_NATIVE_RUN_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "emu_machine.h"

#define NATIVE_CODE 0x20000000ull
#define NATIVE_INSN (NATIVE_CODE + 0x800)
#define NATIVE_BACK (NATIVE_CODE + 0x100) /* where legacy modes leave to, in 64-bit mode */
#define NATIVE_TAIL 14                    /* bytes behind the instruction, and at NATIVE_BACK */

/* The assembly below knows the offsets. */
struct native_state {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t host_rsp;
    uint64_t entry;
    uint64_t rip;
    uint64_t trapped; /* 1: an exception at the instruction; the rest says which */
    uint64_t vector, error_code, cr2;
    uint64_t ds, es, ss; /* selectors, outside 64-bit mode */
    uint64_t code_base;  /* of the code segment: rip is relative to it */
};

struct native_state native_state;
void native_enter(void);
void native_enter_legacy(void);
void native_exit(void);

#define NATIVE_LOAD_GPRS                                                                                     \
    "  pushq native_state+128(%rip); popfq\n"                                                                \
    "  mov native_state+0(%rip), %rax; mov native_state+8(%rip), %rcx\n"                                     \
    "  mov native_state+16(%rip), %rdx; mov native_state+24(%rip), %rbx\n"                                   \
    "  mov native_state+40(%rip), %rbp\n"                                                                    \
    "  mov native_state+48(%rip), %rsi; mov native_state+56(%rip), %rdi\n"                                   \
    "  mov native_state+64(%rip), %r8; mov native_state+72(%rip), %r9\n"                                     \
    "  mov native_state+80(%rip), %r10; mov native_state+88(%rip), %r11\n"                                   \
    "  mov native_state+96(%rip), %r12; mov native_state+104(%rip), %r13\n"                                  \
    "  mov native_state+112(%rip), %r14; mov native_state+120(%rip), %r15\n"

__asm__(".text\n"
        "native_enter:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, native_state+136(%rip)\n" NATIVE_LOAD_GPRS "  mov native_state+32(%rip), %rsp\n"
        "  jmp *native_state+144(%rip)\n"
        "native_enter_legacy:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, native_state+136(%rip)\n" NATIVE_LOAD_GPRS
        "  mov native_state+192(%rip), %ds; mov native_state+200(%rip), %es\n"
        "  mov native_state+208(%rip), %ss; mov native_state+32(%rip), %rsp\n"
        "  ljmp *native_state+144(%rip)\n"
        "native_exit:\n"
        "  mov %rsp, native_state+32(%rip)\n"
        "  mov native_state+136(%rip), %rsp\n"
        "  pushfq; popq native_state+128(%rip)\n"
        "  mov %rax, native_state+0(%rip); mov %rcx, native_state+8(%rip)\n"
        "  mov %rdx, native_state+16(%rip); mov %rbx, native_state+24(%rip)\n"
        "  mov %rbp, native_state+40(%rip)\n"
        "  mov %rsi, native_state+48(%rip); mov %rdi, native_state+56(%rip)\n"
        "  mov %r8, native_state+64(%rip); mov %r9, native_state+72(%rip)\n"
        "  mov %r10, native_state+80(%rip); mov %r11, native_state+88(%rip)\n"
        "  mov %r12, native_state+96(%rip); mov %r13, native_state+104(%rip)\n"
        "  mov %r14, native_state+112(%rip); mov %r15, native_state+120(%rip)\n"
        "  pushq $2; popfq\n"
        "  mov $0x2b, %eax; mov %eax, %ss; xor %eax, %eax; mov %eax, %ds; mov %eax, %es\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

/*
 * An INT3 or a fetch fault elsewhere than at the instruction means that it branched there; anything at the
 * instruction is its own exception. Either way the registers are as the instruction left them, and execution
 * goes on at native_exit, in 64-bit mode.
 */
static void native_signal(int signal, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)g[REG_RIP], linear = rip + native_state.code_base;
    uint64_t selectors = (uint64_t)g[REG_CSGSFS];

    if (g[REG_TRAPNO] == 3 && linear - 1 != NATIVE_INSN) {
        native_state.rip = rip - 1;
    } else if (g[REG_TRAPNO] == 14 && ((uint64_t)g[REG_CR2] == linear || rip >> 63) &&
               linear != NATIVE_INSN) {
        /* In the kernel's half even where CR2 does not say so: the vsyscall page is special. */
        native_state.rip = rip;
    } else if (linear == NATIVE_INSN) {
        native_state.trapped = 1;
        native_state.rip = rip;
        native_state.vector = (uint64_t)g[REG_TRAPNO];
        native_state.error_code = (uint64_t)g[REG_ERR];
        native_state.cr2 = (uint64_t)g[REG_CR2];
    } else {
        fprintf(stderr, "native_run: vector %lld at %#lx, outside the instruction under test:", g[REG_TRAPNO],
                linear);
        for (unsigned i = 0; i < 16; i++) {
            fprintf(stderr, " %02x", ((uint8_t *)(uintptr_t)NATIVE_INSN)[i]);
        }
        fprintf(stderr, "\n");
        abort();
    }
    g[REG_RIP] = (greg_t)(uintptr_t)native_exit;
    g[REG_CSGSFS] = (greg_t)((selectors & 0x0000ffffffff0000ull) | 0x002b000000000033ull);
}

static void native_install_handlers(void)
{
    static const int signals[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
    static uint8_t stack[65536];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_sigaction = native_signal,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};

    sigaltstack(&alternate, NULL);
    for (unsigned i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
        sigaction(signals[i], &action, NULL);
    }
}

static void *native_map(uint64_t address, size_t length, int protection)
{
    void *p = mmap((void *)(uintptr_t)address, length, protection,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);

    if (p != (void *)(uintptr_t)address) {
        perror("native_run: mmap");
        exit(1);
    }
    return p;
}

/* jmp *0(%rip) to native_exit */
static void native_put_exit(uint8_t *at)
{
    static const uint8_t jump[6] = {0xff, 0x25};
    uint64_t exit_address = (uintptr_t)native_exit;

    memcpy(at, jump, 6);
    memcpy(at + 6, &exit_address, 8);
}

/* Maps code and memory; writes `memory` (MACHINE_BYTES) into the latter and protects its read-only part. */
static void native_setup(const uint8_t *memory, uint64_t gs_base)
{
    uint8_t *code = native_map(NATIVE_CODE, MACHINE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint8_t *data = native_map(MACHINE_RW_START, MACHINE_BYTES, PROT_READ | PROT_WRITE);

    memset(code, 0xcc, MACHINE_PAGE);
    native_put_exit((uint8_t *)(uintptr_t)NATIVE_BACK);
    memcpy(data, memory, MACHINE_BYTES);
    mprotect((void *)(uintptr_t)MACHINE_RO_START, MACHINE_PAGE, PROT_READ);
    syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, gs_base);
}

/* What stands behind the instruction: the way back, in its mode. */
static void native_put_tail(uint8_t *at, const struct emu_segment *code)
{
    const uint32_t back = NATIVE_BACK;

    if (!code) {
        native_put_exit(at);
        return;
    }
    if (!(code->attributes & EMU_SEGMENT_DB)) {
        *at++ = 0x66;
    }
    *at++ = 0xea; /* ljmp $0x33, $NATIVE_BACK */
    memcpy(at, &back, 4);
    memcpy(at + 4, "\x33", 2);
}

/*
 * Runs the instruction; `regs` in and out (rip out only). `segments`: NULL for 64-bit mode, else six of them,
 * in the local descriptor table. True if it faulted: native_state has vector, error code, CR2.
 */
static bool native_run(const uint8_t *bytes, unsigned length, struct emu_regs *regs,
                       const struct emu_segment *segments)
{
    uint8_t *insn = (uint8_t *)(uintptr_t)NATIVE_INSN;
    const struct emu_segment *code = segments ? &segments[INSN_SEG_CS] : NULL;

    memcpy(insn, bytes, length);
    native_put_tail(insn + length, code);
    memcpy(native_state.gpr, regs->gpr, sizeof(regs->gpr));
    native_state.rflags = regs->rflags;
    native_state.code_base = code ? code->base : 0;
    native_state.entry = NATIVE_INSN - native_state.code_base;
    native_state.rip = native_state.entry + length;
    native_state.trapped = 0;
    if (segments) {
        native_state.entry |= (uint64_t)code->selector << 32;
        native_state.ds = segments[INSN_SEG_DS].selector;
        native_state.es = segments[INSN_SEG_ES].selector;
        native_state.ss = segments[INSN_SEG_SS].selector;
        native_enter_legacy();
    } else {
        native_enter();
    }
    memset(insn, 0xcc, length + NATIVE_TAIL);
    memcpy(regs->gpr, native_state.gpr, sizeof(regs->gpr));
    regs->rflags = native_state.rflags;
    regs->rip = native_state.rip;
    return native_state.trapped;
}

#endif
