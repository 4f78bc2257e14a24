/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages of a domain's grant table: making, growing, giving back. */
#include "grant/table.h"
#include "core/heap.h"
#include "core/orphan.h"
#include "hv/alloc.h"

int grant_domain_init(struct domain *d, uint32_t frames, uint32_t maptrack)
{
    struct grant_domain *g;
    int rc;

    if (!frames || frames > GRANT_MOST_FRAMES || maptrack > GRANT_DEFAULT_MAPTRACK)
        return -EINVAL;
    g = hv_new(struct grant_domain);
    if (!g)
        return -ENOMEM;
    rwlock_init(&g->lock, RANK_GRANT);
    g->version = 1;
    g->max_version = 2;
    g->max_frames = frames;
    g->max_maptrack = maptrack;
    lock_init(&g->maptrack_lock, RANK_LEAF);
    g->free_handle = NO_HANDLE;
    g->use = hv_new_array(struct grant_use *, frames);
    g->shared = hv_new_array(void *, frames);
    g->status = hv_new_array(grant_status_t *, grant_status_frames_for(frames));
    d->grant = g;
    rc = g->shared && g->status && g->use ? grant_grow(d, 1) : -ENOMEM;
    if (rc)
        grant_domain_free(d);
    return rc;
}

void grant_domain_free(struct domain *d)
{
    struct grant_domain *g = d->grant;

    for (uint32_t i = 0; i < g->frames; i++)
        orphan_free_shared_page(d, g->shared[i]);
    for (uint32_t i = 0; g->use && i < g->max_frames; i++)
        hv_free(g->use[i]);
    for (uint32_t i = 0; i < g->maptrack_pages; i++)
        hv_free_page(g->maptrack[i]);
    hv_free(g->use);
    hv_free(g->maptrack);
    for (uint32_t i = 0; i < g->status_frames; i++)
        orphan_free_shared_page(d, g->status[i]);
    hv_free(g->shared);
    hv_free(g->status);
    hv_free(g);
    d->grant = NULL;
}

/* One more page for the list; what is in it is the guest's to see, zero. */
static int add_page(struct domain *d, void **list, uint32_t *count)
{
    void *page = hv_alloc_page();

    if (!page)
        return -ENOMEM;
    domain_share_hypervisor_page(d, page, true);
    list[*count] = page;
    ++*count;
    return 0;
}

int grant_grow_status(struct domain *d, uint32_t frames)
{
    struct grant_domain *g = d->grant;
    int rc = 0;

    while (!rc && g->status_frames < grant_status_frames_for(frames))
        rc = add_page(d, (void **)g->status, &g->status_frames);
    return rc;
}

int grant_grow(struct domain *d, uint32_t frames)
{
    struct grant_domain *g = d->grant;
    int rc = 0;

    if (frames > g->max_frames || g->closed)
        return -EINVAL;
    /* G2: there is a status word for each entry before the entry counts. */
    if (g->version == 2)
        rc = grant_grow_status(d, frames);
    while (!rc && g->frames < frames) {
        if (!g->use[g->frames])
            g->use[g->frames] = hv_new_array(struct grant_use, V1_PER_FRAME);
        rc = g->use[g->frames] ? add_page(d, g->shared, &g->frames) : -ENOMEM;
    }
    return rc;
}

int grant_set_max_version(struct domain *d, uint32_t version)
{
    if (!version || version > 2)
        return -EINVAL;
    d->grant->max_version = version;
    return 0;
}

void grant_domain_close(struct domain *d)
{
    struct grant_domain *g = d->grant;

    write_lock(&g->lock);
    g->closed = true;
    write_unlock(&g->lock);
    for (uint32_t i = 0; i < g->frames; i++)
        domain_unshare_hypervisor_page(d, g->shared[i]);
    for (uint32_t i = 0; i < g->status_frames; i++)
        domain_unshare_hypervisor_page(d, g->status[i]);
}

static int frame_of(struct domain *d, uint32_t index, bool status, mfn_t *out)
{
    struct grant_domain *g = d->grant;
    int rc;

    if (g->closed)
        return -EINVAL;
    if (status) {
        if (g->version != 2 || index >= grant_status_frames_for(g->max_frames))
            return -EINVAL;
        rc = grant_grow(d, min((uint32_t)((index * STATUS_PER_FRAME) / V2_PER_FRAME) + 1, g->max_frames));
        index = (uint32_t)array_index_clamp(index, g->status_frames);
        *out = rc ? MFN_INVALID : va_to_mfn(g->status[index]);
        return rc;
    }
    if (index >= g->max_frames)
        return -EINVAL;
    rc = grant_grow(d, index + 1);
    index = (uint32_t)array_index_clamp(index, g->frames);
    *out = rc ? MFN_INVALID : va_to_mfn(g->shared[index]);
    return rc;
}

int grant_table_frame(struct domain *d, uint32_t index, bool status, mfn_t *out)
{
    int rc;

    write_lock(&d->grant->lock);
    rc = frame_of(d, index, status, out);
    write_unlock(&d->grant->lock);
    return rc;
}
