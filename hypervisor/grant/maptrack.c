/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Handles of a domain's mappings: a bounded table that grows by pages, with a list of free ones. */
#include "core/heap.h"
#include "grant/table.h"
#include "hv/alloc.h"

/* NO_HANDLE: none is free. */
static uint32_t pop(struct grant_domain *g)
{
    uint32_t handle;

    lock(&g->maptrack_lock);
    handle = g->free_handle;
    if (handle != NO_HANDLE) {
        struct grant_mapping *m = grant_mapping_at(g, handle);

        g->free_handle = m->ref;
        m->busy = true;
    }
    unlock(&g->maptrack_lock);
    return handle;
}

/* Most domains map nothing: the list of pages comes with the first. */
static bool have_list(struct grant_domain *g)
{
    struct grant_mapping **list;

    if (likely(__atomic_load_n(&g->maptrack, __ATOMIC_ACQUIRE)))
        return true;
    list = hv_new_array(struct grant_mapping *, g->max_maptrack);
    if (!list)
        return false;
    lock(&g->maptrack_lock);
    if (!g->maptrack) {
        __atomic_store_n(&g->maptrack, list, __ATOMIC_RELEASE);
        list = NULL;
    }
    unlock(&g->maptrack_lock);
    hv_free(list);
    return true;
}

static bool add_page(struct grant_domain *g)
{
    struct grant_mapping *page;
    uint32_t base;

    if (!have_list(g))
        return false;
    page = hv_alloc_page();
    if (!page)
        return false;
    lock(&g->maptrack_lock);
    if (g->maptrack_pages >= g->max_maptrack) {
        unlock(&g->maptrack_lock);
        hv_free_page(page);
        return false;
    }
    base = g->maptrack_pages * (uint32_t)MAPPINGS_PER_PAGE;
    for (uint32_t i = 0; i < MAPPINGS_PER_PAGE; i++)
        page[i].ref = i + 1 < MAPPINGS_PER_PAGE ? base + i + 1 : g->free_handle;
    g->maptrack[g->maptrack_pages] = page;
    g->free_handle = base;
    __atomic_store_n(&g->maptrack_pages, g->maptrack_pages + 1, __ATOMIC_RELEASE);
    unlock(&g->maptrack_lock);
    return true;
}

uint32_t grant_handle_new(struct grant_domain *g)
{
    uint32_t handle = pop(g);

    while (unlikely(handle == NO_HANDLE)) {
        if (READ_ONCE(g->maptrack_pages) >= g->max_maptrack || !add_page(g))
            return NO_HANDLE;
        handle = pop(g);
    }
    return handle;
}

struct grant_mapping *grant_handle_take(struct grant_domain *g, uint32_t handle)
{
    uint32_t bound = __atomic_load_n(&g->maptrack_pages, __ATOMIC_ACQUIRE) * (uint32_t)MAPPINGS_PER_PAGE;
    struct grant_mapping *m;
    bool ours;

    if (handle >= bound)
        return NULL;
    m = grant_mapping_at(g, (uint32_t)array_index_clamp(handle, bound));
    lock(&g->maptrack_lock);
    ours = m->granter && !m->busy;
    if (ours)
        m->busy = true;
    unlock(&g->maptrack_lock);
    return ours ? m : NULL;
}

void grant_handle_give_back(struct grant_domain *g, struct grant_mapping *m)
{
    lock(&g->maptrack_lock);
    m->busy = false;
    unlock(&g->maptrack_lock);
}

void grant_handle_free(struct grant_domain *g, uint32_t handle, struct grant_mapping *m)
{
    lock(&g->maptrack_lock);
    m->granter = NULL;
    m->flags = 0;
    m->busy = false;
    m->ref = g->free_handle;
    g->free_handle = handle;
    unlock(&g->maptrack_lock);
}
