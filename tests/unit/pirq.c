/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A domain's map of interrupts: who may bind what, and its end, which others see happen.
 * UNIT-SOURCES: tests/unit/support/alloc.c hypervisor/arch/x86/irq/pirq.c hypervisor/arch/x86/irq/audit.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/irq/irq.h"
#include "arch/x86/irq/msi.h"
#include "arch/x86/irq/pirq.h"
#include "core/domain.h"
#include "core/frame_audit.h"
#include "core/p2m.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/log.h"

#define GSIS 24

unsigned int irq_count = 64, irq_gsis = GSIS, hosted_cpu;
struct event_pirq_ops event_pirq_ops;
void (*irq_deliver_to_guest)(struct domain *d, unsigned int pirq, bool level);
struct frame *frame_table;
uint8_t *direct_map;

static struct irq_desc descs[64];
static const struct irq_controller controller;
static unsigned int bound[64], freed_msis;

struct irq_desc *irq_desc_find(unsigned int irq)
{
    descs[irq].controller = &controller;
    descs[irq].number = irq;
    return &descs[irq];
}

int irq_guest_bind(unsigned int irq, struct domain *d, unsigned int pirq, bool share)
{
    bound[irq]++;
    descs[irq].guest[descs[irq].guests++] = (struct irq_guest){.domain = d, .pirq = pirq};
    return 0;
}

static void (*when_unbound)(unsigned int irq);

void irq_guest_unbind(unsigned int irq, struct domain *d)
{
    bound[irq] = 0;
    descs[irq].guests = 0;
    if (when_unbound)
        when_unbound(irq);
}

void irq_guest_eoi(unsigned int irq, struct domain *d)
{
}

void irq_set_cpu(unsigned int irq, unsigned int cpu)
{
}

void msi_free(unsigned int irq)
{
    freed_msis++;
}

void event_send_pirq(struct domain *d, unsigned int pirq)
{
}

void log_guest_printf(enum log_level level, const char *fmt, ...)
{
}

void log_printf(enum log_level level, const char *fmt, ...)
{
}

/* The page of the EOI bits: memory of its own, which is gone when it is put. */
static struct frame frames[2];
static uint64_t *eoi_page;
static unsigned int quiesced, given_back;

int frame_get_writable(struct domain *d, gfn_t gfn, struct frame **out)
{
    *out = &frames[1];
    return 0;
}

void frame_put_writable(struct frame *f)
{
    assert_int_equal(quiesced, 1); /* before, somebody may still write to it */
    given_back++;
    memset(eoi_page, 0xcc, PAGE_SIZE);
}

void event_quiesce(void)
{
    assert_int_equal(given_back, 0);
    *eoi_page |= 1; /* an interrupt that was on its way */
    quiesced++;
}

static struct domain d0 = {.is_hardware = true}, d1 = {.id = 1};

struct domain *domain_first(void)
{
    return &d0;
}

struct domain *domain_next(struct domain *d)
{
    return d == &d0 ? &d1 : NULL;
}

static port_t port_of_10;

port_t event_pirq_port(struct domain *d, unsigned int pirq)
{
    return d == &d1 && pirq == 10 ? port_of_10 : 0;
}

static int setup(void **state)
{
    frame_table = frames;
    direct_map = aligned_alloc(PAGE_SIZE, 2 * PAGE_SIZE);
    eoi_page = (uint64_t *)(direct_map + PAGE_SIZE);
    memset(direct_map, 0, 2 * PAGE_SIZE);
    memset(bound, 0, sizeof(bound));
    quiesced = given_back = freed_msis = 0;
    when_unbound = NULL;
    pirq_init();
    return 0;
}

static int teardown(void **state)
{
    event_pirq_ops.free(&d0);
    event_pirq_ops.free(&d1);
    assert_null(d0.irq);
    assert_null(d1.irq);
    free(direct_map);
    return 0;
}

static int map_gsi(struct domain *d, unsigned int gsi)
{
    int pirq = (int)gsi, rc = pirq_map_gsi(&d0, d, gsi, &pirq);

    return rc ? rc : pirq;
}

