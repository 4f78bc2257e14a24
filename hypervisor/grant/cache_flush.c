/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_cache_flush: lines of a page of one's own, or of one that others grant and the caller has mapped, are written back to memory. */
#include "grant/table.h"
#include "arch/x86/cache.h"

/* One page of entries of the owner's: does one that the domain uses name the frame? */
static bool page_grants(const struct grant_domain *g, uint32_t page, const struct domain *d,
                        const struct frame *f)
{
    for (uint32_t i = 0; i < V1_PER_FRAME; i++) {
        const struct grant_use *u = &g->use[page][i];

        if (READ_ONCE(u->frame) == f && READ_ONCE(u->readers) && READ_ONCE(u->grantee) == d->id)
            return true;
    }
    return false;
}

/*
 * 0: the domain uses an entry of the owner's that names the frame. (Flushing harms nobody, so it may be no
 * longer so when that is done.) -EINVAL: it does not. -ERESTART: the page to go on with stands above the
 * command; a guest that names one itself is found fewer entries of.
 */
static long find_grant(struct hypercall *hc, const struct domain *d, const struct frame *f)
{
    struct domain *owner = domain_get(READ_ONCE(f->owner));
    const struct grant_domain *g = owner ? owner->grant : NULL;
    uint32_t page = (uint32_t)hc->arg[0] >> GRANT_CMD_BITS, pages = g ? READ_ONCE(g->frames) : 0;
    long rc = -EINVAL;

    hc->arg[0] = GNTTABOP_cache_flush;
    for (; rc == -EINVAL && page < pages; page++) {
        if (page_grants(g, (uint32_t)array_index_clamp(page, pages), d, f))
            rc = 0;
        hypercall_charge(hc, UNITS_PER_PAGE);
        if (rc && page + 1 < pages && hypercall_preempt(hc)) {
            hc->arg[0] |= (uint64_t)(page + 1) << GRANT_CMD_BITS;
            rc = -ERESTART;
        }
    }
    if (owner)
        domain_put(owner);
    return rc;
}

static long check(struct hypercall *hc, const struct domain *d, const struct gnttab_cache_flush *op)
{
    mfn_t mfn = paddr_to_mfn(op->a.dev_bus_addr);
    const struct frame *f;

    if (op->offset + op->length > PAGE_SIZE || (op->op & ~(GNTTAB_CACHE_CLEAN | GNTTAB_CACHE_INVAL)) ||
        !mfn_valid_from_guest(&mfn))
        return -EINVAL;
    f = mfn_to_frame(mfn);
    if (READ_ONCE(f->owner) == FRAME_OWNER_NONE || READ_ONCE(f->owner) == DOMID_IO)
        return -EPERM;
    return READ_ONCE(f->owner) == d->id ? 0 : find_grant(hc, d, f);
}

static long flush_one(struct hypercall *hc, void *arg, struct grant_batch *b)
{
    const struct gnttab_cache_flush *op = arg;
    long rc;

    (void)b;
    if (!op->op || !op->length)
        return 0;
    rc = check(hc, hc->vcpu->domain, op);
    if (rc)
        return rc;
    if (op->op == GNTTAB_CACHE_INVAL) /* the processor can only throw lines away that it writes back */
        return -EOPNOTSUPP;
    cache_write_back((const uint8_t *)mfn_to_va(paddr_to_mfn(op->a.dev_bus_addr)) + op->offset, op->length);
    return 0;
}

long grant_op_cache_flush(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ALIKE(struct gnttab_cache_flush);

    return grant_for_each(hc, &argument, flush_one);
}
