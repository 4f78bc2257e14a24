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

/* The assembly below knows the offsets. */
struct native_state {
    uint64_t gpr[16];
    uint64_t rflags;
    uint64_t host_rsp;
    uint64_t entry;
    uint64_t rip;
    uint64_t trapped; /* 1: an exception at the instruction; the rest says which */
    uint64_t vector, error_code, cr2;
};

struct native_state native_state;
void native_enter(void);
void native_exit(void);

__asm__(".text\n"
        "native_enter:\n"
        "  push %rbx; push %rbp; push %r12; push %r13; push %r14; push %r15\n"
        "  mov %rsp, native_state+136(%rip)\n"
        "  pushq native_state+128(%rip); popfq\n"
        "  mov native_state+0(%rip), %rax\n"
        "  mov native_state+8(%rip), %rcx\n"
        "  mov native_state+16(%rip), %rdx\n"
        "  mov native_state+24(%rip), %rbx\n"
        "  mov native_state+40(%rip), %rbp\n"
        "  mov native_state+48(%rip), %rsi\n"
        "  mov native_state+56(%rip), %rdi\n"
        "  mov native_state+64(%rip), %r8\n"
        "  mov native_state+72(%rip), %r9\n"
        "  mov native_state+80(%rip), %r10\n"
        "  mov native_state+88(%rip), %r11\n"
        "  mov native_state+96(%rip), %r12\n"
        "  mov native_state+104(%rip), %r13\n"
        "  mov native_state+112(%rip), %r14\n"
        "  mov native_state+120(%rip), %r15\n"
        "  mov native_state+32(%rip), %rsp\n"
        "  jmp *native_state+144(%rip)\n"
        "native_exit:\n"
        "  mov %rsp, native_state+32(%rip)\n"
        "  mov native_state+136(%rip), %rsp\n"
        "  pushfq; popq native_state+128(%rip)\n"
        "  mov %rax, native_state+0(%rip)\n"
        "  mov %rcx, native_state+8(%rip)\n"
        "  mov %rdx, native_state+16(%rip)\n"
        "  mov %rbx, native_state+24(%rip)\n"
        "  mov %rbp, native_state+40(%rip)\n"
        "  mov %rsi, native_state+48(%rip)\n"
        "  mov %rdi, native_state+56(%rip)\n"
        "  mov %r8, native_state+64(%rip)\n"
        "  mov %r9, native_state+72(%rip)\n"
        "  mov %r10, native_state+80(%rip)\n"
        "  mov %r11, native_state+88(%rip)\n"
        "  mov %r12, native_state+96(%rip)\n"
        "  mov %r13, native_state+104(%rip)\n"
        "  mov %r14, native_state+112(%rip)\n"
        "  mov %r15, native_state+120(%rip)\n"
        "  pushq $2; popfq\n"
        "  pop %r15; pop %r14; pop %r13; pop %r12; pop %rbp; pop %rbx\n"
        "  ret\n");

/*
 * An INT3 or a fetch fault elsewhere than at the instruction means that it branched there; anything at the
 * instruction is its own exception. Either way the registers are as the instruction left them, and execution
 * goes on at native_exit.
 */
static void native_signal(int signal, siginfo_t *info, void *context)
{
    greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;
    uint64_t rip = (uint64_t)g[REG_RIP];

    (void)signal;
    (void)info;
    if (g[REG_TRAPNO] == 3 && rip - 1 != NATIVE_INSN) {
        native_state.rip = rip - 1;
    } else if (g[REG_TRAPNO] == 14 && ((uint64_t)g[REG_CR2] == rip || rip >> 63) && rip != NATIVE_INSN) {
        /* In the kernel's half even where CR2 does not say so: the vsyscall page is special. */
        native_state.rip = rip;
    } else if (rip == NATIVE_INSN) {
        native_state.trapped = 1;
        native_state.rip = rip;
        native_state.vector = (uint64_t)g[REG_TRAPNO];
        native_state.error_code = (uint64_t)g[REG_ERR];
        native_state.cr2 = (uint64_t)g[REG_CR2];
    } else {
        fprintf(stderr,
                "native_run: vector %lld at %#llx, outside the instruction under test:", g[REG_TRAPNO],
                g[REG_RIP]);
        for (unsigned i = 0; i < 16; i++) {
            fprintf(stderr, " %02x", ((uint8_t *)(uintptr_t)NATIVE_INSN)[i]);
        }
        fprintf(stderr, "\n");
        abort();
    }
    g[REG_RIP] = (greg_t)(uintptr_t)native_exit;
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

/* Maps code and memory; writes `memory` (MACHINE_BYTES) into the latter and protects its read-only part. */
static void native_setup(const uint8_t *memory, uint64_t gs_base)
{
    uint8_t *code = native_map(NATIVE_CODE, MACHINE_PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
    uint8_t *data = native_map(MACHINE_RW_START, MACHINE_BYTES, PROT_READ | PROT_WRITE);

    memset(code, 0xcc, MACHINE_PAGE);
    memcpy(data, memory, MACHINE_BYTES);
    mprotect((void *)(uintptr_t)MACHINE_RO_START, MACHINE_PAGE, PROT_READ);
    syscall(SYS_arch_prctl, 0x1001 /* ARCH_SET_GS */, gs_base);
    native_install_handlers();
}

/* Runs the instruction; `regs` in and out (rip out only). True if it faulted: native_state has vector, error
 * code, CR2. */
static bool native_run(const uint8_t *bytes, unsigned length, struct emu_regs *regs)
{
    uint8_t *insn = (uint8_t *)(uintptr_t)NATIVE_INSN;
    /* jmp *0(%rip) to native_exit, directly behind the instruction */
    uint8_t tail[14] = {0xff, 0x25, 0, 0, 0, 0};
    uint64_t exit_address = (uintptr_t)native_exit;

    memcpy(tail + 6, &exit_address, 8);
    memcpy(insn, bytes, length);
    memcpy(insn + length, tail, sizeof(tail));
    memcpy(native_state.gpr, regs->gpr, sizeof(regs->gpr));
    native_state.rflags = regs->rflags;
    native_state.entry = NATIVE_INSN;
    native_state.rip = NATIVE_INSN + length;
    native_state.trapped = 0;
    native_enter();
    memset(insn, 0xcc, length + sizeof(tail));
    memcpy(regs->gpr, native_state.gpr, sizeof(regs->gpr));
    regs->rflags = native_state.rflags;
    regs->rip = native_state.rip;
    return native_state.trapped;
}

#endif
