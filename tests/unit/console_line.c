/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The console over serial lines that are slow, stuck, gone, without interrupts, or interrupt for nothing: what is printed comes out, whole and in
 * order, and who prints waits only where that is said.
 * UNIT-SOURCES: hypervisor/drivers/console.c hypervisor/drivers/console_line.c hypervisor/drivers/serial.c hypervisor/drivers/serial_out.c hypervisor/core/options.c
 * UNIT-FLAGS: -include tests/unit/include/fake_ports.h
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>
#include "core/options.h"
#include "drivers/console.h"
#include "drivers/serial.h"
#include "drivers/vga.h"
#include "hv/cpumask.h"
#include "hv/errno.h"
#include "hv/irq.h"
#include "hv/log.h"
#include "hv/softirq.h"
#include "hv/time.h"
#include "fake_uart.h"

#define BYTE_TIME 80 /* accesses of a microsecond each at 115200 baud */

unsigned int hosted_cpu;
static struct timer *timer;
static s_time_t now, due;
static bool raised, no_interrupt;

size_t copy_string(char *to, const char *from, size_t size)
{
    return (size_t)snprintf(to, size, "%s", from);
}

bool vga_init(void)
{
    return false;
}

void vga_write(const char *text, size_t n)
{
}

void vga_is_absent(void)
{
}

s_time_t time_now(void)
{
    return now;
}

void timer_init(struct timer *t, void (*function)(void *), void *data, unsigned int cpu)
{
    *t = (struct timer){.function = function, .data = data};
    timer = t;
    due = TIME_NEVER;
}

void timer_set(struct timer *t, s_time_t expires)
{
    assert_ptr_equal(t, timer);
    due = expires;
}

void softirq_raise(enum softirq n)
{
    assert_int_equal(n, SOFTIRQ_CONSOLE);
    raised = true;
}

int irq_request(unsigned int gsi, void (*handler)(void *), void *data)
{
    assert_int_equal(gsi, 4);
    if (no_interrupt)
        return -EBUSY;
    fake.handler = handler;
    return 0;
}

/* What the processor does between two prints, `ms` of it. */
static void pass_time(unsigned int ms)
{
    for (; ms; ms--) {
        fake_run(1000);
        now += NS_PER_MS;
        if (raised) {
            raised = false;
            (void)console_take_news();
        }
        if (timer && due <= now) {
            due = TIME_NEVER;
            timer->function(timer->data);
        }
    }
}

static void start(const char *line)
{
    console_wait_always(); /* the test before this one ends */
    pass_time(60);
    options_parse(line);
    console_init_early();
    console_start_interrupts();
    pass_time(10);
    fake.sent = 0;
    fake.accesses = 0;
}

static int begin(void **state)
{
    void (*handler)(void *) = fake.handler;

    memset(&fake, 0, sizeof(fake));
    fake.handler = handler;
    fake.byte_time = BYTE_TIME;
    no_interrupt = false;
    hosted_cpu = 0;
    return 0;
}

/* Lines `from` to `to` - 1 of 40 bytes, as they look on the wire. */
static size_t expected(char *text, unsigned int from, unsigned int to)
{
    size_t n = 0;

    for (; from < to; from++)
        n += (size_t)sprintf(text + n, "(XEN) %032u\r\n", from);
    return n;
}

static void print_lines(unsigned int from, unsigned int to)
{
    for (; from < to; from++)
        printk("%032u\n", from);
}

static void assert_wire(unsigned int lines)
{
    static char text[1 << 20];
    size_t n = expected(text, 0, lines);

    fake.wire[fake.sent] = 0;
    if (fake.sent != n || memcmp(fake.wire, text, n))
        fail_msg("%zu bytes on the wire, not %zu, or in another order: ...%s", fake.sent, n,
                 fake.wire + (fake.sent > 100 ? fake.sent - 100 : 0));
}

