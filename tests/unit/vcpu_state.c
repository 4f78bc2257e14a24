/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who holds a vcpu's state (core/vcpu_state.c), on fake processors whose only register is a number that the current vcpu counts up: random switches, idling,
 * synchronisation, shootdowns. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: hypervisor/core/vcpu_state.c
 */
#include "core/vcpu_state.h"
#include "arch/x86/desc.h"
#include "arch/x86/tlb.h"
#include "hv/percpu.h"
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "random.h"

#define CPUS  4
#define VCPUS 7

unsigned int hosted_cpu;
static struct {
    struct vcpu *current, *tables; /* tables: NULL for our own */
    uint64_t reg;
} cpu[CPUS];
static struct vcpu idle[CPUS];
static struct {
    struct vcpu v;
    uint64_t saved, should_be;
} guest[VCPUS];
static struct domain domain[2];
static unsigned int asked;

static uint64_t *saved(struct vcpu *v)
{
    return (uint64_t *)((char *)v + sizeof(*v));
}

static void switch_from(struct vcpu *v)
{
    assert_ptr_equal(cpu[hosted_cpu].tables, v);
    *saved(v) = cpu[hosted_cpu].reg;
    cpu[hosted_cpu].reg = 0xdead;
}

static void switch_to(struct vcpu *v)
{
    for (unsigned int i = 0; i < CPUS; i++)
        assert_ptr_not_equal(cpu[i].tables, v);
    cpu[hosted_cpu].tables = v;
    cpu[hosted_cpu].reg = *saved(v);
}

static const struct guest_kind kind = {.name = "fake", .switch_from = switch_from, .switch_to = switch_to};

/* --- What the module asks of the machine --- */

void load_host_tables(void)
{
    cpu[hosted_cpu].tables = NULL;
}

void set_entry_vcpu(struct vcpu *v)
{
    cpu[hosted_cpu].current = v;
}

void tlb_flush_mask(const cpumask_t *mask, unsigned int flags)
{
    unsigned int here = hosted_cpu;

    asked++;
    for (hosted_cpu = 0; hosted_cpu < CPUS; hosted_cpu++)
        if (cpumask_test(hosted_cpu, mask)) {
            assert_int_not_equal(hosted_cpu, here);
            vcpu_put_away_idle();
        }
    hosted_cpu = here;
}

/* --- The model --- */

static void check(void)
{
    for (unsigned int i = 0; i < CPUS; i++) {
        struct vcpu *t = cpu[i].tables, *c = cpu[i].current;

        if (!c->is_idle)
            assert_ptr_equal(t, c);
        if (t)
            assert_int_equal(vcpu_loaded_cpu(t), i);
        for (unsigned int d = 0; d < 2; d++)
            assert_int_equal(cpumask_test(i, &domain[d].dirty_cpus), t && t->domain == &domain[d]);
    }
    for (unsigned int i = 0; i < VCPUS; i++) {
        unsigned int on = vcpu_loaded_cpu(&guest[i].v);

        if (on < MAX_CPUS)
            assert_ptr_equal(cpu[on].tables, &guest[i].v);
        assert_int_equal(on < MAX_CPUS ? cpu[on].reg : guest[i].saved, guest[i].should_be);
    }
}

static void up(void)
{
    memset(cpu, 0, sizeof(cpu));
    memset(guest, 0, sizeof(guest));
    memset(domain, 0, sizeof(domain));
    asked = 0;
    domain[0].kind = domain[1].kind = &kind;
    for (unsigned int i = 0; i < VCPUS; i++) {
        assert_ptr_equal(saved(&guest[i].v), &guest[i].saved);
        guest[i].v.domain = &domain[i % 2];
    }
    for (hosted_cpu = 0; hosted_cpu < CPUS; hosted_cpu++) {
        idle[hosted_cpu] = (struct vcpu){.is_idle = true};
        vcpu_switch(&idle[hosted_cpu]);
        vcpu_put_away_idle(); /* what the last test left: nothing, or the next switch would fail */
    }
    hosted_cpu = 0;
}

static void go(unsigned int where, struct vcpu *v)
{
    hosted_cpu = where;
    vcpu_switch(v);
    check();
}

static void work(unsigned int i)
{
    cpu[vcpu_loaded_cpu(&guest[i].v)].reg++;
    guest[i].should_be++;
}

static void back_from_idle(void **state)
{
    up();
    go(1, &guest[0].v);
    work(0);
    go(1, &idle[1]);
    assert_int_equal(vcpu_loaded_cpu(&guest[0].v), 1);
    assert_int_equal(guest[0].saved, 0); /* nothing was saved, nothing is loaded */
    go(1, &guest[0].v);
    assert_int_equal(guest[0].saved, 0);
    vcpu_put_away_idle(); /* it is current: stays */
    assert_int_equal(vcpu_loaded_cpu(&guest[0].v), 1);
    go(1, &idle[1]);
    hosted_cpu = 1;
    vcpu_put_away_idle();
    check();
    assert_int_equal(guest[0].saved, 1);
    assert_null(cpu[1].tables);
    assert_int_equal(asked, 0);
}

static void fetched_from_afar(void **state)
{
    up();
    go(1, &guest[0].v);
    go(2, &guest[1].v);
    work(0);
    go(1, &idle[1]);
    go(2, &idle[2]);
    go(2, &guest[0].v); /* holds guest 1's, must not while it waits */
    assert_int_equal(asked, 1);
    assert_int_equal(cpu[2].reg, 1);
    assert_int_equal(vcpu_loaded_cpu(&guest[1].v), MAX_CPUS);
    assert_null(cpu[1].tables);
    go(2, &idle[2]);
    hosted_cpu = 0;
    vcpu_sync_state(&guest[0].v);
    check();
    assert_int_equal(asked, 2);
    vcpu_sync_state(&guest[0].v);
    assert_int_equal(asked, 2); /* nobody to ask */
    assert_int_equal(guest[0].saved, 1);
}

static bool is_current_somewhere(const struct vcpu *v)
{
    for (unsigned int i = 0; i < CPUS; i++)
        if (cpu[i].current == v)
            return true;
    return false;
}

static void random_life(void **state)
{
    unsigned int slow = 0;

    random_sequence(0);
    up();
    for (unsigned int step = 0; step < 200000; step++) {
        unsigned int i = random_below(VCPUS), where = random_below(CPUS);
        struct vcpu *v = &guest[i].v;
        cpumask_t others = cpumask_of(where);

        hosted_cpu = where;
        switch (random_below(8)) {
        case 0:
        case 1:
            if (!is_current_somewhere(v)) {
                slow += v->loaded_on && v->loaded_on != where + 1;
                go(where, v);
            }
            break;
        case 2:
        case 3:
        case 4:
            go(where, &idle[where]);
            break;
        case 5:
            if (is_current_somewhere(v))
                break;
            vcpu_sync_state(v);
            assert_int_equal(vcpu_loaded_cpu(v), MAX_CPUS);
            assert_int_equal(guest[i].saved, guest[i].should_be);
            break;
        case 6:
            hosted_cpu = (where + 1) % CPUS;
            tlb_flush_mask(&others, TLB_FLUSH);
            break;
        default:
            if (is_current_somewhere(v))
                work(i);
        }
        check();
    }
    assert_true(slow > 1000);
    for (hosted_cpu = 0; hosted_cpu < CPUS; hosted_cpu++) {
        vcpu_switch(&idle[hosted_cpu]);
        vcpu_put_away_idle();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(back_from_idle),
        cmocka_unit_test(fetched_from_afar),
        cmocka_unit_test(random_life),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
