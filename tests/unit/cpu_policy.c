/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Policies made from recorded processors, compared with what Xen made of them.
 * UNIT-SOURCES: hypervisor/arch/x86/cpu_policy.c hypervisor/arch/x86/cpu_policy_cpuid.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "arch/x86/cpu_policy.h"
#include <xen/arch-x86/cpufeatureset.h>
#include "recorded_cpuid.h"
#include "random.h"

struct cpu_policy raw_policy, host_policy, pv_max_policy, pv_default_policy;

static const struct recorded_cpuid *machine;
static size_t machine_count;

static struct cpuid_regs read_machine(uint32_t leaf, uint32_t subleaf)
{
    for (size_t i = 0; i < machine_count; i++)
        if (machine[i].leaf == leaf && machine[i].subleaf == subleaf)
            return machine[i].raw;
    return (struct cpuid_regs){0};
}

static void make(const struct recorded_cpuid *records, size_t count, uint64_t xcr0)
{
    machine = records;
    machine_count = count;
    cpu_policy_read(&raw_policy, read_machine);
    cpu_policy_make_host(&host_policy, &raw_policy, xcr0);
    cpu_policy_make_pv(&pv_max_policy, &host_policy);
}

/* Bits in which we differ on purpose. */
static uint32_t forgiven(uint32_t leaf, unsigned int reg)
{
    if (leaf == 7 && reg == 3)
        return 1u << 29; /* ARCH_CAPS: Xen makes one up, we do not give the MSR yet */
    if (leaf == 7 && reg == 1 && machine == recorded_skylake)
        return 1u << 24; /* CLWB: Xen hides it on this model; the instruction works */
    return 0;
}

static void compare(uint32_t leaf, uint32_t subleaf, const struct cpuid_regs *want)
{
    const struct cpuid_guest dom0 = {.xcr0 = 1, .hardware_kernel = true};
    struct cpuid_regs got;
    const uint32_t *w = &want->a, *g;

    /* Xen puts LFENCE_DISPATCH into a leaf that these processors do not have. */
    if (leaf == 0x80000021 || (leaf == 0x80000000 && want->a == 0x80000021))
        return;
    cpu_policy_cpuid(&pv_max_policy, &dom0, leaf, subleaf, &got);
    g = &got.a;
    for (unsigned int reg = 0; reg < 4; reg++)
        if ((w[reg] ^ g[reg]) & ~forgiven(leaf, reg))
            fail_msg("leaf %#x.%u register %u: Xen %08x, ours %08x", leaf, subleaf, reg, w[reg], g[reg]);
}

static void compare_all(void)
{
    for (size_t i = 0; i < machine_count; i++)
        compare(machine[i].leaf, machine[i].subleaf, &machine[i].guest);
}

static void test_qemu64(void **state)
{
    make(recorded_qemu64, ARRAY_SIZE(recorded_qemu64), 0);
    assert_int_equal(raw_policy.vendor, VENDOR_AMD);
    compare_all();
}

static void test_max(void **state)
{
    make(recorded_max, ARRAY_SIZE(recorded_max), 7);
    compare_all();
}

static void test_nehalem(void **state)
{
    make(recorded_nehalem, ARRAY_SIZE(recorded_nehalem), 0);
    assert_int_equal(raw_policy.vendor, VENDOR_INTEL);
    compare_all();
}

static void test_epyc(void **state)
{
    make(recorded_epyc, ARRAY_SIZE(recorded_epyc), 7);
    compare_all();
}

/* There Xen takes AVX away against GDS: the same as without the component. */
static void test_skylake_without_avx(void **state)
{
    make(recorded_skylake, ARRAY_SIZE(recorded_skylake), 3);
    compare_all();
}

static void test_dependents_fall(void **state)
{
    make(recorded_max, ARRAY_SIZE(recorded_max), 3);
    assert_true(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_XSAVE));
    assert_false(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_AVX));
    assert_false(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_F16C));
    assert_false(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_VAES));
    make(recorded_max, ARRAY_SIZE(recorded_max), 0);
    assert_false(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_XSAVE));
    assert_false(cpu_policy_has(&pv_max_policy, XEN_X86_FEATURE_XSAVEOPT));
    assert_int_equal(cpu_policy_word(&pv_max_policy, 4), 0);
}

static uint32_t itsc(const struct cpu_policy *p)
{
    struct cpuid_regs r;

    cpu_policy_cpuid(p, NULL, 0x80000007, 0, &r);
    return r.d;
}

