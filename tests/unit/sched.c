/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler's invariants, on a simulated machine (support/sched_sim.c).
 * (libc has a sched_yield() of its own, which the sanitizers call.)
 * UNIT-FLAGS: -Dsched_yield=hv_sched_yield
 * UNIT-SOURCES: hypervisor/sched/[a-z]*.c tests/unit/support/sched_sim.c hypervisor/core/timer.c hypervisor/core/softirq.c hypervisor/core/tasklet.c
 */
#include "sched_sim.h"
#include "sched/credit.h"
#include "hv/errno.h"

#define MS         NS_PER_MS
#define SECONDS(n) ((n)*NS_PER_S)

/*
 * No runnable vcpu waits while a processor it may use idles, once an instant has settled; unless it waits for its cap. Where affinities
 * change all the time, it may do so until the next balancing step (`patience`: credit's period, round robin's turn).
 */
static s_time_t patience, wrong_since[SIM_VCPUS];
static void check_work_conserving(void)
{
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
        struct vcpu *v = &sim_vcpus[i].v;
        unsigned int cpu;

        bool wrong = false;

        if (v->sched && vcpu_runnable(v) && !v->is_running &&
            !(sched_policy_id() == XEN_SCHEDULER_CREDIT && credit_parked(credit_vcpu(v)->domain))) {
            assert_true(v->sched->queued);
            for_each_cpu (cpu, sched_allowed(v))
                wrong |= cpumask_test(cpu, &cpu_online_mask) && sim_current[cpu]->is_idle;
        }
        if (!wrong)
            wrong_since[i] = TIME_NEVER;
        else if (wrong_since[i] == TIME_NEVER)
            wrong_since[i] = sim_now;
        if (wrong && sim_now - wrong_since[i] >= patience)
            fail_msg("at %lld d%uv%u waits on CPU%u while a CPU idles", (long long)sim_now, v->domain->id,
                     v->id, v->cpu);
    }
}

/* The four times sum to the time that has passed, and running is what the simulator saw. */
static void check_runstates(void)
{
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
        struct sim_vcpu *sv = &sim_vcpus[i];
        struct vcpu_runstate_info r;

        vcpu_runstate_get(&sv->v, &r);
        assert_int_equal(r.time[0] + r.time[1] + r.time[2] + r.time[3], sim_now - sv->born);
        assert_int_equal(r.time[RUNSTATE_running], sv->ran);
        assert_int_equal(vcpu_runtime(&sv->v, sim_now), sv->ran);
    }
}

/* Within 2 % of what it should be. */
static void assert_near(s_time_t is, s_time_t should, const char *what)
{
    double ratio = (double)is / (double)should;

    printf("# %s: %.3f of what it should be\n", what, ratio);
    if (ratio < 0.98 || ratio > 1.02)
        fail_msg("%s: %lld instead of %lld ns", what, (long long)is, (long long)should);
}

static void shares_of_one_processor(void **state)
{
    struct sim_domain *a, *b, *c;

    sim_start(1, "credit");
    sim_check = check_work_conserving;
    a = sim_domain(256, 0);
    b = sim_domain(512, 0);
    c = sim_domain(1024, 0);
    sim_add(a, 0, 0, 0);
    sim_add(b, 0, 0, 0);
    sim_add(c, 0, 0, 0);
    sim_run(SECONDS(20));
    check_runstates();
    assert_near(sim_domain_ran(a), SECONDS(20) / 7, "weight 256 of 1792");
    assert_near(sim_domain_ran(b), SECONDS(20) * 2 / 7, "weight 512 of 1792");
    assert_near(sim_domain_ran(c), SECONDS(20) * 4 / 7, "weight 1024 of 1792");
    sim_stop();
}

static void three_on_two(void **state)
{
    struct sim_domain *d[3];

    sim_start(2, "credit");
    sim_check = check_work_conserving;
    for (unsigned int i = 0; i < 3; i++) {
        d[i] = sim_domain(256, 0);
        sim_add(d[i], 0, 0, 0);
    }
    sim_run(SECONDS(20));
    check_runstates();
    for (unsigned int i = 0; i < 3; i++)
        assert_near(sim_domain_ran(d[i]), SECONDS(40) / 3, "one of three on two processors");
    sim_stop();
}

