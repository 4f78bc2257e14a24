/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is decided against speculation, for processors of every kind and for every form of the options; and what is found of a
 * processor's features, from which it is decided.
 *
 * UNIT-SOURCES: hypervisor/arch/x86/spec.c hypervisor/arch/x86/cpu_features.c hypervisor/arch/x86/cpu_policy.c hypervisor/arch/x86/cpu_policy_host.c hypervisor/arch/x86/cpuid_option.c hypervisor/core/options.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/spec.h"
#include "core/options.h"
#include "hv/log.h"
#include "recorded_cpuid.h"
#include <xen/arch-x86/cpufeatureset.h>

static uint32_t patched;

void patch_enable(unsigned int feature)
{
    patched |= 1u << feature;
}

void log_printf(enum log_level level, const char *fmt, ...)
{
    (void)level;
    (void)fmt;
}

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

uint64_t clock_tsc_hz(void)
{
    return 1000000000;
}

static struct spec_policy decide(const struct spec_cpu *cpu, const char *spec_ctrl, const char *xpti,
                                 const char *pv_l1tf, const char *expect_unknown)
{
    struct spec_options options = {spec_ctrl, xpti, pv_l1tf};
    struct spec_policy p;
    const char *unknown;

    memset(&p, 0xff, sizeof(p));
    spec_decide(&p, cpu, &options, &unknown);
    if (expect_unknown) {
        assert_non_null(unknown);
        assert_memory_equal(unknown, expect_unknown, strlen(expect_unknown));
    } else {
        assert_null(unknown);
    }
    return p;
}

static const struct spec_cpu skylake = {
    .vendor = VENDOR_INTEL, .family = 6, .model = 0x55, .ibpb = true, .md_clear = true, .smep = true};
static const struct spec_cpu icelake = {.vendor = VENDOR_INTEL,
                                        .family = 6,
                                        .model = 0x6a,
                                        .ibpb = true,
                                        .md_clear = true,
                                        .smep = true,
                                        .arch_capabilities = 0x2b};
static const struct spec_cpu epyc = {
    .vendor = VENDOR_AMD, .family = 0x17, .model = 1, .ibpb = true, .smep = true};
static const struct spec_cpu bonnell = {.vendor = VENDOR_INTEL, .family = 6, .model = 0x1c};
static const struct spec_cpu goldmont = {.vendor = VENDOR_INTEL, .family = 6, .model = 0x5c, .smep = true};

static const struct spec_cpu cascade_lake = {.vendor = VENDOR_INTEL,
                                             .family = 6,
                                             .model = 0x55,
                                             .ibpb = true,
                                             .ibrs = true,
                                             .stibp = true,
                                             .smep = true,
                                             .arch_capabilities = 0x2b};
static const struct spec_cpu genoa = {.vendor = VENDOR_AMD,
                                      .family = 0x19,
                                      .model = 0x11,
                                      .ibpb = true,
                                      .stibp = true,
                                      .automatic_ibrs = true,
                                      .smep = true};

static void test_weaknesses(void **state)
{
    struct spec_policy p = decide(&skylake, NULL, NULL, NULL, NULL);

    (void)state;
    assert_true(p.meltdown && p.l1tf && p.mds);
    p = decide(&icelake, NULL, NULL, NULL, NULL);
    assert_false(p.meltdown || p.l1tf || p.mds);
    p = decide(&epyc, NULL, NULL, NULL, NULL);
    assert_false(p.meltdown || p.l1tf || p.mds);
    p = decide(&bonnell, NULL, NULL, NULL, NULL);
    assert_false(p.meltdown || p.l1tf || p.mds);
    p = decide(&goldmont, NULL, NULL, NULL, NULL);
    assert_true(p.meltdown);
    assert_false(p.l1tf || p.mds);
}

static void test_defaults(void **state)
{
    struct spec_policy p = decide(&skylake, NULL, NULL, NULL, NULL);

    (void)state;
    assert_true(p.split_root.dom0 && p.split_root.domu && p.l1tf_rule.domu && !p.l1tf_rule.dom0);
    assert_true(p.ibpb && p.clear_buffers && !p.fill_return_stack);
    p = decide(&epyc, NULL, NULL, NULL, NULL);
    assert_false(p.split_root.dom0 || p.split_root.domu || p.l1tf_rule.domu || p.clear_buffers);
    assert_true(p.ibpb);
    p = decide(&bonnell, NULL, NULL, NULL, NULL);
    assert_true(p.fill_return_stack && !p.ibpb && !p.split_root.domu);
}

