/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page-type machine: what one 64-bit word says about a frame, and the only ways in which it may change. Pure and total: each function
 * takes any word and returns a verdict and, where the verdict says so, the word to store. Nothing here touches memory; the driver
 * (core/frame_ref.c) does the compare-and-swap, the flush, the validation. Rules are cited as PT1..PT14: docs/design/page-types.md.
 *
 *   63  62         61          60       59 58   57  54   53              28   27                 0
 *  +---+----------+-----------+--------+-------+-------+--------------------+--------------------+
 *  | 0 | uncached | strangers | pinned | phase | type  | type references    | general references |
 *  +---+----------+-----------+--------+-------+-------+--------------------+--------------------+
 *
 * The highest bit of each count is its guard: a count with the guard set takes no more references, so that a count and its
 * limit are tested together with type and phase by one masked comparison.
 * A test narrows the counts by defining FW_GENERAL_BITS and FW_COUNT_BITS first.
 */
#ifndef CORE_FRAME_WORD_H
#define CORE_FRAME_WORD_H

#include "hv/types.h"

#ifndef FW_GENERAL_BITS
#define FW_GENERAL_BITS 28
#define FW_COUNT_BITS   26
#endif

/* What a frame is used as. Anything from FT_L1 to FT_L4 is a page table (for a 32-bit guest the rules of its PAE levels apply). */
enum frame_type {
    FT_NONE,     /* nothing yet: since it was allocated, no typed reference was taken */
    FT_WRITABLE, /* mapped writable by a guest, or written by the hypervisor on a guest's behalf */
    FT_L1,
    FT_L2,
    FT_L3,
    FT_L4,
    FT_SEGDESC,  /* segment descriptors: a page of a GDT or LDT */
    FT_READONLY, /* the hypervisor shows it to guests and never lets one write: held for ever */
    FT_COUNT,
};

enum fw_phase {
    FW_IDLE, /* no type references; `type` is what it was last */
    FW_WORK, /* one processor flushes, validates or devalidates; it holds the one type reference and a general one */
    FW_PARTIAL, /* a page table, some of whose entries hold references; nobody works on it; the phase itself holds a general reference */
    FW_VALID,   /* it is of that type and safe to use as such */
};

#define FW_GENERAL_ONE   1ULL
#define FW_GENERAL_MASK  (BIT(FW_GENERAL_BITS) - 1)
#define FW_GENERAL_GUARD BIT(FW_GENERAL_BITS - 1)
#define FW_COUNT_ONE     BIT(FW_GENERAL_BITS)
#define FW_COUNT_MASK    ((BIT(FW_COUNT_BITS) - 1) << FW_GENERAL_BITS)
#define FW_COUNT_GUARD   BIT(FW_GENERAL_BITS + FW_COUNT_BITS - 1)
#define FW_TYPE_SHIFT    (FW_GENERAL_BITS + FW_COUNT_BITS)
#define FW_TYPE_MASK     (0xfULL << FW_TYPE_SHIFT)
#define FW_PHASE_SHIFT   (FW_TYPE_SHIFT + 4)
#define FW_PHASE_MASK    (3ULL << FW_PHASE_SHIFT)
#define FW_PINNED        BIT(FW_PHASE_SHIFT + 2)
#define FW_STRANGERS                                                                                         \
    BIT(FW_PHASE_SHIFT + 3) /* PT13: it was mapped writable by another domain than its owner */
#define FW_UNCACHED BIT(FW_PHASE_SHIFT + 4) /* PT14: it was mapped writable past the caches */
#define FW_MARKS    (FW_STRANGERS | FW_UNCACHED)
#define FW_BOTH_ONE (FW_COUNT_ONE + FW_GENERAL_ONE)
_Static_assert(FW_PHASE_SHIFT + 5 <= 64, "the word holds it all");

