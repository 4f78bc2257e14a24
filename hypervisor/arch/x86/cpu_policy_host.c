/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The machine's own policies. */
#include "arch/x86/cpu_policy.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/cpuid_option.h"
#include "hv/alloc.h"
#include "hv/string.h"

struct cpu_policy raw_policy, host_policy, pv_max_policy, pv_default_policy;

void cpu_policy_find(struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    cpu_policy_read(&raw_policy, read);
    host_policy = raw_policy;
    for (unsigned int word = 0; word < POLICY_WORDS; word++)
        cpu_policy_limit_word(&host_policy, word, ~cpuid_option_taken(word));
}

void cpu_policy_init(paddr_t ram_end)
{
    cpu_policy_find(
        cpuid_count); /* again: a few answers follow CR4, XCR0 and the APIC's state, which are set by now */
    cpu_policy_make_host(&host_policy, &host_policy, cpu_features.xsave ? cpu_features.xcr0 : 0);
    host_policy.host_khz = (uint32_t)(clock_tsc_hz() / 1000);
    host_policy.tsc_reliable = cpu_features.invariant_tsc;
    host_policy.address_width = ram_end > 1 ? (uint8_t)(64 - __builtin_clzll(ram_end - 1)) : 1;
    cpu_policy_make_pv(&pv_max_policy, &host_policy);
}

void cpu_policy_tsc_measured(bool stable)
{
    if (!stable) {
        cpu_policy_tsc_unstable(&host_policy);
        cpu_policy_tsc_unstable(&pv_max_policy);
    }
    cpu_policy_make_default(&pv_default_policy, &pv_max_policy);
}
