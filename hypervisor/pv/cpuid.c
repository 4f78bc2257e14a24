/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPUID as a PV guest's kernel asks for it (by the forced-emulation prefix, or trapped): answered from the domain's policy. */
#include "arch/x86/cpu_policy.h"
#include "pv/msr.h"

const struct cpu_policy *pv_cpu_policy(const struct domain *d)
{
    const struct cpu_policy *p = __atomic_load_n(&d->cpu_policy, __ATOMIC_ACQUIRE);

    if (p)
        return p;
    /* The owner of the machine is never moved to another: it is told of the TSC, too. */
    return d->is_hardware ? &pv_max_policy : &pv_default_policy;
}

void pv_cpuid(struct vcpu *v, uint32_t leaf, uint32_t subleaf, struct cpuid_regs *out)
{
    const struct cpuid_guest guest = {.xcr0 = pv_vcpu(v)->xcr0,
                                      .tsc = &v->domain->tsc,
                                      .hardware_kernel = v->domain->is_hardware && pv_vcpu(v)->kernel_mode};

    cpu_policy_cpuid(pv_cpu_policy(v->domain), &guest, leaf, subleaf, out);
}
