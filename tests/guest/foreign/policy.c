/* SPDX-License-Identifier: MIT */
/* The CPU policy of a domain that has not run yet, read and set as libxl does. */
#include "foreign.h"
#include <kit/arch/registers.h>

static xen_cpuid_leaf_t leaves[200];
static xen_msr_entry_t msrs[10];
static struct xen_domctl op;

#define NONE 0xffffffff

static long call(unsigned cmd, unsigned domain, unsigned nr_leaves, unsigned nr_msrs)
{
    memset(&op, 0, sizeof(op));
    op.u.cpu_policy.nr_leaves = nr_leaves;
    op.u.cpu_policy.nr_msrs = nr_msrs;
    op.u.cpu_policy.err_leaf = op.u.cpu_policy.err_subleaf = op.u.cpu_policy.err_msr = 0x77;
    set_xen_guest_handle(op.u.cpu_policy.leaves, leaves);
    set_xen_guest_handle(op.u.cpu_policy.msrs, msrs);
    return kit_domctl(cmd, domain, &op);
}

static long get(unsigned domain)
{
    return call(XEN_DOMCTL_get_cpu_policy, domain, ARRAY_SIZE(leaves), ARRAY_SIZE(msrs));
}

static void check_error(uint32_t leaf, uint32_t subleaf, uint32_t msr)
{
    CHECK_EQ(op.u.cpu_policy.err_leaf, leaf);
    CHECK_EQ(op.u.cpu_policy.err_subleaf, subleaf);
    CHECK_EQ(op.u.cpu_policy.err_msr, msr);
}

KIT_TEST(policy_get)
{
    domid_t d;
    unsigned most;

    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0);
    memset(&op, 0, sizeof(op));
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_cpu_policy, d, &op), 0);
    most = op.u.cpu_policy.nr_leaves;
    CHECK(most > 40 && most <= ARRAY_SIZE(leaves) && op.u.cpu_policy.nr_msrs == 2);
    CHECK_RC(get(d), 0);
    CHECK(op.u.cpu_policy.nr_leaves > 20 && op.u.cpu_policy.nr_leaves <= most &&
          op.u.cpu_policy.nr_msrs == 2);
    CHECK(leaves[0].leaf == 0 && leaves[0].a >= 4 && msrs[0].idx == MSR_PLATFORM_INFO &&
          msrs[1].idx == MSR_ARCH_CAPABILITIES);
    CHECK_RC(call(XEN_DOMCTL_get_cpu_policy, d, 5, 2), -XEN_ENOBUFS);
    CHECK_EQ(op.u.cpu_policy.nr_leaves, 5);
    CHECK_RC(call(XEN_DOMCTL_get_cpu_policy, d, 200, 1), -XEN_ENOBUFS);
    CHECK_RC(get(77), -XEN_ESRCH);
    CHECK_RC(get(0), 0);
    CHECK(kit_domain_gone(d));
}

KIT_TEST(policy_set)
{
    static xen_cpuid_leaf_t all[ARRAY_SIZE(leaves)];
    unsigned n;
    domid_t d;

    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0 && get(d) == 0);
    n = op.u.cpu_policy.nr_leaves;
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), 0);
    check_error(0x77, 0x77, 0x77);
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 0, 0), 0);
    /* What there is not is left out, and what needs it. */
    memcpy(all, leaves, sizeof(all));
    leaves[1].c = leaves[1].d = 0xffffffff;
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), 0);
    CHECK_RC(get(d), 0);
    CHECK((leaves[1].d & 1) && !(leaves[1].c & 1u << 5 /* VMX */) && !(leaves[1].d & 1u << 12 /* MTRR */));
    leaves[1].c = 0;
    leaves[1].d &= ~(1u << 26); /* SSE2 */
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), 0);
    CHECK_RC(get(d), 0);
    CHECK(!(leaves[1].d & 1u << 26) && !(leaves[1].c & 1 /* SSE3 */));
    memcpy(leaves, all, sizeof(all));
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), 0);
    CHECK_RC(get(d), 0);
    CHECK(op.u.cpu_policy.nr_leaves == n && !memcmp(leaves, all, n * sizeof(all[0])));
    /* Fewer leaves than there are, not more. */
    leaves[0].a = 0x20;
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), -XEN_EINVAL);
    check_error(0, NONE, NONE);
    leaves[0].a = 2;
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, n, 2), 0);
    CHECK_RC(get(d), 0);
    CHECK_EQ(leaves[0].a, 2);
    CHECK_EQ(leaves[3].leaf, 0x40000000);
    CHECK(kit_domain_gone(d));
}

