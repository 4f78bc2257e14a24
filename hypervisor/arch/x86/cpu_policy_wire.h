/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A policy as a list of leaves: the toolstack's form (xen_cpuid_leaf_t in xen/arch-x86/xen.h). A leaf without
 * subleaves says XEN_CPUID_NO_SUBLEAF. What may stand in the list is what Debian's libxenctrl knows: it
 * refuses others.
 */
#ifndef ARCH_X86_CPU_POLICY_WIRE_H
#define ARCH_X86_CPU_POLICY_WIRE_H

#include "arch/x86/cpu_policy.h"

#define POLICY_WIRE_CACHE      6
#define POLICY_WIRE_XSTATE     63
#define POLICY_WIRE_TOPOLOGY   2
#define POLICY_WIRE_HYPERVISOR 2
/* 4, 7, 0xb and 0xd have subleaves. */
#define POLICY_LEAVES_MAX                                                                                    \
    (POLICY_BASIC - 4 + POLICY_WIRE_CACHE + POLICY_FEATURES + POLICY_WIRE_TOPOLOGY + POLICY_WIRE_XSTATE +    \
     POLICY_WIRE_HYPERVISOR + POLICY_EXTENDED)

/* Goes through the leaves that the policy has, in ascending order, until `visit` returns something else than 0. Returns that. */
typedef int policy_visit_fn(void *context, uint32_t leaf, uint32_t subleaf, const struct cpuid_regs *regs);
int cpu_policy_for_each_leaf(const struct cpu_policy *p, policy_visit_fn *visit, void *context);

/* Sets what a leaf says. False: there is no such leaf or subleaf. */
bool cpu_policy_set_leaf(struct cpu_policy *p, uint32_t leaf, uint32_t subleaf,
                         const struct cpuid_regs *regs);

/*
 * The policy of a PV domain of which `wanted` is asked: less what `max` does not have, and what follows from the rest. -EINVAL: more leaves than
 * there are.
 */
int cpu_policy_make_domain(struct cpu_policy *out, const struct cpu_policy *wanted,
                           const struct cpu_policy *max) __must_check;

#endif
