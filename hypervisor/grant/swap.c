/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_swap_grant_ref: two entries that nobody uses change places. */
#include "grant/table.h"

/* The lock is held for writing: nobody takes either meanwhile. */
static void swap_entries(const struct grant_domain *g, uint32_t a, uint32_t b)
{
    if (g->version == 1) {
        grant_entry_v1_t kept = *grant_v1(g, a);

        *grant_v1(g, a) = *grant_v1(g, b);
        *grant_v1(g, b) = kept;
    } else {
        grant_entry_v2_t kept = *grant_v2(g, a);

        *grant_v2(g, a) = *grant_v2(g, b);
        *grant_v2(g, b) = kept;
    }
}

static int16_t swap(const struct grant_domain *g, uint32_t a, uint32_t b)
{
    if (a >= grant_entries(g) || b >= grant_entries(g))
        return GNTST_bad_gntref;
    a = (uint32_t)array_index_clamp(a, grant_entries(g));
    b = (uint32_t)array_index_clamp(b, grant_entries(g));
    if (a == b)
        return GNTST_okay;
    if (grant_use(g, a)->readers || grant_use(g, b)->readers)
        return GNTST_eagain;
    swap_entries(g, a, b);
    return GNTST_okay;
}

static long swap_one(struct hypercall *hc, void *arg, struct grant_batch *b)
{
    struct gnttab_swap_grant_ref *op = arg;
    struct grant_domain *g = hc->vcpu->domain->grant;

    (void)b;
    write_lock(&g->lock);
    op->status = swap(g, op->ref_a, op->ref_b);
    write_unlock(&g->lock);
    return 0;
}

long grant_op_swap(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ALIKE(struct gnttab_swap_grant_ref);

    return grant_for_each(hc, &argument, swap_one);
}
