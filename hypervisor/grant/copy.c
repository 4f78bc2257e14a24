/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GNTTABOP_copy: bytes within a page, between frames of the caller and frames that others grant it. Nothing
 * is locked while bytes move; the entries are in use.
 */
#include "core/p2m.h"
#include "grant/table.h"
#include "hv/string.h"

struct side {
    struct domain *granter; /* held by the batch; the caller itself stays for the length of the call */
    bool by_ref, write;
    uint32_t ref;
    struct domain *via; /* the entry is transitive: this one's `via_ref` is used, too; with a reference */
    uint32_t via_ref;
    struct p2m_frame own; /* if not by reference */
    uint32_t first, end;  /* the bytes of the page that may be used */
    uint8_t *page;
};

static uint32_t use_flags(const struct side *s)
{
    return GNTMAP_host_map | (s->write ? 0 : GNTMAP_readonly);
}

/* The entry only says whose entry is meant. That one must say a frame: one step, no more. */
static int16_t follow(struct side *s, struct grant_hold *hold)
{
    struct domain *via = domain_get(hold->via);
    uint32_t ref = hold->via_ref;
    int16_t status = GNTST_general_error;

    if (via && via->grant)
        status = grant_hold(via, s->granter->id, ref, use_flags(s), false, hold);
    if (!status && !hold->frame) {
        grant_release(via, ref, use_flags(s));
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
        grant_release(s->via, s->via_ref, use_flags(s));
        domain_put(s->via);
    }
    grant_release(s->granter, s->ref, use_flags(s));
}

static int16_t take_granted(struct side *s, const struct domain *self, const abi_gnttab_copy_ptr_t *p)
{
    struct grant_hold hold;
    uint32_t ref = (uint32_t)p->u;
    int16_t status = grant_hold(s->granter, self->id, ref, use_flags(s), false, &hold);

    if (status)
        return status;
    s->ref = ref;
    if (!hold.frame)
        status = follow(s, &hold);
    if (status) {
        release_granted(s);
        return status;
    }
    s->first = hold.offset;
    s->end = hold.offset + hold.length;
    s->page = frame_to_va(hold.frame);
    return GNTST_okay;
}

/* Which of the errors, if it is not there for what is asked: what may not be written may yet be read. */
static int16_t why_not_own(struct domain *d, gfn_t gfn, bool write)
{
    struct p2m_frame any;
    bool is_ram;

    if (!write || p2m_get(d, gfn, P2M_READ, &any))
        return GNTST_bad_page;
    is_ram = any.frame;
    p2m_put(&any);
    return is_ram ? GNTST_general_error : GNTST_bad_page;
}

static int16_t take_own(struct side *s, const abi_gnttab_copy_ptr_t *p)
{
    if (p->domid != DOMID_SELF)
        return GNTST_permission_denied;
    if (p2m_get(s->granter, GFN(p->u), s->write ? P2M_WRITE : P2M_READ, &s->own))
        return why_not_own(s->granter, GFN(p->u), s->write);
    if (!s->own.frame) {
        p2m_put(&s->own);
        return GNTST_bad_page;
    }
    s->end = PAGE_SIZE;
    s->page = frame_to_va(s->own.frame);
    return GNTST_okay;
}

static int16_t find_granter(struct side *s, struct domain *self, domid_t id, struct grant_batch *b)
{
    s->granter = id == DOMID_SELF || id == self->id ? self : grant_batch_domain(b, s->write, id);
    return s->granter && s->granter->grant ? GNTST_okay : GNTST_bad_domain;
}

static int16_t take_side(struct side *s, const struct domain *self, const abi_gnttab_copy_ptr_t *p)
{
    return s->by_ref ? take_granted(s, self, p) : take_own(s, p);
}

static void put_side(struct side *s)
{
    if (s->by_ref)
        release_granted(s);
    else
        p2m_put(&s->own);
}

static bool is_within(const struct side *s, const abi_gnttab_copy_ptr_t *p, uint16_t len)
{
    return p->offset >= s->first && p->offset + len <= s->end;
}

/* With both sides taken. */
static int16_t move(const struct side *to, const struct side *from, const abi_gnttab_copy_t *op)
{
    if (op->source.offset + op->len > PAGE_SIZE || op->dest.offset + op->len > PAGE_SIZE)
        return GNTST_bad_copy_arg;
    if (!is_within(from, &op->source, op->len) || !is_within(to, &op->dest, op->len))
        return GNTST_general_error;
    memmove(to->page + op->dest.offset, from->page + op->source.offset, op->len);
    return GNTST_okay;
}

static int16_t copy_between(struct domain *self, struct side *to, struct side *from,
                            const abi_gnttab_copy_t *op)
{
    int16_t status = take_side(from, self, &op->source);

    if (status)
        return status;
    status = take_side(to, self, &op->dest);
    if (!status) {
        status = move(to, from, op);
        put_side(to);
    }
    put_side(from);
    return status;
}

/* Who answers for what is asked in Xen's order: domains, then the source, the destination, and only then whether the bytes are in the page. */
static int16_t copy(struct domain *self, const abi_gnttab_copy_t *op, struct grant_batch *b)
{
    struct side from = {.by_ref = (op->flags & GNTCOPY_source_gref) != 0};
    struct side to = {.by_ref = (op->flags & GNTCOPY_dest_gref) != 0, .write = true};
    int16_t status = find_granter(&from, self, op->source.domid, b);

    if (!status)
        status = find_granter(&to, self, op->dest.domid, b);
    if (!status)
        status = copy_between(self, &to, &from, op);
    return status;
}

static long copy_one(struct hypercall *hc, void *arg, struct grant_batch *b)
{
    abi_gnttab_copy_t *op = arg;

    op->status = copy(hc->vcpu->domain, op, b);
    return 0;
}

long grant_op_copy(struct hypercall *hc)
{
    static const struct abi_argument argument = ABI_ARGUMENT(gnttab_copy);

    return grant_for_each(hc, &argument, copy_one);
}