/* Domain 0 gives an interrupt that it has; binding asks each time, what is bound stays so. */
static void test_permission(void **state)
{
    assert_int_equal(map_gsi(&d0, 10), 10);
    assert_int_equal(pirq_permit(&d0, &d1, 11, true), -EPERM); /* nothing is mapped there */
    assert_int_equal(pirq_permit(&d0, &d1, 64, true), -EINVAL);
    assert_int_equal(map_gsi(&d1, 10), 10);
    assert_int_equal(pirq_permit(&d0, &d1, 10, false), 0);
    assert_int_equal(event_pirq_ops.bind(&d1, 10, true), -EPERM);
    assert_int_equal(pirq_permit(&d0, &d1, 10, true), 0);
    assert_int_equal(event_pirq_ops.bind(&d1, 10, true), 0);
    assert_int_equal(event_pirq_ops.bind(&d1, 10, true), -EEXIST);
    assert_int_equal(pirq_permit(&d0, &d1, 10, false), 0);
    assert_int_equal(bound[10], 1);
    /* What domain 0 takes from itself it cannot give any more. */
    assert_int_equal(pirq_permit(&d0, &d0, 10, false), 0);
    assert_int_equal(pirq_permit(&d0, &d1, 10, true), -EPERM);
    assert_int_equal(pirq_permit(&d1, &d1, 10, true), -EPERM);
}

/* Its end lets everything go, but the map is there for those who found it before. */
static void test_end(void **state)
{
    int msi = -1;
    struct irq_domain *map;

    assert_int_equal(map_gsi(&d0, 10), 10);
    assert_int_equal(map_gsi(&d1, 10), 10);
    assert_int_equal(event_pirq_ops.bind(&d1, 10, true), 0);
    assert_int_equal(pirq_map_msi(&d1, 40, &msi), 0);
    assert_int_equal(pirq_set_eoi_page(&d1, GFN(1), true), 0);
    map = d1.irq;
    event_pirq_ops.end(&d1);
    assert_int_equal(bound[10], 0);
    assert_int_equal(freed_msis, 1);
    assert_int_equal(given_back, 1);
    /* Both have been on their way since before. */
    irq_deliver_to_guest(&d1, 10, true);
    assert_int_equal(*eoi_page, 0xcccccccccccccccc);
    assert_ptr_equal(d1.irq, map);
    assert_int_equal(pirq_permit(&d0, &d1, 10, true), 0);
    assert_int_equal(pirq_irq(&d1, 10), -EINVAL);
    /* What still came goes with the map. */
    assert_int_equal(pirq_map_msi(&d1, 41, &msi), 0);
    event_pirq_ops.free(&d1);
    assert_int_equal(freed_msis, 2);
    assert_null(d1.irq);
}

/* Somebody unmaps the same interrupts meanwhile: each goes once. */
static void unmap_all(unsigned int irq)
{
    when_unbound = NULL;
    for (unsigned int pirq = 0; pirq < irq_gsis + 32; pirq++)
        (void)!pirq_unmap(&d1, pirq);
}

static void test_end_against_unmap(void **state)
{
    for (unsigned int irq = 40; irq < 48; irq++) {
        int pirq = -1;

        assert_int_equal(pirq_map_msi(&d1, irq, &pirq), 0);
    }
    when_unbound = unmap_all;
    event_pirq_ops.end(&d1);
    assert_int_equal(freed_msis, 8);
}

/* Each link, broken by itself, is seen. */
static void test_audit(void **state)
{
    struct irq_domain *i;
    struct domain stranger = {.id = 2};

    assert_int_equal(map_gsi(&d1, 10), 10);
    assert_int_equal(map_gsi(&d1, 11), 11);
    assert_int_equal(irq_audit(), 0);
    assert_int_equal(event_pirq_ops.bind(&d1, 10, true), 0);
    port_of_10 = 0;
    assert_int_equal(irq_audit(), 1);
    port_of_10 = 5;
    assert_int_equal(irq_audit(), 0);
    i = d1.irq;
#define BREAK(what, value, violations)                                                                       \
    do {                                                                                                     \
        __typeof__(what) was_ = what;                                                                        \
        what = value;                                                                                        \
        if (irq_audit() != (violations))                                                                     \
            fail_msg("not seen: " #what);                                                                    \
        what = was_;                                                                                         \
        assert_int_equal(irq_audit(), 0);                                                                    \
    } while (0)
    BREAK(i->pirq[10].bound, false, 2); /* the number's, and the descriptor's */
    BREAK(i->pirq[11].bound, true, 1);
    BREAK(i->pirq[12].bound, true, 1);
    BREAK(i->pirq[11].irq, 10, 1);
    BREAK(i->pirq[11].irq, 64, 1);
    BREAK(i->pirq[10].state, PIRQ_FREE, 2);
    BREAK(descs[10].guests, 0, 1);
    BREAK(descs[10].guest[0].domain, &stranger, 2);
    BREAK(descs[10].guest[0].domain, &d0, 2);
    BREAK(descs[10].guest[0].pirq, 11, 2);
#undef BREAK
    event_pirq_ops.end(&d1);
    assert_int_equal(irq_audit(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_permission, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_end_against_unmap, setup, teardown),
        cmocka_unit_test_setup_teardown(test_audit, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
