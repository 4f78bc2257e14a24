/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_map_grant_ref. */
#include "grant/host.h"
#include "grant/table.h"

static int16_t map_held(struct hypercall *hc, struct gnttab_map_grant_ref *op, struct domain *granter,
                        struct grant_mapping *m)
{
    struct grant_hold hold;
    struct grant_host host;
    int16_t status = grant_hold(granter, hc->vcpu->domain->id, op->ref, op->flags, true, &hold);

    if (status)
        return status;
    host = (struct grant_host){.address = op->host_addr, .flags = op->flags, .mfn = frame_to_mfn(hold.frame)};
    if (op->flags & GNTMAP_host_map)
        status = grant_host_map(hc, granter, &host);
    if (status) {
        grant_release(granter, op->ref, op->flags);
        return status;
    }
    m->ref = op->ref;
    m->flags =
        (uint16_t)(op->flags & (GNTMAP_host_map | GNTMAP_device_map | GNTMAP_readonly | GNTMAP_contains_pte));
    op->dev_bus_addr = mfn_to_paddr(host.mfn);
    return GNTST_okay;
}

static int16_t map_from(struct hypercall *hc, struct gnttab_map_grant_ref *op, struct domain *granter)
{
    struct grant_domain *g = hc->vcpu->domain->grant;
    uint32_t handle = grant_handle_new(g);
    struct grant_mapping *m;
    int16_t status;

    if (handle == NO_HANDLE)
        return GNTST_no_space;
    m = grant_mapping_at(g, handle);
    status = map_held(hc, op, granter, m);
    if (status) {
        grant_handle_free(g, handle, m);
        return status;
    }
    domain_ref(granter);
    __atomic_store_n(&m->granter, granter, __ATOMIC_RELEASE);
    grant_handle_give_back(g, m);
    grant_handle_check(g, handle, granter);
    op->handle = handle;
    return GNTST_okay;
}

static long map_one(struct hypercall *hc, void *arg, struct grant_batch *b)
{
    struct gnttab_map_grant_ref *op = arg;
    struct domain *granter;

    if (!(op->flags & (GNTMAP_host_map | GNTMAP_device_map))) {
        op->status = GNTST_bad_gntref;
        return 0;
    }
    (void)b;
    granter = domain_get(op->dom);
    op->status = granter && granter->grant ? map_from(hc, op, granter) : GNTST_bad_domain;
    if (granter)
        domain_put(granter);
    return 0;
}

long grant_op_map(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ALIKE(struct gnttab_map_grant_ref);

    return grant_for_each(hc, &argument, map_one);
}
