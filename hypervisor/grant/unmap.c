/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * GNTTABOP_unmap_grant_ref, unmap_and_replace, and the end of a domain's mappings. G5: page table entries go
 * first, then one flush for a batch of them; only after that the entries count as not in use, so that the
 * granter never sees one free that somebody can still reach by a stale translation.
 */
#include "arch/x86/tlb.h"
#include "grant/host.h"
#include "grant/table.h"
#include "hv/softirq.h"

#define BATCH 32

/* Both operations, decoded. */
struct request {
    uint64_t host_addr, dev_bus_addr, new_addr;
    uint32_t handle;
    int16_t status;
    bool replace;
};

/* What is to be released after the flush. */
struct batch {
    bool flush;
    unsigned int count;
    struct {
        struct grant_mapping *mapping;
        uint32_t handle;
    } gone[BATCH];
};

static int16_t unmap_host(struct hypercall *hc, const struct request *r, struct grant_mapping *m, mfn_t mfn)
{
    const struct grant_host host = {.address = r->host_addr, .flags = m->flags, .mfn = mfn};

    return r->new_addr ? grant_host_replace(hc, &host, r->new_addr) : grant_host_unmap(hc, &host);
}

static void drop_part(struct grant_mapping *m, uint16_t part)
{
    if (!part)
        return;
    m->flags &= (uint16_t)~part;
    if (!(m->flags & MAPPING_ORPHAN))
        grant_drop_parts(m->granter, m->ref, part | (m->flags & GNTMAP_readonly));
}

/*
 * The parts of the mapping that the request names are taken out of *parts, those that there are. Those that are
 * not there are not missed, as on Xen.
 */
static int16_t unmap_parts(struct hypercall *hc, const struct request *r, struct grant_mapping *m,
                           uint16_t *parts, struct batch *b)
{
    /* In use, so it stays what it is. */
    mfn_t mfn = frame_to_mfn(grant_mapping_frame(m));
    int16_t status;

    if (r->host_addr && (*parts & GNTMAP_host_map)) {
        b->flush = true; /* also where that fails half way */
        status = unmap_host(hc, r, m, mfn);
        if (status)
            return status;
        *parts &= (uint16_t)~GNTMAP_host_map;
        m->flags |= MAPPING_WAS_HOST;
    }
    if (r->dev_bus_addr && (*parts & GNTMAP_device_map)) {
        if (r->dev_bus_addr != mfn_to_paddr(mfn))
            return GNTST_bad_dev_addr;
        *parts &= (uint16_t)~GNTMAP_device_map;
    }
    return GNTST_okay;
}

static int16_t unmap_one(struct hypercall *hc, const struct request *r, struct batch *b)
{
    struct grant_domain *g = hc->vcpu->domain->grant;
    struct grant_mapping *m = grant_handle_take(g, r->handle);
    uint16_t had, left;
    int16_t status;

    if (!m)
        return GNTST_bad_handle;
    had = left = m->flags & (GNTMAP_host_map | GNTMAP_device_map);
    status = unmap_parts(hc, r, m, &left, b);
    if (left) {
        drop_part(m, had & (uint16_t)~left);
        grant_handle_give_back(g, m);
    } else {
        b->flush |= m->flags & MAPPING_WAS_HOST;
        /* What went just now is counted until then. */
        b->gone[b->count].mapping = m;
        b->gone[b->count++].handle = r->handle;
    }
    return status;
}

static void finish(struct domain *d, struct batch *b)
{
    if (b->flush)
        tlb_flush_mask(&d->dirty_cpus, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    for (unsigned int i = 0; i < b->count; i++) {
        struct grant_mapping *m = b->gone[i].mapping;

        grant_mapping_put(m);
        grant_handle_free(d->grant, b->gone[i].handle, m);
    }
}

/* One element, from and to guest memory. */
static long unmap_at(struct hypercall *hc, guest_ptr_t at, bool replace, struct batch *b)
{
    union {
        struct gnttab_unmap_grant_ref unmap;
        struct gnttab_unmap_and_replace replace;
    } op;
    struct request r;

    _Static_assert(sizeof(op.unmap) == sizeof(op.replace) &&
                       offsetof(struct gnttab_unmap_grant_ref, status) ==
                           offsetof(struct gnttab_unmap_and_replace, status) &&
                       offsetof(struct gnttab_unmap_grant_ref, handle) ==
                           offsetof(struct gnttab_unmap_and_replace, handle),
                   "they differ in the second field alone");
    if (copy_from_guest(&op, at, sizeof(op)))
        return -EFAULT;
    r = (struct request){.host_addr = op.unmap.host_addr, .handle = op.unmap.handle};
    if (replace)
        r.new_addr = op.replace.new_addr;
    else
        r.dev_bus_addr = op.unmap.dev_bus_addr;
    op.unmap.status = unmap_one(hc, &r, b);
    return copy_to_guest(at, &op, sizeof(op)) ? -EFAULT : 0;
}

static long unmap_all(struct hypercall *hc, bool replace)
{
    const size_t size = sizeof(struct gnttab_unmap_grant_ref);
    struct batch b;
    bool stop = false;
    long rc = 0;

    while ((uint32_t)hc->arg[2] && !stop && !rc) {
        b.flush = false;
        b.count = 0;
        for (unsigned int i = 0; i < BATCH && (uint32_t)hc->arg[2] && !stop && !rc; i++) {
            rc = unmap_at(hc, hypercall_ptr(hc, 1), replace, &b);
            hc->arg[1] += size;
            hc->arg[2] = (uint32_t)hc->arg[2] - 1;
            stop = hypercall_preempt(hc);
        }
        finish(hc->vcpu->domain, &b);
    }
    return rc || !(uint32_t)hc->arg[2] ? rc : -ERESTART;
}

long grant_op_unmap(struct hypercall *hc)
{
    return unmap_all(hc, false);
}

long grant_op_replace(struct hypercall *hc)
{
    return unmap_all(hc, true);
}

/* Handles in one step of a domain's end, used or not. */
#define MOST_LOOKED_AT 1024

int grant_domain_release(struct domain *d)
{
    struct grant_domain *g = d->grant;
    struct batch b = {.flush = true};
    uint32_t end = g->maptrack_pages * (uint32_t)MAPPINGS_PER_PAGE;
    uint32_t handle;

    for (handle = g->released_to; handle < end && handle - g->released_to < MOST_LOOKED_AT && b.count < BATCH;
         handle++) {
        struct grant_mapping *m = grant_handle_take(g, handle);

        if (!m)
            continue;
        b.gone[b.count].mapping = m;
        b.gone[b.count++].handle = handle;
    }
    g->released_to = handle;
    if (b.count)
        finish(d, &b);
    return handle < end ? -ERESTART : 0;
}
