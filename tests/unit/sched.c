/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The scheduler's invariants, on a simulated machine (support/sched_sim.c).
 * (libc has a sched_yield() of its own, which the sanitizers call.)
 * UNIT-FLAGS: -Dsched_yield=hv_sched_yield
 * UNIT-SOURCES: tests/unit/support/sched_sim.c hypervisor/sched/sched.c hypervisor/sched/vcpu.c hypervisor/sched/runstate.c hypervisor/sched/place.c hypervisor/sched/affinity.c hypervisor/sched/control.c hypervisor/sched/policies.c hypervisor/sched/credit.c hypervisor/sched/credit_account.c hypervisor/sched/rr.c hypervisor/core/timer.c hypervisor/core/softirq.c hypervisor/core/tasklet.c
 */
#include "sched_sim.h"
#include "sched/credit.h"

#define MS NS_PER_MS
#define SECONDS(n) ((n)*NS_PER_S)

/* No runnable vcpu waits while a processor it may use idles, once an instant has settled; unless it waits for its cap. */
static void check_work_conserving(void)
{
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
        struct vcpu *v = &sim_vcpus[i].v;
        unsigned int cpu;

        if (!v->sched || !vcpu_runnable(v) || v->is_running)
            continue;
        if (sched_policy_id() == XEN_SCHEDULER_CREDIT && credit_parked(credit_vcpu(v)->domain))
            continue;
        assert_true(v->sched->queued);
        for_each_cpu(cpu, sched_allowed(v)) {
            if (cpumask_test(cpu, &cpu_online_mask) && sim_current[cpu]->is_idle)
                fail_msg("at %lld d%uv%u waits on CPU%u while CPU%u idles", (long long)sim_now, v->domain->id,
                         v->id, v->cpu, cpu);
        }
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shares_of_one_processor),
        cmocka_unit_test(three_on_two),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
