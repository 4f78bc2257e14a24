/* SPDX-License-Identifier: MIT */
/* Debug registers, through hypercalls and through instructions. */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/test.h>
#include <kit/trap.h>

static void reset(void)
{
    for (int i = 0; i < 4; i++)
        hcall_set_debugreg(i, 0);
    hcall_set_debugreg(6, DR6_FIXED_ONE);
    hcall_set_debugreg(7, 0);
}

KIT_TEST(debug_register_numbers)
{
    reset();
    CHECK_RC(hcall_get_debugreg(-1), -XEN_ENODEV); /* the header says -EINVAL */
    CHECK_RC(hcall_get_debugreg(8), -XEN_ENODEV);
    CHECK_RC(hcall_set_debugreg(-1, 0), -XEN_ENODEV);
    CHECK_RC(hcall_set_debugreg(8, 0), -XEN_ENODEV);
    CHECK_EQ(hcall_get_debugreg(4), DR6_FIXED_ONE); /* 4 and 5 are 6 and 7 while CR4.DE is clear */
    CHECK_EQ(hcall_get_debugreg(5), DR7_FIXED_ONE);
    CHECK_EQ(hcall_get_debugreg(6), DR6_FIXED_ONE);
    CHECK_EQ(hcall_get_debugreg(7), DR7_FIXED_ONE);
}

KIT_TEST(debug_addresses)
{
    for (int i = 0; i < 4; i++) {
        CHECK_RC(hcall_set_debugreg(i, 0x123456789UL), 0);
        CHECK_EQ(hcall_get_debugreg(i), 0x123456789UL);
        CHECK_RC(hcall_set_debugreg(i, 0x8000000000000000UL), -XEN_EPERM);
        CHECK_RC(hcall_set_debugreg(i, HYPERVISOR_VIRT_START), -XEN_EPERM);
        CHECK_RC(hcall_set_debugreg(i, HYPERVISOR_VIRT_END - 1), -XEN_EPERM);
        CHECK_RC(hcall_set_debugreg(i, HYPERVISOR_VIRT_END), 0);
        CHECK_RC(hcall_set_debugreg(i, ~0UL), 0);
    }
    reset();
}

KIT_TEST(debug_status)
{
    CHECK_RC(hcall_set_debugreg(6, 0), 0);
    CHECK_EQ(hcall_get_debugreg(6), DR6_FIXED_ONE);
    CHECK_RC(hcall_set_debugreg(6, 0xe00f), 0);
    CHECK_EQ(hcall_get_debugreg(6), 0xffffeffful);
    CHECK_RC(hcall_set_debugreg(6, 0x11000), 0);
    CHECK_EQ(hcall_get_debugreg(6), DR6_FIXED_ONE);
    CHECK_RC(hcall_set_debugreg(6, 1UL << 32), -XEN_EINVAL);
    reset();
}

KIT_TEST(debug_control)
{
    static const struct {
        uint64_t value;
        int rc;
        uint64_t reads;
    } cases[] = {
        {0x1, 0, 0x401},           {0x2, 0, 0x402},           {0x3, 0, 0x403},
        {0x300, 0, 0x700},         {0x800, 0, 0x400},         {0x1000, 0, 0x400},
        {0x2000, -1, 0x400},       {0x10001, 0, 0x10401},     {0x20001, -1, 0x10401},
        {0x30001, 0, 0x30401},     {0x80001, 0, 0x80401},     {0xb0001, 0, 0xb0401},
        {0xc0001, 0, 0xc0401},     {1UL << 32, -22, 0xc0401}, {0x200001, -1, 0xc0401},
        {0x20000040, -1, 0xc0401}, {0x2220000, 0, 0x2220400},
    };

    reset();
    /* Refused: general detect; I/O breakpoints without CR4.DE, if any is on, another one, too. */
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        CHECK_RC(hcall_set_debugreg(7, cases[i].value), cases[i].rc);
        CHECK_EQ(hcall_get_debugreg(7), cases[i].reads);
    }
    reset();
}

KIT_TEST(debug_instructions)
{
    uint64_t v = 0;
    struct kit_fault f = KIT_PROBE("mov %0, %%db0", : "r"(0x4000UL));

    CHECK_NO_FAULT(f);
    CHECK_EQ(hcall_get_debugreg(0), 0x4000);
    f = KIT_PROBE("mov %%db0, %0", "+r"(v));
    CHECK_NO_FAULT(f);
    CHECK_EQ(v, 0x4000);
    f = KIT_PROBE("mov %0, %%db0", : "r"(HYPERVISOR_VIRT_START));
    CHECK_FAULT(f, VECTOR_GP, 0);
    f = KIT_PROBE("mov %%db7, %0", "+r"(v));
    CHECK_NO_FAULT(f);
    CHECK_EQ(v, DR7_FIXED_ONE);
    f = KIT_PROBE("mov %%db6, %0", "+r"(v));
    CHECK_NO_FAULT(f);
    CHECK_EQ(v, DR6_FIXED_ONE);
    f = KIT_PROBE("mov %%db5, %0", "+r"(v));
    CHECK_NO_FAULT(f);
    reset();
}

static volatile uint64_t watched;

KIT_TEST(debug_watchpoint)
{
    struct kit_fault f;

    reset();
    CHECK_RC(hcall_set_debugreg(0, (uintptr_t)&watched), 0);
    CHECK_RC(hcall_set_debugreg(7, 0xd0001 | 2), 0); /* 8 bytes? length 4, write, local and global */
    f = KIT_PROBE("movq $1, (%0); nop", : "r"(&watched) : "memory");
    CHECK_FAULT(f, VECTOR_DB, 0);
    CHECK_EQ(hcall_get_debugreg(6) & 0xf, 1);
    CHECK_RC(hcall_set_debugreg(7, 0), 0);
    f = KIT_PROBE("movq $1, (%0); nop", : "r"(&watched) : "memory");
    CHECK_NO_FAULT(f);
    reset();
}

KIT_TEST(debug_breakpoint)
{
    uint64_t at = 0;
    struct kit_fault f;

    reset();
    __asm__ volatile("lea kit_debug_target(%%rip), %0" : "=r"(at));
    CHECK_RC(hcall_set_debugreg(1, at), 0);
    CHECK_RC(hcall_set_debugreg(7, 4), 0);
    f = KIT_PROBE("nop; .globl kit_debug_target; kit_debug_target: nop", );
    CHECK_FAULT(f, VECTOR_DB, 0);
    CHECK_EQ(f.rip, at);
    CHECK_EQ(hcall_get_debugreg(6) & 0xf, 2);
    reset();
}
