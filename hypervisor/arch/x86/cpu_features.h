/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What this machine's processors have and what of it we use. Decided once, at boot (arch/x86/cpu_features.c). */
#ifndef ARCH_X86_CPU_FEATURES_H
#define ARCH_X86_CPU_FEATURES_H

#include "arch/x86/patch.h"

struct cpu_features {
    bool nx, smep, smap, umip, fsgsbase, xsave, xsaveopt, pcid, invpcid, x2apic, tsc_deadline, invariant_tsc,
        huge_pages, rdtscp, syscall32, sysenter;
    bool on_tcg;   /* QEMU's emulation: SMAP stays off there (docs/decisions) */
    uint64_t cr4;  /* what every processor runs with */
    uint64_t xcr0; /* the state components that we save */
    uint32_t xsave_size;
};
extern struct cpu_features cpu_features;

/* On the first processor, from the options; then on each. */
void cpu_features_init(void);
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
