/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Faults that the credit policy once had, each with the shortest life in which it shows, on the simulated machine (support/sched_sim.c). What stands behind each in credit.c was taken out to see
 * the test fail.
 * (libc has a sched_yield() of its own, which the sanitizers call.)
 * UNIT-FLAGS: -Dsched_yield=hv_sched_yield
 * UNIT-SOURCES: hypervisor/sched/[a-z]*.c tests/unit/support/sched_sim.c hypervisor/core/timer.c hypervisor/core/softirq.c hypervisor/core/tasklet.c
 */
#include "sched_sim.h"
#include "sched/credit.h"
#include "hv/softirq.h"

#define MS         NS_PER_MS
#define US         NS_PER_US
#define SECONDS(n) ((n)*NS_PER_S)

/* One vcpu of a new domain, on this processor only. */
static struct sim_vcpu *bound(unsigned int cpu, s_time_t run, s_time_t sleep)
{
    struct sim_vcpu *sv = sim_add(sim_domain(256, 0), run, sleep, 0);

    sim_pin(sv, cpu);
    return sv;
}

static s_time_t percent(s_time_t part, s_time_t whole)
{
    return part * 100 / whole;
}

/* Bound to one processor of two both have credit all the time: who naps for a moment, and is boosted when he wakes, had 90 % of it. */
static void naps_earn_nothing(void **state)
{
    static const s_time_t naps[] = {100 * US, 400 * US, 1 * MS};

    for (unsigned int i = 0; i < ARRAY_SIZE(naps); i++) {
        struct sim_vcpu *honest, *napper;

        sim_start(2, "credit");
        honest = bound(0, 0, 0);
        napper = bound(0, 10 * MS - naps[i], naps[i]);
        sim_run(SECONDS(3));
        printf("# naps of %lld us in 10 ms: %lld %%\n", (long long)(naps[i] / US),
               (long long)percent(napper->ran, SECONDS(3)));
        assert_true(percent(napper->ran, SECONDS(3)) <= 51);
        assert_true(percent(honest->ran, SECONDS(3)) >= 48);
        sim_stop();
    }
}

/* A boost is for who has credit. Who has none would go before all others who have none, as often as it wakes. */
static void no_boost_without_credit(void **state)
{
    struct sim_vcpu *waker;
    struct sim_domain *d;
    unsigned int seen = 0;

    sim_start(1, "credit");
    for (unsigned int i = 0; i < 3; i++)
        sim_add(sim_domain(1024, 0), 0, 0, 0);
    d = sim_domain(32, 0); /* a hundredth, and it wants half */
    waker = sim_add(d, 500 * US, 500 * US, 0);
    for (unsigned int i = 0; i < 2000; i++) {
        s_time_t woke = waker->wake_at;
        struct credit_vcpu *cv = credit_vcpu(&waker->v);

        if (woke == TIME_NEVER) {
            sim_run(250 * US);
            continue;
        }
        __atomic_store_n(&cv->domain->credit, -1, __ATOMIC_RELAXED);
        cv->vtime = per_cpu(credit_cpu, 0).vtime; /* nor is it ahead of anybody */
        hosted_cpu = 0;
        waker->wake_at = TIME_NEVER;
        sched_unblock(&waker->v);
        assert_false(cv->boosted);
        assert_ptr_not_equal(cv->link.prev, &per_cpu(credit_cpu, 0).boosted);
        seen++;
        sim_settle();
        sim_run(250 * US);
    }
    assert_true(seen > 10);
    sim_stop();
}