static void test_everything_off(void **state)
{
    static const char *const words[] = {"no", "off", "0", "false"};

    (void)state;
    for (unsigned int i = 0; i < 4; i++) {
        struct spec_policy p = decide(&skylake, words[i], NULL, NULL, NULL);

        assert_true(p.meltdown); /* the processor is what it is */
        assert_false(p.ibpb || p.clear_buffers || p.fill_return_stack || p.split_root.dom0 ||
                     p.split_root.domu || p.l1tf_rule.domu);
    }
    /* What is asked for by name comes back. */
    assert_true(decide(&skylake, "no", "domu", NULL, NULL).split_root.domu);
    assert_true(decide(&skylake, "no,ibpb", NULL, NULL, NULL).ibpb);
}

static void test_single_words(void **state)
{
    struct spec_policy p = decide(&skylake, "no-ibpb,md-clear=off,rsb", NULL, NULL, NULL);

    (void)state;
    assert_true(!p.ibpb && !p.clear_buffers && p.fill_return_stack && p.split_root.domu);
    /* A word cannot give what the processor does not have. */
    assert_false(decide(&bonnell, "ibpb,md-clear", NULL, NULL, NULL).ibpb);
    assert_false(decide(&bonnell, "ibpb,md-clear", NULL, NULL, NULL).clear_buffers);
    p = decide(&skylake, "no-xen", NULL, NULL, NULL);
    assert_true(!p.ibpb && !p.clear_buffers && p.split_root.dom0);
}

/* IBRS is used only where it can stay set; STIBP only where it is asked for. */
static void test_restricted_branches(void **state)
{
    struct spec_policy p = decide(&cascade_lake, NULL, NULL, NULL, NULL);
    struct spec_cpu before = cascade_lake;

    (void)state;
    assert_true(p.ibrs && !p.automatic_ibrs && !p.stibp);
    p = decide(&genoa, NULL, NULL, NULL, NULL);
    assert_true(p.ibrs && p.automatic_ibrs && !p.stibp);
    before.arch_capabilities &= ~2UL;
    assert_false(decide(&before, "ibrs", NULL, NULL, NULL).ibrs);
    before.ibrs = false;
    before.arch_capabilities |= 2;
    assert_false(decide(&before, "ibrs", NULL, NULL, NULL).ibrs);
    p = decide(&cascade_lake, "no-ibrs,stibp", NULL, NULL, NULL);
    assert_true(!p.ibrs && p.stibp);
    assert_false(decide(&epyc, "stibp", NULL, NULL, NULL).stibp);
    assert_false(decide(&genoa, "stibp,no-xen", NULL, NULL, NULL).stibp);
    assert_false(decide(&genoa, "no", NULL, NULL, NULL).ibrs);
}

static void test_domains(void **state)
{
    struct spec_policy p = decide(&skylake, NULL, "dom0=off", "dom0", NULL);

    (void)state;
    assert_true(!p.split_root.dom0 && p.split_root.domu && p.l1tf_rule.dom0 && p.l1tf_rule.domu);
    p = decide(&skylake, NULL, "off", "no-domu", NULL);
    assert_false(p.split_root.dom0 || p.split_root.domu || p.l1tf_rule.domu);
    p = decide(&epyc, NULL, "on", "default", NULL);
    assert_true(p.split_root.dom0 && p.split_root.domu && !p.l1tf_rule.domu);
}

static void test_unknown_words(void **state)
{
    (void)state;
    decide(&skylake, "ibpb,nonsense,more", NULL, NULL, "nonsense");
    decide(&skylake, NULL, "dom1", NULL, "dom1");
    decide(&skylake, NULL, NULL, "dom0=perhaps", "dom0=perhaps");
    decide(&skylake, ",,ibpb,,", "", NULL, NULL);
}

