/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is done against attacks by speculative execution (docs/design/speculation.md): what the processor is
 * open to, what it offers against it, and, from these and the options spec-ctrl=, xpti= and pv-l1tf=, what is
 * done. Decided once at boot, before anything is mapped.
 */
#ifndef ARCH_X86_SPEC_H
#define ARCH_X86_SPEC_H

#include "arch/x86/cpu_features.h"
#include "arch/x86/cpu_policy.h"

/* What one processor says of itself, less what options take from it; made by spec_read(), or by a test. */
struct spec_cpu {
    enum cpu_vendor vendor;
    unsigned int family, model;
    bool ibpb, md_clear;
    bool smep;                  /* it is used */
    bool ibrs, stibp;           /* IA32_SPEC_CTRL has these bits */
    bool automatic_ibrs;        /* AMD: EFER has AIBRSE */
    uint64_t arch_capabilities; /* 0 where the processor does not have the MSR */
};

/* Which domains a protection is for. */
struct spec_domains {
    bool dom0, domu;
};

struct spec_policy {
    /* What the processor is open to. */
    bool meltdown, l1tf, mds;
    /* What is done. */
    bool ibpb;           /* predictors are flushed between domains */
    bool ibrs;           /* set once and for all: what a guest trained steers no indirect branch of ours */
    bool stibp;          /* set once and for all: nor do the branches of the sibling thread steer a guest's */
    bool automatic_ibrs; /* ibrs is a bit in EFER, not in IA32_SPEC_CTRL */
    bool clear_buffers;  /* VERW on the way out to a guest */
    bool fill_return_stack; /* on the way in: without SMEP a guest's return addresses could be followed */
    struct spec_domains split_root; /* guests run on page tables without our memory */
    struct spec_domains l1tf_rule;  /* not-present entries may not name memory */
};
extern struct spec_policy spec_policy;

/* For entry code, readable on every root. What else it does is patched into it. */
extern uint16_t
    spec_verw_selector; /* VERW with a writable data segment is what clears the buffers (SDM 2B, and 4, MD_CLEAR) */

/* The values of the options; NULL: not given. */
struct spec_options {
    const char *spec_ctrl, *xpti, *pv_l1tf;
};

/* Pure. `arch_capabilities`: the MSR's value, 0 without it. */
void spec_read(struct spec_cpu *cpu, const struct cpu_policy *host, const struct cpu_features *features,
               uint64_t arch_capabilities);

/* Pure. *unknown becomes the first word of the options that is not understood, NULL if all are; the text lasts as long as the options. */
void spec_decide(struct spec_policy *p, const struct spec_cpu *cpu, const struct spec_options *options,
                 const char **unknown);

/* The boot processor, after cpu_features_find(): fills spec_policy and says on the console what was decided. */
void spec_init(void);

/* Each processor, when it starts: what is set once and for all. */
void spec_apply(void);

static inline bool spec_applies(const struct spec_domains *to, domid_id_t domain)
{
    return domain == 0 ? to->dom0 : to->domu;
}

#endif
