/* SPDX-License-Identifier: MIT */
/* Traps bounced to the guest kernel and back, from kernel and from user mode. */
#include <kit/user.h>

#include "bench.h"

static bool skip_load(struct kit_regs *regs)
{
    regs->rip += 3; /* mov (%rdi), %rax */
    return true;
}

BENCH(page_fault_bounce, 1)
{
    kit_trap_fn before = kit_trap_hook(VECTOR_PF, skip_load);

    while (n--)
        __asm__ volatile(".byte 0x48, 0x8b, 0x07" ::"D"(0x1000UL) : "rax", "memory");
    kit_trap_hook(VECTOR_PF, before);
}

static bool skip_ud2(struct kit_regs *regs)
{
    regs->rip += 2;
    return true;
}

static bool resume(struct kit_regs *regs)
{
    (void)regs;
    return true;
}

BENCH(undefined_bounce, 1)
{
    kit_trap_fn before = kit_trap_hook(VECTOR_UD, skip_ud2);

    while (n--)
        __asm__ volatile("ud2" ::: "memory");
    kit_trap_hook(VECTOR_UD, before);
}

BENCH(int80_kernel, 1)
{
    kit_trap_fn before = kit_trap_hook(VECTOR_INT80, resume);

    while (n--)
        __asm__ volatile("int $0x80" ::: "memory");
    kit_trap_hook(VECTOR_INT80, before);
}

/* User loops: r12 times the entry, then ud2. */
__asm__(".pushsection .rodata\n"
        "bench_user: .globl bench_user\n"
        "bench_user_syscall: 1: syscall; dec %r12; jnz 1b; ud2\n"
        "bench_user_int80: 1: int $0x80; dec %r12; jnz 1b; ud2\n"
        "bench_user_fault: 1: mov (%rdi), %rax; dec %r12; jnz 1b; ud2\n"
        "bench_user_end:\n"
        ".popsection");
extern const char bench_user[], bench_user_syscall[], bench_user_int80[], bench_user_fault[],
    bench_user_end[];

static struct kit_user user;

static bool back_at_once(struct kit_regs *regs)
{
    if (regs->vector == VECTOR_UD)
        return false;
    if (regs->vector == VECTOR_PF)
        regs->rip += 3;
    return true;
}

static void run_user(const char *label, unsigned long n)
{
    if (!user.root_mfn)
        CHECK_RC(kit_user_init(&user, bench_user, (size_t)(bench_user_end - bench_user)), 0);
    user.resume = back_at_once;
    user.regs.rip = KIT_USER_CODE + (uintptr_t)(label - bench_user);
    user.regs.r12 = n;
    user.regs.rdi = 0x1000;
    kit_user_run(&user);
    CHECK_EQ(user.regs.vector, VECTOR_UD);
    CHECK_EQ(user.regs.r12, 0);
}

BENCH(syscall, 1)
{
    run_user(bench_user_syscall, n);
}

BENCH(int80, 1)
{
    run_user(bench_user_int80, n);
}

BENCH(page_fault_user, 1)
{
    run_user(bench_user_fault, n);
}
