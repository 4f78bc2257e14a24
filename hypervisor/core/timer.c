/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers. Each processor has a heap of its armed timers, made of links inside the timers themselves, so that arming one never needs memory
 * and cannot fail.
 *
 * The heap is leftist: a binary tree in which a timer is never due before its parent, and in which each node's `rank` (the number of nodes
 * on its rightmost path) is at most that of its left sibling. So the rightmost path of n nodes has at most log2(n + 1) of them, and merging two
 * heaps, the one operation that everything else is made of, walks only rightmost paths:
 *
 *        10  rank 2
 *       /  \
 *     12    11        insert: merge with a heap of one
 *    /  \            first out: merge the root's two children
 *   15  20           any out: merge its children into its place, correct the ranks upwards until one is unchanged
 *
 * The hardware's deadline is moved forward when an earlier timer is armed, but not back when the first is stopped or postponed: the interrupt
 * that then comes too early costs less than programming the hardware each time, since a guest re-arms far more often than deadlines pass.
 *
 * Lock: the heap's, with interrupts off. A timer's `cpu` changes only under the locks of both heaps.
 */
#include "hv/time.h"
#include "hv/softirq.h"
#include "hv/percpu.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

struct timer_heap {
    lock_t lock;
    struct timer *root;
    struct timer *running; /* its function runs now */
    s_time_t programmed;   /* the hardware will interrupt by then; TIME_NEVER if it will not */
    unsigned int count;
};

static DEFINE_PERCPU(struct timer_heap, timers);
LOCK_SHOWN_OF_EACH_CPU(timers, lock, "timers of CPU");
struct timer_machine timer_machine;

static unsigned int rank_of(const struct timer *t)
{
    return t ? t->rank : 0;
}

/* Restores the leftist order of one node's children and its rank. */
static void node_fix(struct timer *t)
{
    if (rank_of(t->left) < rank_of(t->right)) {
        struct timer *other = t->left;

        t->left = t->right;
        t->right = other;
    }
    t->rank = (uint16_t)(rank_of(t->right) + 1);
}

/* Joins two heaps (either may be empty) and returns the root, whose parent is the caller's to set. O(log n). */
static struct timer *heap_merge(struct timer *a, struct timer *b)
{
    struct timer *root = NULL, *last = NULL;

    while (a && b) {
        if (b->expires < a->expires) {
            struct timer *other = a;

            a = b;
            b = other;
        }
        /* a comes next on the merged rightmost path; what hung right of it is still to be merged. */
        a->parent = last;
        if (last)
            last->right = a;
        else
            root = a;
        last = a;
        a = a->right;
    }
    if (!a)
        a = b;
    if (!last)
        return a;
    last->right = a;
    if (a)
        a->parent = last;
    for (; last; last = last == root ? NULL : last->parent)
        node_fix(last);
    return root;
}

static void heap_insert(struct timer_heap *h, struct timer *t)
{
    t->left = t->right = t->parent = NULL;
    t->rank = 1;
    t->state = TIMER_ARMED;
    h->root = heap_merge(h->root, t);
    h->root->parent = NULL;
    h->count++;
}

static void heap_remove(struct timer_heap *h, struct timer *t)
{
    struct timer *parent = t->parent;
    struct timer *rest = heap_merge(t->left, t->right);

    if (rest)
        rest->parent = parent;
    if (!parent)
        h->root = rest;
    else if (parent->left == t)
        parent->left = rest;
    else
        parent->right = rest;
    for (; parent; parent = parent->parent) {
        uint16_t before = parent->rank;

        node_fix(parent);
        if (parent->rank == before)
            break;
    }
    t->state = TIMER_IDLE;
    h->count--;
}

/* Locks the heap that the timer belongs to. */
static struct timer_heap *timer_lock(const struct timer *t, uint64_t *flags)
{
    for (;;) {
        unsigned int cpu = READ_ONCE(t->cpu);
        struct timer_heap *h = &per_cpu(timers, cpu);

        *flags = lock_irqsave(&h->lock);
        if (likely(READ_ONCE(t->cpu) == cpu))
            return h;
        unlock_irqrestore(&h->lock, *flags);
    }
}

/*
 * A timer has become the first of the heap of `cpu`, whose lock is held: makes the hardware know in time. While functions of timers that are
 * due run there, that is done once, after them.
 */
