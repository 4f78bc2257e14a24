/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "sched_sim.h"
#include "hv/softirq.h"
#include "hv/log.h"
#include "random.h"

unsigned int hosted_cpu;
cpumask_t cpu_online_mask;
unsigned int cpu_count;
s_time_t sim_now, sim_timer_latency;
struct vcpu *sim_current[MAX_CPUS];
struct sim_vcpu sim_vcpus[SIM_VCPUS];
unsigned int sim_ipis, sim_programs;
void (*sim_check)(void);
void (*sim_in_switch)(struct vcpu *prev);

static struct vcpu sim_idle[MAX_CPUS];
static struct vcpu
    *sim_loaded[MAX_CPUS]; /* whose state the processor holds: the idle vcpu leaves its predecessor's there */
static s_time_t deadline[MAX_CPUS];
static bool ipi[MAX_CPUS];
static unsigned int sim_cpus;
static struct sim_domain *domains[SIM_VCPUS];
static unsigned int domain_count;

void log_printf(enum log_level level, const char *fmt, ...)
{
    va_list args;

    if (!getenv("SIM_LOG"))
        return;
    va_start(args, fmt);
    vprintf(fmt, args);
    va_end(args);
}

void *hv_zalloc(size_t size)
{
    return calloc(1, size);
}

void hv_free(void *p)
{
    free(p);
}

uint64_t sim_random(void)
{
    return random64();
}

/* --- The machine --- */

static s_time_t machine_now(void)
{
    return sim_now;
}

static void machine_program(s_time_t t)
{
    deadline[hosted_cpu] = max(t, sim_now) + sim_timer_latency;
    sim_programs++;
}

static void machine_ipi(unsigned int cpu)
{
    assert_true(cpumask_test(cpu, &cpu_online_mask) ||
                per_cpu(runqueue, cpu).curr); /* or it is just joining */
    ipi[cpu] = true;
    sim_ipis++;
}

static void machine_put_away(unsigned int cpu)
{
    if (sim_loaded[cpu] && sim_current[cpu] != sim_loaded[cpu]) {
        sim_loaded[cpu]->loaded_on = 0;
        sim_loaded[cpu] = NULL;
    }
}

static void machine_put_away_idle(void)
{
    machine_put_away(hosted_cpu);
}

static void machine_sync(struct vcpu *v)
{
    if (v->loaded_on)
        machine_put_away(v->loaded_on - 1);
    assert_false(v->loaded_on && !vcpu_runnable(v) && !v->is_running);
}

/* What other processors do while this one switches. */
static void meanwhile(struct vcpu *prev)
{
    void (*hook)(struct vcpu *) = sim_in_switch;
    unsigned int here = hosted_cpu;

    sim_in_switch = NULL;
    hook(prev);
    sim_in_switch = hook;
    hosted_cpu = here;
}

static void machine_switch(struct vcpu *prev, struct vcpu *next)
{
    assert_ptr_equal(sim_current[hosted_cpu], prev);
    assert_ptr_not_equal(prev, next);
    assert_true(next->is_running && prev->is_running);
    if (!next->is_idle) {
        assert_int_equal(next->cpu, hosted_cpu);
        assert_true(cpumask_test(hosted_cpu, sched_allowed(next)));
        for (unsigned int i = 0; i < sim_cpus; i++)
            assert_ptr_not_equal(sim_current[i], next);
    }
    sim_current[hosted_cpu] = next;
    if (!next->is_idle) {
        machine_put_away(hosted_cpu);
        machine_sync(next);
        sim_loaded[hosted_cpu] = next;
        next->loaded_on = hosted_cpu + 1;
    }
    if (sim_in_switch)
        meanwhile(prev);
}

static void cpu_up(unsigned int cpu)
{
    hosted_cpu = cpu;
    softirq_cpu_init(cpu);
    timer_cpu_init(cpu);
    sim_idle[cpu] = (struct vcpu){.id = cpu};
    sim_current[cpu] = &sim_idle[cpu];
    deadline[cpu] = TIME_NEVER;
    sched_cpu_up(cpu, &sim_idle[cpu]);
    cpumask_set(cpu, &cpu_online_mask);
}

