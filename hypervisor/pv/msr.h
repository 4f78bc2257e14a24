/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Model-specific registers as a PV guest sees them, and other control state that instructions set. */
#ifndef PV_MSR_H
#define PV_MSR_H

#include "arch/x86/cpu.h"
#include "pv/pv.h"

struct cpuid_regs;
struct cpu_policy;

/* 0, or -EPERM: #GP. */
int pv_msr_read(struct pv_vcpu *p, uint32_t msr, uint64_t *value) __must_check;
int pv_msr_write(struct pv_vcpu *p, uint32_t msr, uint64_t value) __must_check;
/* MSR_TSC_AUX, of the current vcpu or one that does not run. -EPERM: it has none, or not with that value. */
int pv_set_tsc_aux(struct pv_vcpu *p, uint64_t value) __must_check;
/* The domain's policy: of one that the toolstack has not said anything of, the most that a PV guest can have. */
const struct cpu_policy *pv_cpu_policy(const struct domain *d);
/* CPUID as the domain's policy has it. */
void pv_cpuid(struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out);
/* What XCR0 holds while the vcpu runs; one that never set it has what a processor has at reset. */
uint64_t pv_real_xcr0(const struct pv_vcpu *p);
int pv_set_xcr0(struct pv_vcpu *p, uint64_t value) __must_check;
/* Could XCR0 hold this, of what is allowed? */
bool pv_xcr0_is_possible(uint64_t value, uint64_t allowed);
/* Banks of machine-check registers that guests see, always empty: the hypervisor logs (arch/x86/mca). */
#define PV_MC_BANKS 2
#define PV_MCG_CAP_CHANGEABLE                                                                                \
    0x9000dffUL /* SDM 3B 16.3.1.1: count, MCG_CTL, CMCI, threshold status, software error recovery, LMCE; as on Xen */
/* CR0.TS in the guest's eyes. */
static inline void pv_set_fpu_ts(struct pv_vcpu *p, bool on)
{
    p->fpu_ts = on;
    if (on) {
        p->cr0_guest |= CR0_TS;
        write_cr0(read_cr0() | CR0_TS);
    } else {
        p->cr0_guest &= ~CR0_TS;
        __asm__ volatile("clts");
    }
}
/* MOV to CR3 by the guest's kernel: the value names a frame. -EINVAL; -ERESTART: execute the instruction again, it has made progress. */
int pv_write_cr3(struct pv_vcpu *p, uint64_t value) __must_check;

/* Bits of CR4 that the guest decides. The rest is the hypervisor's. */
#define PV_CR4_CHANGEABLE (CR4_TSD | CR4_DE | CR4_FSGSBASE)
/* What CR4 holds while the vcpu runs. */
uint64_t pv_real_cr4(const struct pv_vcpu *p);

#endif
