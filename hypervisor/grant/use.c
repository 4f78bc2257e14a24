/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Taking and releasing an entry: the checks of what it grants, the flags that tell the guest that it is in
 * use, the references to the frame. The guest may write the entry at any time: each field is read once, and
 * flags change by compare-and-swap (version 1) or are checked again after ours are visible (version 2).
 */
#include "core/p2m.h"
#include "grant/table.h"

#define TRIES 8 /* a guest that keeps changing its entry grants nothing */

/* Does an entry with this first word grant it? Flags in the low half, domain id in the high one. */
static bool grants(uint32_t word, domid_id_t grantee, bool write, bool map, uint32_t version)
{
    uint16_t flags = (uint16_t)word;

    bool transitive = (flags & GTF_type_mask) == GTF_transitive && version == 2 && !map;

    if (((flags & GTF_type_mask) != GTF_permit_access && !transitive) || (domid_id_t)(word >> 16) != grantee)
        return false;
    /* Only version 2 says which part: for a copy in version 1 it is the whole page (as on Xen). */
    return !(write && (flags & GTF_readonly)) && !(map && (flags & GTF_sub_page));
}

static bool mark_v1(volatile uint32_t *entry, domid_id_t grantee, bool write, bool map, uint16_t set)
{
    uint32_t seen = READ_ONCE(*entry);

    for (unsigned int i = 0; i < TRIES; i++) {
        if (!grants(seen, grantee, write, map, 1))
            return false;
        if (__atomic_compare_exchange_n(entry, &seen, seen | set, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
            return true;
    }
    return false;
}

static void unmark(const struct grant_domain *g, uint32_t ref, const struct grant_use *u)
{
    uint16_t clear = (uint16_t)((u->writers ? 0 : GTF_writing) | (u->readers ? 0 : GTF_reading));
    volatile uint16_t *flags = g->version == 1 ? &grant_v1(g, ref)->flags : grant_status(g, ref);

    if (clear)
        __atomic_fetch_and(flags, (uint16_t)~clear, __ATOMIC_SEQ_CST);
}

/* G4: the guest sees the flags before we look at what it grants for the last time. */
static bool mark(const struct grant_domain *g, uint32_t ref, domid_id_t grantee, bool write, bool map,
                 const struct grant_use *u)
{
    uint16_t set = (uint16_t)(GTF_reading | (write ? GTF_writing : 0));
    volatile uint32_t *entry;

    if (g->version == 1)
        return mark_v1((volatile uint32_t *)grant_v1(g, ref), grantee, write, map, set);
    entry = (volatile uint32_t *)grant_v2(g, ref);
    if (!grants(READ_ONCE(*entry), grantee, write, map, 2))
        return false;
    __atomic_fetch_or(grant_status(g, ref), set, __ATOMIC_SEQ_CST);
    if (grants(READ_ONCE(*entry), grantee, write, map, 2))
        return true;
    unmark(g, ref, u);
    return false;
}

static void read_target(const struct grant_domain *g, uint32_t ref, struct grant_use *u, uint64_t *frame)
{
    volatile grant_entry_v2_t *e;
    uint16_t flags;

    u->sub_page = u->transitive = false;
    u->offset = 0;
    u->length = PAGE_SIZE;
    if (g->version == 1) {
        *frame = READ_ONCE(grant_v1(g, ref)->frame);
        return;
    }
    e = grant_v2(g, ref);
    flags = READ_ONCE(e->hdr.flags);
    *frame = READ_ONCE(e->full_page.frame);
    u->transitive = (flags & GTF_type_mask) == GTF_transitive;
    u->sub_page = !u->transitive && (flags & GTF_sub_page);
    if (u->transitive) {
        u->via = READ_ONCE(e->transitive.trans_domid);
        u->via_ref = READ_ONCE(e->transitive.gref);
    } else if (u->sub_page) {
        u->offset = READ_ONCE(e->sub_page.page_off);
        u->length = READ_ONCE(e->sub_page.length);
    }
}

static int16_t take_frame(struct domain *granter, uint64_t gfn, enum p2m_access access, struct frame **out)
{
    struct p2m_frame p;

    if (p2m_get(granter, GFN(gfn), access, &p))
        return access == P2M_WRITE ? GNTST_general_error : GNTST_bad_page;
    if (!p.frame) /* device memory */
        return GNTST_bad_page;
    *out = p.frame;
    return GNTST_okay;
}

static void put_frame(struct frame *f, enum p2m_access access)
{
    const struct p2m_frame p = {.frame = f, .access = access};

    p2m_put(&p);
}

/* Nobody uses the entry yet. The entry is marked. */
static int16_t begin(struct domain *granter, domid_id_t grantee, uint32_t ref, bool map, struct grant_use *u)
{
    uint64_t frame;
    int16_t status;

    read_target(granter->grant, ref, u, &frame);
    if (map && (u->sub_page || u->transitive)) /* it was not when it was marked */
        return GNTST_general_error;
    u->frame = NULL;
    status = u->transitive ? GNTST_okay : take_frame(granter, frame, P2M_READ, &u->frame);
    if (status == GNTST_okay)
        u->grantee = grantee;
    return status;
}

/*
 * The counters of a use with these flags: index 0 and 1 of host_map, 2 and 3 of device_map; the odd ones for
 * writing. Adds `change` to each that it has.
 */
static void count_parts(struct grant_use *u, uint32_t flags, int change)
{
    unsigned int write = !(flags & GNTMAP_readonly);

    if (flags & GNTMAP_host_map)
        u->parts[write] = (uint8_t)(u->parts[write] + change);
    if (flags & GNTMAP_device_map)
        u->parts[2 + write] = (uint8_t)(u->parts[2 + write] + change);
}

static bool has_room(const struct grant_use *u, uint32_t flags)
{
    unsigned int write = !(flags & GNTMAP_readonly);

    return !((flags & GNTMAP_host_map) && u->parts[write] >= GRANT_MOST_USES) &&
           !((flags & GNTMAP_device_map) && u->parts[2 + write] >= GRANT_MOST_USES);
}

static int16_t take(struct domain *granter, domid_id_t grantee, uint32_t ref, uint32_t flags, bool map,
                    struct grant_use *u)
{
    struct grant_domain *g = granter->grant;
    bool first = !u->readers, write = !(flags & GNTMAP_readonly);
    struct frame *same;
    int16_t status = GNTST_okay;

    if (!first && (u->grantee != grantee || !has_room(u, flags) || (map && (u->sub_page || u->transitive))))
        return GNTST_general_error;
    if ((first || (write && !u->writers)) && !mark(g, ref, grantee, write, map, u))
        return GNTST_general_error;
    if (first)
        status = begin(granter, grantee, ref, map, u);
    if (status == GNTST_okay && write && !u->writers && u->frame) {
        status = take_frame(granter, frame_to_mfn(u->frame).n, P2M_WRITE, &same);
        if (status && first)
            put_frame(u->frame, P2M_READ);
    }
    if (status) {
        unmark(g, ref, u);
        return status;
    }
    u->readers++;
    WRITE_ONCE(g->taken, true);
    u->writers += write;
    count_parts(u, flags, 1);
    return GNTST_okay;
}

int16_t grant_hold(struct domain *granter, domid_id_t grantee, uint32_t ref, uint32_t flags, bool map,
                   struct grant_hold *out)
{
    struct grant_domain *g = granter->grant;
    int16_t status = GNTST_bad_gntref;
    struct grant_use *u;

    read_lock(&g->lock);
    if (unlikely(g->closed)) {
        status = GNTST_bad_domain;
    } else if (ref < grant_entries(g)) {
        ref = (uint32_t)array_index_clamp(ref, grant_entries(g));
        u = grant_use(g, ref);
        grant_use_lock(u);
        status = take(granter, grantee, ref, flags, map, u);
        *out = (struct grant_hold){.frame = u->frame,
                                   .offset = u->offset,
                                   .length = u->length,
                                   .via = u->via,
                                   .via_ref = u->via_ref};
        grant_use_unlock(u);
    }
    read_unlock(&g->lock);
    return status;
}

void grant_drop_parts(struct domain *granter, uint32_t ref, uint32_t flags)
{
    struct grant_use *u = grant_use(granter->grant, ref);

    grant_use_lock(u);
    count_parts(u, flags, -1);
    grant_use_unlock(u);
}

void grant_release(struct domain *granter, uint32_t ref, uint32_t flags)
{
    struct grant_domain *g = granter->grant;
    struct grant_use *u = grant_use(g, ref);
    struct frame *f;
    bool write = !(flags & GNTMAP_readonly), no_writers, no_readers;

    read_lock(&g->lock);
    grant_use_lock(u);
    f = u->frame;
    u->readers--;
    u->writers -= write;
    count_parts(u, flags, -1);
    no_writers = write && !u->writers;
    no_readers = !u->readers;
    if (no_writers)
        put_frame(f, P2M_WRITE);
    unmark(g, ref, u);
    grant_use_unlock(u);
    read_unlock(&g->lock);
    if (no_readers)
        put_frame(f, P2M_READ);
}
