/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/cpu_policy.h"
#include "arch/x86/cpu_policy_wire.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/xen.h>

/* Known to the tools, and without content for our guests: CPUID does not fault, and nothing is said of speculation. */
static const uint32_t policy_msrs[] = {MSR_PLATFORM_INFO, MSR_ARCH_CAPABILITIES};

struct writer {
    guest_ptr_t list;
    uint32_t room, done;
};

static int write_leaf(void *context, uint32_t leaf, uint32_t subleaf, const struct cpuid_regs *r)
{
    const xen_cpuid_leaf_t entry = {
        .leaf = leaf, .subleaf = subleaf, .a = r->a, .b = r->b, .c = r->c, .d = r->d};
    struct writer *w = context;

    if (w->done >= w->room)
        return -ENOBUFS;
    if (copy_to_guest(guest_ptr_add(w->list, w->done * sizeof(entry)), &entry, sizeof(entry)))
        return -EFAULT;
    w->done++;
    return 0;
}

int policy_write_leaves(const struct cpu_policy *p, guest_ptr_t list, uint32_t *count)
{
    struct writer w = {.list = list, .room = *count};
    int rc = 0;

    if (guest_ptr_is_null(list))
        w.done = POLICY_LEAVES_MAX;
    else
        rc = cpu_policy_for_each_leaf(p, write_leaf, &w);
    if (!rc)
        *count = w.done;
    return rc;
}

int policy_write_msrs(guest_ptr_t list, uint32_t *count)
{
    if (!guest_ptr_is_null(list) && *count < ARRAY_SIZE(policy_msrs))
        return -ENOBUFS;
    for (uint32_t i = 0; !guest_ptr_is_null(list) && i < ARRAY_SIZE(policy_msrs); i++) {
        const xen_msr_entry_t entry = {.idx = policy_msrs[i]};

        if (copy_to_guest(guest_ptr_add(list, i * sizeof(entry)), &entry, sizeof(entry)))
            return -EFAULT;
    }
    *count = ARRAY_SIZE(policy_msrs);
    return 0;
}

int policy_read_leaves(struct cpu_policy *p, guest_ptr_t list, uint32_t count, struct policy_error *error)
{
    if (count > POLICY_LEAVES_MAX)
        return -E2BIG;
    for (uint32_t i = 0; i < count; i++) {
        struct cpuid_regs r;
        xen_cpuid_leaf_t entry;

        if (copy_from_guest(&entry, guest_ptr_add(list, i * sizeof(entry)), sizeof(entry)))
            return -EFAULT;
        r = (struct cpuid_regs){entry.a, entry.b, entry.c, entry.d};
        if (!cpu_policy_set_leaf(p, entry.leaf, entry.subleaf, &r)) {
            error->leaf = entry.leaf;
            error->subleaf = entry.subleaf;
            return -ERANGE;
        }
    }
    return 0;
}

/* What is asked for of ARCH_CAPABILITIES and not there is left out; the other has nothing that could be. */
static int check_msr(const xen_msr_entry_t *entry)
{
    if (entry->flags)
        return -EINVAL;
    switch (entry->idx) {
    case MSR_PLATFORM_INFO:
        return entry->val ? -EINVAL : 0;
    case MSR_ARCH_CAPABILITIES:
        return 0;
    default:
        return -ERANGE;
    }
}

int policy_read_msrs(guest_ptr_t list, uint32_t count, struct policy_error *error)
{
    int rc = 0;

    if (count > ARRAY_SIZE(policy_msrs))
        return -E2BIG;
    for (uint32_t i = 0; !rc && i < count; i++) {
        xen_msr_entry_t entry;

        if (copy_from_guest(&entry, guest_ptr_add(list, i * sizeof(entry)), sizeof(entry)))
            return -EFAULT;
        rc = check_msr(&entry);
        if (rc)
            error->msr = entry.idx;
    }
    return rc;
}
