/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler's core: who is runnable, and the switch. Policies (policy.h) decide the order.
 *
 * There is one stack for each processor and none for a vcpu: schedule() runs as a softirq at the top of the way out, and the machine's
 * context_switch() is a function that returns with another vcpu current.
 *
 * A vcpu is, under the lock of the queue it belongs to, exactly one of: current there (rq->curr), waiting (queued), asleep. is_running
 * outlasts "current" until the switch away from the vcpu is done; until then it is not taken elsewhere. The machine may hold its state longer, and
 * fetches it where it is needed (sched_machine.sync_state).
 */
#include "sched/internal.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/panic.h"

DEFINE_PERCPU(struct runqueue, runqueue);
LOCK_SHOWN_OF_EACH_CPU(runqueue, lock, "run queue of CPU");
struct sched_machine sched_machine;

struct runqueue *vcpu_rq_lock(const struct vcpu *v, uint64_t *flags)
{
    for (;;) {
        unsigned int cpu = __atomic_load_n(&v->cpu, __ATOMIC_ACQUIRE);
        struct runqueue *rq = &per_cpu(runqueue, cpu);

        *flags = lock_irqsave(&rq->lock);
        if (likely(READ_ONCE(v->cpu) == cpu))
            return rq;
        rq_unlock(rq, *flags);
    }
}

void rq_lock_two(struct runqueue *a, struct runqueue *b)
{
    lock(a < b ? &a->lock : &b->lock);
    if (a != b)
        lock_second(a < b ? &b->lock : &a->lock);
}

void rq_unlock_two(struct runqueue *a, struct runqueue *b)
{
    unlock(&a->lock);
    if (a != b)
        unlock(&b->lock);
}

/* --- The switch --- */

/*
 * prev's state is saved, and it must not stay here: it goes to a processor that it may use. Both locks are held over the moment in which it
 * becomes free to run there, so nobody frees or moves it between.
 */
static __noinline void displace(struct runqueue *rq, struct vcpu *prev)
{
    struct runqueue *to = &per_cpu(runqueue, policy_pick_cpu(prev));

    rq_lock_two(rq, to);
    __atomic_store_n(&prev->cpu, to->cpu, __ATOMIC_RELEASE);
    __atomic_store_n(&prev->is_running, false, __ATOMIC_RELEASE);
    if (vcpu_runnable(prev) && !prev->sched->queued)
        policy_wake(to, prev, sched_machine.now(), false);
    else
        softirq_raise_cpu(SOFTIRQ_SCHEDULE, to->cpu); /* it may have been claimed */
    rq_unlock_two(rq, to);
}

/*
 * Interrupts off, `next` is current. Since the decision prev may have been woken: it waits here then, and an
 * idle processor that was told may have looked at it in vain, because it could not be taken yet. If this
 * processor itself idles, waking it was enough. (prev stays readable: it is freed a quiescent period after
 * its end, which this processor has not passed.)
 */
static void switch_finish(struct runqueue *rq, struct vcpu *prev, bool displaced)
{
    cpumask_t idle;
    unsigned int cpu;

    if (unlikely(displaced)) {
        sched_machine.put_away_idle(); /* it is needed elsewhere: saves the asking */
        displace(rq, prev);
        return;
    }
    if (rq->curr == rq->idle) {
        __atomic_store_n(&prev->is_running, false, __ATOMIC_RELEASE);
        return;
    }
    /* Who looks from now on may take it; who looked before had found it queued already. */
    __atomic_store_n(&prev->is_running, false, __ATOMIC_SEQ_CST);
    if (likely(cpumask_empty(&sched_idle)) || prev->is_idle || !READ_ONCE(prev->sched->queued))
        return;
    cpumask_and(&idle, sched_allowed(prev), &sched_idle);
    for_each_cpu (cpu, &idle) {
        if (atomic_test_and_clear_bit(cpu, sched_idle.bits)) {
            softirq_raise_cpu(SOFTIRQ_SCHEDULE, cpu);
            break;
        }
    }
}

