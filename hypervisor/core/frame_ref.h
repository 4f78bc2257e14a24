/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * References to frames: the driver of the page-type machine (core/frame_word.h, docs/design/page-types.md). Everything here may be called
 * on any processor at any time with interrupts on; no lock is needed, and none may be held by a caller that can start a validation
 * (types FT_L1 to FT_SEGDESC) or change a frame's type (it may flush TLBs, which waits for other processors).
 *
 * A type reference always comes with a general one: frame_get_type() takes both, frame_put_type() gives both back. The owner is checked after the
 * reference is held, when it can no longer change (PT11).
 */
#ifndef CORE_FRAME_REF_H
#define CORE_FRAME_REF_H

#include "core/domain.h"
#include "core/frame_word.h"
#include "core/heap.h"
#include "core/hypercall.h"
#include "hv/errno.h"
#include "hv/frame.h"
#include "hv/panic.h"

static inline bool frame_cas(struct frame *f, uint64_t *seen, uint64_t next)
{
    return __atomic_compare_exchange_n(&f->word, seen, next, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED);
}

/* A general reference to a frame of the domain. False: it is not the domain's, is free, or its count is full. */
bool __must_check frame_get(struct frame *f, const struct domain *owner);
/* A general reference whoever the owner is (FRAME_OWNER_NONE not included): look at f->owner afterwards. */
bool __must_check frame_get_any(struct frame *f);
/* Gives back a general reference; with the last one the frame goes back to the heap. */
void frame_put(struct frame *f);
/* The last general reference is gone (FW_LAST): stamps the frame and lets it go. For who took it by the machine directly. */
void frame_release(struct frame *f);

/* PT13, PT14: how it is mapped, one of FW_MARKS. The caller holds the writable reference of the entry that maps it so. */
void frame_mark(struct frame *f, uint64_t mark);

int frame_get_type_slow(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
    __must_check;
int frame_put_type_slow(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc);

/*
 * A type reference and a general reference. `hc` NULL: never stops half way, and does not take a page table that somebody left half devalidated (-EINVAL).
 * -EINVAL: not a frame of `owner`, or of another type; -ENOSPC: the count is full; what validation says of the contents;
 * -ERESTART: call again with the same arguments; nothing is held (the frame remembers how far it came).
 */
static inline __must_check int frame_get_type(struct frame *f, struct domain *owner, enum frame_type type,
                                              struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);

    if (likely(fw_is_ready(w, type) && READ_ONCE(f->owner) == owner->id &&
               frame_cas(f, &w, w + FW_BOTH_ONE))) {
        if (likely(READ_ONCE(f->owner) == owner->id))
            return 0;
        frame_put_type_slow(f, owner, type, NULL); /* PT11: it changed hands before we held it */
        return -EINVAL;
    }
    return frame_get_type_slow(f, owner, type, hc);
}

/*
 * Gives both back. 0, or -ERESTART (never for FT_WRITABLE, FT_SEGDESC or `hc` NULL): the references are gone all the same, but what the table's entries hold is not
 * yet; the caller keeps the frame's address and calls frame_resume() until that returns 0.
 */
static inline int frame_put_type(struct frame *f, struct domain *owner, enum frame_type type,
                                 struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);

    if (likely(fw_is_valid(w, type) && fw_types(w) > 1 && frame_cas(f, &w, w - FW_BOTH_ONE)))
        return 0;
    return frame_put_type_slow(f, owner, type, hc);
}

/*
 * Drops what a half-validated or half-devalidated frame's entries still hold. `f` may have become anything since: then there is nothing to do. Needs no reference of the caller's, and
 * takes none. 0 or -ERESTART.
 */
int frame_resume(struct frame *f, struct domain *owner, struct hypercall *hc);

/*
 * Pins the frame as a page table of that type. -EINVAL also: pinned already. Unpin: -EINVAL: no pinned frame of the domain's; -ERESTART as for frame_put_type(). It needs no reference of the
 * caller's, and takes none: a count at its limit does not keep a pin for good.
 */
int frame_pin(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc) __must_check;
int frame_unpin(struct frame *f, struct domain *owner, struct hypercall *hc) __must_check;

/*
 * What a page table's frame keeps in struct frame.data. PT5: in phases WORK and PARTIAL entries [0, progress) hold references. The marks of linear
 * page tables (PT12) change atomically, and outlive the table: they may be of an operation that is under way.
 */
#define TD_PROGRESS_MASK 0xffffULL
#define TD_CHILD         BIT(16) /* the entry at `progress` names a frame that was left PARTIAL for our sake */
#define TD_FAILED        BIT(17) /* validation has failed: devalidate what is held, then report the error */
#define TD_ERRNO_SHIFT   18
#define TD_ERRNO_MASK    0xffULL
#define TD_LINEAR        BIT(26) /* it has had, or was to have, a linear entry, one to itself included */
#define TD_LINEAR_IN     BIT(32) /* + 1: linear entries elsewhere that name this table */
#define TD_LINEAR_OUT    BIT(48) /* + 1: linear entries of this table */
#define TD_LINEAR_MARKS  (TD_LINEAR | ~(TD_LINEAR_IN - 1))

/*
 * Given by pv/validate.c, or by a test. Both are called in phase WORK by the one processor that works on the frame. They keep data's progress.
 * validate: 0; -ERESTART; -EINVAL (or any other error): the entries from progress on hold nothing.
 * devalidate: 0; -ERESTART. Never fails.
 */
int frame_type_validate(struct domain *owner, struct frame *f, enum frame_type type, struct hypercall *hc)
    __must_check;
int frame_type_devalidate(struct domain *owner, struct frame *f, enum frame_type type, struct hypercall *hc)
    __must_check;

/*
 * The entry locks: whoever writes an entry of a VALID page table holds its lock and has seen VALID under it; a worker that entered WORK passes
 * through the lock once before it looks at the entries (PT4). They are spread over a fixed array, so that the lock of a frame which is
 * just being freed can be taken without harm. Held for some ten instructions; nothing is called while one is held.
 */
#define ENTRY_LOCKS 1024
#ifndef RACE_POINT
#define RACE_POINT() /* a test lets other threads in here */
#endif
extern uint32_t entry_locks[ENTRY_LOCKS];

static inline uint32_t *entry_lock(uint64_t mfn)
{
    uint32_t *l = &entry_locks[mfn % ENTRY_LOCKS];

    RACE_POINT();
    while (unlikely(__atomic_exchange_n(l, 1, __ATOMIC_SEQ_CST)))
        while (__atomic_load_n(l, __ATOMIC_RELAXED)) {
            RACE_POINT();
            __builtin_ia32_pause();
        }
    return l;
}

static inline void entry_unlock(uint32_t *l)
{
    __atomic_store_n(l, 0, __ATOMIC_RELEASE);
}

#endif
