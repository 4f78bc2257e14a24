/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest consoles: the ring, the backlog, the rate limit, and a guest that writes what it likes into its page.
 * UNIT-SOURCES: toolstack/xenconsoled/console.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "toolstack/xenconsoled/console.h"
#include "random.h"

static struct xencons_interface page;
static struct console con;
static char *backlog;
static uint64_t position; /* of the reader */

static int setup(void **state)
{
    memset(&page, 0, sizeof(page));
    page.out_cons = page.out_prod = 0xfffffff0u;
    page.in_cons = page.in_prod = 0xfffffff8u;
    backlog = malloc(BACKLOG_BYTES);
    console_attach(&con, &page, backlog);
    position = 0;
    return 0;
}

static int teardown(void **state)
{
    free(backlog);
    return 0;
}

static size_t guest_say(const char *p, size_t len)
{
    size_t i;

    for (i = 0; i < len && page.out_prod - page.out_cons < sizeof(page.out); i++)
        page.out[page.out_prod++ % sizeof(page.out)] = p[i];
    return i;
}

static void output(void **state)
{
    char out[64];
    const char *p;

    assert_int_equal(guest_say("first words across the edge", 27), 27);
    assert_int_equal(console_take(&con, out, sizeof(out), 1), 27);
    assert_memory_equal(out, "first words across the edge", 27);
    assert_int_equal(page.out_cons, page.out_prod);
    assert_int_equal(console_take(&con, out, sizeof(out), 1), 0);
    assert_int_equal(console_unsent(&con, &position, &p), 27);
    assert_memory_equal(p, "first words", 11);
    position += 27;
    assert_int_equal(console_unsent(&con, &position, &p), 0);
    position = 0; /* the next reader sees it from the start */
    assert_int_equal(console_unsent(&con, &position, &p), 27);
}

/* A guest that connects anew, on another page, keeps what it said. */
static void moved(void **state)
{
    static struct xencons_interface other;
    char out[64];
    const char *p;

    guest_say("before ", 7);
    assert_int_equal(console_take(&con, out, sizeof(out), 1), 7);
    page.out_prod = page.out_cons + 5000;
    assert_int_equal(console_take(&con, out, sizeof(out), 1), -1);
    other.out_prod = other.out_cons = 7;
    console_move(&con, &other);
    memcpy(other.out + 7, "after", 5);
    other.out_prod += 5;
    assert_int_equal(console_take(&con, out, sizeof(out), 1), 5);
    assert_int_equal(console_unsent(&con, &position, &p), 12);
    assert_memory_equal(p, "before after", 12);
}

static void input(void **state)
{
    int room = console_room(&con);
    char many[1024];

    assert_int_equal(room, 1024);
    console_give(&con, "abc", 3);
    assert_int_equal(page.in_prod - page.in_cons, 3);
    assert_int_equal(page.in[page.in_cons % sizeof(page.in)], 'a');
    memset(many, 'x', sizeof(many));
    console_give(&con, many, (size_t)console_room(&con));
    assert_int_equal(console_room(&con), 0); /* the typist waits */
    page.in_cons += 10;
    assert_int_equal(console_room(&con), 10);
    page.in_cons = page.in_prod + 1;
    assert_int_equal(console_room(&con), -1);
    assert_true(con.broken);
}

/* A reader that comes late, or is slow, gets the newest BACKLOG_BYTES in order. */
static void long_backlog(void **state)
{
    char text[16], out[2048];
    uint64_t now = 1;
    unsigned int i;
    const char *p;
    size_t n, total = 0;
    char *all = malloc(BACKLOG_BYTES);

    for (i = 0; i < 40000; i++) {
        guest_say(text, (size_t)snprintf(text, sizeof(text), "%07u\n", i));
        assert_int_equal(console_take(&con, out, sizeof(out), now += 5), 8);
    }
    while ((n = console_unsent(&con, &position, &p))) {
        memcpy(all + total, p, n);
        total += n;
        position += n;
    }
    assert_int_equal(total, BACKLOG_BYTES);
    assert_memory_equal(all + total - 8, "0039999\n", 8);
    assert_int_equal(strtoul(all, NULL, 10), 40000 - BACKLOG_BYTES / 8);
    free(all);
}

static void babbling(void **state)
{
    char text[2048] = "", out[2048];
    uint64_t now = 1000, taken = 0;
    int i;

    for (i = 0; i < 10000; i++) { /* one second */
        guest_say(text, sizeof(text));
        taken += (uint64_t)console_take(&con, out, sizeof(out), now + (uint64_t)i / 10);
    }
    assert_true(taken <= (1000 / RATE_PERIOD_MS + 1) * RATE_BYTES);
    assert_true(taken >= (1000 / RATE_PERIOD_MS - 1) * RATE_BYTES);
    assert_true(console_wait(&con, now + 999) <= RATE_PERIOD_MS);
}

/* Events without a word use the allowance up, too; output is not charged twice. */
static void kicking(void **state)
{
    char text[2048] = "", out[2048];
    unsigned int i;

    for (i = 0; !console_wait(&con, 1000) && i < 100000; i++) {
        assert_int_equal(console_take(&con, out, sizeof(out), 1000), 0);
        console_charge(&con, 0);
    }
    assert_int_equal(i, RATE_BYTES / EVENT_BYTES);
    assert_int_equal(console_wait(&con, 1000 + RATE_PERIOD_MS), 0);
    for (i = 0; i < RATE_BYTES / sizeof(out); i++) {
        guest_say(text, sizeof(text));
        assert_int_equal(console_take(&con, out, sizeof(out), 2000), sizeof(out));
        console_charge(&con, sizeof(out));
    }
    assert_int_equal(console_wait(&con, 2000), RATE_PERIOD_MS);
}

static void hostile(void **state)
{
    uint64_t now = 1;
    char out[2048];
    int i, room;

    random_sequence(0);
    for (i = 0; i < 300000; i++) {
        uint64_t r = random64();

        if (r >> 62 == 0)
            ((unsigned char *)&page)[(r >> 20) % sizeof(page)] = (unsigned char)(r >> 40);
        else if (r >> 62 == 1)
            page.out_prod += (uint32_t)(r >> 40) % 300;
        else
            page.in_cons = page.in_prod;
        if (console_take(&con, out, (r >> 30) % sizeof(out), now += (r >> 50) & 3) < 0 || con.broken)
            console_attach(&con, &page, backlog);
        room = console_room(&con);
        if (room > 0)
            console_give(&con, out, (r >> 35) % (unsigned int)(room + 1));
    }
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(output),   T(moved),   T(input),  T(long_backlog),
                                       T(babbling), T(kicking), T(hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
