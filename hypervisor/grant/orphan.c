/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Mappings that outlive their granter (G10). They stop naming its entry and hold the frame themselves, so
 * that nothing of the granter is needed to undo them: neither its table nor its number. Its table is closed
 * before, so no mapping is made that is not seen here: by grant_domain_orphan(), or by who made it, in
 * grant_handle_check().
 */
#include "core/frame_ref.h"
#include "grant/table.h"
#include "hv/softirq.h"

static bool may_write(const struct grant_mapping *m)
{
    return !(m->flags & GNTMAP_readonly);
}

struct frame *grant_mapping_frame(const struct grant_mapping *m)
{
    /* The entry is in use, so it stays what it is. */
    return m->flags & MAPPING_ORPHAN ? m->orphan : grant_use(m->granter->grant, m->ref)->frame;
}

void grant_mapping_put(struct grant_mapping *m)
{
    struct domain *granter = m->granter;

    if (likely(!(m->flags & MAPPING_ORPHAN))) {
        grant_release(granter, m->ref, m->flags);
        domain_put(granter);
    } else if (may_write(m)) {
        frame_put_type(m->orphan, NULL, FT_WRITABLE, NULL);
    } else {
        frame_put(m->orphan);
    }
}

/* One more like those that the entry holds. False: there is no room in the counts. */
static bool hold_too(struct frame *f, bool write)
{
    uint64_t w = READ_ONCE(f->word);

    if (!write)
        return frame_get_any(f);
    do {
        if (!fw_is_ready(w, FT_WRITABLE))
            return false;
    } while (!frame_cas(f, &w, w + FW_BOTH_ONE));
    return true;
}

/* maptrack_lock held, nobody works on it. False: without room in the counts it stays the granter's, which waits for it. */
static bool convert(struct grant_mapping *m)
{
    struct frame *f = grant_mapping_frame(m);

    if (!hold_too(f, may_write(m)))
        return false;
    __atomic_store_n(&m->orphan, f, __ATOMIC_RELEASE);
    __atomic_store_n(&m->flags, (uint16_t)(m->flags | MAPPING_ORPHAN), __ATOMIC_RELEASE);
    return true;
}

/*
 * False: somebody works on it just now. It is never busy for us: who ends it, by an unmap or with its domain, must not miss it meanwhile.
 */
static bool convert_handle(struct grant_domain *g, uint32_t handle, struct domain *granter)
{
    struct grant_mapping *m = grant_mapping_at(g, handle);
    bool busy = false, converted = false;
    uint16_t flags = 0;
    uint32_t ref = 0;

    if (__atomic_load_n(&m->granter, __ATOMIC_ACQUIRE) != granter)
        return true;
    lock(&g->maptrack_lock);
    if (m->granter == granter) {
        flags = m->flags;
        ref = m->ref;
        busy = m->busy;
        converted = !busy && convert(m);
    }
    unlock(&g->maptrack_lock);
    if (converted) {
        grant_release(granter, ref, flags);
        domain_put(granter);
    }
    return !busy;
}

void grant_handle_check(struct grant_domain *g, uint32_t handle, struct domain *granter)
{
    if (likely(!READ_ONCE(granter->grant->closed)))
        return;
    /* Who works on it may leave it as it was: an unmap that names a wrong address. */
    while (!convert_handle(g, handle, granter))
        __builtin_ia32_pause();
}

/* What one domain has mapped of `d`. */
static int convert_all(struct grant_domain *g, struct domain *d)
{
    uint32_t end = __atomic_load_n(&g->maptrack_pages, __ATOMIC_ACQUIRE) * (uint32_t)MAPPINGS_PER_PAGE;

    for (; d->grant->orphaned_handle < end; d->grant->orphaned_handle++) {
        if (!convert_handle(g, d->grant->orphaned_handle, d))
            return -ERESTART;
        if (d->grant->orphaned_handle % 256 == 255 && softirq_pending()) {
            d->grant->orphaned_handle++;
            return -ERESTART;
        }
    }
    d->grant->orphaned_handle = 0;
    return 0;
}

#define OTHER_REFERENCES 2 /* its existence's, and the caller's: each mapping of ours has one more */

int grant_domain_orphan(struct domain *d)
{
    struct grant_domain *g = d->grant;
    struct domain *mapper;
    int rc = 0;

    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* it is closed, and then we look */
    while (!rc && g->orphaned_domain < DOMID_FIRST_RESERVED &&
           __atomic_load_n(&d->references, __ATOMIC_SEQ_CST) > OTHER_REFERENCES) {
        mapper = domain_get((domid_id_t)g->orphaned_domain);
        if (mapper) {
            rc = convert_all(mapper->grant, d);
            domain_put(mapper);
        }
        if (!rc && ++g->orphaned_domain % 256 == 0 && softirq_pending())
            rc = -ERESTART;
    }
    return rc;
}
