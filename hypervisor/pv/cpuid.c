/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID as PV guests see it: the processor's leaves less what a guest without its own ring 0 cannot use, and the hypervisor's own leaves. */
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "pv/msr.h"
#include "top/version.h"
#include <xen/arch-x86/cpuid.h>

/* Leaf 1 (SDM 2A): what is taken away, and what is always there. */
#define L1_EDX_OFF (BIT(1) | BIT(3) | BIT(12) | BIT(13) | BIT(17) | BIT(21) | BIT(22) | BIT(29) | BIT(31)) /* VME PSE MTRR PGE PSE36 DS ACPI TM PBE */
#define L1_ECX_OFF (BIT(2) | BIT(3) | BIT(5) | BIT(6) | BIT(7) | BIT(8) | BIT(14) | BIT(15) | BIT(17) | BIT(18) | BIT(21) | BIT(24) | BIT(27))
#define L1_ECX_ON  BIT(31) /* hypervisor present */
/* Leaf 7: SMEP, INVPCID, MPX, SMAP, PT; UMIP, PKU, OSPKE, LA57, RDPID. */
#define L7_EBX_OFF (BIT(1) | BIT(7) | BIT(10) | BIT(12) | BIT(14) | BIT(15) | BIT(20) | BIT(25))
#define L7_ECX_OFF (BIT(2) | BIT(3) | BIT(4) | BIT(5) | BIT(16) | BIT(22))
/* Leaf 80000001: 1-GiB pages, SVM, monitor of AMD kinds, PGE and PSE images. */
#define E1_EDX_OFF (BIT(1) | BIT(3) | BIT(12) | BIT(13) | BIT(17) | BIT(26))
#define E1_ECX_OFF (BIT(2) | BIT(3) | BIT(10) | BIT(12) | BIT(13) | BIT(23) | BIT(24) | BIT(29))

static void hypervisor_leaf(struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    struct tsc_record r;

    *out = (struct cpuid_regs){0};
    switch (leaf) {
    case 0:
        *out = (struct cpuid_regs){XEN_CPUID_MAX_NUM_LEAVES + 0x40000000, XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX, XEN_CPUID_SIGNATURE_EDX};
        break;
    case 1:
        out->a = XENIOS_XEN_MAJOR << 16 | XENIOS_XEN_MINOR;
        break;
    case 2:
        out->a = 1; /* hypercall pages */
        out->b = 0x40000000; /* its MSR */
        out->c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
        break;
    case 3:
        clock_record_get(&r);
        if (subleaf == 0) {
            out->a = clock_tsc_is_stable() ? 4 : 0;
            out->c = (uint32_t)(clock_tsc_hz() / 1000);
        } else if (subleaf == 1) {
            out->c = r.mul;
            out->d = (uint32_t)(int32_t)r.shift;
        } else if (subleaf == 2) {
            out->a = (uint32_t)(clock_tsc_hz() / 1000);
        }
        break;
    case 5:
        out->b = 64 - 12; /* bits of a machine frame number */
        break;
    default:
        break;
    }
    (void)v;
}

void pv_cpuid(struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    if (leaf >= 0x40000000 && leaf < 0x40000100) {
        hypervisor_leaf(v, leaf - 0x40000000, subleaf, out);
        return;
    }
    *out = cpuid_count(leaf, subleaf);
    switch (leaf) {
    case 1:
        out->d &= (uint32_t)~L1_EDX_OFF;
        out->c = (out->c & (uint32_t)~L1_ECX_OFF) | (uint32_t)L1_ECX_ON;
        if (!cpu_features.xsave)
            out->c &= ~(1U << 26 | 1U << 28 | 1U << 12 | 1U << 29);
        else if (pv_vcpu(v)->cr4_guest & 0x40000)
            out->c |= 1U << 27;
        out->b = (out->b & 0x00ffffff) | (v->id * 2) << 24;
        break;
    case 5:
    case 0xa:
        *out = (struct cpuid_regs){0};
        break;
    case 7:
        out->b &= (uint32_t)~L7_EBX_OFF;
        out->c &= (uint32_t)~L7_ECX_OFF;
        break;
    case 0xd:
        if (subleaf == 0) {
            out->a &= (uint32_t)cpu_features.xcr0;
            out->c = cpu_features.xsave_size;
        } else if (subleaf == 1) {
            out->a &= 1; /* XSAVEOPT; no supervisor states */
            out->c = out->d = 0;
        }
        break;
    case 0x80000001:
        out->d &= (uint32_t)~E1_EDX_OFF;
        out->c &= (uint32_t)~E1_ECX_OFF;
        break;
    default:
        break;
    }
}