/* Who asks for it may have ITSC; who does not, has it not; nobody has it where the TSC may step. */
static void test_invariant_tsc(void **state)
{
    struct cpuid_regs r;

    make(recorded_max, ARRAY_SIZE(recorded_max), 7);
    raw_policy.extended[0].a = max(raw_policy.extended[0].a, 0x80000007u);
    raw_policy.extended[7].d |= 1 << 8;
    cpu_policy_make_host(&host_policy, &raw_policy, 7);
    host_policy.tsc_reliable = true;
    cpu_policy_make_pv(&pv_max_policy, &host_policy);
    cpu_policy_make_default(&pv_default_policy, &pv_max_policy);
    assert_int_equal(itsc(&pv_max_policy), 1 << 8);
    assert_int_equal(itsc(&pv_default_policy), 0);
    cpu_policy_cpuid(&pv_default_policy, NULL, 0x40000003, 0, &r);
    assert_int_equal(r.a & 2, 2); /* the machine's TSC is reliable, whether or not the guest may rely on it */
    cpu_policy_tsc_unstable(&pv_max_policy);
    assert_int_equal(itsc(&pv_max_policy), 0);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000003, 0, &r);
    assert_int_equal(r.a & 2, 0);
}

static void test_hypervisor_leaves(void **state)
{
    struct cpuid_regs r;

    make(recorded_max, ARRAY_SIZE(recorded_max), 7);
    pv_max_policy.host_khz = 2000000;
    pv_max_policy.address_width = 30;
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000000, 3, &r);
    assert_int_equal(r.a, 0x40000005);
    assert_memory_equal(&r.b, "XenVMMXenVMM", 12);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000001, 0, &r);
    assert_int_equal(r.a, 0x00040011);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000002, 0, &r);
    assert_int_equal(r.a, 1);
    assert_int_equal(r.b, 0x40000000);
    assert_int_equal(r.c, 1);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000003, 0, &r);
    assert_int_equal(r.a, 4); /* as recorded with -cpu max: RDTSCP, TSC not reliable */
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000003, 2, &r);
    assert_int_equal(r.a, 2000000);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000005, 0, &r);
    assert_int_equal(r.b, 30);
    cpu_policy_cpuid(&pv_max_policy, NULL, 0x40000006, 0, &r);
    assert_int_equal(r.a | r.b | r.c | r.d, 0);
}

static void test_xsave_size_follows_xcr0(void **state)
{
    struct cpuid_guest guest = {.xcr0 = 7};
    struct cpuid_regs r;

    make(recorded_max, ARRAY_SIZE(recorded_max), 7);
    cpu_policy_cpuid(&pv_max_policy, &guest, 0xd, 0, &r);
    assert_int_equal(r.b, 0x340);
    guest.xcr0 = 3;
    cpu_policy_cpuid(&pv_max_policy, &guest, 0xd, 0, &r);
    assert_int_equal(r.b, 0x240);
    guest.xcr0 = ~0ULL; /* cannot be, and must not matter */
    cpu_policy_cpuid(&pv_max_policy, &guest, 0xd, 0, &r);
    assert_int_equal(r.b, 0x340);
}

/* No leaf and subleaf reaches outside of the arrays (ASan watches). */
static void test_any_leaf(void **state)
{
    struct cpuid_regs r;

    random_sequence(0);
    make(recorded_max, ARRAY_SIZE(recorded_max), 7);
    for (unsigned int i = 0; i < 200000; i++) {
        static const uint32_t bases[] = {0, 0x40000000, 0x80000000, 0xfffffff0};
        uint64_t r64 = random64();

        cpu_policy_cpuid(&pv_max_policy, NULL, bases[r64 & 3] + (r64 >> 8 & 0x3f),
                         (uint32_t)(r64 >> 20 & 0x7f) - 1, &r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_qemu64),
        cmocka_unit_test(test_max),
        cmocka_unit_test(test_nehalem),
        cmocka_unit_test(test_epyc),
        cmocka_unit_test(test_skylake_without_avx),
        cmocka_unit_test(test_dependents_fall),
        cmocka_unit_test(test_invariant_tsc),
        cmocka_unit_test(test_hypervisor_leaves),
        cmocka_unit_test(test_xsave_size_follows_xcr0),
        cmocka_unit_test(test_any_leaf),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
