/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HYPERVISOR_grant_table_op: the table of operations. An argument is an array in guest memory; each element
 * is copied in once, worked on, and copied back.
 */
#include "grant/table.h"

/* For the operations that take one structure: a result is stored even where the count is nobody's business. */
static const struct {
    long (*fn)(struct hypercall *hc, void *arg);
    struct abi_argument argument;
    bool count_is_one;
} single[] = {
    [GNTTABOP_setup_table] = {grant_op_setup_table, ABI_ARGUMENT(gnttab_setup_table), true},
    [GNTTABOP_query_size] = {grant_op_query_size, ABI_ALIKE(struct gnttab_query_size), true},
    [GNTTABOP_set_version] = {grant_op_set_version, ABI_ALIKE(struct gnttab_set_version), false},
    [GNTTABOP_get_status_frames] = {grant_op_status_frames, ABI_ARGUMENT(gnttab_get_status_frames), true},
    [GNTTABOP_get_version] = {grant_op_get_version, ABI_ALIKE(struct gnttab_get_version), false},
};

static long perform_single(struct hypercall *hc, uint32_t cmd, guest_ptr_t arg, uint32_t count)
{
    uint64_t op[4];
    long rc;

    if (single[cmd].count_is_one && count != 1)
        return -EINVAL;
    if (abi_read_argument(hc, &single[cmd].argument, op, arg))
        return -EFAULT;
    rc = single[cmd].fn(hc, op);
    /* set_version says what is in force when it does not change it, too. What is to be called again needs what it asks for. */
    if ((rc == 0 || (cmd == GNTTABOP_set_version && rc != -ERESTART)) &&
        abi_write_argument(hc, &single[cmd].argument, arg, op))
        rc = -EFAULT;
    return rc;
}

struct domain *grant_batch_domain(struct grant_batch *b, unsigned int side, domid_id_t id)
{
    struct domain *d = b->named[side];

    if (d && d->id == id)
        return d;
    if (d)
        domain_put(d);
    return b->named[side] = domain_get(id);
}

static long for_each(struct hypercall *hc, const struct abi_argument *argument,
                     long (*one)(struct hypercall *hc, void *arg, struct grant_batch *b),
                     struct grant_batch *b)
{
    size_t size = abi_argument_size(hc, argument);
    uint64_t op[6];
    long rc = 0;

    while ((uint32_t)hc->arg[2]) {
        if (abi_read_argument(hc, argument, op, hypercall_ptr(hc, 1)))
            return -EFAULT;
        rc = one(hc, op, b);
        if (rc)
            return rc;
        if (abi_write_argument(hc, argument, hypercall_ptr(hc, 1), op))
            return -EFAULT;
        hc->arg[1] += size;
        hc->arg[2] = (uint32_t)hc->arg[2] - 1;
        if ((uint32_t)hc->arg[2] && hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

long grant_for_each(struct hypercall *hc, const struct abi_argument *argument,
                    long (*one)(struct hypercall *hc, void *arg, struct grant_batch *b))
{
    struct grant_batch b = {0};
    long rc = for_each(hc, argument, one, &b);

    if (likely(b.named[0]))
        domain_put(b.named[0]);
    if (b.named[1])
        domain_put(b.named[1]);
    return rc;
}

static long (*const several[])(struct hypercall *hc) = {
    [GNTTABOP_map_grant_ref] = grant_op_map,
    [GNTTABOP_unmap_grant_ref] = grant_op_unmap,
    [GNTTABOP_copy] = grant_op_copy,
    [GNTTABOP_unmap_and_replace] = grant_op_replace,
    [GNTTABOP_swap_grant_ref] = grant_op_swap,
    [GNTTABOP_transfer] = grant_op_transfer,
    [GNTTABOP_cache_flush] = grant_op_cache_flush,
};

long do_grant_table_op(struct hypercall *hc)
{
    uint32_t cmd = (uint32_t)hc->arg[0], count = (uint32_t)hc->arg[2];

    if ((int32_t)count < 0)
        return -EINVAL;
    if ((cmd & (BIT(GRANT_CMD_BITS) - 1)) == GNTTABOP_cache_flush)
        cmd = GNTTABOP_cache_flush;
    else if (cmd >> GRANT_CMD_BITS)
        return -EINVAL;
    if (cmd >= ARRAY_SIZE(several))
        return -ENOSYS;
    cmd = (uint32_t)array_index_clamp(cmd, ARRAY_SIZE(several));
    if (several[cmd])
        return guest_may_name(hc->arg[1]) ? several[cmd](hc) : -EFAULT;
    if (cmd >= ARRAY_SIZE(single))
        return -ENOSYS;
    return single[cmd].fn ? perform_single(hc, cmd, hypercall_ptr(hc, 1), count) : -ENOSYS;
}
