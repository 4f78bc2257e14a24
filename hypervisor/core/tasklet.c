/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tasklets: a queue per processor, served by its softirq. A tasklet's `waiting` says that it is on some queue; it is claimed by an atomic
 * exchange, so that of many who schedule it at once exactly one links it in. Lock: the queue's, a leaf, with interrupts off.
 */
#include "hv/softirq.h"
#include "hv/percpu.h"
#include "hv/lock_shown.h"
#include "core/tasklet.h"

struct tasklet_queue {
    lock_t lock;
    struct list list;
};

static DEFINE_PERCPU(struct tasklet_queue, tasklets);
LOCK_SHOWN_OF_EACH_CPU(tasklets, lock, "tasklets of CPU");

void tasklet_init(struct tasklet *t, void (*function)(void *data), void *data)
{
    *t = (struct tasklet){.function = function, .data = data};
    list_init(&t->link);
}

static void tasklet_enqueue(struct tasklet *t, unsigned int cpu)
{
    struct tasklet_queue *q = &per_cpu(tasklets, cpu);
    uint64_t flags = lock_irqsave(&q->lock);

    t->cpu = (uint16_t)cpu;
    list_append(&q->list, &t->link);
    unlock_irqrestore(&q->lock, flags);
    softirq_raise_cpu(SOFTIRQ_TASKLET, cpu);
}

void tasklet_schedule_cpu(struct tasklet *t, unsigned int cpu)
{
    if (!__atomic_exchange_n(&t->waiting, 1, __ATOMIC_SEQ_CST))
        tasklet_enqueue(t, cpu);
}

/* The first of the queue, or NULL. It no longer belongs to the queue. */
static struct tasklet *tasklet_take(struct tasklet_queue *q)
{
    struct tasklet *t = NULL;
    uint64_t flags = lock_irqsave(&q->lock);

    if (!list_empty(&q->list)) {
        t = list_first_entry(&q->list, struct tasklet, link);
        list_remove(&t->link);
    }
    unlock_irqrestore(&q->lock, flags);
    return t;
}

/* One tasklet a run, so that the softirq's other work and the scheduler get their turn between two of them. */
static void tasklet_softirq(void)
{
    struct tasklet_queue *q = &this_cpu(tasklets);
    struct tasklet *t = tasklet_take(q);

    if (!t)
        return;
    if (!list_empty(&q->list))
        softirq_raise(SOFTIRQ_TASKLET);
    /* A full barrier: who schedules it from here on either sees 0 and links it in, or did so before the function looks at its data. */
    __atomic_exchange_n(&t->waiting, 0, __ATOMIC_SEQ_CST);
    t->function(t->data);
}

void tasklet_cpu_init(unsigned int cpu)
{
    struct tasklet_queue *q = &per_cpu(tasklets, cpu);

    lock_init(&q->lock, RANK_LEAF);
    list_init(&q->list);
    softirq_register(SOFTIRQ_TASKLET, tasklet_softirq);
}
