/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What CPUID says, as one object: of the machine (raw), of what we support there (host), of the most that a PV guest can have (PV-max),
 * of what one has whose toolstack asks for nothing (PV-default), of a domain. Each is made from the one before by taking things away; CPUID emulation, the toolstack and migration read the domain's.
 *
 * Features are the public header's feature words (xen/arch-x86/cpufeatureset.h), whose comments say what is for which kind of guest.
 * Pure but for cpu_policy_read(); modules that need the machine's policies read the globals.
 */
#ifndef ARCH_X86_CPU_POLICY_H
#define ARCH_X86_CPU_POLICY_H

#include "arch/x86/cpu.h"

#define POLICY_WORDS         19
#define POLICY_BASIC         0x0e /* leaves 0 to 0xd */
#define POLICY_CACHE         8
#define POLICY_FEATURES      3 /* subleaves of 7 */
#define POLICY_XSTATE        64
#define POLICY_EXTENDED      0x22 /* leaves 0x80000000 to 0x80000021 */
#define XSAVE_HEADER_END     576
#define POLICY_HYPERCALL_MSR 0x40000000 /* what Xen's leaf 2 names: kernels take its number from there */

enum cpu_vendor { VENDOR_OTHER, VENDOR_INTEL, VENDOR_AMD };

struct guest_tsc;

struct cpu_policy {
    enum cpu_vendor vendor;
    struct cpuid_regs basic[POLICY_BASIC]; /* 4, 7 and 0xd are in the arrays below */
    struct cpuid_regs cache[POLICY_CACHE];
    struct cpuid_regs feature[POLICY_FEATURES];
    struct cpuid_regs xstate[POLICY_XSTATE];
    struct cpuid_regs extended[POLICY_EXTENDED];

    /* For the leaves at 0x40000000. */
    uint32_t host_khz;
    bool tsc_reliable;
    uint8_t address_width;  /* bits of the highest machine address of RAM */
    bool preserve_accessed; /* MMU_PT_UPDATE_PRESERVE_AD is there: PV */
    uint64_t xcr0;          /* state components that the guest may switch on; 0: no XSAVE */
};

/* What an answer depends on beside the policy. */
struct cpuid_guest {
    uint64_t xcr0;               /* the vcpu's; 0 is taken for 1 */
    const struct guest_tsc *tsc; /* the domain's; NULL: of which nothing is to be said */
    bool
        hardware_kernel; /* the kernel of the domain that owns the machine asks: it sees MTRR as the processor has it */
};

extern struct cpu_policy raw_policy, host_policy, pv_max_policy, pv_default_policy;

/* Boot processor, after cpuid_option_parse(): fills raw_policy, and host_policy with it less what cpuid= takes. Called by cpu_features_find(). */
void cpu_policy_find(struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf));
/* Boot processor: completes the three. After cpu_features_apply() and clock_init(); `ram_end`: one past the highest byte of RAM. */
void cpu_policy_init(paddr_t ram_end);

/* Boot processor, after clock_smp_done(): what was measured of the TSC. Fills pv_default_policy: nobody may ask before. */
void cpu_policy_tsc_measured(bool stable);

/* The answer to CPUID(leaf, subleaf). `guest` may be NULL: XCR0 1, not the hardware domain's kernel. */
void cpu_policy_cpuid(const struct cpu_policy *p, const struct cpuid_guest *guest, uint32_t leaf,
                      uint32_t subleaf, struct cpuid_regs *out);

/* `feature`: XEN_X86_FEATURE_*. Words 16 and 17 (MSRs) are not kept: false. */
bool cpu_policy_has(const struct cpu_policy *p, unsigned int feature);
uint32_t cpu_policy_word(const struct cpu_policy *p, unsigned int word);
/* Size of an uncompressed XSAVE area for the components in xcr0: at least 576. */
uint32_t cpu_policy_xsave_size(const struct cpu_policy *p, uint64_t xcr0);

/* The steps; `read` answers as the instruction does. */
void cpu_policy_read(struct cpu_policy *p, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf));
void cpu_policy_make_host(struct cpu_policy *host, const struct cpu_policy *raw, uint64_t xcr0);
void cpu_policy_make_pv(struct cpu_policy *pv, const struct cpu_policy *host);
/* What the header marks as opt-in (lower-case letters) is left out. */
void cpu_policy_make_default(struct cpu_policy *def, const struct cpu_policy *max);
/* The TSC may step, or differs between processors: nothing says otherwise. */
void cpu_policy_tsc_unstable(struct cpu_policy *p);
/* Takes from the policy what PV guests may not have, and what follows from that: the last step of each PV policy's making. */
void cpu_policy_limit_pv(struct cpu_policy *pv);
/* Only the features of `mask` remain in the word. */
void cpu_policy_limit_word(struct cpu_policy *p, unsigned int word, uint32_t mask);
/* Of leaf 0. */
enum cpu_vendor cpu_policy_vendor(const struct cpuid_regs *r);

#endif
