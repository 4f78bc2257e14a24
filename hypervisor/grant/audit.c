/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Debug key 'g', and the invariants G1 to G6 of docs/design/grant-tables.md. */
#include "grant/table.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

static struct domain *next_mapper(struct domain *d)
{
    return d ? domain_next(d) : domain_first();
}

/* How many mappings name the entry. */
static uint32_t mappings_of(const struct domain *granter, uint32_t ref, uint32_t *writers)
{
    uint32_t count = 0;

    *writers = 0;
    for (struct domain *d = next_mapper(NULL); d; d = next_mapper(d)) {
        const struct grant_domain *g = d->grant;

        for (uint32_t h = 0; h < g->maptrack_pages * MAPPINGS_PER_PAGE; h++) {
            const struct grant_mapping *m = grant_mapping_at(g, h);

            if (m->granter != granter || m->ref != ref)
                continue;
            count++;
            *writers += !(m->flags & GNTMAP_readonly);
        }
    }
    return count;
}

unsigned int grant_audit(struct domain *d)
{
    const struct grant_domain *g = d->grant;
    unsigned int violations = 0;

    for (uint32_t ref = 0; ref < g->frames * V1_PER_FRAME; ref++) {
        const struct grant_use *u = grant_use(g, ref);
        uint32_t writers, readers;

        if (!u->readers && !u->writers)
            continue;
        readers = mappings_of(d, ref, &writers);
        if (readers == u->readers && writers == u->writers)
            continue;
        violations++;
        log_err(
            "audit: entry %u of d%u counts %u uses and %u for writing, but %u and %u mappings are there\n",
            ref, d->id, u->readers, u->writers, readers, writers);
    }
    return violations;
}

void grant_name_holdings(struct domain *d, frame_holding_fn *hold, void *context)
{
    const struct grant_domain *g = d->grant;

    for (uint32_t ref = 0; ref < g->frames * V1_PER_FRAME; ref++) {
        const struct grant_use *u = grant_use(g, ref);

        if (!u->frame) /* transitive, or never used */
            continue;
        if (u->readers)
            hold(context, u->frame, 0, 1);
        if (u->writers)
            hold(context, u->frame, 1, 1);
    }
    for (uint32_t h = 0; h < g->maptrack_pages * MAPPINGS_PER_PAGE; h++) {
        const struct grant_mapping *m = grant_mapping_at(g, h);

        if (m->granter && m->flags & MAPPING_ORPHAN)
            hold(context, m->orphan, !(m->flags & GNTMAP_readonly), 1);
    }
}

void grant_dump(struct domain *d)
{
    const struct grant_domain *g = d->grant;
    uint32_t mapped = 0;

    for (uint32_t h = 0; h < g->maptrack_pages * MAPPINGS_PER_PAGE; h++)
        mapped += grant_mapping_at(g, h)->granter != NULL;
    printk("Domain %u: version %u, %u pages of at most %u, %u status pages; it has mapped %u (%u pages of at "
           "most %u)\n",
           d->id, g->version, g->frames, g->max_frames, g->status_frames, mapped, g->maptrack_pages,
           g->max_maptrack);
    for (uint32_t ref = 0; ref < g->frames * V1_PER_FRAME; ref++) {
        const struct grant_use *u = grant_use(g, ref);

        if (u->readers && u->frame)
            printk("  entry %u: frame %#lx used by domain %u, %u times, %u for writing\n", ref,
                   (unsigned long)frame_to_mfn(u->frame).n, u->grantee, u->readers, u->writers);
    }
}

void grant_dump_locks(struct domain *d)
{
    lock_show("grant table", -1, &d->grant->lock.writer);
    lock_show("grant mappings", -1, &d->grant->maptrack_lock);
}

void grant_dump_orphans(struct domain *d)
{
    const struct grant_domain *g = d->grant;
    for (uint32_t h = 0; h < READ_ONCE(g->maptrack_pages) * MAPPINGS_PER_PAGE; h++) {
        const struct grant_mapping *m = grant_mapping_at(g, h);
        struct frame *f;

        if (!(__atomic_load_n(&m->flags, __ATOMIC_ACQUIRE) & MAPPING_ORPHAN))
            continue;
        f = READ_ONCE(m->orphan);
        printk(" frame %#lx: mapped by domain %u by grant, handle %u%s\n", (unsigned long)frame_to_mfn(f).n,
               d->id, h, m->flags & GNTMAP_readonly ? "" : ", writable");
    }
}