static void timer_reprogram(struct timer_heap *h, unsigned int cpu)
{
    if (h->running || h->root->expires >= h->programmed)
        return;
    if (cpu != cpu_id()) {
        softirq_raise_cpu(SOFTIRQ_TIMER, cpu);
        return;
    }
    h->programmed = h->root->expires;
    timer_machine.program(h->programmed);
}

void timer_init(struct timer *t, void (*function)(void *data), void *data, unsigned int cpu)
{
    *t = (struct timer){.function = function, .data = data, .cpu = (uint16_t)cpu};
}

void timer_set(struct timer *t, s_time_t expires)
{
    uint64_t flags;
    struct timer_heap *h = timer_lock(t, &flags);

    if (likely(t->state != TIMER_KILLED)) {
        if (t->state == TIMER_ARMED)
            heap_remove(h, t);
        t->expires = expires;
        heap_insert(h, t);
        if (h->root == t)
            timer_reprogram(h, t->cpu);
    }
    unlock_irqrestore(&h->lock, flags);
}

void timer_stop(struct timer *t)
{
    uint64_t flags;
    struct timer_heap *h;

    /* Not armed and nobody arming it: nothing to undo. Who races with us could as well have come after. */
    if (READ_ONCE(t->state) != TIMER_ARMED)
        return;
    h = timer_lock(t, &flags);
    if (t->state == TIMER_ARMED)
        heap_remove(h, t);
    unlock_irqrestore(&h->lock, flags);
}

void timer_kill(struct timer *t)
{
    uint64_t flags;
    struct timer_heap *h;
    unsigned int cpu;

    /* One that was never initialised has no function and can be in no heap. */
    if (!t->function)
        return;
    h = timer_lock(t, &flags);
    if (t->state == TIMER_ARMED)
        heap_remove(h, t);
    t->state = TIMER_KILLED;
    unlock_irqrestore(&h->lock, flags);
    /* Wherever it was when its function was entered, not only where it would run next. */
    for_each_online_cpu (cpu) {
        while (__atomic_load_n(&per_cpu(timers, cpu).running, __ATOMIC_ACQUIRE) == t)
            __builtin_ia32_pause();
    }
}

/* Moves a timer between two heaps whose locks are held. */
static void timer_move(struct timer *t, struct timer_heap *from, struct timer_heap *to, unsigned int cpu)
{
    bool armed = t->state == TIMER_ARMED;

    if (armed)
        heap_remove(from, t);
    WRITE_ONCE(t->cpu, (uint16_t)cpu);
    if (!armed)
        return;
    heap_insert(to, t);
    if (to->root == t)
        timer_reprogram(to, cpu);
}

static uint64_t heap_lock_two(struct timer_heap *a, struct timer_heap *b)
{
    uint64_t flags = lock_irqsave(a < b ? &a->lock : &b->lock);

    lock_second(a < b ? &b->lock : &a->lock);
    return flags;
}

void timer_migrate(struct timer *t, unsigned int cpu)
{
    struct timer_heap *to = &per_cpu(timers, cpu);

    for (;;) {
        unsigned int old = READ_ONCE(t->cpu);
        struct timer_heap *from = &per_cpu(timers, old);
        uint64_t flags;
        bool moved;

        if (old == cpu)
            return;
        flags = heap_lock_two(from, to);
        moved = READ_ONCE(t->cpu) == old;
        if (moved)
            timer_move(t, from, to, cpu);
        unlock(&from->lock);
        unlock_irqrestore(&to->lock, flags);
        if (moved)
            return;
    }
}

void timer_interrupt(void)
{
    this_cpu(timers).programmed =
        TIME_NEVER; /* interrupts are off: nobody else here looks at it, and others never do */
    softirq_raise(SOFTIRQ_TIMER);
}

/* So many vcpus may have theirs at one time; each costs what a wake does, some 1,000 instructions. */
#define DUE_AT_ONCE 32

