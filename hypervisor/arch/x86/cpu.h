/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Instructions that C has no word for: ports, MSRs, CPUID, control registers, time stamp. One instruction
 * each, no policy. Hosted builds may use those that user mode may execute.
 */
#ifndef ARCH_X86_CPU_H
#define ARCH_X86_CPU_H

#include "hv/types.h"

struct cpuid_regs {
    uint32_t a, b, c, d;
};

static inline struct cpuid_regs cpuid_count(uint32_t leaf, uint32_t subleaf)
{
    struct cpuid_regs r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

static inline struct cpuid_regs cpuid(uint32_t leaf)
{
    return cpuid_count(leaf, 0);
}

/* Not ordered against what surrounds it. */
static inline uint64_t rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

/* Not before every earlier load is done (SDM 2B, RDTSC; LFENCE is dispatch serialising on AMD where the
 * hypervisor made it so). */
static inline uint64_t rdtsc_ordered(void)
{
    __asm__ volatile("lfence" ::: "memory");
    return rdtsc();
}

static inline void cpu_relax(void)
{
    __builtin_ia32_pause();
}

/* The MSR must exist: a #GP here is a bug of ours. */
static inline uint64_t rdmsr(uint32_t msr)
{
    uint32_t lo, hi;

    __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(msr) : "memory");
    return (uint64_t)hi << 32 | lo;
}

