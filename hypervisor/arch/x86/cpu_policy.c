/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Making policies: reading the processor's, and taking away. What a PV guest is left with follows Debian's
 * Xen 4.17, compared by tests/unit/cpu_policy.c.
 */
#include "arch/x86/cpu_policy.h"
#include "hv/bitops.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <xen/arch-x86/cpufeatureset.h>

#define F(name) XEN_X86_FEATURE_##name

/*
 * For all guests (attribute A in the header), less what needs an MSR that we do not give to guests yet: the speculation controls
 * (IBRSB, STIBP, SSBD, IBPB and their kin, ARCH_CAPS).
 */
static const uint16_t pv_features[] = {
    F(FPU),
    F(DE),
    F(TSC),
    F(MSR),
    F(PAE),
    F(MCE),
    F(CX8),
    F(APIC),
    F(SEP),
    F(MCA),
    F(CMOV),
    F(PAT),
    F(CLFLUSH),
    F(ACPI),
    F(MMX),
    F(FXSR),
    F(SSE),
    F(SSE2),
    F(SS),
    F(HTT),
    F(SSE3),
    F(PCLMULQDQ),
    F(SSSE3),
    F(FMA),
    F(CX16),
    F(SSE4_1),
    F(SSE4_2),
    F(MOVBE),
    F(POPCNT),
    F(AESNI),
    F(XSAVE),
    F(OSXSAVE),
    F(AVX),
    F(F16C),
    F(RDRAND),
    F(HYPERVISOR),
    F(SYSCALL),
    F(NX),
    F(MMXEXT),
    F(FFXSR),
    F(RDTSCP),
    F(LM),
    F(3DNOWEXT),
    F(3DNOW),
    F(LAHF_LM),
    F(CMP_LEGACY),
    F(ABM),
    F(SSE4A),
    F(MISALIGNSSE),
    F(3DNOWPREFETCH),
    F(XOP),
    F(FMA4),
    F(TBM),
    F(DBEXT),
    F(XSAVEOPT),
    F(XSAVEC),
    F(XGETBV1),
    F(FSGSBASE),
    F(BMI1),
    F(AVX2),
    F(BMI2),
    F(ERMS),
    F(AVX512F),
    F(AVX512DQ),
    F(RDSEED),
    F(ADX),
    F(AVX512_IFMA),
    F(CLFLUSHOPT),
    F(CLWB),
    F(AVX512PF),
    F(AVX512ER),
    F(AVX512CD),
    F(SHA),
    F(AVX512BW),
    F(AVX512VL),
    F(FDP_EXCP_ONLY),
    F(NO_FPU_SEL),
    F(PREFETCHWT1),
    F(AVX512_VBMI),
    F(AVX512_VBMI2),
    F(GFNI),
    F(VAES),
    F(VPCLMULQDQ),
    F(AVX512_VNNI),
    F(AVX512_BITALG),
    F(AVX512_VPOPCNTDQ),
    F(RDPID),
    F(CLDEMOTE),
    F(CLZERO),
    F(RSTR_FP_ERR_PTRS),
    F(SSB_NO),
    F(BTC_NO),
    F(AVX512_4VNNIW),
    F(AVX512_4FMAPS),
    F(FSRM),
    F(MD_CLEAR),
    F(SERIALIZE),
    F(AVX_VNNI),
    F(AVX512_BF16),
    F(FZRM),
    F(FSRS),
    F(FSRCS),
    F(LFENCE_DISPATCH),
    F(NSCB),
    F(MCDT_NO),
    F(ITSC),
};

/* The second cannot be without the first (SDM 1, 13 to 15). */
static const uint16_t needs[][2] = {
    {F(FXSR), F(SSE)},
    {F(SSE), F(SSE2)},
    {F(SSE2), F(SSE3)},
    {F(XSAVE), F(OSXSAVE)},
    {F(XSAVE), F(XSAVEOPT)},
    {F(XSAVE), F(XSAVEC)},
    {F(XSAVE), F(XGETBV1)},
    {F(XSAVE), F(XSAVES)},
    {F(XSAVE), F(AVX)},
    {F(AVX), F(FMA)},
    {F(AVX), F(FMA4)},
    {F(AVX), F(F16C)},
    {F(AVX), F(AVX2)},
    {F(AVX), F(XOP)},
    {F(AVX), F(VAES)},
    {F(AVX), F(VPCLMULQDQ)},
    {F(AVX2), F(AVX_VNNI)},
    {F(AVX2), F(AVX512F)},
    {F(AVX512F), F(AVX512DQ)},
    {F(AVX512F), F(AVX512_IFMA)},
    {F(AVX512F), F(AVX512PF)},
    {F(AVX512F), F(AVX512ER)},
    {F(AVX512F), F(AVX512CD)},
    {F(AVX512F), F(AVX512BW)},
    {F(AVX512F), F(AVX512VL)},
    {F(AVX512F), F(AVX512_VNNI)},
    {F(AVX512F), F(AVX512_VPOPCNTDQ)},
    {F(AVX512F), F(AVX512_4VNNIW)},
    {F(AVX512F), F(AVX512_4FMAPS)},
    {F(AVX512BW), F(AVX512_VBMI)},
    {F(AVX512BW), F(AVX512_VBMI2)},
    {F(AVX512BW), F(AVX512_BITALG)},
    {F(AVX512BW), F(AVX512_BF16)},
    {F(LM), F(LAHF_LM)},
    {F(LM), F(PAGE1GB)},
};