/* Bound to one processor of four, credit abounds: the shares there are virtual time's work. */
static void shares_of_bound_vcpus(void **state)
{
    struct sim_domain *a, *b, *c;

    sim_start(4, "credit");
    sim_check = check_work_conserving;
    a = sim_domain(256, 0);
    b = sim_domain(512, 0);
    c = sim_domain(256, 0);
    sim_pin(sim_add(a, 0, 0, 0), 1);
    sim_pin(sim_add(b, 0, 0, 0), 1);
    for (unsigned int i = 0; i < 3; i++)
        sim_add(c, 0, 0, 0);
    sim_run(SECONDS(20));
    check_runstates();
    assert_near(sim_domain_ran(a), SECONDS(20) / 3, "bound, weight 256 of 768");
    assert_near(sim_domain_ran(b), SECONDS(20) * 2 / 3, "bound, weight 512 of 768");
    assert_near(sim_domain_ran(c), SECONDS(60), "three vcpus beside them");
    sim_stop();
}

static void random_shares(unsigned int draw)
{
    struct sim_domain *d[8];
    unsigned int weight[8], total = 0;
    const unsigned int cpus = 4;

    sim_start(cpus, "credit");
    sim_check = check_work_conserving;
    for (unsigned int i = 0; i < draw; i++)
        sim_random(); /* the run's sequence begins anew with each machine */
    for (unsigned int i = 0; i < 8; i++) {
        weight[i] = 256 + (unsigned int)(sim_random() % 512);
        total += weight[i];
        d[i] = sim_domain(weight[i], 0);
        for (unsigned int n = 2 + (unsigned int)(sim_random() % 4); n > 0; n--)
            sim_add(d[i], 0, 0, 0);
    }
    sim_run(SECONDS(40));
    check_runstates();
    for (unsigned int i = 0; i < 8; i++)
        assert_near(sim_domain_ran(d[i]), SECONDS(40) * cpus * weight[i] / total, "of many");
    sim_stop();
}

/* Random weights and numbers of vcpus, enough that everybody's part is one that it can use. A scheduler that is wrong may be right by chance: one draw in six, without weights in the accounting. */
static void shares_of_many(void **state)
{
    for (unsigned int draw = 0; draw < 4; draw++)
        random_shares(draw);
}

/* The vcpus of one domain get like parts of it: the queues even out. */
static void like_parts_within_a_domain(void **state)
{
    struct sim_domain *d;
    struct sim_vcpu *sv[6];

    sim_start(2, "credit");
    sim_check = check_work_conserving;
    d = sim_domain(256, 0);
    for (unsigned int i = 0; i < 6; i++)
        sv[i] = sim_add(d, 0, 0, 0);
    sim_run(SECONDS(20));
    for (unsigned int i = 0; i < 6; i++)
        assert_in_range(sv[i]->ran, SECONDS(40) / 6 * 9 / 10, SECONDS(40) / 6 * 11 / 10);
    check_runstates();
    sim_stop();
}

/* A weight larger than one vcpu can use: it runs always, and the others share the rest by theirs. */
static void infeasible_weight(void **state)
{
    struct sim_domain *a, *b, *c;

    sim_start(2, "credit");
    sim_check = check_work_conserving;
    a = sim_domain(10000, 0);
    b = sim_domain(100, 0);
    c = sim_domain(200, 0);
    sim_add(a, 0, 0, 0);
    sim_add(b, 0, 0, 0);
    sim_add(c, 0, 0, 0);
    sim_run(SECONDS(20));
    assert_near(sim_domain_ran(a), SECONDS(20), "more weight than it can use");
    assert_near(sim_domain_ran(b), SECONDS(20) / 3, "100 of the rest");
    assert_near(sim_domain_ran(c), SECONDS(20) * 2 / 3, "200 of the rest");
    sim_stop();
}

static void caps_hold(void **state)
{
    struct sim_domain *a, *b, *c, *d;

    sim_start(4, "credit");
    sim_check = check_work_conserving;
    a = sim_domain(256, 30);
    sim_add(a, 0, 0, 0);
    b = sim_domain(256, 150);
    for (unsigned int i = 0; i < 4; i++)
        sim_add(b, 0, 0, 0);
    c = sim_domain(256, 5);
    sim_add(c, 20 * MS, 1 * MS, 50);
    sim_run(SECONDS(20));
    assert_near(sim_domain_ran(a), SECONDS(20) * 30 / 100, "cap 30, alone");
    assert_near(sim_domain_ran(b), SECONDS(20) * 150 / 100, "cap 150, four vcpus");
    assert_near(sim_domain_ran(c), SECONDS(20) * 5 / 100, "cap 5, sleeping between");
    /* And beside those who want everything. */
    d = sim_domain(64, 0);
    for (unsigned int i = 0; i < 8; i++)
        sim_add(d, 0, 0, 0);
    {
        s_time_t before[] = {sim_domain_ran(a), sim_domain_ran(b)};

        sim_run(SECONDS(20));
        assert_near(sim_domain_ran(a) - before[0], SECONDS(20) * 30 / 100, "cap 30, contended");
        assert_near(sim_domain_ran(b) - before[1], SECONDS(20) * 150 / 100, "cap 150, contended");
    }
    check_runstates();
    sim_stop();
}