enum fw_verdict {
    /* Store the word. */
    FW_DONE,
    FW_FLUSH,    /* phase is WORK now: flush, then fw_finish_valid() */
    FW_VALIDATE, /* phase is WORK now: flush, validate from where it stopped, then one of the fw_finish_ */
    FW_DEVALIDATE, /* phase is WORK now: drop what the entries hold, then fw_finish_idle() or fw_finish_partial() */
    FW_LAST,       /* that was the last general reference: release the frame */
    /* Store nothing. */
    FW_BUSY,       /* somebody works on it: look again */
    FW_WRONG_TYPE, /* it is something else, or becomes something else */
    FW_OVERFLOW,
    FW_GONE,   /* nobody holds it: it is free, or about to be */
    FW_BROKEN, /* the caller has no such reference: a bug of the hypervisor */
};

struct fw_step {
    uint64_t word;
    enum fw_verdict verdict;
};

static inline uint64_t fw_make(enum frame_type type, enum fw_phase phase, uint64_t types, uint64_t generals)
{
    return (uint64_t)phase << FW_PHASE_SHIFT | (uint64_t)type << FW_TYPE_SHIFT | types << FW_GENERAL_BITS |
           generals;
}

static inline uint64_t fw_general(uint64_t w)
{
    return w & FW_GENERAL_MASK;
}

static inline uint64_t fw_types(uint64_t w)
{
    return (w & FW_COUNT_MASK) >> FW_GENERAL_BITS;
}

static inline enum frame_type fw_type(uint64_t w)
{
    return (enum frame_type)((w & FW_TYPE_MASK) >> FW_TYPE_SHIFT);
}

static inline enum fw_phase fw_phase(uint64_t w)
{
    return (enum fw_phase)((w & FW_PHASE_MASK) >> FW_PHASE_SHIFT);
}

static inline bool fw_pinned(uint64_t w)
{
    return (w & FW_PINNED) != 0;
}

static inline bool ft_is_table(enum frame_type t)
{
    return t >= FT_L1 && t <= FT_L4;
}

/* Types whose contents must be looked at before they are used as such. */
static inline bool ft_is_checked(enum frame_type t)
{
    return t >= FT_L1 && t <= FT_SEGDESC;
}

/* PT8: translations, and the processor's caches of upper levels, may survive from the last type. */
static inline bool fw_flush_needed(uint64_t before, enum frame_type type)
{
    return fw_type(before) != FT_NONE && fw_type(before) != type;
}

/* The hot question: of this type, valid, and room in both counts. Adding FW_BOTH_ONE is then the whole step. */
static inline bool fw_is_ready(uint64_t w, enum frame_type type)
{
    return (w & (FW_TYPE_MASK | FW_PHASE_MASK | FW_COUNT_GUARD | FW_GENERAL_GUARD)) ==
           fw_make(type, FW_VALID, 0, 0);
}

static inline bool fw_is_valid(uint64_t w, enum frame_type type)
{
    return (w & (FW_TYPE_MASK | FW_PHASE_MASK)) == fw_make(type, FW_VALID, 0, 0);
}

static inline struct fw_step fw_step(enum fw_verdict verdict, uint64_t word)
{
    return (struct fw_step){.word = word, .verdict = verdict};
}

/* A word's counts and phase agree: PT1..PT5, PT13, PT14. What breaks this was never made by these functions. */
static inline bool fw_consistent(uint64_t w)
{
    uint64_t types = fw_types(w), generals = fw_general(w);
    enum frame_type t = fw_type(w);

    if (w >> (FW_PHASE_SHIFT + 5) || types > generals || t >= FT_COUNT ||
        types > FW_COUNT_GUARD >> FW_GENERAL_BITS || generals > FW_GENERAL_GUARD)
        return false;
    if (fw_pinned(w) && !(fw_phase(w) == FW_VALID && ft_is_table(t)))
        return false;
    if ((w & FW_MARKS) && !(t == FT_WRITABLE && (fw_phase(w) == FW_VALID || fw_phase(w) == FW_IDLE)))
        return false;
    switch (fw_phase(w)) {
    case FW_IDLE:
        return types == 0;
    case FW_WORK:
        return types == 1 && t != FT_NONE && t != FT_READONLY;
    case FW_PARTIAL:
        return types == 0 && generals >= 1 && ft_is_table(t);
    default:
        return types >= 1 && t != FT_NONE;
    }
}

