/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What this machine's processors have and what of it we use, less what smep=, smap=, xsave= and cpuid= take away. Found once, at boot,
 * before anything else asks (arch/x86/cpu_features.c): whoever needs a feature reads it here, or in host_policy, and not from CPUID.
 */
#ifndef ARCH_X86_CPU_FEATURES_H
#define ARCH_X86_CPU_FEATURES_H

#include "arch/x86/cpu_policy.h"
#include "arch/x86/patch.h"

struct cpu_features {
    bool smep, smap, umip, fsgsbase, xsave, xsaveopt, x2apic, tsc_deadline, invariant_tsc, huge_pages,
        sysenter;
    bool nx; /* cpuid= does not take it: guests are not told then, but our mappings keep it */
    bool
        x87_pointers_stay; /* XSAVE keeps those to the last x87 instruction only with an exception pending (fpu.c) */
    bool on_tcg;           /* QEMU's emulation: SMAP stays off there (docs/decisions) */
    uint64_t cr4;          /* what every processor runs with */
    uint64_t xcr0;         /* the state components that we save */
    uint32_t xsave_size;
};
extern struct cpu_features cpu_features;

/*
 * Boot processor, after options_parse() and before all that depends on a feature: fills raw_policy, host_policy and cpu_features, says what
 * is used. `read` answers as CPUID does. Changes no register.
 */
void cpu_features_find(struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf));
/* On each processor: CR4 and XCR0 as they were found to be best. */
void cpu_features_apply(void);

static inline void open_user_access(void)
{
    __asm__ volatile(PATCH_CODE(PATCH_SMAP, 3, "", "stac")::: "memory", "cc");
}

static inline void close_user_access(void)
{
    __asm__ volatile(PATCH_CODE(PATCH_SMAP, 3, "", "clac")::: "memory", "cc");
}

#endif