void sim_start(unsigned int cpus, const char *policy)
{
    random_sequence(0);
    sim_now = 1000;
    hosted_cpu = 0;
    sim_timer_latency = 0;
    sim_cpus = cpus;
    cpu_count = cpus;
    sim_check = NULL;
    sim_in_switch = NULL;
    sim_ipis = sim_programs = 0;
    domain_count = 0;
    list_init(&sched_all_vcpus);
    cpumask_zero(&cpu_online_mask);
    cpumask_zero(&sched_idle);
    cpumask_zero(&sched_waiting);
    memset(sim_vcpus, 0, sizeof(sim_vcpus));
    memset(ipi, 0, sizeof(ipi));
    memset(sim_loaded, 0, sizeof(sim_loaded));
    timer_machine = (struct timer_machine){.program = machine_program, .now = machine_now};
    softirq_machine = (struct softirq_machine){.send_ipi = machine_ipi};
    sched_machine = (struct sched_machine){.now = machine_now,
                                           .context_switch = machine_switch,
                                           .send_kick = machine_ipi,
                                           .sync_state = machine_sync,
                                           .put_away_idle = machine_put_away_idle};
    timers_init();
    assert_int_equal(sched_init(policy, 1000), 0);
    for (unsigned int cpu = 0; cpu < cpus; cpu++)
        cpu_up(cpu);
    sim_settle();
}

void sim_stop(void)
{
    sim_in_switch = NULL;
    for (unsigned int i = 0; i < SIM_VCPUS; i++) {
        if (sim_vcpus[i].used) {
            struct vcpu *v = &sim_vcpus[i].v;

            v->pause_count++;
            sched_sleep_nosync(v);
            sim_settle();
            sched_sleep_sync(v);
            sched_vcpu_free(v);
        }
    }
    for (unsigned int i = 0; i < domain_count; i++) {
        sched_domain_free(&domains[i]->d);
        free(domains[i]);
    }
}

struct sim_domain *sim_domain(unsigned int weight, unsigned int cap)
{
    struct sim_domain *sd = calloc(1, sizeof(*sd));
    struct xen_domctl_scheduler_op op = {.sched_id = XEN_SCHEDULER_CREDIT,
                                         .cmd = XEN_DOMCTL_SCHEDOP_putinfo,
                                         .u.credit = {.weight = (uint16_t)weight, .cap = (uint16_t)cap}};

    sd->d.id = (domid_id_t)domain_count;
    sd->d.vcpu = sd->array;
    domains[domain_count++] = sd;
    assert_int_equal(sched_domain_init(&sd->d), 0);
    if (sched_policy_id() == XEN_SCHEDULER_CREDIT)
        assert_int_equal(sched_adjust_domain(&sd->d, &op), 0);
    return sd;
}

static s_time_t jittered(s_time_t t, unsigned int percent)
{
    return percent ? t + (s_time_t)(sim_random() % (uint64_t)(t * percent / 100 + 1)) : t;
}

struct sim_vcpu *sim_add(struct sim_domain *sd, s_time_t run, s_time_t sleep, unsigned int jitter)
{
    struct sim_vcpu *sv = sim_vcpus;

    while (sv->used)
        sv++;
    *sv = (struct sim_vcpu){
        .used = true, .run = run, .sleep = sleep, .jitter = jitter, .wake_at = TIME_NEVER, .born = sim_now};
    sv->left = run ? jittered(run, jitter) : TIME_NEVER;
    sv->v.domain = &sd->d;
    sv->v.id = sd->vcpus;
    sv->v.pause_flags = VCPU_DOWN;
    sv->v.cpu = (unsigned int)(sim_random() % sim_cpus);
    sd->array[sd->vcpus++] = &sv->v;
    sd->d.max_vcpus = sd->vcpus;
    assert_int_equal(sched_vcpu_init(&sv->v), 0);
    sv->v.pause_flags = 0;
    sched_wake(&sv->v);
    sim_settle();
    return sv;
}