/* --- General references: the frame stays allocated. --- */

static inline struct fw_step fw_get(uint64_t w)
{
    if (unlikely(fw_general(w) == 0))
        return fw_step(FW_GONE, w);
    if (unlikely(w & FW_GENERAL_GUARD))
        return fw_step(FW_OVERFLOW, w);
    return fw_step(FW_DONE, w + FW_GENERAL_ONE);
}

/* PT2: a general reference that a type reference, a phase or a pin leans on is not the caller's to drop. */
static inline struct fw_step fw_put(uint64_t w)
{
    uint64_t rest = fw_general(w) - 1;

    if (unlikely(fw_general(w) <= fw_types(w) || (rest == 0 && fw_phase(w) != FW_IDLE)))
        return fw_step(FW_BROKEN, w);
    return fw_step(likely(rest) ? FW_DONE : FW_LAST, w - FW_GENERAL_ONE);
}

/* --- Type references; a general reference comes and goes with each. --- */

/* PT13, PT14: with the old type the marks are forgotten; the driver, which sees the word before, flushes for them. */
static inline struct fw_step fw_get_type_idle(uint64_t w, enum frame_type type)
{
    uint64_t rest = fw_general(w) + 1;

    if (ft_is_checked(type))
        return fw_step(FW_VALIDATE, fw_make(type, FW_WORK, 1, rest));
    if (fw_flush_needed(w, type))
        return fw_step(FW_FLUSH, fw_make(type, FW_WORK, 1, rest));
    return fw_step(FW_DONE, fw_make(type, FW_VALID, 1, rest) | (w & FW_MARKS));
}

/* PT6: takes the frame as `type`, one of FT_WRITABLE to FT_SEGDESC. */
static inline struct fw_step fw_get_type(uint64_t w, enum frame_type type)
{
    if (unlikely(fw_general(w) == 0))
        return fw_step(FW_GONE, w);
    if (unlikely(type == FT_NONE || type >= FT_READONLY))
        return fw_step(FW_BROKEN, w);
    switch (fw_phase(w)) {
    case FW_VALID:
        if (fw_type(w) != type)
            return fw_step(FW_WRONG_TYPE, w);
        if (unlikely(w & (FW_COUNT_GUARD | FW_GENERAL_GUARD)))
            return fw_step(FW_OVERFLOW, w);
        return fw_step(FW_DONE, w + FW_BOTH_ONE);
    case FW_IDLE:
        if (unlikely(w & FW_GENERAL_GUARD))
            return fw_step(FW_OVERFLOW, w);
        return fw_get_type_idle(w, type);
    case FW_WORK: /* PT7: waiting for another type could wait for oneself */
        return fw_step(fw_type(w) == type ? FW_BUSY : FW_WRONG_TYPE, w);
    default: /* PT5: the phase's general reference becomes the caller's */
        return fw_step(fw_type(w) == type ? FW_VALIDATE : FW_DEVALIDATE,
                       w + FW_COUNT_ONE + fw_make(0, FW_WORK, 0, 0) - fw_make(0, FW_PARTIAL, 0, 0));
    }
}

