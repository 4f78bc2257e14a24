/* SPDX-License-Identifier: GPL-2.0-or-later */
/* GNTTABOP_query_size, setup_table, get_status_frames: how large the table is and where it lies. */
#include "grant/table.h"
#include "core/authority.h"

int16_t grant_target(struct domain *self, domid_id_t id, struct domain **out)
{
    struct domain *d = domain_get_or_self(id, self);

    if (!d)
        return GNTST_bad_domain;
    if (d->grant && !authorise(self, d, AUTHORITY_GRANT_TABLE)) {
        *out = d;
        return GNTST_okay;
    }
    domain_put(d);
    return d->grant ? GNTST_permission_denied : GNTST_bad_domain; /* DOMID_IO and such have no table */
}

long grant_op_query_size(struct hypercall *hc, void *arg)
{
    struct gnttab_query_size *op = arg;
    struct domain *d;

    op->status = grant_target(hc->vcpu->domain, op->dom, &d);
    if (op->status)
        return 0;
    read_lock(&d->grant->lock);
    op->nr_frames = d->grant->frames;
    op->max_nr_frames = d->grant->max_frames;
    read_unlock(&d->grant->lock);
    domain_put(d);
    return 0;
}

/* The first `count` frames, which exist. */
static int16_t tell_frames(const struct hypercall *hc, const struct grant_domain *g, uint32_t count,
                           guest_ptr_t list)
{
    for (uint32_t i = 0; i < count; i++)
        if (guest_word_write(hc, list, i, va_to_mfn(g->shared[i]).n))
            return GNTST_bad_virt_addr;
    return GNTST_okay;
}

/* These are 64 bits for either width. */
static int16_t tell_status_frames(const struct grant_domain *g, uint32_t count, guest_ptr_t list)
{
    for (uint32_t i = 0; i < count; i++) {
        uint64_t mfn = va_to_mfn((void *)g->status[i]).n;
        guest_ptr_t at;

        if (guest_array_at(list, i, sizeof(mfn), &at) || copy_to_guest(at, &mfn, sizeof(mfn)))
            return GNTST_bad_virt_addr;
    }
    return GNTST_okay;
}

/* -ERESTART: some of it is done. */
static int grow(struct hypercall *hc, struct domain *d, uint32_t frames)
{
    struct grant_domain *g = d->grant;
    int rc;

    do {
        write_lock(&g->lock);
        rc = grant_grow(d, max(frames, g->frames) - g->frames > PAGES_AT_ONCE ? g->frames + PAGES_AT_ONCE
                                                                              : frames);
        write_unlock(&g->lock);
        hypercall_charge(hc, PAGES_AT_ONCE * UNITS_PER_NEW);
        if (!rc && READ_ONCE(g->frames) < frames && hypercall_preempt(hc))
            return -ERESTART;
    } while (!rc && READ_ONCE(g->frames) < frames);
    return rc;
}

long grant_op_setup_table(struct hypercall *hc, void *arg)
{
    abi_gnttab_setup_table_t *op = arg;
    struct domain *d;
    int rc;

    op->status = grant_target(hc->vcpu->domain, op->dom, &d);
    if (op->status)
        return 0;
    rc = op->nr_frames > d->grant->max_frames ? -EINVAL : grow(hc, d, op->nr_frames);
    /* What is there stays there: no lock while guest memory is written. */
    if (rc != -ERESTART)
        op->status = rc ? GNTST_general_error : tell_frames(hc, d->grant, op->nr_frames, op->frame_list);
    domain_put(d);
    return rc == -ERESTART ? rc : 0;
}

static int16_t status_frames(struct domain *d, const abi_gnttab_get_status_frames_t *op)
{
    struct grant_domain *g = d->grant;
    uint32_t there;

    read_lock(&g->lock);
    there = g->version == 2 ? g->status_frames : 0;
    read_unlock(&g->lock);
    if (op->nr_frames > there)
        return GNTST_general_error;
    return tell_status_frames(g, op->nr_frames, op->frame_list);
}

long grant_op_status_frames(struct hypercall *hc, void *arg)
{
    abi_gnttab_get_status_frames_t *op = arg;
    struct domain *d;

    op->status = grant_target(hc->vcpu->domain, op->dom, &d);
    if (op->status)
        return 0;
    op->status = status_frames(d, op);
    domain_put(d);
    return 0;
}