static inline void wrmsr(uint32_t msr, uint64_t value)
{
    __asm__ volatile("wrmsr" ::"c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

/* These survive #GP: 0 or -EFAULT; *value is 0 then (entry/: exception table). */
int rdmsr_safe(uint32_t msr, uint64_t *value) __must_check;
int wrmsr_safe(uint32_t msr, uint64_t value) __must_check;

static inline uint8_t inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint16_t inw(uint16_t port)
{
    uint16_t v;

    __asm__ volatile("inw %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline uint32_t inl(uint16_t port)
{
    uint32_t v;

    __asm__ volatile("inl %1, %0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void outb(uint8_t v, uint16_t port)
{
    __asm__ volatile("outb %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outw(uint16_t v, uint16_t port)
{
    __asm__ volatile("outw %0, %1" ::"a"(v), "Nd"(port));
}

static inline void outl(uint32_t v, uint16_t port)
{
    __asm__ volatile("outl %0, %1" ::"a"(v), "Nd"(port));
}

#define DEFINE_CR_ACCESS(n)                                                                                  \
    static inline uint64_t read_cr##n(void)                                                                  \
    {                                                                                                        \
        uint64_t v;                                                                                          \
                                                                                                             \
        __asm__ volatile("mov %%cr" #n ", %0" : "=r"(v)::"memory");                                          \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void write_cr##n(uint64_t v)                                                               \
    {                                                                                                        \
        __asm__ volatile("mov %0, %%cr" #n ::"r"(v) : "memory");                                             \
    }
DEFINE_CR_ACCESS(0)
DEFINE_CR_ACCESS(2)
DEFINE_CR_ACCESS(3)
DEFINE_CR_ACCESS(4)

#define DEFINE_DR_ACCESS(n)                                                                                  \
    static inline uint64_t read_dr##n(void)                                                                  \
    {                                                                                                        \
        uint64_t v;                                                                                          \
                                                                                                             \
        __asm__ volatile("mov %%db" #n ", %0" : "=r"(v));                                                    \
        return v;                                                                                            \
    }                                                                                                        \
    static inline void write_dr##n(uint64_t v)                                                               \
    {                                                                                                        \
        __asm__ volatile("mov %0, %%db" #n ::"r"(v));                                                        \
    }
DEFINE_DR_ACCESS(0)
DEFINE_DR_ACCESS(1)
DEFINE_DR_ACCESS(2)
DEFINE_DR_ACCESS(3)
DEFINE_DR_ACCESS(6)
DEFINE_DR_ACCESS(7)

/* XCR `index`; CR4.OSXSAVE must be set. */
static inline uint64_t xgetbv(uint32_t index)
{
    uint32_t lo, hi;

    __asm__ volatile("xgetbv" : "=a"(lo), "=d"(hi) : "c"(index));
    return (uint64_t)hi << 32 | lo;
}

static inline void xsetbv(uint32_t index, uint64_t value)
{
    __asm__ volatile("xsetbv" ::"c"(index), "a"((uint32_t)value), "d"((uint32_t)(value >> 32)) : "memory");
}

static inline void invlpg(uint64_t va)
{
    __asm__ volatile("invlpg (%0)" ::"r"(va) : "memory");
}

static inline void wbinvd(void)
{
    __asm__ volatile("wbinvd" ::: "memory");
}

static inline void cpu_halt(void)
{
    __asm__ volatile("hlt" ::: "memory");
}

/* EFLAGS */
#define X86_FLAG_CF   0x1u
#define X86_FLAG_TF   0x100u
#define X86_FLAG_IF   0x200u
#define X86_FLAG_DF   0x400u
#define X86_FLAG_IOPL 0x3000u
#define X86_FLAG_NT   0x4000u
#define X86_FLAG_RF   0x10000u
#define X86_FLAG_VM   0x20000u
#define X86_FLAG_AC   0x40000u
#define X86_FLAG_VIF  0x80000u
#define X86_FLAG_VIP  0x100000u
#define X86_FLAG_ID   0x200000u

/* CR0, CR4 (SDM 3A 2.5) */
#define X86_CR0_PE         0x1u
#define X86_CR0_MP         0x2u
#define X86_CR0_EM         0x4u
#define X86_CR0_TS         0x8u
#define X86_CR0_ET         0x10u
#define X86_CR0_NE         0x20u
#define X86_CR0_WP         0x10000u
#define X86_CR0_AM         0x40000u
#define X86_CR0_NW         0x20000000u
#define X86_CR0_CD         0x40000000u
#define X86_CR0_PG         0x80000000u
#define X86_CR4_VME        0x1u
#define X86_CR4_PVI        0x2u
#define X86_CR4_TSD        0x4u
#define X86_CR4_DE         0x8u
#define X86_CR4_PSE        0x10u
#define X86_CR4_PAE        0x20u
#define X86_CR4_MCE        0x40u
#define X86_CR4_PGE        0x80u
#define X86_CR4_PCE        0x100u
#define X86_CR4_OSFXSR     0x200u
#define X86_CR4_OSXMMEXCPT 0x400u
#define X86_CR4_UMIP       0x800u
#define X86_CR4_LA57       0x1000u
#define X86_CR4_VMXE       0x2000u
#define X86_CR4_SMXE       0x4000u
#define X86_CR4_FSGSBASE   0x10000u
#define X86_CR4_PCIDE      0x20000u
#define X86_CR4_OSXSAVE    0x40000u
#define X86_CR4_SMEP       0x100000u
#define X86_CR4_SMAP       0x200000u
#define X86_CR4_PKE        0x400000u
#define X86_CR4_CET        0x800000u

/* MSRs (SDM 4; APM 2 appendix A) */
#define MSR_TSC               0x10
#define MSR_PLATFORM_ID       0x17
#define MSR_APIC_BASE         0x1b
#define MSR_FEATURE_CONTROL   0x3a
#define MSR_TSC_ADJUST        0x3b
#define MSR_SPEC_CTRL         0x48
#define MSR_PRED_CMD          0x49
#define MSR_UCODE_REV         0x8b
#define MSR_MTRRCAP           0xfe
#define MSR_ARCH_CAPABILITIES 0x10a
#define MSR_FLUSH_CMD         0x10b
#define MSR_SYSENTER_CS       0x174
#define MSR_SYSENTER_ESP      0x175
#define MSR_SYSENTER_EIP      0x176
#define MSR_MCG_CAP           0x179
#define MSR_MCG_STATUS        0x17a
#define MSR_MCG_CTL           0x17b
#define MSR_PERFEVTSEL0       0x186
#define MSR_MISC_ENABLE       0x1a0
#define MSR_DEBUGCTL          0x1d9
#define MSR_PAT               0x277
#define MSR_MTRR_DEF_TYPE     0x2ff
#define MSR_PERF_GLOBAL_CTRL  0x38f
#define MSR_MC0_CTL           0x400
#define MSR_TSC_DEADLINE      0x6e0
#define MSR_X2APIC_BASE       0x800
#define MSR_XSS               0xda0
#define MSR_EFER              0xc0000080
#define MSR_STAR              0xc0000081
#define MSR_LSTAR             0xc0000082
#define MSR_CSTAR             0xc0000083
#define MSR_SFMASK            0xc0000084
#define MSR_FS_BASE           0xc0000100
#define MSR_GS_BASE           0xc0000101
#define MSR_KERNEL_GS_BASE    0xc0000102
#define MSR_TSC_AUX           0xc0000103
#define MSR_AMD_SYSCFG        0xc0010010
#define MSR_AMD_HWCR          0xc0010015
#define MSR_AMD_DE_CFG        0xc0011029

#define EFER_SCE    0x1u
#define EFER_LME    0x100u
#define EFER_LMA    0x400u
#define EFER_NX     0x800u
#define EFER_SVME   0x1000u
#define EFER_FFXSR  0x4000u
#define EFER_AIBRSE 0x200000u

#define SPEC_CTRL_IBRS  1u
#define SPEC_CTRL_STIBP 2u

#endif
