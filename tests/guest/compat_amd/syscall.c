/* SPDX-License-Identifier: MIT */
/*
 * On a processor of AMD's: SYSCALL from 32-bit code; SYSENTER is not there in long mode.
 * GUEST-GROUP: cpu=EPYC,-smap,-xsave,-monitor
 */
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>
#include <kit/vcpu.h>

__asm__(".pushsection .rodata\n"
        ".code32\n"
        "compat_code:\n"
        "compat_syscall: syscall; ud2\n"
        "compat_sysenter: sysenter; ud2\n"
        "compat_code_end:\n"
        ".code64\n"
        ".popsection");
extern const char compat_code[], compat_sysenter[], compat_syscall[], compat_code_end[];

#define AT(label) (KIT_USER_CODE + (uintptr_t)((label)-compat_code))

static struct kit_user user;

static struct kit_regs *go(const char *label)
{
    if (!user.root_mfn)
        CHECK_RC(kit_user_init(&user, compat_code, (size_t)(compat_code_end - compat_code)), 0);
    memset(&user.regs, 0, sizeof(user.regs));
    user.regs.rip = AT(label);
    user.regs.cs = FLAT_USER_CS32;
    user.regs.ss = FLAT_USER_SS32;
    user.regs.rflags = EFLAGS_IF | EFLAGS_FIXED;
    user.regs.rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    user.regs.rax = 0x1234;
    user.regs.rbp = 0x66;
    kit_user_run(&user);
    return &user.regs;
}

KIT_TEST(syscall)
{
    struct callback_register op = {.type = CALLBACKTYPE_syscall32,
                                   .address = kit_trap_stub(KIT_VECTOR_SYSCALL32, true)};
    struct kit_regs *r;

    CHECK_RC(hcall_callback_op(CALLBACKOP_register, &op), 0);
    r = go(compat_syscall);
    kit_check(r->vector == KIT_VECTOR_SYSCALL32, __FILE__, __LINE__, "vector %lu error %#lx", r->vector,
              r->error);
    CHECK_EQ(r->rip, AT(compat_syscall) + 2);
    CHECK_EQ(r->rcx, AT(compat_syscall) + 2);
    CHECK_EQ(r->cs, FLAT_USER_CS32);
    CHECK_EQ(r->rax, 0x1234);
    CHECK_EQ(r->rbp, 0x66);
    CHECK_EQ(r->rsp, KIT_USER_DATA + KIT_PAGE_SIZE);
}

/* #UD by the manual; TCG executes it, and finds no segment to go to: #GP. */
KIT_TEST(sysenter)
{
    struct callback_register op = {.type = CALLBACKTYPE_sysenter,
                                   .address = kit_trap_stub(KIT_VECTOR_SYSENTER, true)};
    struct kit_regs *r;

    hcall_callback_op(CALLBACKOP_register, &op);
    r = go(compat_sysenter);
    kit_check(r->vector == VECTOR_UD || (r->vector == VECTOR_GP && !r->error), __FILE__, __LINE__,
              "vector %lu error %#lx", r->vector, r->error);
    CHECK_EQ(r->rip, AT(compat_sysenter));
}
