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

static int16_t setup(const struct hypercall *hc, struct domain *d, const abi_gnttab_setup_table_t *op)
{
    struct grant_domain *g = d->grant;
    int rc;

    write_lock(&g->lock);
    rc = grant_grow(d, op->nr_frames);
    write_unlock(&g->lock);
    /* What is there stays there: no lock while guest memory is written. */
    return rc ? GNTST_general_error : tell_frames(hc, g, op->nr_frames, op->frame_list);
}

long grant_op_setup_table(struct hypercall *hc, void *arg)
{
    abi_gnttab_setup_table_t *op = arg;
    struct domain *d;

    op->status = grant_target(hc->vcpu->domain, op->dom, &d);
    if (op->status)
        return 0;
    op->status = setup(hc, d, op);
    domain_put(d);
    return 0;
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