/* Who runs without a rival is looked at by nobody. A rival of its class who comes must change that, at once: it waited for the next hand-out, or for ever. */
static void rival_of_one_alone_is_seen(void **state)
{
    for (unsigned int i = 1; i < 30; i++) {
        struct sim_vcpu *rival;
        s_time_t before;

        sim_start(2, "credit");
        bound(0, 0, 0);
        rival = bound(1, 0, 0);
        sim_run(SECONDS(1) + i * MS);
        assert_int_equal(per_cpu(runqueue, 0).until, TIME_NEVER);
        before = rival->ran;
        sim_pin(rival, 0);
        assert_true(per_cpu(runqueue, 0).until <= sim_now + credit.slice); /* his turn ends */
        sim_run(3 * credit.slice + 1);                                     /* who moves may be ahead by two */
        assert_true(rival->ran > before);
        sim_stop();
    }
}

/* He is charged when the rival comes, or that one is measured against a virtual time as old as his last decision, and one of them has all of the processor for as long. */
static void newcomer_is_measured_against_now(void **state)
{
    static const s_time_t alone_for[] = {50 * MS, 700 * MS, SECONDS(5)};

    for (unsigned int i = 0; i < ARRAY_SIZE(alone_for); i++) {
        struct sim_vcpu *old, *new;
        s_time_t old_before;

        sim_start(2, "credit");
        old = bound(0, 0, 0);
        sim_run(alone_for[i]);
        new = bound(0, 0, 0);
        old_before = old->ran;
        sim_run(300 * MS);
        printf("# alone for %lld ms; then %lld %% and %lld %%\n", (long long)(alone_for[i] / MS),
               (long long)percent(old->ran - old_before, 300 * MS), (long long)percent(new->ran, 300 * MS));
        assert_in_range(percent(new->ran, 300 * MS), 40, 60);
        assert_in_range(percent(old->ran - old_before, 300 * MS), 40, 60);
        sim_stop();
    }
}

/* --- A steal from a queue whose lock is held just then --- */

static struct runqueue *held;
static unsigned int looked;
static s_time_t (*true_now)(void);

/* Whoever holds it lets go of it once the thief has looked. */
static s_time_t now_and_let_go(void)
{
    if (held && ++looked > 1) {
        unlock(&held->lock);
        held = NULL;
    }
    return true_now();
}

static void busy_lock_is_tried_again(void **state)
{
    struct sim_vcpu *sv[3], *leaver = NULL, *waiter = NULL;
    struct sim_domain *d;
    unsigned int cpu;

    sim_start(2, "credit");
    d = sim_domain(256, 0);
    for (unsigned int i = 0; i < 3; i++)
        sv[i] = sim_add(d, 0, 0, 0);
    sim_run(5 * MS);
    for (unsigned int i = 0; i < 3; i++)
        if (!sv[i]->v.is_running)
            waiter = sv[i];
    assert_non_null(waiter);
    for (unsigned int i = 0; i < 3; i++)
        if (sv[i]->v.is_running && sv[i]->v.cpu != waiter->v.cpu)
            leaver = sv[i];
    assert_non_null(leaver);
    cpu = leaver->v.cpu;
    /* The processor beside the one where somebody waits would go idle, and cannot look into that queue. */
    held = &per_cpu(runqueue, waiter->v.cpu);
    looked = 0;
    true_now = sched_machine.now;
    sched_machine.now = now_and_let_go;
    hosted_cpu = cpu;
    lock(&held->lock);
    leaver->v.pause_flags |= VCPU_BLOCKED;
    sched_block(&leaver->v);
    looked = 0; /* the decision is still to come */
    while (softirq_pending())
        softirq_run();
    sched_machine.now = true_now;
    if (held)
        unlock(&held->lock);
    sim_settle();
    assert_true(waiter->v.is_running);
    assert_int_equal(waiter->v.cpu, cpu);
    sched_unblock(&leaver->v);
    sim_settle();
    sim_stop();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(naps_earn_nothing),          cmocka_unit_test(no_boost_without_credit),
        cmocka_unit_test(rival_of_one_alone_is_seen), cmocka_unit_test(newcomer_is_measured_against_now),
        cmocka_unit_test(busy_lock_is_tried_again),
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
