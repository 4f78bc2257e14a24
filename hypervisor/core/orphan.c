/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Orphans: one list, one lock. The lock is a leaf, taken under the page lock of the domain that a frame
 * leaves, and held for a few instructions; who frees an ordinary page does not take it. An owner changes to
 * FRAME_OWNER_ORPHAN under both locks, so who holds either knows whose a frame is.
 */
#include "core/orphan.h"
#include "core/frame_list.h"
#include "core/frame_ref.h"
#include "core/heap.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/softirq.h"

static struct {
    lock_t lock;
    uint32_t list;
    uint64_t count;
} orphans = {.lock = LOCK_INIT(RANK_LEAF), .list = FRAME_LIST_END};
LOCK_SHOWN(orphans, orphans.lock, "frames of dead domains");

/* Lock held. */
static void adopt(struct frame *f)
{
    frame_list_add(&orphans.list, f);
    orphans.count++;
    __atomic_store_n(&f->owner, FRAME_OWNER_ORPHAN, __ATOMIC_RELEASE);
}

/*
 * A page table that another processor just works on, in the domain's name, goes when that is done. It is not
 * looked for again: the domain waits for it.
 */
static bool in_work(const struct frame *f)
{
    uint64_t w = READ_ONCE(f->word);

    return fw_phase(w) != FW_IDLE && ft_is_table(fw_type(w));
}

/* True: it was the domain's last page. */
static bool move(struct domain *d, struct frame *f, uint64_t *moved)
{
    bool last = false;

    lock(&d->page_lock);
    if (READ_ONCE(f->owner) == d->id && (f->flags & FRAME_ON_LIST) && !in_work(f)) {
        domain_page_leaves(d, f);
        last = !d->tot_pages;
        lock(&orphans.lock);
        adopt(f);
        unlock(&orphans.lock);
        ++*moved;
    }
    unlock(&d->page_lock);
    return last;
}

int orphan_pages(struct domain *d)
{
    uint64_t moved = 0;
    struct frame *f;
    int rc = 0;

    while (!rc && (f = domain_pages_current(d)) != NULL) {
        if (move(d, f, &moved))
            domain_put(d);
        domain_pages_advance(d, f);
        if (softirq_pending())
            rc = -ERESTART;
    }
    if (moved)
        log_info("d%u: others map %lu of its pages and keep them (debug key 'O')\n", d->id,
                 (unsigned long)moved);
    return rc;
}

void orphan_free_shared_page(struct domain *d, void *va)
{
    struct frame *f = mfn_to_frame(va_to_mfn(va));
    bool kept;

    lock(&orphans.lock);
    kept = (f->flags & (FRAME_XENHEAP | FRAME_GIVEN_UP)) == (FRAME_XENHEAP | FRAME_GIVEN_UP);
    if (kept) {
        /* The owner first: who drops a reference now looks at both without our lock, and takes a page that is not ours for its owner's. */
        adopt(f);
        __atomic_store_n(&f->flags, (uint16_t)(f->flags & ~(FRAME_XENHEAP | FRAME_HYPERVISOR)),
                         __ATOMIC_RELEASE);
    }
    unlock(&orphans.lock);
    if (!kept)
        hv_free_page(va);
    else
        log_info("d%u: others map a page that it shared with us, and keep it\n", d->id);
}

bool orphan_release(struct frame *f)
{
    bool is_orphan, is_shared;

    lock(&orphans.lock);
    is_orphan = f->owner == FRAME_OWNER_ORPHAN;
    is_shared = !is_orphan && (f->flags & FRAME_XENHEAP);
    if (is_orphan) {
        frame_list_del(&orphans.list, f);
        orphans.count--;
    } else if (is_shared) { /* its memory is freed by who made it, when the domain is */
        panic_on(!(f->flags & FRAME_GIVEN_UP));
        f->owner = FRAME_OWNER_NONE;
        f->flags &= (uint16_t) ~(FRAME_XENHEAP | FRAME_GIVEN_UP);
    }
    unlock(&orphans.lock);
    if (is_orphan) {
        m2p_set(frame_to_mfn(f), INVALID_M2P);
        heap_free(f, 0);
    }
    return is_orphan || is_shared;
}

uint64_t orphan_count(void)
{
    return READ_ONCE(orphans.count);
}

struct frame *orphan_first(void)
{
    return orphans.list == FRAME_LIST_END ? NULL : mfn_to_frame(MFN(orphans.list));
}

struct frame *orphan_next(const struct frame *f)
{
    return f->next == FRAME_LIST_END ? NULL : mfn_to_frame(MFN(f->next));
}
