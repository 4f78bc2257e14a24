/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Locks that debug key 'L' shows. One that is a variable is put into a table by a line beside it, one of each processor likewise; who keeps
 * locks in structures calls lock_show() for each.
 */
#ifndef HV_LOCK_SHOWN_H
#define HV_LOCK_SHOWN_H

#include "hv/lock.h"
#include "hv/log.h"

struct shown_lock {
    const char *name;
    const lock_t *lock; /* of each processor: in the template (hv/percpu.h) */
    bool of_each_cpu;
};

#ifdef UNIT_HOSTED
#define LOCK_SHOWN_ENTRY(id, l, text, each) _Static_assert(sizeof(l) == sizeof(lock_t), text)
#else
#define LOCK_SHOWN_ENTRY(id, l, text, each)                                                                  \
    static const struct shown_lock shown_##id __section(".shown_locks") __aligned(8)                         \
        __attribute__((used)) = {.name = (text), .lock = &(l), .of_each_cpu = (each)}
extern const struct shown_lock shown_locks_start[], shown_locks_end[];
#endif

/* `id`: some identifier of its own in the file. */
#define LOCK_SHOWN(id, l, text) LOCK_SHOWN_ENTRY(id, l, text, false)
/* A member of a per-processor structure. */
#ifdef UNIT_HOSTED
#define LOCK_SHOWN_OF_EACH_CPU(variable, member, text)                                                       \
    LOCK_SHOWN_ENTRY(variable, percpu__##variable[0].member, text, true)
#else
#define LOCK_SHOWN_OF_EACH_CPU(variable, member, text)                                                       \
    LOCK_SHOWN_ENTRY(variable, percpu__##variable.member, text, true)
#endif

/* One line, if anybody ever had to wait for it; `number`, which says whose it is, unless that is negative. Waits for nobody. */
static inline void lock_show(const char *name, int number, const lock_t *l)
{
    uint32_t contended = __atomic_load_n(&l->contended, __ATOMIC_RELAXED);
    const char *held = is_locked(l) ? ", held now" : "";

    if (contended && number < 0)
        printk(" %-28s %u times%s\n", name, contended, held);
    else if (contended)
        printk(" %-24s %3d %u times%s\n", name, number, contended, held);
}

#endif
