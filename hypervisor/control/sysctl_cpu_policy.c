/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sysctl: what processors and guests' processors can be. */
#include "control/cpu_policy.h"
#include "control/sysctl.h"
#include "hv/errno.h"
#include "hv/guest.h"

/* CPUID is not masked or made to fault for the user mode of PV guests (docs/design/cpu-policy.md). */
long sysctl_levelling_caps(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    (void)hc;
    sysctl->u.cpu_levelling_caps.caps = 0;
    return 0;
}

static int select_policy(uint32_t index, const struct cpu_policy **out)
{
    static const struct cpu_policy *const policies[] = {
        [XEN_SYSCTL_cpu_policy_raw] = &raw_policy,
        [XEN_SYSCTL_cpu_policy_host] = &host_policy,
        [XEN_SYSCTL_cpu_policy_pv_max] = &pv_max_policy,
        [XEN_SYSCTL_cpu_policy_hvm_max] = NULL,
        [XEN_SYSCTL_cpu_policy_pv_default] = &pv_default_policy,
        [XEN_SYSCTL_cpu_policy_hvm_default] = NULL,
    };

    if (index >= ARRAY_SIZE(policies))
        return -EINVAL;
    *out = policies[index];
    return *out ? 0 : -EOPNOTSUPP;
}

/* The featureset's numbers differ from the policy's. */
static int select_featureset(uint32_t index, const struct cpu_policy **out)
{
    switch (index) {
    case XEN_SYSCTL_cpu_featureset_raw:
        return select_policy(XEN_SYSCTL_cpu_policy_raw, out);
    case XEN_SYSCTL_cpu_featureset_host:
        return select_policy(XEN_SYSCTL_cpu_policy_host, out);
    case XEN_SYSCTL_cpu_featureset_pv:
        return select_policy(XEN_SYSCTL_cpu_policy_pv_default, out);
    case XEN_SYSCTL_cpu_featureset_pv_max:
        return select_policy(XEN_SYSCTL_cpu_policy_pv_max, out);
    case XEN_SYSCTL_cpu_featureset_hvm:
    case XEN_SYSCTL_cpu_featureset_hvm_max:
        return -EOPNOTSUPP;
    default:
        return -EINVAL;
    }
}

long sysctl_cpu_featureset(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpu_featureset *op = &sysctl->u.cpu_featureset;
    guest_ptr_t list = GUEST_PTR((uint64_t)op->features.p);
    uint32_t words[POLICY_WORDS], count = min(op->nr_features, (uint32_t)POLICY_WORDS);
    const struct cpu_policy *p;
    int rc;

    (void)hc;
    if (guest_ptr_is_null(list)) { /* before the index is looked at, as on Xen */
        op->nr_features = POLICY_WORDS;
        return 0;
    }
    rc = select_featureset(op->index, &p);
    if (rc)
        return rc;
    for (uint32_t i = 0; i < POLICY_WORDS; i++)
        words[i] = cpu_policy_word(p, i);
    if (copy_to_guest(list, words, count * sizeof(words[0])))
        return -EFAULT;
    if (count < POLICY_WORDS)
        return -ENOBUFS;
    op->nr_features = POLICY_WORDS;
    return 0;
}

long sysctl_cpu_policy(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cpu_policy *op = &sysctl->u.cpu_policy;
    const struct cpu_policy *p;
    int rc;

    if (op->_rsvd)
        return -EINVAL;
    rc = select_policy(op->index, &p);
    if (rc)
        return rc;
    rc = policy_write_leaves(p, GUEST_PTR((uint64_t)op->leaves.p), &op->nr_leaves);
    if (rc)
        return rc;
    /* The caller learns the number of leaves even if the MSRs do not fit. */
    if (control_write_back(hc, sysctl, &op->nr_leaves, sizeof(op->nr_leaves)))
        return -EFAULT;
    return policy_write_msrs(GUEST_PTR((uint64_t)op->msrs.p), &op->nr_msrs);
}
