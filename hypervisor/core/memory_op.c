/* SPDX-License-Identifier: GPL-2.0-or-later */
/* memory_op: the table of commands, and those that only tell a number or belong to translated domains. */
#include "core/memory_op.h"
#include "core/authority.h"
#include "hv/errno.h"

int memory_op_domain(struct hypercall *hc, domid_id_t id, struct domain **out)
{
    struct domain *caller = hc->vcpu->domain;

    if (id != DOMID_SELF)
        return domain_get_for(caller, id, AUTHORITY_MEMORY, out);
    domain_ref(caller);
    *out = caller;
    return 0;
}

static long op_maximum_ram_page(struct hypercall *hc)
{
    (void)hc;
    return (long)max_mfn;
}

/* What the guest says of itself in shared_info. */
static long maximum_gpfn(const struct domain *d)
{
    const struct abi32_shared_info *narrow = (const struct abi32_shared_info *)d->shared_info;
    uint64_t count = d->width32 ? READ_ONCE(narrow->arch.max_pfn) : READ_ONCE(d->shared_info->arch.max_pfn);

    return count ? (long)(count - 1) : 0;
}

static long op_domain_number(struct hypercall *hc)
{
    struct xen_memory_domain arg;
    struct domain *d;
    long ret;

    if (copy_from_guest(&arg, hypercall_ptr(hc, 1), sizeof(arg)))
        return -EFAULT;
    ret = memory_op_domain(hc, arg.domid, &d);
    if (ret)
        return ret;
    switch (hc->arg[0] & MEMOP_CMD_MASK) {
    case XENMEM_current_reservation:
        ret = (long)d->tot_pages;
        break;
    case XENMEM_maximum_reservation:
        ret = (long)min(d->max_pages, (uint64_t)UINT32_MAX);
        break;
    default:
        ret = maximum_gpfn(d);
    }
    domain_put(d);
    return ret;
}

/* Nothing is ever shared between domains behind their backs. */
static long op_sharing(struct hypercall *hc)
{
    (void)hc;
    return 0;
}

/* Commands for translated domains: `answer` is what a PV domain gets, after its arguments were found readable and its domain to exist. */
static long for_translated_only(struct hypercall *hc, domid_id_t id, long answer)
{
    struct domain *d;
    long ret = memory_op_domain(hc, id, &d);

    if (ret)
        return ret;
    domain_put(d);
    return answer;
}

/* One of them: they differ in their argument, and in what they answer. */
#define FOR_TRANSLATED_ONLY(function, name, answer)                                                          \
    static long function(struct hypercall *hc)                                                               \
    {                                                                                                        \
        abi_##name##_t arg;                                                                                  \
                                                                                                             \
        if (abi_read(hc, name, &arg, hypercall_ptr(hc, 1)))                                                  \
            return -EFAULT;                                                                                  \
        return for_translated_only(hc, arg.domid, answer);                                                   \
    }
FOR_TRANSLATED_ONLY(op_remove_from_physmap, xen_remove_from_physmap, -EACCES)
FOR_TRANSLATED_ONLY(op_pod_target, xen_pod_target, -EINVAL)
FOR_TRANSLATED_ONLY(op_access, xen_mem_access_op, -ENODEV)