/* Which register of which leaf a feature word is; NULL for the words that are MSRs. */
static uint32_t *word_at(struct cpu_policy *p, unsigned int word)
{
    uint32_t *const at[POLICY_WORDS] = {
        &p->basic[1].d,
        &p->basic[1].c,
        &p->extended[1].d,
        &p->extended[1].c,
        &p->xstate[1].a,
        &p->feature[0].b,
        &p->feature[0].c,
        &p->extended[7].d,
        &p->extended[8].b,
        &p->feature[0].d,
        &p->feature[1].a,
        &p->extended[0x21].a,
        &p->feature[1].b,
        &p->feature[2].d,
        &p->feature[1].c,
        &p->feature[1].d,
        NULL,
        NULL,
        &p->extended[0x21].c,
    };

    return word < POLICY_WORDS ? at[word] : NULL;
}

uint32_t cpu_policy_word(const struct cpu_policy *p, unsigned int word)
{
    const uint32_t *at = word_at((struct cpu_policy *)p, word);

    return at ? *at : 0;
}

bool cpu_policy_has(const struct cpu_policy *p, unsigned int feature)
{
    return cpu_policy_word(p, feature / 32) >> (feature % 32) & 1;
}

static void set_feature(struct cpu_policy *p, unsigned int feature, bool on)
{
    uint32_t *at = word_at(p, feature / 32);

    if (at)
        *at = on ? *at | 1u << (feature % 32) : *at & ~(1u << (feature % 32));
}

uint32_t cpu_policy_xsave_size(const struct cpu_policy *p, uint64_t xcr0)
{
    uint32_t size = XSAVE_HEADER_END;

    for (unsigned int i = 2; i < 63; i++)
        if ((xcr0 & BIT(i)) && p->xstate[i].a)
            size = max(size, p->xstate[i].a + p->xstate[i].b);
    return size;
}

enum cpu_vendor cpu_policy_vendor(const struct cpuid_regs *r)
{
    if (r->b == 0x756e6547 && r->d == 0x49656e69 && r->c == 0x6c65746e) /* GenuineIntel */
        return VENDOR_INTEL;
    if ((r->b == 0x68747541 && r->d == 0x69746e65 && r->c == 0x444d4163) || /* AuthenticAMD */
        (r->b == 0x6f677948 && r->d == 0x6e65476e && r->c == 0x656e6975))   /* HygonGenuine */
        return VENDOR_AMD;
    return VENDOR_OTHER;
}

void cpu_policy_read(struct cpu_policy *p, struct cpuid_regs (*read)(uint32_t leaf, uint32_t subleaf))
{
    uint32_t basic, extended;

    memset(p, 0, sizeof(*p));
    basic = min(read(0, 0).a, (uint32_t)POLICY_BASIC - 1);
    for (uint32_t leaf = 0; leaf <= basic; leaf++)
        p->basic[leaf] = read(leaf, 0);
    for (uint32_t i = 0; basic >= 4 && i < POLICY_CACHE; i++) {
        p->cache[i] = read(4, i);
        if (!(p->cache[i].a & 0x1f))
            break;
    }
    for (uint32_t i = 0; basic >= 7 && i < POLICY_FEATURES && (i == 0 || i <= p->feature[0].a); i++)
        p->feature[i] = read(7, i);
    for (uint32_t i = 0; basic >= 0xd && i < POLICY_XSTATE - 1; i++)
        p->xstate[i] = read(0xd, i);
    extended = read(0x80000000, 0).a;
    if (extended >> 16 == 0x8000)
        for (uint32_t i = 0; i <= min(extended & 0xffff, (uint32_t)POLICY_EXTENDED - 1); i++)
            p->extended[i] = read(0x80000000 + i, 0);
    p->vendor = cpu_policy_vendor(&p->basic[0]);
}

static void drop_dependents(struct cpu_policy *p)
{
    bool changed;

    do {
        changed = false;
        for (unsigned int i = 0; i < ARRAY_SIZE(needs); i++)
            if (!cpu_policy_has(p, needs[i][0]) && cpu_policy_has(p, needs[i][1])) {
                set_feature(p, needs[i][1], false);
                changed = true;
            }
    } while (changed);
}

