/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_cache_flush: lines of a page of one's own, or of one that others grant and the caller has mapped, are written back to memory. */
#include "grant/table.h"

#define CACHE_LINE 64

/* Does the domain use an entry of the owner's that names the frame? Flushing harms nobody, so it may be no longer so when that is done. */
static bool is_granted(struct hypercall *hc, const struct domain *d, const struct frame *f)
{
    struct domain *owner = domain_get(READ_ONCE(f->owner));
    const struct grant_domain *g = owner ? owner->grant : NULL;
    bool found = false;

    for (uint32_t ref = 0; g && !found && ref < READ_ONCE(g->frames) * V1_PER_FRAME; ref++) {
        const struct grant_use *u = grant_use(g, ref);

        found = READ_ONCE(u->frame) == f && READ_ONCE(u->readers) && READ_ONCE(u->grantee) == d->id;
    }
    if (g)
        hypercall_charge(hc, READ_ONCE(g->frames) * (V1_PER_FRAME / 16));
    if (owner)
        domain_put(owner);
    return found;
}

static void write_back(const uint8_t *from, size_t bytes)
{
    const uint8_t *line = (const uint8_t *)((uintptr_t)from & ~(uintptr_t)(CACHE_LINE - 1));

    for (; line < from + bytes; line += CACHE_LINE)
        __asm__ volatile("clflush %0" : : "m"(*line));
    __asm__ volatile("mfence" ::: "memory");
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
    return READ_ONCE(f->owner) == d->id || is_granted(hc, d, f) ? 0 : -EINVAL;
}

static long flush_one(struct hypercall *hc, void *arg)
{
    const struct gnttab_cache_flush *op = arg;
    long rc;

    if (!op->op || !op->length)
        return 0;
    rc = check(hc, hc->vcpu->domain, op);
    if (rc)
        return rc;
    if (op->op == GNTTAB_CACHE_INVAL) /* the processor can only throw lines away that it writes back */
        return -EOPNOTSUPP;
    write_back((const uint8_t *)mfn_to_va(paddr_to_mfn(op->a.dev_bus_addr)) + op->offset, op->length);
    return 0;
}

long grant_op_cache_flush(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ALIKE(struct gnttab_cache_flush);

    return grant_for_each(hc, &argument, flush_one);
}