/* QEMU's Skylake with the features that its TCG cannot give it. */
static struct cpuid_regs read_skylake(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r = {0};

    for (size_t i = 0; i < ARRAY_SIZE(recorded_skylake); i++)
        if (recorded_skylake[i].leaf == leaf && recorded_skylake[i].subleaf == subleaf)
            r = recorded_skylake[i].raw;
    if (leaf == 1)
        r.c |= 1u << 21 | 1u << 24; /* x2APIC, TSC deadline */
    if (leaf == 7 && subleaf == 0)
        r.b |= 1u << 20; /* SMAP */
    if (leaf == 7 && subleaf == 0)
        r.d |= 1u << 10 | 1u << 26 | 1u << 27; /* MD_CLEAR, IBRS and IBPB, STIBP */
    if (leaf == 0x80000000)
        r.a = 0x80000008;
    if (leaf == 0x80000007)
        r.d |= 1u << 8; /* invariant TSC */
    return r;
}

/* What is done against speculation on that processor with the hypervisor's command line. */
static struct spec_policy decide_with(const char *line)
{
    struct spec_cpu cpu;

    options_parse(line);
    memset(&cpu_features, 0, sizeof(cpu_features));
    patched = 0;
    cpu_features_find(read_skylake);
    spec_read(&cpu, &host_policy, &cpu_features, 0);
    assert_int_equal(cpu.vendor, VENDOR_INTEL);
    assert_true(cpu.family == 6 && cpu.model == 0x55);
    return decide(&cpu, NULL, NULL, NULL, NULL);
}

/* The list of cpuid= only grows: from the least to the most. */
static void test_features_taken_are_not_used(void **state)
{
    const struct cpu_features *f = &cpu_features;
    struct spec_policy p = decide_with("");

    (void)state;
    assert_true(f->smep && f->cr4 & CR4_SMEP && !p.fill_return_stack);
    assert_true(p.ibpb && p.clear_buffers && p.meltdown);
    assert_true(f->x2apic && f->tsc_deadline && f->invariant_tsc && f->sysenter && f->nx);
    assert_true(f->xsave && f->cr4 & CR4_OSXSAVE && f->xsave_size >= 576);

    p = decide_with("smep=off");
    assert_true(!f->smep && !(f->cr4 & CR4_SMEP) && p.fill_return_stack);
    assert_true(cpu_policy_has(&host_policy, XEN_X86_FEATURE_SMEP)); /* a guest might have it */

    assert_true(f->smap && f->cr4 & CR4_SMAP);
    decide_with("smap=off xsave=off");
    assert_true(!f->smap && !(f->cr4 & CR4_SMAP) && f->smep);
    assert_true(!f->xsave && !f->xcr0 && !(f->cr4 & CR4_OSXSAVE));
    assert_true(cpu_policy_has(&host_policy, XEN_X86_FEATURE_SMAP));

    p = decide_with("cpuid=no-smep");
    assert_true(!f->smep && !(f->cr4 & CR4_SMEP) && p.fill_return_stack);
    assert_true(f->x2apic && f->tsc_deadline && p.ibpb && p.clear_buffers);

    p = decide_with("cpuid=no-x2apic,no-tsc-deadline,no-itsc,no-sep,no-ibrsb,no-md-clear");
    assert_false(f->x2apic || f->tsc_deadline || f->invariant_tsc || f->sysenter || p.ibpb ||
                 p.clear_buffers);
    assert_true(cpu_policy_has(&raw_policy, XEN_X86_FEATURE_X2APIC));

    decide_with("cpuid=no-xsave,no-fsgsbase,no-umip,no-smap,no-page1gb,no-nx");
    assert_false(f->xsave || f->fsgsbase || f->umip || f->smap || f->huge_pages || f->xcr0);
    assert_int_equal(f->cr4 & (CR4_OSXSAVE | CR4_FSGSBASE | CR4_UMIP | CR4_SMAP), 0);
    assert_int_equal(patched, 0);
    assert_true(f->nx);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_weaknesses),
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_everything_off),
        cmocka_unit_test(test_single_words),
        cmocka_unit_test(test_domains),
        cmocka_unit_test(test_unknown_words),
        cmocka_unit_test(test_restricted_branches),
        cmocka_unit_test(test_features_taken_are_not_used),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