KIT_TEST(policy_set_refused)
{
    static const uint32_t unknown[][2] = {
        {4, 6},       {7, 3}, {0xb, 2},           {0xd, 63},          {0xd, NONE},    {0xe, NONE},
        {0x99, NONE}, {1, 0}, {0x40000001, NONE}, {0x80000022, NONE}, {0x80000001, 0}};
    static const uint32_t known[][2] = {{4, 5},
                                        {7, 2},
                                        {0xb, 1},
                                        {0xd, 62},
                                        {0xd, 0},
                                        {0x40000000, NONE},
                                        {0x40000100, NONE},
                                        {0x80000021, NONE}};
    static const struct {
        xen_msr_entry_t msr;
        int rc;
    } cases[] = {{{0xce, 0, 0}, 0},  {{0xce, 1, 0}, -XEN_EINVAL}, {{0xce, 0, 1}, -XEN_EINVAL},
                 {{0x10a, 0, 0}, 0}, {{0x10a, 0, 1}, 0},          {{0x10, 0, 0}, -XEN_ERANGE}};
    domid_t d;

    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0);
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 200, 0), -XEN_E2BIG);
    check_error(NONE, NONE, NONE);
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 0, 3), -XEN_E2BIG);
    for (unsigned i = 0; i < ARRAY_SIZE(unknown); i++) {
        leaves[0] = (xen_cpuid_leaf_t){.leaf = unknown[i][0], .subleaf = unknown[i][1]};
        CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 1, 0), -XEN_ERANGE);
        check_error(unknown[i][0], unknown[i][1], NONE);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(known); i++) {
        leaves[0] = (xen_cpuid_leaf_t){.leaf = known[i][0], .subleaf = known[i][1]};
        CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 1, 0), 0);
    }
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        msrs[0] = cases[i].msr;
        CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, d, 0, 1), cases[i].rc);
        if (cases[i].rc)
            check_error(NONE, NONE, msrs[0].idx);
    }
    memset(&op, 0, sizeof(op));
    op.u.cpu_policy.nr_leaves = 1;
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_cpu_policy, d, &op), -XEN_EFAULT);
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, 0, 0, 0), -XEN_EINVAL); /* one's own */
    CHECK(kit_domain_gone(d));
    CHECK_OR_RETURN(puppet_ready());
    CHECK_RC(call(XEN_DOMCTL_set_cpu_policy, puppet.id, 0, 0), -XEN_EEXIST); /* it runs */
}

KIT_TEST(vcpu_msrs)
{
    static xen_domctl_vcpu_msr_t m[8];
    domid_t d;

    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0);
    memset(&op, 0, sizeof(op));
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_vcpu_msrs, d, &op), 0);
    op.u.vcpu_msrs.msr_count = 8;
    set_xen_guest_handle(op.u.vcpu_msrs.msrs, m);
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_vcpu_msrs, d, &op), 0);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 0);
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_vcpu_msrs, d, &op), 0);
    m[0].index = 0x10;
    op.u.vcpu_msrs.msr_count = 1;
    CHECK_RC(kit_domctl(XEN_DOMCTL_set_vcpu_msrs, d, &op), -XEN_EINVAL);
    CHECK_EQ(op.u.vcpu_msrs.msr_count, 0);
    op.u.vcpu_msrs.vcpu = 1;
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_vcpu_msrs, d, &op), -XEN_ESRCH);
    op.u.vcpu_msrs.vcpu = 0;
    CHECK_RC(kit_domctl(XEN_DOMCTL_get_vcpu_msrs, 0, &op), -XEN_EINVAL);
    CHECK(kit_domain_gone(d));
}

