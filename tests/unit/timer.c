/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Timers against a model (an array that is searched), softirqs and tasklets.
 * UNIT-SOURCES: hypervisor/core/timer.c hypervisor/core/softirq.c hypervisor/core/tasklet.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>
#include "hv/time.h"
#include "hv/softirq.h"
#include "hv/percpu.h"
#include "hv/log.h"
#include "random.h"

#define CPUS   3
#define TIMERS 200

unsigned int hosted_cpu;
cpumask_t cpu_online_mask;
unsigned int cpu_count = CPUS;

static s_time_t now, deadline[CPUS];
static unsigned int programs, ipis[CPUS];
static struct timer timers[TIMERS];
static s_time_t model[TIMERS]; /* when it should fire; TIME_NEVER: not armed */
static unsigned int fired[TIMERS];

void log_printf(enum log_level level, const char *fmt, ...)
{
}

static s_time_t fake_now(void)
{
    return now;
}

static void fake_program(s_time_t t)
{
    deadline[hosted_cpu] = t;
    programs++;
}

static void fake_ipi(unsigned int cpu)
{
    ipis[cpu]++;
}

static void fire(void *data)
{
    unsigned int i = (unsigned int)(uintptr_t)data;

    assert_int_equal(timers[i].cpu, hosted_cpu);
    assert_true(model[i] <= now);
    model[i] = TIME_NEVER;
    fired[i]++;
    if (random64() % 4 == 0) { /* arms itself again */
        model[i] = now + 1 + (s_time_t)(random64() % 1000);
        timer_set(&timers[i], model[i]);
    }
}

static int setup(void **state)
{
    random_sequence(0);
    timer_machine = (struct timer_machine){.program = fake_program, .now = fake_now};
    softirq_machine = (struct softirq_machine){.send_ipi = fake_ipi};
    now = 0;
    programs = 0;
    cpumask_zero(&cpu_online_mask);
    timers_init();
    for (hosted_cpu = 0; hosted_cpu < CPUS; hosted_cpu++) {
        softirq_cpu_init(hosted_cpu);
        timer_cpu_init(hosted_cpu);
        cpumask_set(hosted_cpu, &cpu_online_mask);
        deadline[hosted_cpu] = TIME_NEVER;
        ipis[hosted_cpu] = 0;
    }
    hosted_cpu = 0;
    for (unsigned int i = 0; i < TIMERS; i++) {
        timer_init(&timers[i], fire, (void *)(uintptr_t)i, i % CPUS);
        model[i] = TIME_NEVER;
    }
    return 0;
}

static void run_processors(void)
{
    for (hosted_cpu = 0; hosted_cpu < CPUS; hosted_cpu++) {
        if (deadline[hosted_cpu] <= now) {
            deadline[hosted_cpu] = TIME_NEVER;
            timer_interrupt();
        }
        softirq_run();
    }
    hosted_cpu = 0;
}

/* Rank, order and back links of every node of what hangs below t. Returns how many there are. */
static unsigned int check_heap(const struct timer *t, const struct timer *parent)
{
    unsigned int left, right;

    if (!t)
        return 0;
    assert_ptr_equal(t->parent, parent);
    assert_int_equal(t->state, TIMER_ARMED);
    if (parent)
        assert_true(t->expires >= parent->expires);
    left = t->left ? t->left->rank : 0;
    right = t->right ? t->right->rank : 0;
    assert_true(left >= right);
    assert_int_equal(t->rank, right + 1);
    return 1 + check_heap(t->left, t) + check_heap(t->right, t);
}

static void check_heaps(void)
{
    unsigned int armed = 0, found = 0;

    for (unsigned int i = 0; i < TIMERS; i++) {
        armed += model[i] != TIME_NEVER;
        assert_int_equal(timer_is_armed(&timers[i]), model[i] != TIME_NEVER);
        if (timers[i].state == TIMER_ARMED && !timers[i].parent)
            found += check_heap(&timers[i], NULL);
    }
    assert_int_equal(found, armed);
    assert_int_equal(timer_audit(), 0);
}

