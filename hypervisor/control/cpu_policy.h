/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CPU policies in guest memory, for sysctl and domctl: lists of leaves (xen_cpuid_leaf_t) and of MSRs (xen_msr_entry_t). */
#ifndef CONTROL_CPU_POLICY_H
#define CONTROL_CPU_POLICY_H

#include "arch/x86/cpu_policy.h"

/*
 * Writes the policy's leaves to a list with room for *count, and says in *count how many they are; a null
 * list asks for the most there can be. -ENOBUFS: too many (*count stays as it was); -EFAULT.
 */
int policy_write_leaves(const struct cpu_policy *p, guest_ptr_t list, uint32_t *count) __must_check;
/* The same for MSRs, whatever the policy: those that guests read of the platform, none of which we give. */
int policy_write_msrs(guest_ptr_t list, uint32_t *count) __must_check;

/* Where reading a list failed: the leaf and subleaf, or the MSR, that is not acceptable; all ones for none. */
struct policy_error {
    uint32_t leaf, subleaf, msr;
};
/* Reads `count` leaves over what `p` says. -EFAULT; -E2BIG: more than there can be; -ERANGE: one that we do not know. */
int policy_read_leaves(struct cpu_policy *p, guest_ptr_t list, uint32_t count, struct policy_error *error)
    __must_check;
/* Checks `count` MSRs. -EFAULT, -E2BIG, -ERANGE (unknown), -EINVAL (flags, or what our processors do not have). */
int policy_read_msrs(guest_ptr_t list, uint32_t count, struct policy_error *error) __must_check;

#endif