static inline void set_slice(struct runqueue *rq, s_time_t until)
{
    rq->until = until;
    if (until == TIME_NEVER)
        timer_stop(&rq->slice);
    else if (!timer_is_armed(&rq->slice) || rq->slice.expires != until)
        timer_set(&rq->slice, until);
}

static void schedule(void)
{
    struct runqueue *rq = &this_cpu(runqueue);
    uint64_t flags = lock_irqsave(&rq->lock);
    s_time_t now = sched_machine.now(), until = TIME_NEVER;
    struct vcpu *prev = rq->curr, *next;
    bool displaced = false, runnable = false;

    if (!prev->is_idle) {
        runnable = vcpu_runnable(prev);
        displaced = !cpumask_test(rq->cpu, sched_allowed(prev));
    }
    rq->decisions++;
    next = policy_do_schedule(rq, now, runnable && !displaced, &until);
    if (!next)
        next = rq->idle;
    if (unlikely(rq->waiting && !rq->published))
        sched_publish(rq); /* it came to an idle processor, which did not take it */
    set_slice(rq, until);
    if (!prev->is_idle)
        prev->sched->yielded = false;
    if (next == prev) {
        unlock(&rq->lock);
        irq_restore(flags);
        return;
    }

    if (!prev->is_idle) {
        runstate_change(prev, runnable ? RUNSTATE_runnable : runstate_of_sleeper(prev), now);
        prev->sched->last_ran = now;
    } else {
        runstate_change(prev, RUNSTATE_runnable, now);
    }
    if (next != rq->idle && cpumask_test(rq->cpu, &sched_idle))
        cpumask_clear(rq->cpu, &sched_idle);
    runstate_change(next, RUNSTATE_running, now);
    rq->curr = next;
    rq->switches++;
    /* With a barrier: who makes an event pending and then sees false here is sure that we see the event before we enter the guest. */
    __atomic_store_n(&next->is_running, true, __ATOMIC_SEQ_CST);
    unlock(&rq->lock);

    sched_machine.context_switch(prev, next);
    switch_finish(rq, prev, displaced);
    irq_restore(flags);
}

/* --- Waking and sleeping --- */

/*
 * v is runnable and neither current nor waiting: chooses where it waits. True if that is another queue, which v now belongs to: the caller's
 * lock guards it no longer.
 */
static bool place(struct runqueue *rq, struct vcpu *v, unsigned int *cpu)
{
    *cpu = policy_pick_cpu(v);
    if (*cpu == rq->cpu)
        return false;
    __atomic_store_n(&v->cpu, *cpu, __ATOMIC_RELEASE);
    return true;
}

/* Lets a runnable v wait, or tells the state it sleeps in. False: v was moved to another queue, call again. */
static bool wake_locked(struct runqueue *rq, struct vcpu *v, unsigned int *placed)
{
    bool saved, woken;
    s_time_t now;

    if (rq->curr == v || v->sched->queued)
        return true;
    now = sched_machine.now();
    if (!vcpu_runnable(v)) {
        runstate_change(v, runstate_of_sleeper(v), now);
        return true;
    }
    saved = !__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE);
    if (saved && *placed == MAX_CPUS && place(rq, v, placed))
        return false;
    if (*placed == MAX_CPUS)
        v->sched->claimed = false;
    woken = v->runstate.state != RUNSTATE_runnable;
    runstate_change(v, RUNSTATE_runnable, now);
    /* One that must leave this processor and is not saved yet is put where it belongs by displace(). */
    if (saved || cpumask_test(rq->cpu, sched_allowed(v)))
        policy_wake(rq, v, now, woken);
    return true;
}

void sched_wake(struct vcpu *v)
{
    unsigned int placed = MAX_CPUS;
    bool done, waits;

    do {
        uint64_t flags;
        struct runqueue *rq = vcpu_rq_lock(v, &flags);

        done = wake_locked(rq, v, &placed);
        waits = done && v->sched->queued && rq->cpu == placed;
        rq_unlock(rq, flags);
    } while (!done);
    /* An idle processor was perhaps claimed for v, who meanwhile went elsewhere or to sleep: it must look around again. */
    if (unlikely(placed != MAX_CPUS && !waits))
        softirq_raise_cpu(SOFTIRQ_SCHEDULE, placed);
}