static long op_add_to_physmap_batch(struct hypercall *hc)
{
    abi_xen_add_to_physmap_batch_t arg;

    if (abi_read(hc, xen_add_to_physmap_batch, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (arg.space == XENMAPSPACE_gmfn_range)
        return -EOPNOTSUPP; /* a batch is its own range */
    return for_translated_only(hc, arg.domid, -EACCES);
}

static long op_add_to_physmap(struct hypercall *hc)
{
    struct xen_add_to_physmap arg;

    if (abi_read(hc, xen_add_to_physmap, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (arg.space == XENMAPSPACE_gmfn_foreign)
        return -ENOSYS; /* only in batches */
    return for_translated_only(hc, arg.domid, -EACCES);
}

/* There is no IOMMU driver yet whose tables could name such regions. */
static long op_reserved_device_memory(struct hypercall *hc)
{
    abi_xen_reserved_device_memory_map_t arg;

    if (abi_read(hc, xen_reserved_device_memory_map, &arg, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (!guest_may_name(arg.buffer.addr))
        return -EFAULT;
    if (arg.flags & ~XENMEM_RDM_ALL)
        return -EINVAL;
    arg.nr_entries = 0;
    return abi_write(hc, xen_reserved_device_memory_map, hypercall_ptr(hc, 1), &arg) ? -EFAULT : 0;
}

static long op_reservation(struct hypercall *hc)
{
    return memory_op_reservation(hc, hc->arg[0] & MEMOP_CMD_MASK);
}

static long op_unsupported(struct hypercall *hc)
{
    (void)hc;
    return -EOPNOTSUPP;
}

static const hypercall_fn ops[] = {
    [XENMEM_increase_reservation] = op_reservation,
    [XENMEM_decrease_reservation] = op_reservation,
    [XENMEM_populate_physmap] = op_reservation,
    [XENMEM_maximum_ram_page] = op_maximum_ram_page,
    [XENMEM_current_reservation] = op_domain_number,
    [XENMEM_maximum_reservation] = op_domain_number,
    [XENMEM_maximum_gpfn] = op_domain_number,
    [XENMEM_machphys_mfn_list] = memory_op_machphys_list,
    [XENMEM_machphys_compat_mfn_list] = op_unsupported, /* no 32-bit PV */
    [XENMEM_machphys_mapping] = memory_op_machphys_mapping,
    [XENMEM_add_to_physmap] = op_add_to_physmap,
    [XENMEM_add_to_physmap_batch] = op_add_to_physmap_batch,
    [XENMEM_remove_from_physmap] = op_remove_from_physmap,
    [XENMEM_memory_map] = memory_op_map,
    [XENMEM_set_memory_map] = memory_op_set_map,
    [XENMEM_machine_memory_map] = memory_op_machine_map,
    [XENMEM_exchange] = memory_op_exchange,
    [XENMEM_set_pod_target] = op_pod_target,
    [XENMEM_get_pod_target] = op_pod_target,
    [XENMEM_get_sharing_freed_pages] = op_sharing,
    [XENMEM_get_sharing_shared_pages] = op_sharing,
    [XENMEM_access_op] = op_access,
    [XENMEM_claim_pages] = memory_op_claim,
    [XENMEM_get_vnumainfo] = memory_op_vnuma,
    [XENMEM_acquire_resource] = memory_op_acquire_resource,
    [XENMEM_reserved_device_memory_map] = op_reserved_device_memory,
};

/* What a place to go on from is worth: nothing for commands that always do their work at once, and Xen has two words for it. */
static long start_answer(unsigned int cmd)
{
    switch (cmd) {
    case XENMEM_increase_reservation:
    case XENMEM_decrease_reservation:
    case XENMEM_populate_physmap:
    case XENMEM_add_to_physmap:
    case XENMEM_add_to_physmap_batch:
    case XENMEM_acquire_resource:
        return 0;
    case XENMEM_machphys_mfn_list:
    case XENMEM_machphys_compat_mfn_list:
    case XENMEM_machphys_mapping:
    case XENMEM_memory_map:
    case XENMEM_machine_memory_map:
    case XENMEM_set_memory_map:
    case XENMEM_set_pod_target:
    case XENMEM_get_pod_target:
    case XENMEM_get_sharing_freed_pages:
    case XENMEM_get_sharing_shared_pages:
        return -ENOSYS;
    default:
        return -EINVAL;
    }
}

/* memory_op(cmd, arg) */
long do_memory_op(struct hypercall *hc)
{
    unsigned int cmd = hc->arg[0] & MEMOP_CMD_MASK;

    if (cmd >= ARRAY_SIZE(ops))
        return -ENOSYS;
    cmd = (unsigned int)array_index_clamp(cmd, ARRAY_SIZE(ops));
    if (!ops[cmd])
        return -ENOSYS;
    if (hc->arg[0] >> MEMOP_EXTENT_SHIFT && start_answer(cmd))
        return start_answer(cmd);
    return ops[cmd](hc);
}
