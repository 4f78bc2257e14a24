/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pages of a domain's grant table: making, growing, giving back. */
#include "grant/table.h"
#include "core/heap.h"
#include "core/orphan.h"
#include "hv/alloc.h"
#include "hv/softirq.h"

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

/* False: no page is left. */
static bool free_page(struct domain *d)
{
    struct grant_domain *g = d->grant;

    if (g->frames) {
        g->frames--;
        orphan_free_shared_page(d, g->shared[g->frames]);
        hv_free(g->use[g->frames]);
        g->use[g->frames] = NULL;
    } else if (g->status_frames) {
        orphan_free_shared_page(d, g->status[--g->status_frames]);
    } else if (g->maptrack_pages) {
        hv_free_page(g->maptrack[--g->maptrack_pages]);
    } else {
        return false;
    }
    return true;
}

#define PAGES_FREED 32 /* at once: some 2,000 instructions each */

bool grant_domain_free_some(struct domain *d)
{
    for (unsigned int n = 0; n < PAGES_FREED; n++)
        if (!free_page(d))
            return false;
    return true;
}

void grant_domain_free(struct domain *d)
{
    struct grant_domain *g = d->grant;

    while (free_page(d))
        ;
    for (uint32_t i = 0; g->use && i < g->max_frames; i++)
        hv_free(g->use[i]); /* of a page for which there was no memory */
    hv_free(g->use);
    hv_free(g->maptrack);
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
    bool all_usable = g->usable == g->frames;
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
    if (all_usable)
        g->usable = g->frames;
    return rc;
}

int grant_set_max_version(struct domain *d, uint32_t version)
{
    if (!version || version > 2)
        return -EINVAL;
    d->grant->max_version = version;
    return 0;
}

int grant_domain_close(struct domain *d)
{
    struct grant_domain *g = d->grant;

    write_lock(&g->lock);
    g->closed = true;
    write_unlock(&g->lock);
    while (g->closed_to < g->frames + g->status_frames) {
        uint32_t i = g->closed_to++;

        domain_unshare_hypervisor_page(d, i < g->frames ? g->shared[i] : g->status[i - g->frames]);
        if (g->closed_to % 64 == 0 && softirq_pending())
            return -ERESTART;
    }
    return 0;
}

/* The table gets at least so many pages: some of them now, -ERESTART, or the last. */
static int grow_some(struct domain *d, uint32_t frames)
{
    const struct grant_domain *g = d->grant;
    bool rest = frames > g->frames + PAGES_AT_ONCE;
    int rc = grant_grow(d, rest ? g->frames + PAGES_AT_ONCE : frames);

    return rc ? rc : rest ? -ERESTART : 0;
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
        rc = grow_some(d, min((uint32_t)((index * STATUS_PER_FRAME) / V2_PER_FRAME) + 1, g->max_frames));
        index = (uint32_t)array_index_clamp(index, g->status_frames);
        *out = rc ? MFN_INVALID : va_to_mfn(g->status[index]);
        return rc;
    }
    if (index >= g->max_frames)
        return -EINVAL;
    rc = grow_some(d, index + 1);
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
