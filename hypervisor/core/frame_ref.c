/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The driver of the page-type machine: compare-and-swap, flush, validate, continue. It knows nothing of page table entries; those
 * are frame_type_validate()'s and frame_type_devalidate()'s. Rules PTn: docs/design/page-types.md.
 */
#include "core/frame_ref.h"
#include "arch/x86/cache.h"
#include "arch/x86/tlb.h"

uint32_t entry_locks[ENTRY_LOCKS];

static __noinline __cold void broken(const struct frame *f, uint64_t w, const char *what)
{
    panic("frame %#lx: %s, but its word is %#lx\n", (unsigned long)frame_to_mfn(f).n, what, (unsigned long)w);
}

void frame_release(struct frame *f)
{
    frame_stamp(f);
    domain_release_frame(f);
}

bool frame_get_any(struct frame *f)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_get(w);
        if (unlikely(s.verdict != FW_DONE))
            return false;
    } while (unlikely(!frame_cas(f, &w, s.word)));
    return true;
}

bool frame_get(struct frame *f, const struct domain *owner)
{
    if (unlikely(READ_ONCE(f->owner) != owner->id || !frame_get_any(f)))
        return false;
    if (likely(READ_ONCE(f->owner) == owner->id))
        return true;
    frame_put(f); /* PT11: it changed hands before we held it */
    return false;
}

void frame_put(struct frame *f)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_put(w);
        if (unlikely(s.verdict == FW_BROKEN))
            broken(f, w, "a general reference is dropped");
    } while (unlikely(!frame_cas(f, &w, s.word)));
    if (unlikely(s.verdict == FW_LAST))
        frame_release(f);
}

void frame_mark(struct frame *f, uint64_t mark)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_mark(w, mark);
        if (unlikely(s.verdict == FW_BROKEN))
            broken(f, w, "it is mapped writable");
    } while (s.word != w && !frame_cas(f, &w, s.word));
}

/*
 * PT8: whoever may still use the frame by its last type's translations forgets them. PT14: then nobody writes past the
 * caches any more, and what they hold of the frame is made what memory holds.
 */
static void flush_retyped(const struct frame *f, const struct domain *owner, uint64_t before)
{
    cpumask_t mask = before & FW_STRANGERS ? cpu_online_mask : owner->dirty_cpus;

    tlb_filter(&mask, f->tlb_stamp);
    if (!cpumask_empty(&mask))
        tlb_flush_mask(&mask, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    if (unlikely(before & FW_UNCACHED))
        cache_write_back(frame_to_va(f), PAGE_SIZE);
}

static void finish(struct frame *f, struct fw_step (*step)(uint64_t w))
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = step(w);
        if (unlikely(s.verdict == FW_BROKEN))
            broken(f, w, "work on it ends");
    } while (!frame_cas(f, &w, s.word));
    if (s.verdict == FW_LAST)
        frame_release(f);
}

/* In phase WORK. PT4: nobody who saw the table VALID is still writing an entry once we have had its lock. */
static int devalidate(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    entry_unlock(entry_lock(frame_to_mfn(f).n));
    return frame_type_devalidate(owner, f, type, hc);
}

/*
 * Nothing of its former life as a table but the linear marks (PT12): who saw it VALID then may be about to store an
 * entry, has counted it, and will find it VALID again.
 */
static void forget_progress(struct frame *f)
{
    if (READ_ONCE(f->data))
        __atomic_fetch_and(&f->data, TD_LINEAR_MARKS, __ATOMIC_SEQ_CST);
}

static int devalidate_and_finish(struct frame *f, struct domain *owner, enum frame_type type,
                                 struct hypercall *hc)
{
    int ret = devalidate(f, owner, type, hc);

    if (ret) {
        finish(f, fw_finish_partial);
        return ret;
    }
    forget_progress(f);
    frame_stamp(f);
    finish(f, fw_finish_idle);
    return 0;
}

/* In phase WORK, on the way to VALID; the worker's references become the caller's, or are gone on error. */
static int validate_and_finish(struct frame *f, struct domain *owner, enum frame_type type, uint64_t before,
                               struct hypercall *hc)
{
    int ret = 0;

    if (fw_phase(before) == FW_IDLE) {
        forget_progress(f);
        if (fw_flush_needed(before, type))
            flush_retyped(f, owner, before);
    }
    if (!(f->data & TD_FAILED))
        ret = frame_type_validate(owner, f, type, hc);
    if (ret == 0 && !(f->data & TD_FAILED)) {
        finish(f, fw_finish_valid);
        return 0;
    }
    if (ret == -ERESTART) {
        finish(f, fw_finish_partial);
        return ret;
    }
    if (!ft_is_table(type)) {
        finish(f, fw_finish_idle);
        return ret;
    }
    /* What was taken is given back; the failure is remembered while that takes its time. */
    if (ret)
        __atomic_fetch_or(&f->data, TD_FAILED | (uint64_t)-ret << TD_ERRNO_SHIFT, __ATOMIC_SEQ_CST);
    ret = -(int)(f->data >> TD_ERRNO_SHIFT & TD_ERRNO_MASK);
    return devalidate_and_finish(f, owner, type, hc) ? -ERESTART : ret;
}

