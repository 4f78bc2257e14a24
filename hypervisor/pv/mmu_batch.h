/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What mmu_update and mmuext_op share: both take (requests, count, pdone, foreigndom), begin with what the vcpu has left unfinished, may stop between two
 * requests, and say in *pdone how many were performed, over all continuations. A template: both are hot, and each has it compiled with its own functions.
 */
#ifndef PV_MMU_BATCH_H
#define PV_MMU_BATCH_H

#include "hv/guest.h"
#include "pv/mmu.h"

/* In a count argument: this is the continuation of a call; *pdone counts from before. */
#define MMU_PREEMPTED 0x80000000u

/* A batch stops after a request that was performed: -ERESTART if something is left to do, 0 if not. */
static inline int mmu_batch_stop(struct hypercall *hc, bool more)
{
    return more || pv_has_pending(hc->vcpu) ? -ERESTART : 0;
}

struct mmu_batch {
    /* Performs requests from `ptr` on. Returns how many were; *ret is 0, or why the next one was not: -ERESTART included. */
    unsigned int (*perform)(const struct pv_mmu_context *c, guest_ptr_t ptr, unsigned int count, int *ret);
    size_t (*request_size)(const struct hypercall *hc); /* bytes in the guest's memory */
    /* *pdone is written also where only the owner of the frames is refused, not that of the tables. */
    bool tells_own_tables;
};

static inline __attribute__((always_inline)) long mmu_batch(struct hypercall *hc,
                                                            const struct mmu_batch batch)
{
    uint32_t count = (uint32_t)hc->arg[1], before = 0, done = 0;
    guest_ptr_t pdone = hypercall_ptr(hc, 2);
    struct pv_mmu_context c;
    int ret = 0;

    if (unlikely(!guest_may_name(hc->arg[0])))
        return -EFAULT;
    if (unlikely(count & MMU_PREEMPTED)) {
        count &= ~MMU_PREEMPTED;
        if (guest_ptr_is_null(pdone) || copy_from_guest(&before, pdone, sizeof(before)))
            before = 0;
    }
    if (pv_has_pending(hc->vcpu))
        ret = pv_finish_pending(hc);
    if (likely(ret == 0)) {
        ret = pv_mmu_context_get(&c, hc, (uint32_t)hc->arg[3]);
        if (likely(ret == 0)) {
            done = batch.perform(&c, hypercall_ptr(hc, 0), count, &ret);
            pv_mmu_context_put(&c);
        } else if (!c.pt || !batch.tells_own_tables) {
            return ret;
        }
    }
    before += done;
    if (!guest_ptr_is_null(pdone) && copy_to_guest(pdone, &before, sizeof(before)))
        before = 0; /* as on Xen, the count gets lost and nobody minds */
    if (unlikely(ret == -ERESTART)) {
        hc->arg[0] += (uint64_t)done * batch.request_size(hc);
        hc->arg[1] = (count - done) | MMU_PREEMPTED;
    }
    return ret;
}

#endif