/* What late interrupts let somebody run too long is taken off what he gets next. */
static void caps_hold_with_late_timers(void **state)
{
    struct sim_domain *a;

    sim_start(2, "credit");
    sim_timer_latency = 1 * MS;
    a = sim_domain(256, 30);
    sim_add(a, 0, 0, 0);
    sim_add(a, 0, 0, 0);
    sim_run(SECONDS(20));
    assert_near(sim_domain_ran(a), SECONDS(20) * 30 / 100, "cap 30, late timers");
    check_runstates();
    sim_stop();
}

/* A guest that yields, or sleeps for a moment, just before each multiple of a tick: it uses no more than its part. */
static void hiding_from_ticks(void **state)
{
    static const s_time_t ticks[] = {1 * MS, 10 * MS, 30 * MS};

    for (unsigned int i = 0; i < ARRAY_SIZE(ticks); i++) {
        struct sim_domain *honest, *thief;
        struct sim_vcpu *t;

        sim_start(1, "credit");
        honest = sim_domain(256, 0);
        thief = sim_domain(256, 0);
        sim_add(honest, 0, 0, 0);
        t = sim_add(thief, ticks[i], 0, 0);
        t->polite = true;
        sim_run(SECONDS(20));
        check_runstates();
        assert_true(sim_domain_ran(thief) <= SECONDS(20) * 102 / 200);
        sim_stop();

        sim_start(1, "credit");
        honest = sim_domain(256, 0);
        thief = sim_domain(256, 0);
        sim_add(honest, 0, 0, 0);
        sim_add(thief, ticks[i] - 2000, 2000, 0);
        sim_run(SECONDS(20));
        assert_true(sim_domain_ran(thief) <= SECONDS(20) * 102 / 200);
        sim_stop();
    }
}

/* Who wakes with credit in hand runs within the rate limit, whatever else runs. */
static s_time_t longest_wait, waited_before;
static struct sim_vcpu *watched;
static void check_latency(void)
{
    struct vcpu_runstate_info *r = &watched->v.runstate;

    check_work_conserving();
    if (r->state != RUNSTATE_runnable) {
        longest_wait = max(longest_wait, (s_time_t)r->time[RUNSTATE_runnable] - waited_before);
        waited_before = (s_time_t)r->time[RUNSTATE_runnable];
    }
}

static void woken_runs_soon(void **state)
{
    struct sim_domain *hog, *d;

    /* Both bound to one of two processors: the hog, too, has credit all the time. */
    sim_start(2, "credit");
    hog = sim_domain(256, 0);
    sim_pin(sim_add(hog, 0, 0, 0), 0);
    d = sim_domain(256, 0);
    watched = sim_add(d, 200 * NS_PER_US, 7 * MS, 30);
    sim_pin(watched, 0);
    sim_run(SECONDS(1));
    longest_wait = 0;
    waited_before = (s_time_t)watched->v.runstate.time[RUNSTATE_runnable];
    sim_check = check_latency;
    sim_run(SECONDS(10));
    printf("# longest wait after a wake-up: %lld us\n", (long long)longest_wait / NS_PER_US);
    assert_true(longest_wait <= 1 * MS);
    check_runstates();
    sim_stop();
}

/* Nobody is preempted before the rate limit, however many wake up: here a hog among restless sleepers. */
static s_time_t hog_since, shortest_run;
static void check_rate(void)
{
    bool runs = sim_current[0] == &watched->v;

    if (runs && !hog_since)
        hog_since = sim_now;
    if (!runs && hog_since) {
        if (hog_since > 0)
            shortest_run = min(shortest_run, sim_now - hog_since);
        hog_since = 0;
    }
}

