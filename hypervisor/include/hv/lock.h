/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Spin locks: fair (first come, first served), with a rank that debug builds check: a processor may only take locks of a rising
 * rank. A lock that an interrupt handler takes is taken with lock_irqsave() everywhere.
 * Readers-writer locks: many readers or one writer; writers are not starved.
 */
#ifndef HV_LOCK_H
#define HV_LOCK_H

#include "hv/types.h"
#include "hv/irqflags.h"

/* Outermost first. Locks of the same rank may be nested only by lock_second(), whose caller orders them by address. */
enum lock_rank {
    RANK_NONE, /* unchecked: for code that runs before the checker does */
    RANK_DOMAIN_LIST,
    RANK_DOMAIN_CONTROL,
    RANK_GRANT,
    RANK_EVENT,
    RANK_EVENT_QUEUE,
    RANK_PIRQ,
    RANK_IRQ,
    RANK_PAGE_LIST,
    RANK_HEAP,
    RANK_ALLOC,
    RANK_SCHED_GLOBAL,
    RANK_SCHED,
    RANK_TIMER,
    RANK_TLB,
    RANK_CONSOLE,
    RANK_LEAF,
};

typedef struct {
    uint32_t next;    /* the ticket that the next comer draws */
    uint32_t serving; /* the ticket that holds the lock */
    uint32_t rank;
    uint32_t contended; /* how often somebody had to wait */
} lock_t;

#define LOCK_INIT(r)                                                                                         \
    {                                                                                                        \
        .rank = (r)                                                                                          \
    }

static inline void lock_init(lock_t *l, enum lock_rank rank)
{
    *l = (lock_t)LOCK_INIT(rank);
}

#if defined(DEBUG) && !defined(UNIT_HOSTED)
void lock_check_take(lock_t *l, bool same_rank_allowed);
void lock_check_drop(lock_t *l);
/* Around the handling of an interrupt, interrupts off: the second is given what the first returned. */
unsigned int lock_check_interrupted(void);
void lock_check_resumed(unsigned int base);
#else
static inline void lock_check_take(lock_t *l, bool same_rank_allowed)
{
    (void)l;
    (void)same_rank_allowed;
}
static inline void lock_check_drop(lock_t *l)
{
    (void)l;
}
static inline unsigned int lock_check_interrupted(void)
{
    return 0;
}
static inline void lock_check_resumed(unsigned int base)
{
    (void)base;
}
#endif

/* `meanwhile`, unless it is NULL, is called over and over by who has to wait. */
static inline void lock_take_raw(lock_t *l, void (*meanwhile)(void))
{
    uint32_t ticket = __atomic_fetch_add(&l->next, 1, __ATOMIC_RELAXED);

    if (likely(__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) == ticket))
        return;
    __atomic_fetch_add(&l->contended, 1, __ATOMIC_RELAXED);
    while (__atomic_load_n(&l->serving, __ATOMIC_ACQUIRE) != ticket) {
        __builtin_ia32_pause();
        if (meanwhile)
            meanwhile();
    }
}

static inline void lock(lock_t *l)
{
    lock_check_take(l, false);
    lock_take_raw(l, NULL);
}

/* For who must go on with something, without which the lock's holder may never end. */
static inline void lock_serving(lock_t *l, void (*meanwhile)(void))
{
    lock_check_take(l, false);
    lock_take_raw(l, meanwhile);
}

/* A second lock of the rank already held; the caller takes the two in the order of their addresses. */
static inline void lock_second(lock_t *l)
{
    lock_check_take(l, true);
    lock_take_raw(l, NULL);
}

static inline bool trylock(lock_t *l)
{
    uint32_t ticket = __atomic_load_n(&l->serving, __ATOMIC_RELAXED);

    if (!__atomic_compare_exchange_n(&l->next, &ticket, ticket + 1, false, __ATOMIC_ACQUIRE,
                                     __ATOMIC_RELAXED))
        return false;
    lock_check_take(l, true);
    return true;
}

static inline void unlock(lock_t *l)
{
    lock_check_drop(l);
    __atomic_store_n(&l->serving, l->serving + 1, __ATOMIC_RELEASE);
}

static inline bool is_locked(const lock_t *l)
{
    return __atomic_load_n(&l->next, __ATOMIC_RELAXED) != __atomic_load_n(&l->serving, __ATOMIC_RELAXED);
}

/* Interrupts off, then the lock; the flags go to unlock_irqrestore(). */
static inline __must_check uint64_t lock_irqsave(lock_t *l)
{
    uint64_t flags = irq_save();

    lock(l);
    return flags;
}

static inline void unlock_irqrestore(lock_t *l, uint64_t flags)
{
    unlock(l);
    irq_restore(flags);
}

/*
 * Readers-writer lock: the lock serialises writers and lets them hold off new readers; `readers` counts those inside. A
 * reader that finds a writer queues up with the writers, so that they cannot keep it out however many come.
 */
typedef struct {
    lock_t writer;
    uint32_t readers;
} rwlock_t;

#define RWLOCK_INIT(r)                                                                                       \
    {                                                                                                        \
        .writer = LOCK_INIT(r)                                                                               \
    }

static inline void rwlock_init(rwlock_t *l, enum lock_rank rank)
{
    *l = (rwlock_t)RWLOCK_INIT(rank);
}

static inline void read_lock(rwlock_t *l)
{
    __atomic_fetch_add(&l->readers, 1, __ATOMIC_SEQ_CST);
    if (likely(!is_locked(&l->writer)))
        return;
    __atomic_fetch_sub(&l->readers, 1, __ATOMIC_SEQ_CST);
    lock(&l->writer);
    __atomic_fetch_add(&l->readers, 1, __ATOMIC_SEQ_CST);
    unlock(&l->writer);
}

static inline void read_unlock(rwlock_t *l)
{
    __atomic_fetch_sub(&l->readers, 1, __ATOMIC_RELEASE);
}

static inline void write_lock(rwlock_t *l)
{
    lock(&l->writer);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    while (__atomic_load_n(&l->readers, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
}

static inline void write_unlock(rwlock_t *l)
{
    unlock(&l->writer);
}

#endif