void sim_pin(struct sim_vcpu *sv, unsigned int cpu)
{
    cpumask_t m = cpumask_of(cpu);

    assert_int_equal(sched_set_affinity(&sv->v, &m, NULL), 0);
    sim_settle();
}

/* --- Time --- */

static struct sim_vcpu *guest_on(unsigned int cpu)
{
    return sim_current[cpu]->is_idle ? NULL : container_of(sim_current[cpu], struct sim_vcpu, v);
}

void sim_settle(void)
{
    unsigned int first = (unsigned int)(sim_random() % sim_cpus);
    bool again = true;

    for (unsigned int round = 0; again; round++) {
        assert_true(round < 10000); /* somebody raises softirqs for ever */
        again = false;
        for (unsigned int i = 0; i < sim_cpus; i++) {
            hosted_cpu = (first + i) % sim_cpus;
            if (deadline[hosted_cpu] <= sim_now) {
                deadline[hosted_cpu] = TIME_NEVER;
                timer_interrupt();
            }
            ipi[hosted_cpu] = false;
            if (softirq_pending()) {
                softirq_run();
                again = true;
            }
        }
    }
    if (sim_check)
        sim_check();
}

/* What the guest does when its run has ended. */
static void guest_acts(struct sim_vcpu *sv, unsigned int cpu)
{
    hosted_cpu = cpu;
    sv->left = jittered(sv->run, sv->jitter);
    if (sv->polite) {
        sv->left = sv->run - sim_now % sv->run - 1000;
        if (sv->left <= 0)
            sv->left += sv->run;
        sched_yield(&sv->v);
    } else if (!sv->sleep) {
        sched_yield(&sv->v);
    } else {
        sv->wake_at = sim_now + jittered(sv->sleep, sv->jitter);
        sv->v.pause_flags |= VCPU_BLOCKED;
        sched_block(&sv->v);
    }
}

static s_time_t next_event(s_time_t end)
{
    s_time_t t = end;

    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct sim_vcpu *sv = guest_on(cpu);

        t = min(t, deadline[cpu]);
        if (sv && sv->left != TIME_NEVER)
            t = min(t, sim_now + sv->left);
    }
    for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++)
        t = min(t, sim_vcpus[i].wake_at);
    return max(t, sim_now);
}

static void advance(s_time_t to)
{
    for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
        struct sim_vcpu *sv = guest_on(cpu);

        if (!sv)
            continue;
        sv->ran += to - sim_now;
        if (sv->left != TIME_NEVER)
            sv->left -= to - sim_now;
    }
    sim_now = to;
}

void sim_run(s_time_t span)
{
    s_time_t end = sim_now + span;

    while (sim_now < end) {
        advance(next_event(end));
        for (unsigned int cpu = 0; cpu < sim_cpus; cpu++) {
            struct sim_vcpu *sv = guest_on(cpu);

            if (sv && sv->left <= 0)
                guest_acts(sv, cpu);
        }
        for (unsigned int i = 0; i < SIM_VCPUS && sim_vcpus[i].used; i++) {
            struct sim_vcpu *sv = &sim_vcpus[i];

            if (sv->wake_at <= sim_now) {
                sv->wake_at = TIME_NEVER;
                hosted_cpu = cpumask_first(&cpu_online_mask); /* an interrupt there says so */
                sched_unblock(&sv->v);
            }
        }
        sim_settle();
    }
}

s_time_t sim_domain_ran(const struct sim_domain *sd)
{
    s_time_t ran = 0;

    for (unsigned int i = 0; i < sd->vcpus; i++)
        ran += container_of(sd->array[i], struct sim_vcpu, v)->ran;
    return ran;
}
