/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Policies from and to the toolstack's list of leaves, and what a domain gets of the policy that was asked for it. Pure. */
#include "arch/x86/cpu_policy_wire.h"
#include "hv/errno.h"
#include "hv/string.h"
#include <xen/xen.h>
#include <xen/arch-x86/cpufeatureset.h>
#include <xen/arch-x86/cpuid.h>

#define F(name)          XEN_X86_FEATURE_##name
#define LEAF_CACHE       4
#define LEAF_FEATURE     7
#define LEAF_TOPOLOGY    0xb
#define LEAF_XSTATE      0xd
#define LEAF_EXTENDED    0x80000000u
#define HYPERVISOR_LEAF2 (XEN_CPUID_FIRST_LEAF + 0x100)

static int visit_subleaves(const struct cpu_policy *p, uint32_t leaf, policy_visit_fn *visit, void *context)
{
    int rc = 0;

    switch (leaf) {
    case LEAF_CACHE: /* up to the one that says that it is the last */
        for (uint32_t i = 0; !rc && i < POLICY_WIRE_CACHE; i++) {
            rc = visit(context, leaf, i, &p->cache[i]);
            if (!(p->cache[i].a & 0x1f))
                break;
        }
        break;
    case LEAF_FEATURE:
        for (uint32_t i = 0; !rc && i < POLICY_FEATURES && i <= p->feature[0].a; i++)
            rc = visit(context, leaf, i, &p->feature[i]);
        break;
    case LEAF_XSTATE:
        for (uint32_t i = 0; !rc && i < POLICY_WIRE_XSTATE; i++)
            if (i < 2 || p->xstate[i].a)
                rc = visit(context, leaf, i, &p->xstate[i]);
        break;
    default:
        rc = visit(context, leaf, 0, &p->basic[leaf]);
    }
    return rc;
}

static bool has_subleaves(uint32_t leaf)
{
    return leaf == LEAF_CACHE || leaf == LEAF_FEATURE || leaf == LEAF_TOPOLOGY || leaf == LEAF_XSTATE;
}

int cpu_policy_for_each_leaf(const struct cpu_policy *p, policy_visit_fn *visit, void *context)
{
    static const struct cpuid_regs nothing; /* the hypervisor's leaves: no limit was asked for */
    uint32_t extended = p->extended[0].a >> 16 == 0x8000 ? p->extended[0].a & 0xffff : 0;
    int rc = 0;

    for (uint32_t leaf = 0; !rc && leaf < POLICY_BASIC && leaf <= p->basic[0].a; leaf++)
        rc = has_subleaves(leaf) ? visit_subleaves(p, leaf, visit, context)
                                 : visit(context, leaf, XEN_CPUID_NO_SUBLEAF, &p->basic[leaf]);
    if (!rc)
        rc = visit(context, XEN_CPUID_FIRST_LEAF, XEN_CPUID_NO_SUBLEAF, &nothing);
    if (!rc)
        rc = visit(context, HYPERVISOR_LEAF2, XEN_CPUID_NO_SUBLEAF, &nothing);
    for (uint32_t i = 0; !rc && i < POLICY_EXTENDED && i <= extended; i++)
        rc = visit(context, LEAF_EXTENDED + i, XEN_CPUID_NO_SUBLEAF, &p->extended[i]);
    return rc;
}

static struct cpuid_regs *find(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf)
{
    switch (leaf) {
    case LEAF_CACHE:
        return subleaf < POLICY_WIRE_CACHE ? &p->cache[subleaf] : NULL;
    case LEAF_FEATURE:
        return subleaf < POLICY_FEATURES ? &p->feature[subleaf] : NULL;
    case LEAF_TOPOLOGY:
        return subleaf == 0 ? &p->basic[leaf] : NULL;
    case LEAF_XSTATE:
        return subleaf < POLICY_WIRE_XSTATE ? &p->xstate[subleaf] : NULL;
    default:
        break;
    }
    if (subleaf != XEN_CPUID_NO_SUBLEAF)
        return NULL;
    if (leaf < POLICY_BASIC)
        return &p->basic[leaf];
    if (leaf >= LEAF_EXTENDED && leaf - LEAF_EXTENDED < POLICY_EXTENDED)
        return &p->extended[leaf - LEAF_EXTENDED];
    return NULL;
}

bool cpu_policy_set_leaf(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf, const struct cpuid_regs *regs)
{
    struct cpuid_regs *at = find(p, leaf, subleaf);

    if (at)
        *at = *regs;
    /* Topology in subleaves and a limit of our own leaves are accepted and not kept: the processor's own topology shows through CPUID. */
    return at || (leaf == LEAF_TOPOLOGY && subleaf < POLICY_WIRE_TOPOLOGY) ||
           ((leaf == XEN_CPUID_FIRST_LEAF || leaf == HYPERVISOR_LEAF2) && subleaf == XEN_CPUID_NO_SUBLEAF);
}

/* The state components that the features ask for. */
static uint64_t components(const struct cpu_policy *p, uint64_t most)
{
    uint64_t xcr0 = most;

    if (!cpu_policy_has(p, F(XSAVE)))
        return 0;
    if (!cpu_policy_has(p, F(AVX)))
        xcr0 &= ~(XCR0_AVX | XCR0_AVX512);
    if (!cpu_policy_has(p, F(AVX512F)))
        xcr0 &= ~XCR0_AVX512;
    return xcr0;
}

int cpu_policy_make_domain(struct cpu_policy *out, const struct cpu_policy *wanted,
                           const struct cpu_policy *max)
{
    struct cpu_policy *w = out;

    if (wanted->basic[0].a > max->basic[0].a || wanted->extended[0].a > max->extended[0].a)
        return -EINVAL;
    *w = *wanted;
    w->vendor = cpu_policy_vendor(&w->basic[0]);
    for (unsigned int word = 0; word < POLICY_WORDS; word++)
        cpu_policy_limit_word(w, word, cpu_policy_word(max, word));
    /* Where state components lie is the processor's to say. */
    memcpy(w->xstate + 2, max->xstate + 2, sizeof(w->xstate) - 2 * sizeof(w->xstate[0]));
    w->xcr0 = components(w, max->xcr0);
    w->xstate[0].a = (uint32_t)w->xcr0;
    w->xstate[0].d = (uint32_t)(w->xcr0 >> 32);
    w->host_khz = max->host_khz;
    w->tsc_reliable = max->tsc_reliable;
    w->address_width = max->address_width;
    if ((w->extended[8].a & 0xff) > (max->extended[8].a & 0xff))
        w->extended[8].a = max->extended[8].a;
    cpu_policy_limit_pv(w);
    return 0;
}