static void rate_limit_bounds_preemption(void **state)
{
    struct sim_domain *hog, *d;

    sim_start(1, "credit");
    hog = sim_domain(256, 0);
    watched = sim_add(hog, 0, 0, 0);
    for (unsigned int i = 0; i < 10; i++) {
        d = sim_domain(256, 0);
        sim_add(d, 20 * NS_PER_US, 1 * MS, 50);
    }
    sim_run(SECONDS(1));
    hog_since = -1; /* when the present run began, if there is one, nobody saw */
    shortest_run = TIME_NEVER;
    sim_check = check_rate;
    sim_run(SECONDS(2));
    assert_true(shortest_run != TIME_NEVER);
    printf("# shortest run of a hog among wakers: %lld us\n", (long long)shortest_run / NS_PER_US);
    assert_true(shortest_run >= 1 * MS);
    assert_true(sim_domain_ran(hog) > SECONDS(2));
    check_runstates();
    sim_stop();
}

static void check_affinity(void)
{
    check_work_conserving();
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
        struct vcpu *v = &sim_vcpus[i].v;

        if (v->sched && v->is_running)
            assert_true(cpumask_test(v->cpu, sched_allowed(v)));
    }
}

static void soft_affinity_preferred(void **state)
{
    struct sim_domain *d;
    cpumask_t soft = cpumask_of(2);

    sim_start(4, "credit");
    sim_check = check_affinity;
    d = sim_domain(256, 0);
    for (unsigned int i = 0; i < 20; i++) {
        struct sim_vcpu *sv = sim_add(d, 1 * MS, 1 * MS, 0);
        s_time_t before;

        assert_int_equal(sched_set_affinity(&sv->v, NULL, &soft), 0);
        sim_run(10 * MS);
        before = sv->ran;
        sim_run(100 * MS);
        if (i == 0) /* alone, it stays there */
            assert_int_equal(sv->v.cpu, 2);
        assert_true(sv->ran > before); /* and when that is full, it is not a rule */
    }
    check_runstates();
    sim_stop();
}

static void pin_override(void **state)
{
    struct sim_domain *d;
    struct sim_vcpu *sv, *rival;
    cpumask_t two = cpumask_of(2), none = {{0}};

    sim_start(4, (const char *)*state);
    sim_check = check_affinity;
    d = sim_domain(256, 0);
    sv = sim_add(d, 0, 0, 0);
    rival = sim_add(d, 0, 0, 0);
    sim_pin(rival, 3);
    assert_int_equal(sched_set_affinity(&sv->v, &two, NULL), 0);
    assert_int_equal(sched_set_affinity(&sv->v, &none, NULL), -EINVAL);
    sim_run(50 * MS);
    assert_int_equal(sv->v.cpu, 2);
    assert_int_equal(sched_pin_override(&sv->v, -1), -EINVAL);
    assert_int_equal(sched_pin_override(&sv->v, 4), -EINVAL);
    assert_int_equal(sched_pin_override(&sv->v, 3), 0);
    sim_settle();
    assert_int_equal(sv->v.cpu, 3);
    assert_int_equal(sched_pin_override(&sv->v, 1), -EBUSY);
    assert_int_equal(sched_set_affinity(&sv->v, &two, NULL), -EBUSY);
    sim_run(200 * MS);
    assert_int_equal(sv->v.cpu, 3);
    assert_true(rival->ran > 50 * MS && sv->ran > 50 * MS);
    assert_int_equal(sched_pin_override(&sv->v, -1), 0);
    sim_settle();
    assert_int_equal(sv->v.cpu, 2);
    check_runstates();
    sim_stop();
}

static void round_robin_is_even(void **state)
{
    struct sim_domain *d;
    struct sim_vcpu *sv[5];

    sim_start(1, "rr");
    sim_check = check_work_conserving;
    assert_int_equal(sched_policy_id(), XEN_SCHEDULER_NULL);
    d = sim_domain(256, 0);
    for (unsigned int i = 0; i < 5; i++)
        sv[i] = sim_add(d, 0, 0, 0);
    sim_run(SECONDS(5));
    for (unsigned int i = 0; i < 5; i++)
        assert_near(sv[i]->ran, SECONDS(1), "one of five in turn");
    check_runstates();
    sim_stop();
}

