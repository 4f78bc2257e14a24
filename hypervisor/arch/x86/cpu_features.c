/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and switches on processor features. */
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpuid_option.h"
#include "core/options.h"
#include "hv/log.h"
#include <xen/arch-x86/cpufeatureset.h>

struct cpu_features cpu_features;

static bool is_tcg(struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    struct cpuid_regs r;

    if (!cpu_policy_has(&raw_policy, XEN_X86_FEATURE_HYPERVISOR))
        return false;
    r = read(0x40000000, 0);
    return r.b == 0x54474354 && r.c == 0x43544743 && r.d == 0x47435447; /* "TCGTCGTCGTCG" */
}

static void choose_xsave(struct cpu_features *f, const struct cpu_policy *host)
{
    f->xsave = cpu_policy_has(host, XEN_X86_FEATURE_XSAVE) && option_bool("xsave", true);
    if (!f->xsave)
        return;
    f->xsaveopt = cpu_policy_has(host, XEN_X86_FEATURE_XSAVEOPT);
    /* x87, SSE, AVX and AVX-512; PKRU and the rest need more than saving. */
    f->xcr0 = host->xstate[0].a & (XCR0_X87 | XCR0_SSE | XCR0_AVX | XCR0_AVX512);
    if (!cpu_policy_has(host, XEN_X86_FEATURE_AVX512F))
        f->xcr0 &= XCR0_X87 | XCR0_SSE | XCR0_AVX;
    if (!cpu_policy_has(host, XEN_X86_FEATURE_AVX) || !(f->xcr0 & XCR0_AVX))
        f->xcr0 &= XCR0_X87 | XCR0_SSE;
    f->xsave_size = cpu_policy_xsave_size(host, f->xcr0);
}

static void choose(struct cpu_features *f, const struct cpu_policy *host)
{
    f->huge_pages = cpu_policy_has(host, XEN_X86_FEATURE_PAGE1GB);
    f->sysenter = cpu_policy_has(host, XEN_X86_FEATURE_SEP) && host->vendor != VENDOR_AMD;
    f->x2apic = cpu_policy_has(host, XEN_X86_FEATURE_X2APIC);
    f->tsc_deadline = cpu_policy_has(host, XEN_X86_FEATURE_TSC_DEADLINE);
    f->invariant_tsc = cpu_policy_has(host, XEN_X86_FEATURE_ITSC);
    f->x87_pointers_stay =
        host->vendor == VENDOR_AMD && !cpu_policy_has(host, XEN_X86_FEATURE_RSTR_FP_ERR_PTRS);
    f->fsgsbase = cpu_policy_has(host, XEN_X86_FEATURE_FSGSBASE);
    f->umip = cpu_policy_has(host, XEN_X86_FEATURE_UMIP);
    f->smep = cpu_policy_has(host, XEN_X86_FEATURE_SMEP) && option_bool("smep", true);
    f->smap = cpu_policy_has(host, XEN_X86_FEATURE_SMAP) && option_bool("smap", true);
    if (f->smap && f->on_tcg) {
        f->smap = false;
        printk("SMAP: left off, since this machine is emulated by QEMU's TCG, whose IRET from user mode "
               "breaks under it\n");
    }
    choose_xsave(f, host);
    f->cr4 = CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMMEXCPT | (f->umip ? CR4_UMIP : 0) |
             (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->xsave ? CR4_OSXSAVE : 0) | (f->smep ? CR4_SMEP : 0) |
             (f->smap ? CR4_SMAP : 0);
}

static void patch_features(const struct cpu_features *f)
{
    if (f->smap)
        patch_enable(PATCH_SMAP);
    if (f->xsave)
        patch_enable(PATCH_XSAVE);
    if (f->xsaveopt)
        patch_enable(PATCH_XSAVEOPT);
    if (f->fsgsbase)
        patch_enable(PATCH_FSGSBASE);
    if (!option_bool("spec-ctrl", true))
        patch_enable(PATCH_PLAIN_BRANCHES);
}

void cpu_features_find(struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    struct cpu_features *f = &cpu_features;

    cpuid_option_parse(option_string("cpuid"));
    cpu_policy_find(read);
    f->nx = cpu_policy_has(&raw_policy, XEN_X86_FEATURE_NX);
    f->on_tcg = is_tcg(read);
    choose(f, &host_policy);
    patch_features(f);
    printk("Processor: NX %s, SMEP %s, SMAP %s, UMIP %s, FSGSBASE %s, XSAVE %s\n", f->nx ? "on" : "not there",
           f->smep ? "on" : "off", f->smap ? "on" : "off", f->umip ? "on" : "off", f->fsgsbase ? "on" : "off",
           f->xsave ? "on" : "off");
}

void cpu_features_apply(void)
{
    write_cr4(cpu_features.cr4);
    if (cpu_features.xsave)
        xsetbv(0, cpu_features.xcr0);
    if (cpu_policy_has(&raw_policy, XEN_X86_FEATURE_RDTSCP) ||
        cpu_policy_has(&raw_policy, XEN_X86_FEATURE_RDPID))
        wrmsr(MSR_TSC_AUX, 0); /* as the first vcpu has it, whatever the firmware left */
}
