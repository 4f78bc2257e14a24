/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mmu_update: batches of checked writes to page table entries, and to M2P. Hot: a write to an L1 table of one's own. */
#include "hv/guest.h"
#include "pv/mmu.h"
#include "pv/mmu_batch.h"

#define CHUNK 16

/* A page that is no page table is written as ordinary memory of the table's owner. */
static int write_plain_page(const struct pv_mmu_context *c, struct frame *f, uint64_t *slot, uint64_t val)
{
    int ret = frame_get_type(f, c->pt, FT_WRITABLE, c->hc);

    if (ret)
        return ret;
    WRITE_ONCE(*slot, val); /* there are no accessed and dirty bits to preserve */
    frame_put_type(f, c->pt, FT_WRITABLE, c->hc);
    return 0;
}

static __noinline int update_other(const struct pv_mmu_context *c, struct frame *f, uint64_t *slot,
                                   uint64_t val, enum pv_store how)
{
    uint64_t w = READ_ONCE(f->word);
    int ret;

    if (READ_ONCE(f->owner) != c->pt->id)
        return -EINVAL;
    if (fw_phase(w) != FW_VALID || !ft_is_table(fw_type(w)))
        return write_plain_page(c, f, slot, val);
    if (fw_type(w) == FT_L1)
        return pv_update_l1(c, f, slot, val, how);
    if (c->pg != c->pt)
        return -EINVAL; /* tables are made of one's own frames */
    /* The table stays one while its entry changes: what validation of the new entry takes is of no use otherwise. */
    if (!frame_get(f, c->pt))
        return -EINVAL;
    ret = pv_update_table(c, f, fw_type(w), slot, val, how);
    frame_put(f);
    return ret;
}

static inline int update_entry(const struct pv_mmu_context *c, uint64_t ptr, uint64_t val, enum pv_store how)
{
    mfn_t mfn = paddr_to_mfn(ptr);
    struct frame *f;
    uint64_t *slot;

    if (unlikely(!mfn_valid_from_guest(&mfn)))
        return -EINVAL;
    f = mfn_to_frame(mfn);
    slot = (uint64_t *)((uint8_t *)mfn_to_va(mfn) + (ptr & (PAGE_SIZE - 1)));
    if (likely(fw_is_valid(READ_ONCE(f->word), FT_L1) && READ_ONCE(f->owner) == c->pt->id))
        return pv_update_l1(c, f, slot, val, how);
    return update_other(c, f, slot, val, how);
}

static __noinline int update_m2p(const struct pv_mmu_context *c, uint64_t ptr, uint64_t val)
{
    mfn_t mfn = paddr_to_mfn(ptr);
    struct frame *f;

    if (c->pt != c->caller) /* as on Xen: no table is meant here */
        return -EPERM;
    if (!mfn_valid_from_guest(&mfn))
        return -EINVAL;
    f = mfn_to_frame(mfn);
    if (!frame_get(f, c->pg))
        return -EINVAL;
    m2p_set(mfn, val);
    frame_put(f);
    return 0;
}

static inline int perform(const struct pv_mmu_context *c, const mmu_update_t *u)
{
    uint64_t ptr = u->ptr & ~7ULL;

    switch (u->ptr & 7) {
    case MMU_NORMAL_PT_UPDATE:
    case MMU_PT_UPDATE_NO_TRANSLATE:
        return update_entry(c, ptr, u->val, PV_STORE_PLAIN);
    case MMU_PT_UPDATE_PRESERVE_AD:
        return update_entry(c, ptr, u->val, PV_STORE_PRESERVE_AD);
    case MMU_MACHPHYS_UPDATE:
        return update_m2p(c, ptr, u->val);
    default:
        return -ENOSYS;
    }
}

static unsigned int perform_all(const struct pv_mmu_context *c, guest_ptr_t ptr, unsigned int count, int *ret)
{
    mmu_update_t chunk[CHUNK];
    unsigned int done = 0;

    while (done < count) {
        unsigned int n = min(count - done, (unsigned int)CHUNK);

        *ret =
            copy_from_guest(chunk, guest_ptr_add(ptr, (uint64_t)done * sizeof(*chunk)), n * sizeof(*chunk));
        if (unlikely(*ret) && n > 1) { /* the first of them may be there */
            n = 1;
            *ret =
                copy_from_guest(chunk, guest_ptr_add(ptr, (uint64_t)done * sizeof(*chunk)), sizeof(*chunk));
        }
        if (unlikely(*ret))
            return done;
        for (unsigned int i = 0; i < n; i++) {
            *ret = perform(c, &chunk[i]);
            if (unlikely(*ret))
                return done;
            done++;
            if (unlikely(hypercall_preempt(c->hc) || pv_has_pending(c->hc->vcpu))) {
                *ret = mmu_batch_stop(c->hc, done < count);
                return done;
            }
        }
    }
    return done;
}

static size_t request_size(const struct hypercall *hc)
{
    (void)hc;
    return sizeof(mmu_update_t);
}

/* mmu_update(reqs, count, pdone, foreigndom) */
long do_mmu_update(struct hypercall *hc)
{
    return mmu_batch(hc,
                     (struct mmu_batch){perform_all, request_size, .tells_own_tables = true}); /* as on Xen */
}