/* Gives both back. For a table's last type reference they stay with the worker (FW_DEVALIDATE). FW_LAST: nobody holds the frame any more. */
static inline struct fw_step fw_put_type(uint64_t w, enum frame_type type)
{
    uint64_t rest = fw_general(w) - 1;

    if (unlikely(!fw_is_valid(w, type) || type == FT_READONLY || fw_types(w) == 0 ||
                 fw_general(w) < fw_types(w) || (fw_pinned(w) && fw_types(w) == 1)))
        return fw_step(FW_BROKEN, w);
    if (fw_types(w) > 1)
        return fw_step(FW_DONE, w - FW_BOTH_ONE);
    if (ft_is_table(type))
        return fw_step(FW_DEVALIDATE, w + fw_make(0, FW_WORK, 0, 0) - fw_make(0, FW_VALID, 0, 0));
    return fw_step(likely(rest) ? FW_DONE : FW_LAST, fw_make(type, FW_IDLE, 0, rest) | (w & FW_MARKS));
}

/* PT13, PT14: it is mapped writable in a way that is remembered, one of FW_MARKS; the caller holds the reference for that. */
static inline struct fw_step fw_mark(uint64_t w, uint64_t mark)
{
    if (unlikely(!fw_is_valid(w, FT_WRITABLE) || fw_types(w) == 0))
        return fw_step(FW_BROKEN, w);
    return fw_step(FW_DONE, w | mark);
}

/* PT9: the other kind of PARTIAL's end: finish what is left of it. FW_WRONG_TYPE: it is not PARTIAL. */
static inline struct fw_step fw_resume_devalidate(uint64_t w)
{
    if (fw_phase(w) != FW_PARTIAL)
        return fw_step(FW_WRONG_TYPE, w);
    return fw_step(FW_DEVALIDATE,
                   w + FW_COUNT_ONE + fw_make(0, FW_WORK, 0, 0) - fw_make(0, FW_PARTIAL, 0, 0));
}

/* --- The worker's ways out of WORK. --- */

static inline struct fw_step fw_finish_valid(uint64_t w)
{
    if (unlikely(fw_phase(w) != FW_WORK || fw_types(w) != 1))
        return fw_step(FW_BROKEN, w);
    return fw_step(FW_DONE, w + fw_make(0, FW_VALID, 0, 0) - fw_make(0, FW_WORK, 0, 0));
}

/* Drops both of the worker's references. */
static inline struct fw_step fw_finish_idle(uint64_t w)
{
    if (unlikely(fw_phase(w) != FW_WORK || fw_types(w) != 1 || fw_general(w) == 0))
        return fw_step(FW_BROKEN, w);
    w = w - FW_BOTH_ONE - fw_make(0, FW_WORK, 0, 0);
    return fw_step(fw_general(w) ? FW_DONE : FW_LAST, w);
}

/* The worker's general reference becomes the phase's. Page tables only. */
static inline struct fw_step fw_finish_partial(uint64_t w)
{
    if (unlikely(fw_phase(w) != FW_WORK || fw_types(w) != 1 || fw_general(w) == 0 ||
                 !ft_is_table(fw_type(w))))
        return fw_step(FW_BROKEN, w);
    return fw_step(FW_DONE, w - FW_COUNT_ONE + fw_make(0, FW_PARTIAL, 0, 0) - fw_make(0, FW_WORK, 0, 0));
}

/* --- Pins: PT10. The pin owns one type and one general reference, which the caller took before and hands over. --- */

static inline struct fw_step fw_pin(uint64_t w, enum frame_type type)
{
    if (unlikely(!fw_is_valid(w, type) || !ft_is_table(type) || fw_types(w) == 0))
        return fw_step(FW_BROKEN, w);
    if (fw_pinned(w))
        return fw_step(FW_WRONG_TYPE, w);
    return fw_step(FW_DONE, w | FW_PINNED);
}

/* The pin's references are the caller's now, to be put. FW_WRONG_TYPE: it was not pinned. */
static inline struct fw_step fw_unpin(uint64_t w)
{
    if (!fw_pinned(w))
        return fw_step(FW_WRONG_TYPE, w);
    return fw_step(FW_DONE, w & ~FW_PINNED);
}

#endif