static void random_action(struct sim_domain **d)
{
    struct sim_vcpu *sv = &sim_vcpus[sim_random() % 24];
    unsigned int cpu = (unsigned int)(sim_random() % 8);
    cpumask_t m = {{sim_random() % 255 + 1}};

    hosted_cpu = cpumask_first(&cpu_online_mask);
    switch (sim_random() % 8) {
    case 0:
    case 1:
        assert_int_equal(sched_set_affinity(&sv->v, &m, NULL),
                         sv->v.sched->pinned_to >= 0
                             ? (cpumask_intersects(&m, &cpu_online_mask) ? -EBUSY : -EINVAL)
                         : cpumask_intersects(&m, &cpu_online_mask) ? 0
                                                                    : -EINVAL);
        break;
    case 2:
        assert_int_equal(sched_set_affinity(&sv->v, NULL, &m), 0);
        break;
    case 3:
        __atomic_fetch_add(&sv->v.pause_count, 1, __ATOMIC_SEQ_CST);
        sched_sleep_nosync(&sv->v);
        break;
    case 4:
    case 5:
        if (sv->v.pause_count) {
            __atomic_fetch_sub(&sv->v.pause_count, 1, __ATOMIC_SEQ_CST);
            sched_wake(&sv->v);
        }
        break;
    case 6:
        if (sv->v.sched->pinned_to >= 0)
            assert_int_equal(sched_pin_override(&sv->v, -1), 0);
        else if (cpumask_test(cpu, &cpu_online_mask))
            assert_int_equal(sched_pin_override(&sv->v, (int)cpu), 0);
        break;
    default:
        sched_wake(&sv->v); /* for no reason */
        sched_kick(&sv->v);
    }
    sim_settle();
}

/* Anything in any order; what must hold holds at each instant. */
/* Other processors look for work, wake who is just being switched away from, and others, and look again, all before the switch is done. */
static void others_look(unsigned int here)
{
    for (unsigned int i = 1; i < cpu_count; i++) {
        hosted_cpu = (here + i) % cpu_count;
        if (sim_random() % 2 && softirq_pending())
            softirq_run();
    }
}

static void wake_in_switch(struct vcpu *prev)
{
    unsigned int here = hosted_cpu;

    others_look(here);
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
        struct sim_vcpu *sv = &sim_vcpus[i];

        if (!(sv->v.pause_flags & VCPU_BLOCKED) || sim_random() % (&sv->v == prev ? 2 : 8))
            continue;
        hosted_cpu = (here + 1) % cpu_count;
        sv->wake_at = TIME_NEVER;
        sched_unblock(&sv->v);
    }
    others_look(here);
}

static void woken_while_leaving(void **state)
{
    struct sim_domain *d;

    sim_start(4, *state);
    d = sim_domain(256, 0);
    patience = 0;
    for (unsigned int i = 0; i < SIM_VCPUS; i++)
        wrong_since[i] = TIME_NEVER;
    sim_check = check_work_conserving;
    sim_in_switch = wake_in_switch;
    for (unsigned int i = 0; i < 6; i++) {
        sim_add(d, 2 * MS, 1 * MS, i % 2 ? 100 : 0);
        sim_run(SECONDS(5));
    }
    sim_stop();
}

static void random_life(void **state)
{
    struct sim_domain *d[4];

    sim_start(8, (const char *)*state);
    patience = strcmp(*state, "rr") == 0 ? 10 * MS + 1 : CREDIT_PERIOD + 1;
    for (unsigned int i = 0; i < 4; i++)
        d[i] = sim_domain(100 + (unsigned int)(sim_random() % 1000), i == 3 ? 130 : 0);
    for (unsigned int i = 0; i < 24; i++)
        sim_add(d[i % 4], i % 3 ? (s_time_t)(1 + sim_random() % 30) * MS : 0,
                (s_time_t)(sim_random() % 20) * MS * (i % 3 != 0), 80);
    sim_check = check_affinity;
    for (unsigned int i = 0; i < 1500; i++) {
        sim_run((s_time_t)(sim_random() % 5000) * NS_PER_US);
        random_action(d);
        if (i % 100 == 0)
            check_runstates();
    }
    check_runstates();
    sim_stop();
    patience = 0;
}