/* One look at the word and what follows from it. 0: done; 1: look again; or an error. The caller holds a general reference: `f` stays `owner`'s. */
static int get_type_step(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s = fw_get_type(w, type);
    int ret;

    switch (s.verdict) {
    case FW_DONE:
        return frame_cas(f, &w, s.word) ? 0 : 1;
    case FW_FLUSH:
        if (!frame_cas(f, &w, s.word))
            return 1;
        flush_retyped(f, owner, w);
        finish(f, fw_finish_valid);
        return 0;
    case FW_VALIDATE:
        return frame_cas(f, &w, s.word) ? validate_and_finish(f, owner, type, w, hc) : 1;
    case FW_DEVALIDATE:
        if (!hc) /* a whole address space may hang on it: not for who cannot stop, or holds a lock */
            return -EINVAL;
        if (!frame_cas(f, &w, s.word))
            return 1;
        ret = devalidate_and_finish(f, owner, fw_type(w), hc);
        return ret ? ret : 1;
    case FW_BUSY:
        __builtin_ia32_pause();
        return hc && hypercall_preempt(hc) ? -ERESTART : 1;
    case FW_OVERFLOW:
        return -ENOSPC;
    case FW_BROKEN:
        broken(f, w, "a type reference is taken");
        return -EINVAL;
    default:
        return -EINVAL;
    }
}

int frame_get_type_slow(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s = fw_get_type(w, type);
    int ret;

    /* The commonest of the rest: the first writable mapping of a page that was writable last. */
    if (READ_ONCE(f->owner) == owner->id && s.verdict == FW_DONE && frame_cas(f, &w, s.word)) {
        if (likely(READ_ONCE(f->owner) == owner->id))
            return 0;
        frame_put_type_slow(f, owner, type, NULL);
        return -EINVAL;
    }
    if (!frame_get(f, owner))
        return READ_ONCE(f->owner) == owner->id && fw_general(READ_ONCE(f->word)) ? -ENOSPC : -EINVAL;
    do {
        ret = get_type_step(f, owner, type, hc);
    } while (ret == 1);
    frame_put(f);
    return ret;
}

int frame_put_type_slow(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_put_type(w, type);
        if (unlikely(s.verdict == FW_BROKEN))
            broken(f, w, "a type reference is dropped");
        /* PT8: only who drops the last type reference gets here with a count of one, so this cannot overwrite a younger stamp. */
        if (fw_types(w) == 1) {
            /* What mapped a descriptor page was removed by a plain store, which must be seen before the clock is read. (L1 entries: pv_store_entry().) */
            if (type != FT_WRITABLE)
                __atomic_thread_fence(__ATOMIC_SEQ_CST);
            frame_stamp(f);
        }
    } while (unlikely(!frame_cas(f, &w, s.word)));
    if (s.verdict == FW_LAST)
        frame_release(f);
    return s.verdict == FW_DEVALIDATE ? devalidate_and_finish(f, owner, type, hc) : 0;
}

static bool is_of(const struct frame *f, const struct domain *owner)
{
    uint16_t id = READ_ONCE(f->owner);

    return id == owner->id || id == FRAME_OWNER_ORPHAN;
}

/* No reference is taken for it: the phase's own serves, so that a count at its limit does not keep a table from its end. */
int frame_resume(struct frame *f, struct domain *owner, struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_resume_devalidate(w);
        if (s.verdict != FW_DEVALIDATE || !is_of(f, owner))
            return 0;
    } while (!frame_cas(f, &w, s.word));
    if (unlikely(!is_of(f, owner))) { /* PT11: it changed hands before we held it */
        finish(f, fw_finish_partial);
        return 0;
    }
    return devalidate_and_finish(f, owner, fw_type(w), hc);
}

int frame_pin(struct frame *f, struct domain *owner, enum frame_type type, struct hypercall *hc)
{
    int ret = frame_get_type(f, owner, type, hc);
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    if (ret)
        return ret;
    do {
        s = fw_pin(w, type);
        if (s.verdict == FW_BROKEN)
            broken(f, w, "it is pinned");
        if (s.verdict !=
            FW_DONE) /* usually the other pin keeps it valid; if it was just undone, a repetition of this pin succeeds */
            return frame_put_type(f, owner, type, hc) ? -ERESTART : -EINVAL;
    } while (!frame_cas(f, &w, s.word));
    return 0;
}

/* The pin's references become the caller's. False: it is not pinned. */
static bool take_pin(struct frame *f, enum frame_type *type)
{
    uint64_t w = READ_ONCE(f->word);
    struct fw_step s;

    do {
        s = fw_unpin(w);
        if (s.verdict != FW_DONE)
            return false;
    } while (!frame_cas(f, &w, s.word));
    *type = fw_type(w);
    return true;
}

int frame_unpin(struct frame *f, struct domain *owner, struct hypercall *hc)
{
    enum frame_type type;
    bool taken;

    lock(&owner->page_lock); /* while it is held the frame does not leave the domain */
    taken = READ_ONCE(f->owner) == owner->id && take_pin(f, &type);
    unlock(&owner->page_lock);
    return taken ? frame_put_type(f, owner, type, hc) : -EINVAL;
}