static void against_the_model(void **state)
{
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int i = (unsigned int)(random64() % TIMERS);
        s_time_t first = TIME_NEVER;

        hosted_cpu = (unsigned int)(random64() % CPUS);
        switch (random64() % 6) {
        case 0:
        case 1:
        case 2:
            model[i] = now + (s_time_t)(random64() % 2000) - 100; /* also in the past, also again */
            timer_set(&timers[i], model[i]);
            break;
        case 3:
            model[i] = TIME_NEVER;
            timer_stop(&timers[i]);
            break;
        case 4:
            timer_migrate(&timers[i], (unsigned int)(random64() % CPUS));
            break;
        default:
            now += (s_time_t)(random64() % 300);
        }
        run_processors();
        check_heaps();
        for (unsigned int j = 0; j < TIMERS; j++) {
            assert_true(model[j] > now); /* what was due has fired */
            first = min(first, model[j]);
            if (model[j] != TIME_NEVER)
                assert_true(deadline[timers[j].cpu] <=
                            model[j]); /* and what is to come will wake its processor */
        }
    }
}

static void programs_only_forward(void **state)
{
    model[0] = model[1] = model[3] = 0; /* any time will do */
    fired[3] = 0;
    timer_set(&timers[0], 1000);
    assert_int_equal(programs, 1);
    assert_int_equal(deadline[0], 1000);
    timer_set(&timers[3], 2000); /* later: nothing to do */
    assert_int_equal(programs, 1);
    timer_set(&timers[0], 3000); /* the first is postponed: the interrupt may come early */
    timer_stop(&timers[3]);
    assert_int_equal(programs, 1);
    timer_set(&timers[3], 500);
    assert_int_equal(programs, 2);
    now = 600;
    run_processors();
    assert_int_equal(fired[3] > 0, 1);
    /* Another processor's: it is told, and programs its own hardware. */
    timer_set(&timers[1], 900);
    assert_int_equal(ipis[1], 1);
    assert_int_equal(deadline[1], TIME_NEVER);
    run_processors();
    assert_int_equal(deadline[1], 900);
}

static void again(void *data)
{
    struct timer *t = data;

    timer_set(t, t->expires + 10);
}

/* What is armed by timers that are due is programmed once, after them: the hardware's register is dear. */
static void programs_once_for_all_due(void **state)
{
    struct timer periodic[40];

    for (unsigned int i = 0; i < ARRAY_SIZE(periodic); i++) {
        timer_init(&periodic[i], again, &periodic[i], 0);
        timer_set(&periodic[i], 200 - (s_time_t)i);
    }
    now = 205; /* at 161 to 200; the first of them have another turn due by then */
    programs = 0;
    run_processors();
    assert_int_equal(programs, 1);
    assert_int_equal(deadline[0], 206);
    for (unsigned int i = 0; i < ARRAY_SIZE(periodic); i++)
        timer_kill(&periodic[i]);
}

static void killed_stays_dead(void **state)
{
    timer_set(&timers[0], 100);
    timer_kill(&timers[0]);
    timer_set(&timers[0], 200);
    model[0] = TIME_NEVER;
    fired[0] = 0;
    now = 1000;
    run_processors();
    assert_int_equal(fired[0], 0);
    timer_kill(&timers[0]); /* twice */
    assert_false(timer_is_armed(&timers[0]));
}

