/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_copy: bytes within a page, between frames of the caller and frames that others grant it. Nothing is locked while bytes move; the entries are in use. */
#include "core/p2m.h"
#include "grant/table.h"
#include "hv/string.h"

struct side {
    struct domain *granter; /* with a reference */
    bool by_ref, write;
    uint32_t ref;
    struct domain *via; /* the entry is transitive: this one's `via_ref` is used, too; with a reference */
    uint32_t via_ref;
    struct p2m_frame own; /* if not by reference */
    uint8_t *bytes;
};

/* The entry only says whose entry is meant. That one must say a frame: one step, no more. */
static int16_t follow(struct side *s, struct grant_hold *hold)
{
    struct domain *via = domain_get(hold->via);
    uint32_t ref = hold->via_ref;
    int16_t status = GNTST_general_error;

    if (via && via->grant)
        status = grant_hold(via, s->granter->id, ref, s->write, false, hold);
    if (!status && !hold->frame) {
        grant_release(via, ref, s->write);
        status = GNTST_general_error;
    }
    if (status) {
        if (via)
            domain_put(via);
        return status;
    }
    s->via = via;
    s->via_ref = ref;
    return GNTST_okay;
}

static void release_granted(struct side *s)
{
    if (s->via) {
        grant_release(s->via, s->via_ref, s->write);
        domain_put(s->via);
    }
    grant_release(s->granter, s->ref, s->write);
}

static int16_t take_granted(struct side *s, const struct domain *self, const abi_gnttab_copy_ptr_t *p,
                            uint16_t len)
{
    struct grant_hold hold;
    uint32_t ref = (uint32_t)p->u;
    int16_t status = grant_hold(s->granter, self->id, ref, s->write, false, &hold);

    if (status)
        return status;
    s->ref = ref;
    if (!hold.frame)
        status = follow(s, &hold);
    if (!status && (p->offset < hold.offset || p->offset + len > hold.offset + hold.length))
        status = GNTST_general_error;
    if (status)
        release_granted(s);
    else
        s->bytes = (uint8_t *)frame_to_va(hold.frame) + p->offset;
    return status;
}

static int16_t take_own(struct side *s, const abi_gnttab_copy_ptr_t *p)
{
    struct p2m_frame any;

    if (p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    if (p2m_get(s->granter, GFN(p->u), P2M_READ, &any))
        return GNTST_bad_page;
    if (!any.frame)
        return GNTST_bad_page;
    s->own = any;
    if (s->write) {
        int rc = p2m_get(s->granter, GFN(p->u), P2M_WRITE, &s->own);

        p2m_put(&any);
        if (rc)
            return GNTST_general_error;
    }
    s->bytes = (uint8_t *)frame_to_va(s->own.frame) + p->offset;
    return GNTST_okay;
}

static int16_t take_side(struct side *s, struct domain *self, const abi_gnttab_copy_ptr_t *p, uint16_t len)
{
    int16_t status;

    s->granter = domain_get_or_self(p->domid, self);
    if (!s->granter)
        return GNTST_bad_domain;
    if (s->by_ref)
        status = s->granter->grant ? take_granted(s, self, p, len) : GNTST_bad_domain;
    else
        status = take_own(s, p);
    if (status)
        domain_put(s->granter);
    return status;
}

static void put_side(struct side *s)
{
    if (s->by_ref)
        release_granted(s);
    else
        p2m_put(&s->own);
    domain_put(s->granter);
}

static int16_t copy(struct domain *self, const abi_gnttab_copy_t *op)
{
    struct side from = {.by_ref = (op->flags & GNTCOPY_source_gref) != 0};
    struct side to = {.by_ref = (op->flags & GNTCOPY_dest_gref) != 0, .write = true};
    int16_t status;

    if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    status = take_side(&from, self, &op->source, op->len);
    if (status)
        return status;
    status = take_side(&to, self, &op->dest, op->len);
    if (!status) {
        memmove(to.bytes, from.bytes, op->len);
        put_side(&to);
    }
    put_side(&from);
    return status;
}

static long copy_one(struct hypercall *hc, void *arg)
{
    abi_gnttab_copy_t *op = arg;

    op->status = copy(hc->vcpu->domain, op);
    return 0;
}

long grant_op_copy(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ARGUMENT(gnttab_copy);

    return grant_for_each(hc, &argument, copy_one);
}