void sched_sleep_nosync(struct vcpu *v)
{
    uint64_t flags;
    struct runqueue *rq = vcpu_rq_lock(v, &flags);

    if (!vcpu_runnable(v)) {
        if (rq->curr == v) {
            softirq_raise_cpu(SOFTIRQ_SCHEDULE, rq->cpu);
        } else {
            if (v->sched->queued)
                policy_sleep(rq, v);
            runstate_change(v, runstate_of_sleeper(v), sched_machine.now());
        }
    }
    rq_unlock(rq, flags);
}

void sched_sleep_sync(struct vcpu *v)
{
    sched_sleep_nosync(v);
    while (!vcpu_runnable(v) && __atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE))
        __builtin_ia32_pause();
    sched_machine.sync_state(v);
}

void sched_block(struct vcpu *v)
{
    if (READ_ONCE(v->pause_flags) & VCPU_BLOCKED)
        softirq_raise(SOFTIRQ_SCHEDULE);
}

void sched_unblock(struct vcpu *v)
{
    /* Who made an event pending did so by a locked operation: if BLOCKED is set after this look, the blocker sees the event. */
    if (!(READ_ONCE(v->pause_flags) & VCPU_BLOCKED))
        return;
    if (__atomic_fetch_and(&v->pause_flags, ~(uint32_t)(VCPU_BLOCKED | VCPU_POLLING), __ATOMIC_SEQ_CST) &
        VCPU_BLOCKED)
        sched_wake(v);
}

void sched_kick(struct vcpu *v)
{
    unsigned int cpu = READ_ONCE(v->cpu);

    if (__atomic_load_n(&v->is_running, __ATOMIC_ACQUIRE) && cpu != cpu_id())
        sched_machine.send_kick(cpu);
}

void sched_yield(struct vcpu *v)
{
    v->sched->yielded = true; /* read by schedule() on this very processor */
    softirq_raise(SOFTIRQ_SCHEDULE);
}

/* --- Coming up --- */

static void slice_over(void *unused)
{
    (void)unused;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

int sched_init(const char *policy_name, unsigned int rate_limit_us)
{
    int err = policy_name && *policy_name ? -ENOENT : 0;

    sched_policy = sched_policies[0];
    for (unsigned int i = 0; err && sched_policies[i]; i++) {
        if (strcmp(policy_name, sched_policies[i]->name) == 0) {
            sched_policy = sched_policies[i];
            err = 0;
        }
    }
    if (err)
        log_warn("sched=%s: there is no such scheduler here; using \"%s\"\n", policy_name,
                 sched_policy->name);
    log_info("Scheduler: %s\n", sched_policy->name);
    sched_policy_direct();
    sched_policy->init(rate_limit_us);
    softirq_register(SOFTIRQ_SCHEDULE, schedule);
    return err;
}

void sched_cpu_up(unsigned int cpu, struct vcpu *idle)
{
    struct runqueue *rq = &per_cpu(runqueue, cpu);

    *rq = (struct runqueue){.cpu = cpu, .curr = idle, .idle = idle, .until = TIME_NEVER};
    lock_init(&rq->lock, RANK_SCHED);
    timer_init(&rq->slice, slice_over, NULL, cpu);
    idle->is_idle = true;
    idle->cpu = cpu;
    idle->is_running = true;
    idle->runstate = (struct vcpu_runstate_info){.state = RUNSTATE_running,
                                                 .state_entry_time = (uint64_t)sched_machine.now()};
    sched_policy->cpu_init(cpu);
    /* It looks for work by itself: who waits already was published before. */
    cpumask_set(cpu, &sched_idle);
    softirq_raise_cpu(SOFTIRQ_SCHEDULE, cpu);
}