/* Only components of xcr0 remain, and only the features that have their state. */
static void limit_xstate(struct cpu_policy *p, uint64_t xcr0)
{
    xcr0 &= p->xstate[0].a | (uint64_t)p->xstate[0].d << 32;
    p->xcr0 = cpu_policy_has(p, F(XSAVE)) ? xcr0 : 0;
    if (!p->xcr0)
        set_feature(p, F(XSAVE), false);
    if (!(p->xcr0 & XCR0_AVX))
        set_feature(p, F(AVX), false);
    if ((p->xcr0 & XCR0_AVX512) != XCR0_AVX512)
        set_feature(p, F(AVX512F), false);
    for (unsigned int i = 2; i < POLICY_XSTATE; i++)
        if (!(p->xcr0 & BIT(i)))
            p->xstate[i] = (struct cpuid_regs){0};
    p->xstate[0].a = (uint32_t)p->xcr0;
    p->xstate[0].d = (uint32_t)(p->xcr0 >> 32);
    p->xstate[0].c = p->xcr0 ? cpu_policy_xsave_size(p, p->xcr0) : 0;
    p->xstate[0].b = p->xcr0 ? XSAVE_HEADER_END : 0;
    p->xstate[1].b = p->xstate[1].c = p->xstate[1].d = 0; /* no supervisor states */
    if (!p->xcr0)
        p->xstate[1].a = 0;
}

void cpu_policy_make_host(struct cpu_policy *host, const struct cpu_policy *raw, uint64_t xcr0)
{
    *host = *raw;
    limit_xstate(host, xcr0);
    drop_dependents(host);
}

/* Features of the word that PV guests may have. */
static uint32_t pv_mask(unsigned int word)
{
    uint32_t mask = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(pv_features); i++)
        if (pv_features[i] / 32 == word)
            mask |= 1u << (pv_features[i] % 32);
    return mask;
}

/* Of these, what a guest has only if its toolstack asks for it (attribute a): who was told that the TSC is invariant cannot be moved to another machine. */
static const uint16_t opt_in_features[] = {F(ITSC)};

/* On AMD the extended leaf repeats these bits of leaf 1 (APM 3, E.4.2). */
#define COMMON_FEATURES 0x0183f3ffu

static void pv_extended(struct cpu_policy *p)
{
    bool amd = p->vendor == VENDOR_AMD;
    uint32_t last = min(p->extended[0].a & 0xffff, (uint32_t)POLICY_EXTENDED - 1);

    p->extended[0].a = 0x80000000u | last;
    if (!amd)
        p->extended[0].b = p->extended[0].c = p->extended[0].d = 0;
    if (!amd)
        p->extended[1].a = p->extended[1].b = 0;
    if (amd)
        p->extended[1].d |= p->basic[1].d & COMMON_FEATURES;
    if (!amd)
        p->extended[5] = (struct cpuid_regs){0};
    if (!amd)
        p->extended[6].a = p->extended[6].b = p->extended[6].d = 0;
    p->extended[7].a = p->extended[7].b = p->extended[7].c = 0;
    /* Physical and linear width; a PV guest has four levels of page tables whatever the processor could. */
    p->extended[8].a = (p->extended[8].a & 0xff) | 48 << 8;
    p->extended[8].d = 0;
    if (!amd)
        p->extended[8].c = 0;
    for (unsigned int i = 9; i < POLICY_EXTENDED; i++)
        if (i != 0x21)
            p->extended[i] = (struct cpuid_regs){0};
    p->extended[0x21].b = p->extended[0x21].d = 0;
}

void cpu_policy_limit_word(struct cpu_policy *p, unsigned int word, uint32_t mask)
{
    uint32_t *at = word_at(p, word);

    if (at)
        *at &= mask;
}

void cpu_policy_limit_pv(struct cpu_policy *pv)
{
    bool amd = pv->vendor == VENDOR_AMD;

    for (unsigned int word = 0; word < POLICY_WORDS; word++)
        cpu_policy_limit_word(pv, word, pv_mask(word));
    set_feature(pv, F(HYPERVISOR), true);
    set_feature(pv, F(SYSCALL), true);
    if (amd) /* SYSENTER is not there in long mode (APM 3, SYSENTER) */
        set_feature(pv, F(SEP), false);
    limit_xstate(pv, pv->xcr0);
    drop_dependents(pv);
    pv->basic[0].a = min(pv->basic[0].a, (uint32_t)POLICY_BASIC - 1);
    if (amd)
        pv->basic[2] = (struct cpuid_regs){0};
    for (unsigned int leaf = 3; leaf < POLICY_BASIC; leaf++)
        pv->basic[leaf] = (struct cpuid_regs){0};
    if (amd)
        memset(pv->cache, 0, sizeof(pv->cache));
    pv->feature[0].a = min(pv->feature[0].a, (uint32_t)POLICY_FEATURES - 1);
    pv_extended(pv);
    pv->preserve_accessed = true;
}

void cpu_policy_make_pv(struct cpu_policy *pv, const struct cpu_policy *host)
{
    *pv = *host;
    cpu_policy_limit_pv(pv);
}

void cpu_policy_make_default(struct cpu_policy *def, const struct cpu_policy *max)
{
    *def = *max;
    for (unsigned int i = 0; i < ARRAY_SIZE(opt_in_features); i++)
        set_feature(def, opt_in_features[i], false);
    drop_dependents(def);
}

void cpu_policy_tsc_unstable(struct cpu_policy *p)
{
    set_feature(p, F(ITSC), false);
    p->tsc_reliable = false;
}
