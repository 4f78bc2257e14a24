/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds and switches on processor features. CPUID bits: SDM 2A, CPUID; APM 3, appendix E. */
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/cpuid_option.h"
#include "core/options.h"
#include "hv/log.h"
#include <xen/arch-x86/cpufeatureset.h>

#define CR4_PAE      0x20UL
#define CR4_MCE      0x40UL
#define CR4_PGE      0x80UL
#define CR4_OSFXSR   0x200UL
#define CR4_OSXMM    0x400UL
#define CR4_UMIP     0x800UL
#define CR4_FSGSBASE 0x10000UL
#define CR4_OSXSAVE  0x40000UL
#define CR4_SMEP     0x100000UL
#define CR4_SMAP     0x200000UL

#define XCR0_X87_SSE 3UL
#define XCR0_AVX     4UL

struct cpu_features cpu_features;

static bool is_tcg(void)
{
    struct cpuid_regs r;

    if (!(cpuid(1).c & 1U << 31))
        return false;
    r = cpuid(0x40000000);
    return r.b == 0x54474354 && r.c == 0x43544743 && r.d == 0x47435447; /* "TCGTCGTCGTCG" */
}

static void choose_xsave(void)
{
    struct cpuid_regs r;

    if (!(cpuid(1).c & 1U << 26) || !option_bool("xsave", true))
        return;
    r = cpuid_count(0xd, 0);
    cpu_features.xsave = true;
    cpu_features.xsaveopt = cpuid_count(0xd, 1).a & 1;
    /* x87, SSE, AVX and AVX-512; PKRU and the rest need more than saving. */
    cpu_features.xcr0 = r.a & 0xe7;
    if (!(cpu_features.xcr0 & XCR0_AVX))
        cpu_features.xcr0 &= XCR0_X87_SSE;
}

/* What cpuid= takes from everybody we do not use either. NX and long mode are not ours to choose. */
static void obey_cpuid_option(void)
{
    struct cpu_features *f = &cpu_features;

    cpuid_option_parse(option_string("cpuid"));
    f->smep &= !cpuid_option_takes(XEN_X86_FEATURE_SMEP);
    f->smap &= !cpuid_option_takes(XEN_X86_FEATURE_SMAP);
    f->umip &= !cpuid_option_takes(XEN_X86_FEATURE_UMIP);
    f->fsgsbase &= !cpuid_option_takes(XEN_X86_FEATURE_FSGSBASE);
    f->invpcid &= !cpuid_option_takes(XEN_X86_FEATURE_INVPCID);
    f->pcid &= !cpuid_option_takes(XEN_X86_FEATURE_PCID);
    f->x2apic &= !cpuid_option_takes(XEN_X86_FEATURE_X2APIC);
    f->tsc_deadline &= !cpuid_option_takes(XEN_X86_FEATURE_TSC_DEADLINE);
    f->rdtscp &= !cpuid_option_takes(XEN_X86_FEATURE_RDTSCP);
    f->xsave &= !cpuid_option_takes(XEN_X86_FEATURE_XSAVE);
    f->xsaveopt &= f->xsave && !cpuid_option_takes(XEN_X86_FEATURE_XSAVEOPT);
    if (cpuid_option_takes(XEN_X86_FEATURE_AVX))
        f->xcr0 &= XCR0_X87_SSE;
    if (cpuid_option_takes(XEN_X86_FEATURE_AVX512F))
        f->xcr0 &= XCR0_X87_SSE | XCR0_AVX;
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

void cpu_features_init(void)
{
    struct cpuid_regs zero = cpuid(0), one = cpuid(1),
                      seven = zero.a >= 7 ? cpuid_count(7, 0) : (struct cpuid_regs){0},
                      ext = cpuid(0x80000001);
    bool amd = cpu_policy_vendor(&zero) == VENDOR_AMD;
    struct cpu_features *f = &cpu_features;

    f->on_tcg = is_tcg();
    f->nx = ext.d & 1U << 20;
    f->huge_pages = ext.d & 1U << 26;
    f->rdtscp = ext.d & 1U << 27;
    f->syscall32 = amd;
    f->sysenter = one.d & 1U << 11 && !amd;
    f->x2apic = one.c & 1U << 21;
    f->tsc_deadline = one.c & 1U << 24;
    f->pcid = one.c & 1U << 17;
    f->fsgsbase = seven.b & 1U << 0;
    f->smep = seven.b & 1U << 7 && option_bool("smep", true);
    f->invpcid = seven.b & 1U << 10;
    f->smap = seven.b & 1U << 20 && option_bool("smap", true);
    f->umip = seven.c & 1U << 2;
    f->invariant_tsc = cpuid(0x80000000).a >= 0x80000007 && cpuid(0x80000007).d & 1U << 8;
    choose_xsave();
    obey_cpuid_option();
    if (f->smap && f->on_tcg) {
        f->smap = false;
        printk("SMAP: left off, since this machine is emulated by QEMU's TCG, whose IRET from user mode "
               "breaks under it\n");
    }
    f->cr4 = CR4_PAE | CR4_MCE | CR4_PGE | CR4_OSFXSR | CR4_OSXMM | (f->umip ? CR4_UMIP : 0) |
             (f->fsgsbase ? CR4_FSGSBASE : 0) | (f->xsave ? CR4_OSXSAVE : 0) | (f->smep ? CR4_SMEP : 0) |
             (f->smap ? CR4_SMAP : 0);
    cpu_features_apply();
    patch_features(f);
    if (f->xsave)
        f->xsave_size = cpuid_count(0xd, 0).b;
    printk("Processor: NX %s, SMEP %s, SMAP %s, UMIP %s, FSGSBASE %s, XSAVE %s\n", f->nx ? "on" : "not there",
           f->smep ? "on" : "off", f->smap ? "on" : "off", f->umip ? "on" : "off", f->fsgsbase ? "on" : "off",
           f->xsave ? "on" : "off");
}

void cpu_features_apply(void)
{
    write_cr4(cpu_features.cr4);
    if (cpu_features.xsave)
        xsetbv(0, cpu_features.xcr0);
}
