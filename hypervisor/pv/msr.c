/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * MSRs of a PV guest. Three kinds: the guest's own (segment bases), those that tell it of the processor (read through for domain 0, constant for others),
 * and those whose writes are taken and forgotten because kernels write them without need. Everything else is #GP, as on a processor without it.
 */
#include "pv/msr.h"
#include "core/authority.h"
#include "arch/x86/cpu.h"
#include "arch/x86/segment_base.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/platform.h"
#include "arch/x86/stack.h"
#include "hv/errno.h"
#include "core/frame_ref.h"
#include "pv/context.h"
#include "pv/mmu.h"
#include <xen/arch-x86/cpufeatureset.h>

#define EFER_GUEST (EFER_SCE | EFER_LME | EFER_LMA | EFER_NXE)
/* AMD's patch level is at 0x8b (MSR_BIOS_SIGN_ID); what is here, no manual says. */
#define PATCH_LEVEL_TOO 0xc001008b

static bool is_mc_bank(uint32_t msr)
{
    return msr >= MSR_MC0_CTL && msr < MSR_MC0_CTL + 4 * PV_MC_BANKS;
}

/* What RDTSCP and RDPID give besides: there with either. */
static bool has_tsc_aux(const struct pv_vcpu *p)
{
    const struct cpu_policy *policy = pv_cpu_policy(p->v.domain);

    return cpu_policy_has(policy, XEN_X86_FEATURE_RDTSCP) || cpu_policy_has(policy, XEN_X86_FEATURE_RDPID);
}

int pv_set_tsc_aux(struct pv_vcpu *p, uint64_t value)
{
    if (value >> 32 || !has_tsc_aux(p))
        return -EPERM;
    p->tsc_aux = (uint32_t)value;
    if (&p->v == current_vcpu())
        pv_load_tsc_aux(p->tsc_aux);
    return 0;
}

int pv_msr_read(struct pv_vcpu *p, uint32_t msr, uint64_t *value)
{
    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        *value = rdmsr(msr);
        return 0;
    case MSR_EFER:
        *value = rdmsr(MSR_EFER) & EFER_GUEST;
        return 0;
    case MSR_PAT:
        *value = PLATFORM_PAT;
        return 0;
    case MSR_TSC:
        *value = p->v.domain->tsc.emulated ? guest_tsc_read(&p->v.domain->tsc, time_now()) : rdtsc();
        return 0;
    case MSR_TSC_AUX:
        *value = p->tsc_aux;
        return has_tsc_aux(p) ? 0 : -EPERM;
    case MSR_APIC_BASE:
        *value = APIC_BASE_ADDRESS_DEFAULT | APIC_BASE_ENABLE | (p->v.id ? 0 : APIC_BASE_BSP);
        return 0;
    case POLICY_HYPERCALL_MSR:
        *value = 0;
        return 0;
    case MSR_BIOS_SIGN_ID:
    case MSR_PLATFORM_INFO:
    case MSR_MISC_ENABLE:
    case MSR_AMD_SYSCFG:
    case MSR_AMD_HWCR:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_MMIO_CFG:
    case MSR_AMD_DE_CFG:
        if (authorise(p->v.domain, NULL, AUTHORITY_MACHINE_REGISTERS))
            return -EPERM;
        return rdmsr_safe(msr, value) ? -EPERM : 0;
    case MSR_MCG_CAP:
        *value = p->mcg_cap;
        return 0;
    case MSR_MCG_STATUS:
        *value = 0;
        return 0;
    default:
        *value = 0;
        return is_mc_bank(msr) ? 0 : -EPERM;
    }
}

int pv_msr_write(struct pv_vcpu *p, uint32_t msr, uint64_t value)
{
    uint64_t seen;

    switch (msr) {
    case MSR_FS_BASE:
    case MSR_GS_BASE:
    case MSR_KERNEL_GS_BASE:
        if (!is_canonical(value))
            return -EPERM;
        if (msr == MSR_FS_BASE)
            write_fs_base(value);
        else if (msr == MSR_GS_BASE)
            write_gs_base(value);
        else
            write_hidden_gs_base(value);
        return 0;
    case MSR_TSC_AUX:
        return pv_set_tsc_aux(p, value);
    case MSR_BIOS_SIGN_ID: /* written before it is read, to learn the microcode's version */
    case PATCH_LEVEL_TOO:
    case MSR_AMD_NB_CFG:
    case MSR_AMD_DE_CFG:
        return authorise(p->v.domain, NULL, AUTHORITY_MACHINE_REGISTERS);
    case MSR_EFER:
    case MSR_MISC_ENABLE:
        /* Writing what it is changes nothing. */
        return pv_msr_read(p, msr, &seen) || seen != value ? -EPERM : 0;
    case MSR_MCG_STATUS:
        return 0;
    default:
        return is_mc_bank(msr) ? 0 : -EPERM;
    }
}

uint64_t pv_real_cr4(const struct pv_vcpu *p)
{
    return (cpu_features.cr4 & ~PV_CR4_CHANGEABLE) |
           (p->cr4_guest & (cpu_features.fsgsbase ? PV_CR4_CHANGEABLE : CR4_TSD | CR4_DE)) |
           (p->v.domain->tsc.emulated ? CR4_TSD : 0);
}

uint64_t pv_real_xcr0(const struct pv_vcpu *p)
{
    return p->xcr0 ? p->xcr0 : XCR0_X87;
}

bool pv_xcr0_is_possible(uint64_t value, uint64_t allowed)
{
    const uint64_t avx512 = XCR0_SSE | XCR0_AVX | XCR0_AVX512;

    if ((value & ~allowed) || !(value & XCR0_X87) || ((value & XCR0_AVX) && !(value & XCR0_SSE)))
        return false;
    return !(value & XCR0_AVX512) || (value & avx512) == avx512;
}

int pv_set_xcr0(struct pv_vcpu *p, uint64_t value)
{
    uint64_t allowed = cpu_features.xcr0 & pv_cpu_policy(p->v.domain)->xcr0;

    if (!cpu_features.xsave || !pv_xcr0_is_possible(value, allowed))
        return -EINVAL;
    p->xcr0 = value;
    p->xcr0_used |= value;
    xsetbv(0, value);
    return 0;
}

int pv_write_cr3(struct pv_vcpu *p, uint64_t value)
{
    struct hypercall hc = {.vcpu = &p->v, .budget = HYPERCALL_BUDGET};
    mfn_t mfn = MFN(xen_cr3_to_pfn(value));
    struct frame *old = p->root_kernel;
    int rc;

    if (!mfn_valid_from_guest(&mfn))
        return -EINVAL;
    rc = pv_finish_pending(&hc);
    if (!rc)
        rc = frame_get_type(mfn_to_frame(mfn), p->v.domain, FT_L4, &hc);
    if (rc)
        return rc;
    pv_show_m2p(p->v.domain, mfn_to_va(mfn), true);
    p->root_kernel = mfn_to_frame(mfn);
    p->cr3_kernel = mfn_to_paddr(mfn);
    pv_load_root(&p->v);
    if (old)
        pv_put_table(old, p->v.domain, FT_L4, &hc);
    return 0;
}