/* Printing takes no longer than the copy, and the interrupt does the rest. */
static void a_slow_line(void **state)
{
    start("");
    print_lines(0, 100);
    assert_true(fake.accesses < 100 * 25);
    assert_true(fake.sent < 100);
    pass_time(400);
    assert_wire(100);
    assert_int_equal(fake.ier, 1);
    fake.accesses = 0;
    pass_time(100);
    assert_int_equal(fake.accesses, 100 * 1000); /* nobody looks at a line that has nothing to do */
}

/* QEMU's: each byte is gone at once, and each time that is worth an interrupt. */
static void a_line_that_is_always_ready(void **state)
{
    start("");
    fake.byte_time = 0;
    print_lines(0, 500);
    fake_run(500);
    assert_wire(500);
    assert_int_equal(fake.ier, 1);
}

/* One interrupt is no longer than a line or two. */
static void an_interrupt_ends(void **state)
{
    start("");
    print_lines(0, 100);
    fake.byte_time = 0;
    while (!fake.edge)
        fake_tick();
    fake.edge = false;
    fake.accesses = 0;
    fake.handler(NULL);
    assert_true(fake.accesses < 120);
    assert_true(fake.edge); /* and there will be another */
    fake_run(100);
    assert_wire(100);
}

static void a_16450(void **state)
{
    fake.no_fifo = true;
    start("");
    print_lines(0, 20);
    pass_time(200);
    assert_wire(20);
}

/* Nobody takes interrupts: the printer makes room itself, and nothing is lost. */
static void a_full_ring(void **state)
{
    start("");
    fake.loses_interrupts = true;
    print_lines(0, 3000);
    fake.loses_interrupts = false;
    fake.edge = fake.level;
    pass_time(4000);
    assert_wire(3000);
}

/* Domain 0 waits before its text fills the ring, which the hypervisor's lines still find room in. */
static void a_guest_that_floods(void **state)
{
    char text[128];
    unsigned int pieces = 0;

    memset(text, 'x', sizeof(text));
    start("");
    for (; console_has_room(127); pieces++)
        console_write_guest(text, 127);
    assert_in_range(pieces, 100, 32768 / 127);
    fake.accesses = 0;
    printk("\n");
    print_lines(0, 20);
    assert_true(fake.accesses < 21 * 25);
    for (unsigned int i = 0; !console_has_room(127); i++)
        assert_true(i < 1000 * BYTE_TIME); /* asking is enough, also where interrupts do not come */
    pass_time(4000);
    memmove(fake.wire, fake.wire + pieces * 127 + 2, fake.sent -= pieces * 127 + 2);
    assert_wire(20);
}

/* The line reads as ready and as interrupting, for ever. */
static void a_line_that_is_gone(void **state)
{
    start("");
    print_lines(0, 5);
    fake.gone = true;
    fake.handler(NULL);
    print_lines(0, 2000);
    pass_time(100);
    assert_true(fake.accesses < 1000 * 1000);
}

static void interrupts_for_nothing(void **state)
{
    start("");
    for (unsigned int i = 0; i < 50; i++) {
        fake.handler(NULL);
        print_lines(2 * i, 2 * i + 1);
        fake.handler(NULL);
        print_lines(2 * i + 1, 2 * i + 2);
        fake_run(i * 37);
    }
    pass_time(400);
    assert_wire(100);
}

/* Given up, not waited for; and taken up again. */
static void a_stuck_line(void **state)
{
    start("");
    fake.never_ready = true;
    print_lines(0, 2000);
    fake.accesses = 0;
    print_lines(0, 2000);
    assert_true(fake.accesses < 2000 * 30);
    assert_true(console_has_room(127));
    fake.never_ready = false;
    pass_time(10);
    fake.sent = 0;
    print_lines(0, 10);
    pass_time(100);
    assert_wire(10);
}

