/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * XENMEM_acquire_resource: the frames of what belongs to another domain without being its memory, for the
 * caller to map. PV domains have one such thing, their grant table; its frames are mapped as frames of
 * theirs.
 */
#include "core/authority.h"
#include "core/memory_op.h"
#include "grant/table.h"

/* How many frames there can be. */
static int size_of(const struct domain *d, const abi_xen_mem_acquire_resource_t *a, uint32_t *out)
{
    uint32_t most = READ_ONCE(d->grant->max_frames);

    switch (a->type) {
    case XENMEM_resource_grant_table:
        if (a->id > XENMEM_resource_grant_table_id_status)
            return -EINVAL;
        *out = a->id == XENMEM_resource_grant_table_id_status ? grant_status_frames_for(most) : most;
        return 0;
    case XENMEM_resource_ioreq_server: /* HVM's */
    case XENMEM_resource_vmtrace_buf:
        return -EINVAL;
    default:
        return -EOPNOTSUPP;
    }
}

static long tell_size(struct hypercall *hc, const struct domain *d, abi_xen_mem_acquire_resource_t *a)
{
    int rc = a->nr_frames ? -EINVAL : size_of(d, a, &a->nr_frames);

    if (rc)
        return rc;
    return copy_to_guest(
        guest_ptr_add(hypercall_ptr(hc, 1), abi_offset(hc, xen_mem_acquire_resource, nr_frames)),
        &a->nr_frames, sizeof(a->nr_frames));
}

/* One of them, which may have to be made first, with all before it. */
static int frame_of(struct hypercall *hc, struct domain *d, uint32_t index, bool status, mfn_t *out)
{
    int rc = grant_table_frame(d, index, status, out);

    while (rc == -ERESTART) {
        hypercall_charge(hc, GRANT_UNITS_GROWN);
        if (hypercall_preempt(hc))
            return rc;
        rc = grant_table_frame(d, index, status, out);
    }
    return rc;
}

/* From the continuation's place on. */
static long tell_frames(struct hypercall *hc, struct domain *d, const abi_xen_mem_acquire_resource_t *a)
{
    uint64_t done = hc->arg[0] >> MEMOP_EXTENT_SHIFT;
    uint32_t most = 0;
    int rc = size_of(d, a, &most);

    if (rc)
        return rc;
    if (!a->nr_frames || a->frame >= most || a->nr_frames > most - a->frame || done >= a->nr_frames)
        return -EINVAL;
    while (!rc && done < a->nr_frames) {
        mfn_t mfn;

        rc = frame_of(hc, d, (uint32_t)(a->frame + done), a->id == XENMEM_resource_grant_table_id_status,
                      &mfn);
        if (!rc)
            rc = guest_word_write(hc, a->frame_list, done, mfn.n);
        if (!rc && ++done < a->nr_frames && hypercall_preempt(hc))
            rc = -ERESTART;
    }
    if (rc == -ERESTART)
        hc->arg[0] = XENMEM_acquire_resource | done << MEMOP_EXTENT_SHIFT;
    return rc;
}

long memory_op_acquire_resource(struct hypercall *hc)
{
    struct domain *caller = hc->vcpu->domain, *d;
    abi_xen_mem_acquire_resource_t a;
    long rc;

    if (abi_read(hc, xen_mem_acquire_resource, &a, hypercall_ptr(hc, 1)))
        return -EFAULT;
    if (a.pad)
        return -EINVAL;
    d = domain_get_guest(a.domid);
    if (!d)
        return -ESRCH;
    /* Not one's own: that is no frame of a domain's memory, so there would be no telling whose. */
    rc = d == caller || authorise(caller, d, AUTHORITY_RESOURCE) ? -EPERM : 0;
    if (!rc)
        rc = guest_ptr_is_null(a.frame_list) ? tell_size(hc, d, &a) : tell_frames(hc, d, &a);
    domain_put(d);
    return rc;
}