/* Each link, broken by itself, is seen. */
static void audit_sees(void **state)
{
    struct timer *first = &timers[0];

    for (unsigned int i = 0; i < TIMERS; i += CPUS)
        timer_set(&timers[i], model[i] = 100 + (s_time_t)i);
    assert_int_equal(timer_audit(), 0);
#define BREAK(what, value)                                                                                   \
    do {                                                                                                     \
        __typeof__(what) was_ = what;                                                                        \
        what = value;                                                                                        \
        if (timer_audit() != 1)                                                                              \
            fail_msg("not seen: " #what);                                                                    \
        what = was_;                                                                                         \
        assert_int_equal(timer_audit(), 0);                                                                  \
    } while (0)
    BREAK(first->cpu, 1);
    BREAK(first->state, TIMER_IDLE);
    BREAK(first->rank, 7);
    BREAK(first->parent, first);
    BREAK(first->left->parent, NULL);
    BREAK(first->left, NULL);
    BREAK(first->expires, 1000);
#undef BREAK
}

/* --- Softirqs and tasklets --- */

/* All are due at once: the scheduler has its turn before the last has fired. */
static unsigned int fired_before_turn;
static void note_turn(void)
{
    unsigned int count = 0;

    for (unsigned int i = 0; i < TIMERS; i += CPUS)
        count += model[i] == TIME_NEVER;
    if (!fired_before_turn)
        fired_before_turn = count;
}

static void fire_only(void *data)
{
    model[(uintptr_t)data] = TIME_NEVER;
    softirq_raise(SOFTIRQ_SCHEDULE);
}

static void many_due_let_others_in(void **state)
{
    fired_before_turn = 0;
    softirq_register(SOFTIRQ_SCHEDULE, note_turn);
    for (unsigned int i = 0; i < TIMERS; i += CPUS) {
        timer_init(&timers[i], fire_only, (void *)(uintptr_t)i, 0);
        timer_set(&timers[i], model[i] = 100);
    }
    now = 100;
    run_processors();
    assert_in_range(fired_before_turn, 1, TIMERS / CPUS - 1);
    for (unsigned int i = 0; i < TIMERS; i += CPUS)
        assert_int_equal(model[i], TIME_NEVER);
    timer_set(&timers[0], model[0] = 200); /* the hardware knows of what comes after */
    assert_int_equal(deadline[0], 200);
}

static char order[32];
static void console_handler(void)
{
    strcat(order, "c");
}
static void rcu_handler(void)
{
    strcat(order, "r");
    if (!strchr(order, 'S'))
        softirq_raise(SOFTIRQ_CONSOLE);
}
static void schedule_handler(void)
{
    strcat(order, "S");
}

static void schedule_comes_last(void **state)
{
    order[0] = 0;
    softirq_register(SOFTIRQ_CONSOLE, console_handler);
    softirq_register(SOFTIRQ_RCU, rcu_handler);
    softirq_register(SOFTIRQ_SCHEDULE, schedule_handler);
    assert_false(softirq_pending());
    softirq_raise(SOFTIRQ_SCHEDULE);
    softirq_raise(SOFTIRQ_RCU);
    softirq_raise(SOFTIRQ_CONSOLE);
    assert_true(softirq_pending());
    softirq_run();
    assert_string_equal(order, "crSc");
    order[0] = 0;
    softirq_raise(SOFTIRQ_SCHEDULE);
    softirq_raise(SOFTIRQ_RCU);
    softirq_run();
    assert_string_equal(order, "rSc"); /* what comes up meanwhile does not keep the scheduler waiting */
    assert_false(softirq_pending());
    /* Another's: one IPI, however often, until it was served. */
    softirq_raise_cpu(SOFTIRQ_CONSOLE, 2);
    softirq_raise_cpu(SOFTIRQ_CONSOLE, 2);
    softirq_raise_cpu(SOFTIRQ_CONSOLE, 0);
    assert_int_equal(ipis[2], 1);
    assert_int_equal(ipis[0], 0);
    hosted_cpu = 2;
    assert_true(softirq_pending());
    softirq_run();
    hosted_cpu = 0;
    softirq_raise_cpu(SOFTIRQ_CONSOLE, 2);
    assert_int_equal(ipis[2], 2);
}

static struct tasklet tasklet;
static unsigned int tasklet_runs;
static void tasklet_function(void *data)
{
    assert_ptr_equal(data, &tasklet);
    if (++tasklet_runs == 1)
        tasklet_schedule_cpu(&tasklet, hosted_cpu); /* may ask for itself */
}

static void tasklets_run_once(void **state)
{
    tasklet_runs = 0;
    tasklet_init(&tasklet, tasklet_function, &tasklet);
    tasklet_schedule_cpu(&tasklet, 1);
    tasklet_schedule_cpu(&tasklet, 2); /* it waits already */
    run_processors();
    assert_int_equal(tasklet_runs, 2);
    assert_int_equal(tasklet.cpu, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(against_the_model, setup),
        cmocka_unit_test_setup(programs_only_forward, setup),
        cmocka_unit_test_setup(programs_once_for_all_due, setup),
        cmocka_unit_test_setup(killed_stays_dead, setup),
        cmocka_unit_test_setup(audit_sees, setup),
        cmocka_unit_test_setup(many_due_let_others_in, setup),
        cmocka_unit_test_setup(schedule_comes_last, setup),
        cmocka_unit_test_setup(tasklets_run_once, setup),
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