static void before_the_end(void **state)
{
    start("");
    print_lines(0, 300);
    console_wait_always();
    print_lines(300, 310);
    assert_true(fake.sent + fake.held == 310 * 40);
    pass_time(10);
    assert_wire(310);
}

/* sync_console: what was printed is on its way when printing returns. */
static void a_synchronous_line(void **state)
{
    start("sync_console");
    for (unsigned int i = 0; i < 50; i++) {
        print_lines(i, i + 1);
        assert_true(fake.sent + fake.held == (i + 1) * 40);
    }
    pass_time(10);
    assert_wire(50);
    assert_int_equal(fake.ier, 1);
}

static char read_back[8];

/* Both directions at once. */
static void typing(void **state)
{
    start("no-sync_console");
    console_give_to_domain0();
    pass_time(20);
    fake.sent = 0;
    print_lines(0, 50);
    fake.typed = "abcd";
    pass_time(200);
    assert_wire(50);
    assert_int_equal(console_read_guest(read_back, sizeof(read_back)), 4);
    assert_memory_equal(read_back, "abcd", 4);
}

/* More than one interrupt reads: the line stays asked for, so there is no edge but the one that is made. */
static void much_typing(void **state)
{
    static char text[401], back[400];

    start("");
    memset(text, 'k', 400);
    fake.typed = text;
    pass_time(20);
    assert_int_equal(console_read_guest(back, sizeof(back)), 400);
}

/* The lock's holder will never drop it; what waits comes first all the same. */
static void a_panic(void **state)
{
    start("");
    print_lines(0, 300);
    hosted_cpu = 1;
    console_force_unlock();
    print_lines(300, 302);
    pass_time(10);
    assert_wire(302);
    hosted_cpu = 0;
}

/* An interrupt that never comes: a timer sends, and in the end nobody relies on it. */
static void a_lost_interrupt(void **state)
{
    start("");
    fake.loses_interrupts = true;
    print_lines(0, 10);
    pass_time(300);
    fake.wire[fake.sent] = 0;
    assert_non_null(strstr(fake.wire, "(XEN) Serial line: no interrupt 4 comes"));
    fake.sent -= strlen(strstr(fake.wire, "(XEN) Serial line"));
    assert_wire(10);
    fake.sent = 0;
    print_lines(0, 1);
    assert_true(fake.sent + fake.held == 40);
    fake.typed = "xy";
    pass_time(20);
    assert_int_equal(console_read_guest(read_back, sizeof(read_back)), 2);
}

static void no_interrupt_at_all(void **state)
{
    no_interrupt = true;
    start("");
    print_lines(0, 1);
    assert_true(fake.sent + fake.held == 40);
    fake.typed = "z";
    pass_time(20);
    assert_int_equal(console_read_guest(read_back, sizeof(read_back)), 1);
}

int main(void)
{
    /* One after another on one console; what cannot be undone comes last. */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_slow_line, begin),
        cmocka_unit_test_setup(a_line_that_is_always_ready, begin),
        cmocka_unit_test_setup(an_interrupt_ends, begin),
        cmocka_unit_test_setup(a_16450, begin),
        cmocka_unit_test_setup(a_full_ring, begin),
        cmocka_unit_test_setup(a_guest_that_floods, begin),
        cmocka_unit_test_setup(a_line_that_is_gone, begin),
        cmocka_unit_test_setup(interrupts_for_nothing, begin),
        cmocka_unit_test_setup(a_stuck_line, begin),
        cmocka_unit_test_setup(before_the_end, begin),
        cmocka_unit_test_setup(a_synchronous_line, begin),
        cmocka_unit_test_setup(typing, begin),
        cmocka_unit_test_setup(much_typing, begin),
        cmocka_unit_test_setup(a_panic, begin),
        cmocka_unit_test_setup(a_lost_interrupt, begin),
        cmocka_unit_test_setup(no_interrupt_at_all, begin),
    };

    setvbuf(stdout, NULL, _IOLBF, 0);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
