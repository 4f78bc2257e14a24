/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One call from a guest: decode -> authorise -> perform -> encode (DESIGN 2, 3, 10).
 *
 * A handler that has run long enough (hypercall_preempt()) stores what is left to do into hc->arg[] and returns -ERESTART: the guest's
 * instruction is then executed again with those arguments, after interrupts, softirqs and events were served. What stands in arg[] is under
 * the guest's control at that moment: check it again. Inside a multicall, the entry in guest memory is rewritten.
 */
#ifndef CORE_HYPERCALL_H
#define CORE_HYPERCALL_H

#include "core/domain.h"
#include "hv/softirq.h"

/* What kind of guest calls: bit 0 is the width of its layouts. */
enum hypercall_caller { CALLER_PV64, CALLER_PV32, CALLER_HVM64, CALLER_HVM32, CALLER_KINDS };

struct hypercall {
    struct vcpu *vcpu; /* the caller, running */
    uint64_t arg[6];
    uint64_t number; /* the whole register: no high bits are forgotten */
    uint8_t caller;  /* enum hypercall_caller; set once, where the call comes in */
    bool in_multicall;
    bool keeps_registers; /* the handler has set the caller's registers itself: no result is stored */
    uint32_t
        budget; /* units of work until the next look at the clock; shared by a multicall and its children */
};

typedef long (*hypercall_fn)(struct hypercall *hc);

#ifndef HYPERCALL_BUDGET /* tests stop at every unit */
#define HYPERCALL_BUDGET 64
#endif

/*
 * Call once for each unit of work (about a page table entry or a copy of a page, at most some 2,000
 * instructions): true if the handler should stop.
 */
static inline bool hypercall_preempt(struct hypercall *hc)
{
    if (likely(--hc->budget))
        return false;
    hc->budget = HYPERCALL_BUDGET;
    return softirq_pending();
}

/* What was just done was `units` of work; hypercall_preempt() after it counts the last of them. */
static inline void hypercall_charge(struct hypercall *hc, uint64_t units)
{
    if (units > 1)
        hc->budget -= (uint32_t)min(hc->budget - 1ULL, units - 1);
}

#define hypercall_ptr(hc, i) GUEST_PTR((hc)->arg[i])

static inline bool hypercall_width32(const struct hypercall *hc)
{
    return hc->caller & CALLER_PV32;
}

/*
 * The table: top/hypercalls.c. Calls the handler of hc->number, if the number's row names the caller's kind
 * and admits the caller; -ENOSYS, -EPERM otherwise. The second form is for entries whose callers are all
 * 64-bit PV guests.
 */
long hypercall_dispatch(struct hypercall *hc);
long hypercall_dispatch_pv64(struct hypercall *hc);

#endif
