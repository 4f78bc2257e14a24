/* SPDX-License-Identifier: MIT */
/*
 * What guests are told of the TSC. QEMU's own processors have none that is invariant; on Bochs, which has, tests/system/test_clock.py boots
 * this area, also with tsc=unstable (argument `unstable`).
 * GUEST-GROUP: smp=2 dom0=64M
 */
#include <kit/args.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#include <xen/domctl.h>
#include <xen/sysctl.h>

#define LEAF     0x80000007u
#define ITSC     (1u << 8)
#define RELIABLE 2u /* of leaf 0x40000003, EAX */

static xen_cpuid_leaf_t leaves[200];

static bool invariant(void)
{
    return kit_cpuid_native(0x80000000, 0).a >= LEAF && kit_cpuid_native(LEAF, 0).d & ITSC;
}

static bool stable(void)
{
    return invariant() && !kit_arg_flag("unstable");
}

static uint32_t find(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (leaves[i].leaf == LEAF)
            return leaves[i].d & ITSC;
    return 0;
}

static uint32_t of_machine(uint32_t index)
{
    static struct xen_sysctl op;

    memset(&op, 0, sizeof(op));
    op.cmd = XEN_SYSCTL_get_cpu_policy;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    op.u.cpu_policy.index = index;
    op.u.cpu_policy.nr_leaves = ARRAY_SIZE(leaves);
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op), 0);
    return find(op.u.cpu_policy.nr_leaves);
}

static uint32_t of_domain(domid_t id)
{
    static struct xen_domctl op;

    memset(&op, 0, sizeof(op));
    op.u.cpu_policy.nr_leaves = ARRAY_SIZE(leaves);
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_cpu_policy, id, &op), 0);
    return find(op.u.cpu_policy.nr_leaves);
}

/* Domain 0 is told all: the machine's TSC is reliable, and invariant. Xen leaves it the latter with tsc=unstable, too, which Linux would then believe. */
KIT_TEST(domain0)
{
    uint8_t flags = kit_this()->info->time.flags;

    kit_note("TSC %sinvariant, %sstable", invariant() ? "" : "not ", stable() ? "" : "not ");
    CHECK_EQ(kit_cpuid(0x40000003, 0).a & RELIABLE, stable() ? RELIABLE : 0);
    CHECK_EQ(kit_cpuid(LEAF, 0).d & ITSC, (kit_on_xenios() ? stable() : invariant()) ? ITSC : 0);
    CHECK_EQ(flags, kit_on_xenios() && stable() ? XEN_PVCLOCK_TSC_STABLE_BIT : 0);
}

/* Other domains may have ITSC, and have it only if that is asked for. */
KIT_TEST(opted_in)
{
    uint32_t there = (kit_on_xenios() ? stable() : invariant()) ? ITSC : 0;
    domid_t d;

    CHECK_EQ(of_machine(XEN_SYSCTL_cpu_policy_raw), invariant() ? ITSC : 0);
    CHECK_EQ(of_machine(XEN_SYSCTL_cpu_policy_host), there);
    CHECK_EQ(of_machine(XEN_SYSCTL_cpu_policy_pv_max), there);
    CHECK_EQ(of_machine(XEN_SYSCTL_cpu_policy_pv_default), 0);
    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0);
    CHECK_EQ(of_domain(d), 0);
    CHECK(kit_domain_gone(d));
}