static void control_interface(void **state)
{
    struct sim_domain *d;
    struct xen_domctl_scheduler_op op = {.sched_id = XEN_SCHEDULER_CREDIT, .cmd = XEN_DOMCTL_SCHEDOP_getinfo};
    struct xen_sysctl_scheduler_op global = {.sched_id = XEN_SCHEDULER_CREDIT,
                                             .cmd = XEN_SYSCTL_SCHEDOP_getinfo};

    sim_start(1, NULL);
    d = sim_domain(300, 40);
    assert_int_equal(sched_policy_id(), XEN_SCHEDULER_CREDIT);
    assert_int_equal(sched_adjust_domain(&d->d, &op), 0);
    assert_int_equal(op.u.credit.weight, 300);
    assert_int_equal(op.u.credit.cap, 40);
    op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
    op.u.credit.weight = 0; /* as it is */
    op.u.credit.cap = 0;
    assert_int_equal(sched_adjust_domain(&d->d, &op), 0);
    op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
    assert_int_equal(sched_adjust_domain(&d->d, &op), 0);
    assert_int_equal(op.u.credit.weight, 300);
    assert_int_equal(op.u.credit.cap, 0);
    op.cmd = XEN_DOMCTL_SCHEDOP_getvcpuinfo;
    assert_int_equal(sched_adjust_domain(&d->d, &op), -EINVAL);
    op.sched_id = XEN_SCHEDULER_CREDIT2;
    assert_int_equal(sched_adjust_domain(&d->d, &op), -EINVAL);

    assert_int_equal(sched_adjust_global(&global), 0);
    assert_int_equal(global.u.sched_credit.tslice_ms, 30);
    assert_int_equal(global.u.sched_credit.ratelimit_us, 1000);
    global.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
    global.u.sched_credit.tslice_ms = 5;
    assert_int_equal(sched_adjust_global(&global), 0);
    global.u.sched_credit.tslice_ms = 1001;
    assert_int_equal(sched_adjust_global(&global), -EINVAL);
    global.u.sched_credit.tslice_ms = 0;
    assert_int_equal(sched_adjust_global(&global), -EINVAL);
    global.u.sched_credit.tslice_ms = 1;
    global.u.sched_credit.ratelimit_us = 1001; /* longer than the slice */
    assert_int_equal(sched_adjust_global(&global), -EINVAL);
    global.u.sched_credit.ratelimit_us = 99;
    assert_int_equal(sched_adjust_global(&global), -EINVAL);
    global.u.sched_credit.ratelimit_us = 0; /* off */
    assert_int_equal(sched_adjust_global(&global), 0);
    global.cmd = XEN_SYSCTL_SCHEDOP_getinfo;
    assert_int_equal(sched_adjust_global(&global), 0);
    assert_int_equal(global.u.sched_credit.tslice_ms, 1);
    assert_int_equal(global.u.sched_credit.ratelimit_us, 0);
    sched_dump();
    sim_stop();
    assert_int_equal(sched_init("credit2", 1000), -ENOENT);
    assert_int_equal(sched_policy_id(), XEN_SCHEDULER_CREDIT);
}

/* One vcpu that never sleeps, alone: nobody interrupts it. */
static void alone_undisturbed(void **state)
{
    struct sim_domain *d;
    unsigned int programs;
    uint64_t decisions;

    sim_start(4, (const char *)*state);
    d = sim_domain(256, 0);
    sim_add(d, 0, 0, 0);
    sim_run(100 * MS);
    programs = sim_programs;
    decisions = per_cpu(runqueue, sim_vcpus[0].v.cpu).decisions;
    sim_run(SECONDS(3));
    assert_int_equal(per_cpu(runqueue, sim_vcpus[0].v.cpu).decisions, decisions);
    assert_true(sim_programs - programs <= 3 * NS_PER_S / CREDIT_PERIOD + 1);
    check_runstates();
    sim_stop();
}

int main(void)
{
    static char credit_name[] = "credit", rr_name[] = "rr";
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_one_processor),
        cmocka_unit_test(three_on_two),
        cmocka_unit_test(shares_of_bound_vcpus),
        cmocka_unit_test(shares_of_many),
        cmocka_unit_test(like_parts_within_a_domain),
        cmocka_unit_test(infeasible_weight),
        cmocka_unit_test(caps_hold),
        cmocka_unit_test(caps_hold_with_late_timers),
        cmocka_unit_test(hiding_from_ticks),
        cmocka_unit_test(woken_runs_soon),
        cmocka_unit_test(rate_limit_bounds_preemption),
        cmocka_unit_test(soft_affinity_preferred),
        cmocka_unit_test_prestate(pin_override, credit_name),
        cmocka_unit_test_prestate(pin_override, rr_name),
        cmocka_unit_test(round_robin_is_even),
        cmocka_unit_test_prestate(woken_while_leaving, credit_name),
        cmocka_unit_test_prestate(woken_while_leaving, rr_name),
        cmocka_unit_test_prestate(random_life, credit_name),
        cmocka_unit_test_prestate(random_life, rr_name),
        cmocka_unit_test(control_interface),
        cmocka_unit_test_prestate(alone_undisturbed, credit_name),
        cmocka_unit_test_prestate(alone_undisturbed, rr_name),
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
