/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sets of physical processors, numbered 0 to MAX_CPUS-1 in the order in which they were found. */
#ifndef HV_CPUMASK_H
#define HV_CPUMASK_H

#include "hv/bitops.h"
#include "hv/string.h"

#define MAX_CPUS 256

typedef struct {
    uint64_t bits[BITS_TO_LONGS(MAX_CPUS)];
} cpumask_t;

/* Processors that run and take part in scheduling and in flushes. Changes only while processors come up or go down. */
extern cpumask_t cpu_online_mask;
/* One more than the highest number of an online processor. */
extern unsigned int cpu_count;

#define cpumask_test(cpu, m)     test_bit(cpu, (m)->bits)
#define cpumask_set(cpu, m)      atomic_set_bit(cpu, (m)->bits)
#define cpumask_clear(cpu, m)    atomic_clear_bit(cpu, (m)->bits)
#define cpumask_first(m)         find_next_bit((m)->bits, MAX_CPUS, 0)
#define cpumask_next(cpu, m)     find_next_bit((m)->bits, MAX_CPUS, (cpu) + 1)
#define for_each_cpu(cpu, m)     for ((cpu) = cpumask_first(m); (cpu) < MAX_CPUS; (cpu) = cpumask_next(cpu, m))
#define for_each_online_cpu(cpu) for_each_cpu (cpu, &cpu_online_mask)

static inline void cpumask_zero(cpumask_t *m)
{
    memset(m, 0, sizeof(*m));
}

static inline void cpumask_fill(cpumask_t *m)
{
    memset(m, 0xff, sizeof(*m));
}

static inline cpumask_t cpumask_of(unsigned int cpu)
{
    cpumask_t m = {0};

    set_bit(cpu, m.bits);
    return m;
}

static inline bool cpumask_empty(const cpumask_t *m)
{
    return (m->bits[0] | m->bits[1] | m->bits[2] | m->bits[3]) == 0;
}

static inline void cpumask_and(cpumask_t *out, const cpumask_t *a, const cpumask_t *b)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(out->bits); i++)
        out->bits[i] = a->bits[i] & b->bits[i];
}

static inline bool cpumask_intersects(const cpumask_t *a, const cpumask_t *b)
{
    cpumask_t both;

    cpumask_and(&both, a, b);
    return !cpumask_empty(&both);
}

static inline unsigned int cpumask_weight(const cpumask_t *m)
{
    unsigned int n = 0;

    for (unsigned int i = 0; i < ARRAY_SIZE(m->bits); i++)
        n += (unsigned int)__builtin_popcountll(m->bits[i]);
    return n;
}

#endif