static long ask(unsigned cmd, unsigned domain)
{
    memset(&op, 0, sizeof(op));
    return kit_domctl(cmd, domain, &op);
}

/* What PV domains cannot have here: callers know by the error. */
KIT_TEST(absent_domctls)
{
    static const struct {
        uint16_t cmd;
        int rc;
    } cases[] = {{XEN_DOMCTL_shadow_op, -XEN_EINVAL},
                 {XEN_DOMCTL_gethvmcontext, -XEN_EINVAL},
                 {XEN_DOMCTL_sethvmcontext, -XEN_EINVAL},
                 {XEN_DOMCTL_gethvmcontext_partial, -XEN_EINVAL},
                 {XEN_DOMCTL_assign_device, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_test_assign_device, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_deassign_device, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_get_device_group, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_bind_pt_irq, -XEN_EINVAL},
                 {XEN_DOMCTL_unbind_pt_irq, -XEN_EINVAL},
                 {XEN_DOMCTL_memory_mapping, -XEN_EINVAL},
                 {XEN_DOMCTL_ioport_mapping, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_ioport_permission, -XEN_EINVAL},
                 {XEN_DOMCTL_debug_op, -XEN_EINVAL},
                 {XEN_DOMCTL_set_broken_page_p2m, -XEN_EINVAL},
                 {XEN_DOMCTL_psr_cmt_op, -XEN_ENODEV},
                 {XEN_DOMCTL_monitor_op, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_psr_alloc, -XEN_ENODEV},
                 {XEN_DOMCTL_vmtrace_op, -XEN_EINVAL},
                 {XEN_DOMCTL_get_paging_mempool_size, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_set_paging_mempool_size, -XEN_EOPNOTSUPP},
                 {XEN_DOMCTL_vm_event_op, -XEN_ENOSYS},
                 {XEN_DOMCTL_mem_sharing_op, -XEN_ENOSYS},
                 {XEN_DOMCTL_set_access_required, 0},
                 {XEN_DOMCTL_setvnumainfo, -XEN_EINVAL},
                 {XEN_DOMCTL_soft_reset, -XEN_EINVAL},
                 {XEN_DOMCTL_setvcpucontext, 0}, /* nothing to reset */
                 {XEN_DOMCTL_gdbsx_guestmemio, -XEN_ENOSYS},
                 {XEN_DOMCTL_audit_p2m, -XEN_ENOSYS},
                 {XEN_DOMCTL_cacheflush, -XEN_ENOSYS},
                 {87, -XEN_ENOSYS},
                 {999, -XEN_ENOSYS}};
    domid_t d;

    CHECK_OR_RETURN(kit_domain_create(1, 16, &d) == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        long rc;

        memset(&op, 0, sizeof(op));
        rc = kit_domctl(cases[i].cmd, d, &op);
        if (rc != cases[i].rc)
            kit_note("domctl %u", cases[i].cmd);
        CHECK_RC(rc, cases[i].rc);
    }
    CHECK(kit_domain_gone(d));
    /* Of nobody, of no number, and of oneself. */
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        CHECK_RC(ask(cases[i].cmd, 4321), -XEN_ESRCH);
        CHECK_RC(ask(cases[i].cmd, DOMID_SELF), -XEN_ESRCH);
    }
    CHECK_RC(ask(XEN_DOMCTL_getdomaininfo, DOMID_SELF), -XEN_EINVAL);
    CHECK_RC(ask(XEN_DOMCTL_vm_event_op, 0), -XEN_EINVAL);
    CHECK_RC(ask(XEN_DOMCTL_set_access_required, 0), -XEN_EPERM);
    CHECK_RC(ask(XEN_DOMCTL_monitor_op, 0), -XEN_EPERM);
    CHECK_RC(ask(XEN_DOMCTL_setvnumainfo, 0), -XEN_EINVAL);
}
