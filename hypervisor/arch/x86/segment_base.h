/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * FS and GS bases, which are a guest's also while we run. Where CR4.FSGSBASE is on, instructions of the
 * general kind do what MSRs would, for a fraction; the hidden GS base is brought to the front and back, which
 * nobody sees, since we use neither.
 */
#ifndef ARCH_X86_SEGMENT_BASE_H
#define ARCH_X86_SEGMENT_BASE_H

#include "arch/x86/cpu.h"
#include "arch/x86/patch.h"

static inline bool fsgsbase_is_on(void)
{
    return patch_on(PATCH_FSGSBASE) && (read_cr4() & CR4_FSGSBASE);
}

/* All values canonical. */
static inline void write_fs_base(uint64_t base)
{
    if (likely(fsgsbase_is_on()))
        __asm__ volatile("wrfsbase %0" ::"r"(base) : "memory");
    else
        wrmsr(MSR_FS_BASE, base);
}

static inline void write_gs_base(uint64_t base)
{
    if (likely(fsgsbase_is_on()))
        __asm__ volatile("wrgsbase %0" ::"r"(base) : "memory");
    else
        wrmsr(MSR_GS_BASE, base);
}

static inline void write_hidden_gs_base(uint64_t base)
{
    if (likely(fsgsbase_is_on()))
        __asm__ volatile("swapgs; wrgsbase %0; swapgs" ::"r"(base) : "memory");
    else
        wrmsr(MSR_KERNEL_GS_BASE, base);
}

static inline void write_segment_bases(uint64_t fs, uint64_t gs, uint64_t hidden_gs)
{
    write_fs_base(fs);
    write_hidden_gs_base(hidden_gs);
    write_gs_base(gs);
}

static inline void read_segment_bases(uint64_t *fs, uint64_t *gs, uint64_t *hidden_gs)
{
    if (likely(fsgsbase_is_on())) {
        __asm__ volatile("rdfsbase %0; rdgsbase %1; swapgs; rdgsbase %2; swapgs"
                         : "=&r"(*fs), "=&r"(*gs), "=&r"(*hidden_gs)::"memory");
        return;
    }
    *fs = rdmsr(MSR_FS_BASE);
    *gs = rdmsr(MSR_GS_BASE);
    *hidden_gs = rdmsr(MSR_KERNEL_GS_BASE);
}

#endif
