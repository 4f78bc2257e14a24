/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Answering CPUID from a policy, the hypervisor's own leaves included (xen/arch-x86/cpuid.h). */
#include "arch/x86/cpu_policy.h"
#include "arch/x86/clock/guest_tsc.h"
#include "hv/speculation.h"
#include "hv/bitops.h"
#include "hv/string.h"
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>

#define VERSION_4_17   (4u << 16 | 17)
#define MTRR           (1u << XEN_X86_FEATURE_MTRR)
#define TSC_EMULATED   1u
#define TSC_RELIABLE   2u
#define TSC_HAS_RDTSCP 4u

/* Leaf 0x40000003: the counter as the domain has it. Its offset against system time is shown, as on Xen, where it is not used. */
static void time_leaf(const struct cpu_policy *p, const struct guest_tsc *tsc, uint32_t subleaf,
                      struct cpuid_regs *out)
{
    uint64_t offset;

    switch (subleaf) {
    case 0:
        out->a = (p->tsc_reliable ? TSC_RELIABLE : 0) |
                 (cpu_policy_has(p, XEN_X86_FEATURE_RDTSCP) ? TSC_HAS_RDTSCP : 0);
        if (!tsc)
            return;
        out->a |= tsc->emulated ? TSC_EMULATED : 0;
        out->b = tsc->mode;
        out->c = tsc->khz;
        out->d = tsc->incarnation;
        return;
    case 1:
        if (!tsc)
            return;
        offset = tsc->emulated ? 0 : tsc->record.system_time - tsc->elapsed;
        *out = (struct cpuid_regs){(uint32_t)offset, (uint32_t)(offset >> 32), tsc->record.mul,
                                   (uint32_t)tsc->record.shift};
        return;
    case 2:
        out->a = p->host_khz;
        return;
    default:
        return;
    }
}

static void hypervisor_leaf(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t leaf,
                            uint32_t subleaf, struct cpuid_regs *out)
{
    switch (leaf - XEN_CPUID_FIRST_LEAF) {
    case 0:
        *out = (struct cpuid_regs){XEN_CPUID_LEAF(XEN_CPUID_MAX_NUM_LEAVES), XEN_CPUID_SIGNATURE_EBX,
                                   XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX};
        break;
    case 1:
        out->a = VERSION_4_17;
        break;
    case 2:
        *out = (struct cpuid_regs){1, POLICY_HYPERCALL_MSR,
                                   p->preserve_accessed ? XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD : 0, 0};
        break;
    case 3:
        time_leaf(p, guest ? guest->tsc : NULL, subleaf, out);
        break;
    case 5:
        if (subleaf == 0)
            out->b = p->address_width;
        break;
    default:
        break;
    }
}

static void xstate_leaf(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t subleaf,
                        struct cpuid_regs *out)
{
    if (!p->xcr0 || subleaf >= POLICY_XSTATE)
        return;
    *out = p->xstate[array_index_clamp(subleaf, POLICY_XSTATE)];
    if (subleaf == 0)
        out->b = cpu_policy_xsave_size(p, guest ? guest->xcr0 & p->xcr0 : XCR0_X87);
}

static void basic_leaf(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t leaf,
                       uint32_t subleaf, struct cpuid_regs *out)
{
    if (leaf > p->basic[0].a || leaf >= POLICY_BASIC)
        return;
    switch (leaf) {
    case 4:
        if (subleaf < POLICY_CACHE)
            *out = p->cache[array_index_clamp(subleaf, POLICY_CACHE)];
        break;
    case 7:
        if (subleaf < POLICY_FEATURES && subleaf <= p->feature[0].a)
            *out = p->feature[array_index_clamp(subleaf, POLICY_FEATURES)];
        break;
    case 0xd:
        xstate_leaf(p, guest, subleaf, out);
        break;
    default:
        *out = p->basic[array_index_clamp(leaf, POLICY_BASIC)];
        break;
    }
    if (leaf == 1 && guest && guest->hardware_kernel)
        out->d |= cpu_policy_word(&raw_policy, 0) & MTRR;
}

static void extended_leaf(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t leaf,
                          struct cpuid_regs *out)
{
    uint32_t index = leaf & 0x7fffffff;

    if (index > (p->extended[0].a & 0x7fffffff) || index >= POLICY_EXTENDED)
        return;
    *out = p->extended[array_index_clamp(index, POLICY_EXTENDED)];
    if (index == 1 && guest && guest->hardware_kernel)
        out->d |= cpu_policy_word(&raw_policy, 0) & MTRR;
}

void cpu_policy_cpuid(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t leaf,
                      uint32_t subleaf, struct cpuid_regs *out)
{
    *out = (struct cpuid_regs){0};
    if (leaf >> 16 == 0x8000)
        extended_leaf(p, guest, leaf, out);
    else if (leaf >> 8 == XEN_CPUID_FIRST_LEAF >> 8)
        hypervisor_leaf(p, guest, leaf, subleaf, out);
    else
        basic_leaf(p, guest, leaf, subleaf, out);
}
