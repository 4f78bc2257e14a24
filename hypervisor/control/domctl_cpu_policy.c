/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl: the CPU policy of a domain, which it starts with as the default of PV guests, and the MSRs
 * of its vcpus. A policy changes only while the domain has never run: from then on its vcpus read it without
 * a lock. The toolstack, which may ask while it changes, reads a copy made under the control lock.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_policy_wire.h"
#include "control/cpu_policy.h"
#include "control/domctl.h"
#include "hv/alloc.h"
#include "pv/msr.h"

#define NONE 0xffffffffu

/*
 * The policy as it is now: another processor may put a new one in its place, and free this one, at any
 * moment. The caller frees it. NULL: no memory.
 */
static struct cpu_policy *policy_copy(struct domain *d)
{
    struct cpu_policy *copy = hv_new(struct cpu_policy);

    if (!copy)
        return NULL;
    lock(&d->control_lock);
    *copy = *pv_cpu_policy(d);
    unlock(&d->control_lock);
    return copy;
}

long domctl_get_cpu_policy(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_cpu_policy *op = &domctl->u.cpu_policy;
    struct cpu_policy *p = policy_copy(d);
    int rc;

    (void)hc;
    if (!p)
        return -ENOMEM;
    rc = policy_write_leaves(p, GUEST_PTR((uint64_t)op->leaves.p), &op->nr_leaves);
    hv_free(p);
    return rc ? rc : policy_write_msrs(GUEST_PTR((uint64_t)op->msrs.p), &op->nr_msrs);
}

/* Reads what is asked for, over what there is, and makes what the domain gets of it. */
static int make(struct domain *d, const struct xen_domctl_cpu_policy *op, struct cpu_policy *out,
                struct policy_error *error)
{
    struct cpu_policy *wanted = policy_copy(d);
    int rc;

    if (!wanted)
        return -ENOMEM;
    rc = policy_read_leaves(wanted, GUEST_PTR((uint64_t)op->leaves.p), op->nr_leaves, error);
    if (!rc)
        rc = policy_read_msrs(GUEST_PTR((uint64_t)op->msrs.p), op->nr_msrs, error);
    if (!rc) {
        rc = cpu_policy_make_domain(out, wanted, &pv_max_policy);
        if (rc)
            error->leaf = wanted->basic[0].a > pv_max_policy.basic[0].a ? 0 : 0x80000000u;
    }
    hv_free(wanted);
    return rc;
}

static int set(struct domain *d, const struct xen_domctl_cpu_policy *op, struct policy_error *error)
{
    struct cpu_policy *p = hv_new(struct cpu_policy), *old = NULL;
    int rc = p ? make(d, op, p, error) : -ENOMEM;

    if (!rc) {
        lock(&d->control_lock);
        rc = d->has_run ? -EEXIST : 0;
        if (!rc)
            old = __atomic_exchange_n(&d->cpu_policy, p, __ATOMIC_ACQ_REL);
        unlock(&d->control_lock);
    }
    hv_free(rc ? p : old);
    return rc;
}

long domctl_set_cpu_policy(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_cpu_policy *op = &domctl->u.cpu_policy;
    struct policy_error error = {NONE, NONE, NONE};
    int rc;

    if (d == hc->vcpu->domain)
        return -EINVAL;
    if (d->has_run)
        return -EEXIST;
    rc = set(d, op, &error);
    if (!rc || rc == -EFAULT || rc == -ENOMEM || rc == -EEXIST)
        return rc;
    op->err_leaf = error.leaf;
    op->err_subleaf = error.subleaf;
    op->err_msr = error.msr;
    return control_write_back(hc, domctl, op, sizeof(*op)) ? -EFAULT : rc;
}

/* The vcpu of an argument of the two below, which is not the caller's own domain's. */
static long find_vcpu(const struct hypercall *hc, const struct domain *d, uint32_t id, struct vcpu **out)
{
    if (d == hc->vcpu->domain)
        return -EINVAL;
    *out = domain_vcpu(d, id);
    return *out ? 0 : -ESRCH;
}

/*
 * Beside what their context tells of (getvcpucontext: segment bases), PV vcpus have one. A toolstack that asks is told of as many as Xen has names for,
 * and may set so many at once.
 */
#define VCPU_MSRS 7

long domctl_get_vcpu_msrs(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_vcpu_msrs *op = &domctl->u.vcpu_msrs;
    guest_ptr_t to = GUEST_PTR((uint64_t)op->msrs.p);
    xen_domctl_vcpu_msr_t aux = {.index = MSR_TSC_AUX};
    uint32_t room = op->msr_count;
    struct vcpu *v;
    long rc = find_vcpu(hc, d, op->vcpu, &v);

    if (rc)
        return rc;
    op->msr_count = VCPU_MSRS;
    if (guest_ptr_is_null(to))
        return 0;
    aux.value = READ_ONCE(pv_vcpu(v)->tsc_aux);
    op->msr_count = aux.value != 0;
    if (room < op->msr_count)
        rc = -ENOBUFS;
    else if (op->msr_count && copy_to_guest(to, &aux, sizeof(aux)))
        rc = -EFAULT;
    return rc && control_write_back(hc, domctl, op, sizeof(*op)) ? -EFAULT : rc;
}

static int set_msr(struct vcpu *v, guest_ptr_t from)
{
    xen_domctl_vcpu_msr_t msr;

    if (copy_from_guest(&msr, from, sizeof(msr)))
        return -EFAULT;
    return msr.reserved || msr.index != MSR_TSC_AUX || pv_set_tsc_aux(pv_vcpu(v), msr.value) ? -EINVAL : 0;
}

long domctl_set_vcpu_msrs(struct hypercall *hc, struct domain *d, struct xen_domctl *domctl)
{
    struct xen_domctl_vcpu_msrs *op = &domctl->u.vcpu_msrs;
    uint32_t count = op->msr_count, i;
    struct vcpu *v;
    long rc = find_vcpu(hc, d, op->vcpu, &v);

    if (rc)
        return rc;
    if (count > VCPU_MSRS)
        return -EINVAL;
    vcpu_pause_sync(v);
    for (i = 0; !rc && i < count; i++)
        rc = set_msr(v, guest_ptr_add(GUEST_PTR((uint64_t)op->msrs.p), i * sizeof(xen_domctl_vcpu_msr_t)));
    vcpu_unpause(v);
    if (!rc)
        return 0;
    op->msr_count = i - 1; /* the one that is not acceptable */
    return control_write_back(hc, domctl, op, sizeof(*op)) ? -EFAULT : rc;
}
