/* SPDX-License-Identifier: MIT */
/*
 * On a processor of Intel's: SYSENTER, which does not say where it came from.
 * GUEST-GROUP: cpu=Skylake-Server,-smap,-xsave,-monitor
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/user.h>
#include <kit/vcpu.h>

__asm__(".pushsection .rodata\n"
        ".code32\n"
        "compat_code:\n"
        "compat_sysenter: sysenter; ud2\n"
        "compat_syscall: syscall; ud2\n"
        "compat_int80: int $0x80; ud2\n"
        "compat_code_end:\n"
        ".code64\n"
        ".popsection");
extern const char compat_code[], compat_sysenter[], compat_syscall[], compat_int80[], compat_code_end[];

#define AT(label) (KIT_USER_CODE + (uintptr_t)((label)-compat_code))

static struct kit_user user;

static struct kit_regs *go(const char *label, uint16_t cs, uint64_t rflags)
{
    if (!user.root_mfn)
        CHECK_RC(kit_user_init(&user, compat_code, (size_t)(compat_code_end - compat_code)), 0);
    memset(&user.regs, 0, sizeof(user.regs));
    user.regs.rip = AT(label);
    user.regs.cs = cs;
    user.regs.ss = FLAT_USER_SS32;
    user.regs.rflags = rflags | EFLAGS_IF | EFLAGS_FIXED;
    user.regs.rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    user.regs.rax = 0x1234;
    user.regs.rbx = 0x11;
    user.regs.rcx = 0x22;
    user.regs.rdx = 0x33;
    user.regs.rsi = 0x44;
    user.regs.rdi = 0x55;
    user.regs.rbp = 0x66;
    kit_user_run(&user);
    return &user.regs;
}

static long reg(uint16_t type, uint16_t flags, unsigned vector)
{
    struct callback_register op = {.type = type, .flags = flags, .address = kit_trap_stub(vector, true)};

    return hcall_callback_op(CALLBACKOP_register, &op);
}

#define CHECK_EXIT(r, v, e)                                                                                  \
    kit_check((r)->vector == (v) && (r)->error == (e), __FILE__, __LINE__,                                   \
              "wanted vector %u error %#x, got vector %lu error %#lx rip %lx", (unsigned)(v), (unsigned)(e), \
              (r)->vector, (r)->error, (r)->rip)

#define CHECK_REGISTERS(r)                                                                                   \
    CHECK((r)->rax == 0x1234 && (r)->rbx == 0x11 && (r)->rdx == 0x33 && (r)->rsi == 0x44 &&                  \
          (r)->rdi == 0x55 && (r)->rbp == 0x66)

KIT_TEST(int80)
{
    struct kit_regs *r = go(compat_int80, FLAT_USER_CS32, 0);

    CHECK_EXIT(r, VECTOR_INT80, 0);
    CHECK_REGISTERS(r);
    CHECK_EQ(r->rip, AT(compat_int80) + 2);
    CHECK_EQ(r->cs, FLAT_USER_CS32);
}

/* The general registers arrive; instruction and stack pointer are lost, and no code segment is named. */
KIT_TEST(sysenter)
{
    static const uint64_t flags[] = {0, EFLAGS_TF, EFLAGS_NT, EFLAGS_DF, EFLAGS_AC, 0x8d5};

    for (unsigned masks = 0; masks < 2; masks++) {
        CHECK_RC(reg(CALLBACKTYPE_sysenter, masks ? CALLBACKF_mask_events : 0, KIT_VECTOR_SYSENTER), 0);
        for (unsigned i = 0; i < ARRAY_SIZE(flags); i++) {
            struct kit_regs *r;

            if (flags[i] == EFLAGS_TF)
                continue;
            r = go(compat_sysenter, FLAT_USER_CS32, flags[i]);
            CHECK_EXIT(r, KIT_VECTOR_SYSENTER, 0);
            CHECK_REGISTERS(r);
            CHECK_EQ(r->rcx, 0x22);
            CHECK_EQ(r->rip, 0);
            CHECK_EQ(r->rsp, 0);
            CHECK_EQ(r->cs & 0xffff, 3);
            CHECK_EQ(r->ss, FLAT_USER_SS);
            CHECK_EQ(kit_fault()->mask, masks);
            CHECK_EQ(r->rflags & (EFLAGS_STATUS | EFLAGS_IF), (flags[i] & EFLAGS_STATUS) | EFLAGS_IF);
        }
    }
}

/* From 64-bit code it is the same. */
KIT_TEST(sysenter_from_64_bit)
{
    CHECK_RC(reg(CALLBACKTYPE_sysenter, 0, KIT_VECTOR_SYSENTER), 0);
    CHECK_EXIT(go(compat_sysenter, FLAT_USER_CS64, 0), KIT_VECTOR_SYSENTER, 0);
}

static uint64_t flags_inside;

/* Many in a row, back by iret each time. */
static bool again(struct kit_regs *regs)
{
    if (regs->vector != KIT_VECTOR_SYSENTER)
        return false;
    regs->rip = AT(compat_sysenter);
    regs->cs = FLAT_USER_CS32;
    regs->ss = FLAT_USER_SS32;
    regs->rsp = KIT_USER_DATA + KIT_PAGE_SIZE;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags_inside));
    if (++regs->rbx == 1000)
        regs->rip += 2;
    return true;
}

KIT_TEST(sysenter_often)
{
    struct kit_regs *r;

    CHECK_RC(reg(CALLBACKTYPE_sysenter, 0, KIT_VECTOR_SYSENTER), 0);
    user.resume = again;
    r = go(compat_sysenter, FLAT_USER_CS32, 0);
    user.resume = NULL;
    CHECK_EXIT(r, VECTOR_UD, 0);
    CHECK_EQ(r->rbx, 1000);
    CHECK(flags_inside & EFLAGS_IF); /* the real one: else no interrupt would end the kernel */
}

/* AMD's way in is no instruction on this processor; TCG has it all the same. */
KIT_TEST(syscall)
{
    struct kit_regs *r;

    CHECK_RC(reg(CALLBACKTYPE_syscall32, 0, KIT_VECTOR_SYSCALL32), 0);
    r = go(compat_syscall, FLAT_USER_CS32, 0);
    CHECK_EXIT(r, r->vector == VECTOR_UD ? VECTOR_UD : KIT_VECTOR_SYSCALL32, 0);
}

/* Before anything is registered; the tests above come later. */
KIT_TEST_ALONE(sysenter_without_callback)
{
    struct kit_regs *r = go(compat_sysenter, FLAT_USER_CS32, 0);

    CHECK_EXIT(r, VECTOR_GP, 0);
    CHECK_EQ(r->rip, 0);
    CHECK_EQ(r->cs & 0xffff, 3);
}
