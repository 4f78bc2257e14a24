/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GNTTABOP_set_version, get_version. The first entries survive a change, if the other form can say what they
 * say; the rest of the table is empty then.
 *
 * A change is made at once for the first page, while the lock is held for writing. The others are cleared
 * after it, with looks at what is pending: until then no entry in them counts (`usable`), as none would if
 * all were cleared. A guest that does not go on with the call has a small table, until it calls again.
 */
#include "grant/table.h"
#include "hv/string.h"

static void read_v1(const struct grant_domain *g, grant_entry_v2_t *kept)
{
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        volatile grant_entry_v1_t *e = grant_v1(g, i);

        kept[i].full_page.hdr.flags = READ_ONCE(e->flags);
        kept[i].full_page.hdr.domid = READ_ONCE(e->domid);
        kept[i].full_page.frame = READ_ONCE(e->frame);
    }
}

/* -ERANGE: one grants what version 1 cannot say, a page above 16 TiB or another domain's. What grants nothing is dropped. */
static int read_v2(const struct grant_domain *g, grant_entry_v2_t *kept)
{
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        volatile grant_entry_v2_t *e = grant_v2(g, i);
        uint16_t flags = READ_ONCE(e->hdr.flags);
        uint64_t frame = READ_ONCE(e->full_page.frame);

        if ((flags & GTF_type_mask) == GTF_transitive)
            return -ERANGE;
        if ((flags & GTF_type_mask) != GTF_permit_access)
            continue;
        if (frame > UINT32_MAX)
            return -ERANGE;
        kept[i].full_page.hdr.flags = flags;
        kept[i].full_page.hdr.domid = READ_ONCE(e->hdr.domid);
        kept[i].full_page.frame = frame;
    }
    return 0;
}

static void write_back(const struct grant_domain *g, const grant_entry_v2_t *kept)
{
    for (uint32_t i = 0; i < GNTTAB_NR_RESERVED_ENTRIES; i++) {
        if (g->version == 2) {
            volatile grant_entry_v2_t *e = grant_v2(g, i);

            e->hdr.domid = kept[i].hdr.domid;
            e->full_page.frame = kept[i].full_page.frame;
            __atomic_store_n(&e->hdr.flags, kept[i].hdr.flags, __ATOMIC_RELEASE);
        } else {
            volatile grant_entry_v1_t *e = grant_v1(g, i);

            e->domid = kept[i].hdr.domid;
            e->frame = (uint32_t)kept[i].full_page.frame;
            __atomic_store_n(&e->flags, kept[i].hdr.flags, __ATOMIC_RELEASE);
        }
    }
}

static bool page_in_use(const struct grant_domain *g, uint32_t page)
{
    for (uint32_t i = 0; i < V1_PER_FRAME; i++)
        if (g->use[page][i].readers)
            return true;
    return false;
}

/*
 * 0: no entry is in use; -EBUSY: one is, or was meanwhile; -ERESTART: call again. The lock is held for writing; each time that it is dropped, entries may be taken, which take() notes. All vcpus that ask go on with one
 * search.
 */
static int search_uses(struct hypercall *hc, struct grant_domain *g)
{
    if (!g->searched)
        WRITE_ONCE(g->taken, false);
    while (!READ_ONCE(g->taken) && g->searched < g->frames && !page_in_use(g, g->searched)) {
        g->searched++;
        hypercall_charge(hc, UNITS_PER_PAGE);
        if (g->searched < g->frames && hypercall_preempt(hc))
            return -ERESTART;
    }
    if (!g->taken && g->searched == g->frames) {
        g->searched = 0;
        return 0;
    }
    g->searched = 0;
    return -EBUSY;
}

/* What has status words in one page of them. */
#define FRAMES_PER_STATUS (STATUS_PER_FRAME / V2_PER_FRAME)

/* The next page of the table, and with the first of those that share one the page of status words: no entry in it counts. */
static void clear_page(struct grant_domain *g)
{
    uint32_t status = (uint32_t)(g->usable / FRAMES_PER_STATUS);

    memset(g->shared[g->usable], 0, PAGE_SIZE);
    if (g->usable % FRAMES_PER_STATUS == 0 && status < g->status_frames)
        memset(g->status[status], 0, PAGE_SIZE);
    g->usable++;
}

/* What a change of version has left. 0, -ERESTART. */
static int clear_rest(struct hypercall *hc, struct grant_domain *g)
{
    while (g->usable < g->frames) {
        clear_page(g);
        if (g->usable < g->frames && hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

/* Before the search, after which there is no time for it. Nobody sees them in version 1. 0, -ENOMEM, -ERESTART. */
static int make_status(struct hypercall *hc, struct domain *d)
{
    struct grant_domain *g = d->grant;
    int rc = 0;

    while (!rc && g->status_frames < grant_status_frames_for(g->frames)) {
        rc = grant_grow_status(d, (g->status_frames + 1) * (uint32_t)FRAMES_PER_STATUS);
        if (!rc && hypercall_preempt(hc))
            rc = -ERESTART;
    }
    return rc;
}

/* The lock is held for writing, as for the next. */
static int begin(struct hypercall *hc, struct domain *d, uint32_t version)
{
    grant_entry_v2_t kept[GNTTAB_NR_RESERVED_ENTRIES] = {0};
    struct grant_domain *g = d->grant;
    int rc = version == 2 ? make_status(hc, d) : 0;

    if (!rc)
        rc = search_uses(hc, g);
    if (rc)
        return rc;
    if (version == 2)
        read_v1(g, kept);
    else
        rc = read_v2(g, kept);
    if (rc)
        return rc;
    g->version = version;
    g->usable = 0;
    clear_page(g);
    write_back(g, kept);
    return 0;
}

static int change(struct hypercall *hc, struct domain *d, uint32_t version)
{
    struct grant_domain *g = d->grant;
    int rc = clear_rest(hc, g);

    if (rc || version == g->version)
        return rc;
    rc = begin(hc, d, version);
    return rc ? rc : clear_rest(hc, g);
}

long grant_op_set_version(struct hypercall *hc, void *arg)
{
    struct gnttab_set_version *op = arg;
    struct domain *d = hc->vcpu->domain;
    int rc;

    write_lock(&d->grant->lock);
    rc = (op->version == 1 || op->version == 2) && op->version <= d->grant->max_version
             ? change(hc, d, op->version)
             : -EINVAL;
    op->version = d->grant->version;
    write_unlock(&d->grant->lock);
    return rc;
}

long grant_op_get_version(struct hypercall *hc, void *arg)
{
    struct gnttab_get_version *op = arg;
    struct domain *d;
    int16_t status = grant_target(hc->vcpu->domain, op->dom, &d);

    if (status)
        return status == GNTST_bad_domain ? -ESRCH : -EPERM;
    op->version = READ_ONCE(d->grant->version);
    domain_put(d);
    return 0;
}
