/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * domctl (xen/domctl.h): operations on one domain. The order of the answers is Xen's: -EFAULT, -EACCES for
 * another interface version, -ESRCH for a domain that is not there, -EPERM, then the operation's own, -ENOSYS
 * for none.
 */
#include "control/domctl.h"
#include "control/control.h"
#include "core/authority.h"
#include "hv/speculation.h"

enum {
    DOMCTL_NO_DOMAIN = 1,    /* the operation looks at op->domain itself */
    DOMCTL_DEVICE_MODEL = 2, /* also for who has the domain as its target */
    DOMCTL_ASKS_ITSELF = 4,  /* it has something to say even to those who may not have it done, as on Xen */
    DOMCTL_NOBODYS = 8,      /* may name a device that is nobody's */
};

struct row {
    domctl_fn *fn;
    uint8_t out; /* bytes of the union that the caller gets back after success */
    uint8_t flags;
};

#define ROW(command, member)                                                                                 \
    [XEN_DOMCTL_##command] = {domctl_##command, sizeof(((struct xen_domctl *)0)->u.member), 0}
#define ROW_IN(command)           ROW_FLAGS(command, 0)
#define ROW_FLAGS(command, flags) [XEN_DOMCTL_##command] = {domctl_##command, 0, flags}
#define ABSENT(command)           [XEN_DOMCTL_##command] = {domctl_absent, 0, 0}
#define ABSENT_OF_NOBODY(command) [XEN_DOMCTL_##command] = {domctl_absent, 0, DOMCTL_NOBODYS}

#define SOFT_RESET_CONT 23 /* named for the hypervisor's own eyes only (xen/domctl.h, __XEN__) */

static const struct row ops[] = {
    ROW_FLAGS(createdomain, DOMCTL_NO_DOMAIN),
    [XEN_DOMCTL_getdomaininfo] = {domctl_getdomaininfo, sizeof(struct xen_domctl_getdomaininfo),
                                  DOMCTL_NO_DOMAIN},
    ROW_IN(destroydomain),
    ROW_IN(pausedomain),
    ROW_IN(unpausedomain),
    ROW_IN(resumedomain),
    ROW_IN(setdomainhandle),
    ROW_IN(setdebugging),
    ROW_FLAGS(subscribe, DOMCTL_DEVICE_MODEL),
    ROW_FLAGS(set_target, DOMCTL_ASKS_ITSELF),
    ROW_IN(set_virq_handler),
    ROW_IN(max_vcpus),
    ROW_IN(setvcpucontext),
    ROW(getvcpucontext, vcpucontext),
    ROW(getvcpuinfo, getvcpuinfo),
    ROW(get_ext_vcpucontext, ext_vcpucontext),
    ROW_IN(set_ext_vcpucontext),
    ROW(getvcpuextstate, vcpuextstate),
    ROW_IN(setvcpuextstate),
    ROW_FLAGS(sendtrigger, DOMCTL_DEVICE_MODEL),
    ROW_IN(max_mem),
    ROW_IN(hypercall_init),
    ROW_IN(set_address_size),
    ROW(get_address_size, address_size),
    ROW_IN(settscinfo),
    ROW(gettscinfo, tsc_info),
    ROW_IN(settimeoffset),
    ROW(setvcpuaffinity, vcpuaffinity),
    ROW(getvcpuaffinity, vcpuaffinity),
    ROW_IN(setnodeaffinity),
    ROW(getnodeaffinity, nodeaffinity),
    ROW(scheduler_op, scheduler_op),
    ROW(get_cpu_policy, cpu_policy),
    ROW_IN(set_cpu_policy),
    ROW(get_vcpu_msrs, vcpu_msrs),
    ROW_IN(set_vcpu_msrs),
    ROW_IN(getpageframeinfo3),
    ROW_IN(ioport_permission),
    ROW_IN(iomem_permission),
    ROW_IN(irq_permission),
    ROW_IN(setvnumainfo),
    ABSENT(vm_event_op),
    ABSENT(set_access_required),
    ABSENT(shadow_op),
    ABSENT(gethvmcontext),
    ABSENT(sethvmcontext),
    ABSENT(gethvmcontext_partial),
    ABSENT_OF_NOBODY(assign_device),
    ABSENT_OF_NOBODY(test_assign_device),
    ABSENT_OF_NOBODY(deassign_device),
    ABSENT(get_device_group),
    ABSENT(bind_pt_irq),
    ABSENT(unbind_pt_irq),
    ABSENT(memory_mapping),
    ABSENT(ioport_mapping),
    ABSENT(debug_op),
    ABSENT(set_broken_page_p2m),
    ABSENT(psr_cmt_op),
    ABSENT(monitor_op),
    ABSENT(psr_alloc),
    ABSENT(soft_reset),
    [SOFT_RESET_CONT] = {domctl_absent, 0, 0},
    ABSENT(vmtrace_op),
    ABSENT(get_paging_mempool_size),
    ABSENT(set_paging_mempool_size),
};

static long perform(struct hypercall *hc, const struct row *row, struct domain *d, struct xen_domctl *op)
{
    unsigned int flags = row ? row->flags : 0;
    long rc = 0;

    if (!(flags & DOMCTL_ASKS_ITSELF))
        rc = authorise(hc->vcpu->domain, d,
                       flags & DOMCTL_DEVICE_MODEL ? AUTHORITY_DOMCTL_DEVICE_MODEL : AUTHORITY_DOMCTL);
    if (rc)
        return rc;
    if (!row)
        return -ENOSYS;
    rc = row->fn(hc, d, op);
    if (rc == 0 && row->out)
        rc = control_write_back(hc, op, &op->u, row->out);
    return rc;
}

/* Whose devices are that no domain has: as on Xen, two names for that. */
static bool names_nobody(const struct xen_domctl *op)
{
    return op->domain == (op->cmd == XEN_DOMCTL_test_assign_device ? DOMID_INVALID : DOMID_IO);
}

long do_domctl(struct hypercall *hc)
{
    const struct row *row;
    struct xen_domctl op;
    struct domain *d = NULL;
    long rc;

    if (copy_from_guest(&op, hypercall_ptr(hc, 0), sizeof(op)))
        return -EFAULT;
    if (op.interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -EACCES;
    row = op.cmd < ARRAY_SIZE(ops) ? &ops[array_index_clamp(op.cmd, ARRAY_SIZE(ops))] : NULL;
    if (row && !row->fn)
        row = NULL;
    if (!row || !(row->flags & DOMCTL_NO_DOMAIN || (row->flags & DOMCTL_NOBODYS && names_nobody(&op)))) {
        d = domain_get_guest(op.domain);
        if (!d)
            return -ESRCH;
    }
    rc = perform(hc, row, d, &op);
    if (d)
        domain_put(d);
    return rc;
}
