/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each processor's table from device vectors to interrupt numbers. */
#include "arch/x86/irq/irq.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/panic.h"
#include "hv/percpu.h"

#define DEVICE_VECTORS (VECTOR_DEVICE_LAST - VECTOR_DEVICE_FIRST + 1)
#define VECTOR_STEP    16 /* one per priority class first, so that no class has more than its share */

/* Interrupt number + 1; 0: free. */
struct vector_table {
    uint16_t irq[DEVICE_VECTORS];
};
static DEFINE_PERCPU(struct vector_table, vector_table);
static lock_t vector_lock = LOCK_INIT(RANK_LEAF);
LOCK_SHOWN(vectors, vector_lock, "vectors");

static bool usable(unsigned int vector)
{
    return vector >= VECTOR_DEVICE_FIRST && vector <= VECTOR_DEVICE_LAST && vector != VECTOR_INT80 &&
           vector != VECTOR_INT82;
}

static bool take(struct vector_table *t, unsigned int vector, unsigned int irq)
{
    if (!usable(vector) || t->irq[vector - VECTOR_DEVICE_FIRST])
        return false;
    WRITE_ONCE(t->irq[vector - VECTOR_DEVICE_FIRST], (uint16_t)(irq + 1));
    return true;
}

int vector_alloc(unsigned int cpu, unsigned int irq, uint8_t preferred)
{
    struct vector_table *t = &per_cpu(vector_table, cpu);
    int found = -ENOSPC;

    lock(&vector_lock);
    if (take(t, preferred, irq))
        found = preferred;
    for (unsigned int offset = 1; found < 0 && offset <= VECTOR_STEP; offset++)
        for (unsigned int base = VECTOR_DEVICE_FIRST; found < 0 && base <= VECTOR_DEVICE_LAST;
             base += VECTOR_STEP)
            if (take(t, base + offset % VECTOR_STEP, irq))
                found = (int)(base + offset % VECTOR_STEP);
    unlock(&vector_lock);
    return found;
}

void vector_free(unsigned int cpu, uint8_t vector)
{
    panic_on(!usable(vector));
    WRITE_ONCE(per_cpu(vector_table, cpu).irq[vector - VECTOR_DEVICE_FIRST], 0);
}

int vector_irq(unsigned int cpu, uint8_t vector)
{
    return usable(vector) ? (int)READ_ONCE(per_cpu(vector_table, cpu).irq[vector - VECTOR_DEVICE_FIRST]) - 1
                          : -1;
}