/* Runs the functions of the timers that are due, a few before the processor's other work has its turn, then sees to it that the hardware knows the next deadline. */
static void timer_softirq(void)
{
    struct timer_heap *h = &this_cpu(timers);
    uint64_t flags = lock_irqsave(&h->lock);
    s_time_t now = timer_machine.now();
    struct timer *t;

    for (unsigned int n = 0; (t = h->root) != NULL && t->expires <= now; n++) {
        void (*function)(void *) = t->function;
        void *data = t->data;

        if (n == DUE_AT_ONCE) { /* and goes on soon: until then the hardware need not know anything */
            softirq_raise(SOFTIRQ_TIMER);
            unlock_irqrestore(&h->lock, flags);
            return;
        }
        heap_remove(h, t);
        h->running = t;
        unlock_irqrestore(&h->lock, flags);
        function(data);
        flags = lock_irqsave(&h->lock);
        __atomic_store_n(&h->running, NULL, __ATOMIC_RELEASE);
    }
    if (h->programmed <= now)
        h->programmed = TIME_NEVER; /* that interrupt has come, or is about to for nothing */
    if (h->root && h->root->expires < h->programmed) {
        h->programmed = h->root->expires;
        timer_machine.program(h->programmed);
    }
    unlock_irqrestore(&h->lock, flags);
}

void timers_init(void)
{
    softirq_register(SOFTIRQ_TIMER, timer_softirq);
}

void timer_cpu_init(unsigned int cpu)
{
    struct timer_heap *h = &per_cpu(timers, cpu);

    *h = (struct timer_heap){.programmed = TIME_NEVER};
    lock_init(&h->lock, RANK_TIMER);
}

/* The tree in the order of its links, without a stack: down left, then right, then up. */
static struct timer *heap_next(struct timer *t)
{
    if (t->left)
        return t->left;
    if (t->right)
        return t->right;
    while (t->parent && (t == t->parent->right || !t->parent->right))
        t = t->parent;
    return t->parent ? t->parent->right : NULL;
}

#define DUMP_LIMIT 32 /* timers shown of one processor */

/* Copied under the lock and printed after: a line takes its time on the wire. */
static void dump_heap(unsigned int cpu, s_time_t now)
{
    struct {
        s_time_t expires;
        void *function, *data;
    } shown[DUMP_LIMIT];
    struct timer_heap *h = &per_cpu(timers, cpu);
    uint64_t flags = lock_irqsave(&h->lock);
    s_time_t programmed = h->programmed;
    unsigned int armed = h->count, n = 0;

    for (struct timer *t = h->root; t && n < DUMP_LIMIT; t = heap_next(t), n++) {
        shown[n].expires = t->expires;
        shown[n].function = (void *)(uintptr_t)t->function;
        shown[n].data = t->data;
    }
    unlock_irqrestore(&h->lock, flags);
    printk("CPU%u: %u armed, hardware set to %lld\n", cpu, armed,
           programmed == TIME_NEVER ? -1LL : (long long)programmed);
    for (unsigned int i = 0; i < n; i++)
        printk("  %+lld us: %p(%p)\n", (long long)(shown[i].expires - now) / NS_PER_US, shown[i].function,
               shown[i].data);
}

void timer_dump(void)
{
    s_time_t now = timer_machine.now();
    unsigned int cpu;

    printk("Timers at %lld ns\n", (long long)now);
    for_each_online_cpu (cpu)
        dump_heap(cpu, now);
}

static bool node_is_broken(const struct timer *t, unsigned int cpu)
{
    const struct timer *children[] = {t->left, t->right};

    for (unsigned int i = 0; i < ARRAY_SIZE(children); i++)
        if (children[i] && (children[i]->parent != t || children[i]->expires < t->expires))
            return true;
    return t->cpu != cpu || t->state != TIMER_ARMED || rank_of(t->left) < rank_of(t->right) ||
           t->rank != rank_of(t->right) + 1;
}

/* `count` bounds the walk, whatever the links say. */
static bool heap_is_broken(const struct timer_heap *h, unsigned int cpu)
{
    unsigned int n = 0;

    if (h->root && h->root->parent)
        return true;
    for (struct timer *t = h->root; t; t = heap_next(t))
        if (++n > h->count || node_is_broken(t, cpu))
            return true;
    return n != h->count;
}

unsigned int timer_audit(void)
{
    unsigned int cpu, wrong = 0;

    for_each_online_cpu (cpu) {
        struct timer_heap *h = &per_cpu(timers, cpu);
        uint64_t flags = lock_irqsave(&h->lock);
        bool broken = heap_is_broken(h, cpu);

        unlock_irqrestore(&h->lock, flags);
        if (broken) {
            log_err("Audit: the timers of processor %u are inconsistent\n", cpu);
            wrong++;
        }
    }
    return wrong;
}
