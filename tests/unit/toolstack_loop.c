/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemons' loop: who is served in a turn, and that nobody is who went in it.
 * UNIT-SOURCES: toolstack/common/loop.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <unistd.h>
#include "toolstack/common/loop.h"

#define MANY 8

static struct watcher *many[MANY];
static int other_end[MANY];
static unsigned int served, hung_up;

static unsigned int number_of(const struct watcher *w)
{
    unsigned int i;

    for (i = 0; i < MANY && many[i] != w; i++)
        ;
    return i;
}

static void go(unsigned int i)
{
    loop_watch(many[i], 0);
    close(many[i]->fd);
    free(many[i]);
    many[i] = NULL;
}

static void count(struct watcher *w, uint32_t events)
{
    served++;
    hung_up += !!(events & EPOLLHUP);
}

/* The first one that is served takes all others with it. */
static void all_others_go(struct watcher *w, uint32_t events)
{
    unsigned int i;

    assert_in_range(number_of(w), 0, MANY - 1);
    served++;
    for (i = 0; i < MANY; i++)
        if (many[i] && many[i] != w)
            go(i);
}

static void begin(void (*ready)(struct watcher *, uint32_t))
{
    int fd[2], i;

    served = hung_up = 0;
    assert_int_equal(loop_init(), 0);
    for (i = 0; i < MANY; i++) {
        assert_int_equal(pipe(fd), 0);
        assert_int_equal(write(fd[1], "x", 1), 1);
        other_end[i] = fd[1];
        many[i] = malloc(sizeof(*many[i]));
        *many[i] = (struct watcher){.fd = fd[0], .ready = ready};
        assert_int_equal(loop_watch(many[i], EPOLLIN), 0);
    }
}

static void end(void)
{
    unsigned int i;

    for (i = 0; i < MANY; i++) {
        if (many[i])
            go(i);
        close(other_end[i]);
    }
}

static void freed_in_a_turn(void **state)
{
    begin(all_others_go);
    assert_int_equal(loop_turn(0, LOOP_MOST), 0);
    assert_int_equal(served, 1);
    assert_int_equal(loop_turn(0, LOOP_MOST), 0);
    assert_int_equal(served, 2); /* the one that is left */
    end();
}

/* One in a turn, each in its turn. */
static void one_in_a_turn(void **state)
{
    unsigned int i;
    char x;

    begin(count);
    for (i = 1; i <= MANY; i++) {
        loop_turn(0, 1);
        assert_int_equal(served, i);
    }
    for (i = 0; i < MANY; i++)
        assert_int_equal(read(many[i]->fd, &x, 1), 1);
    loop_turn(0, LOOP_MOST);
    assert_int_equal(served, MANY);
    end();
}

/* Waits for nothing else: of input it hears no more, of the far end's going it does. */
static void hang_up_alone(void **state)
{
    char x;

    begin(count);
    assert_int_equal(loop_watch(many[0], EPOLLHUP), 0);
    loop_turn(0, LOOP_MOST);
    assert_int_equal(served, MANY - 1);
    close(other_end[0]);
    other_end[0] = -1;
    loop_turn(0, LOOP_MOST);
    assert_int_equal(hung_up, 1);
    assert_int_equal(loop_watch(many[0], EPOLLIN), 0);
    assert_int_equal(read(many[0]->fd, &x, 1), 1);
    end();
}

static void no_descriptor(void **state)
{
    struct watcher w = {.fd = -1, .ready = count};

    assert_int_equal(loop_init(), 0);
    assert_int_equal(loop_watch(&w, EPOLLIN), -EBADF);
    assert_int_equal(w.events, 0);
    assert_int_equal(loop_watch(&w, 0), 0);
}

static int last_signal;

static void heard(int signal)
{
    last_signal = signal;
}

/* One that comes when nobody waits yet is heard by who waits then, even with others ready all the time. */
static void early_signal(void **state)
{
    static const int signals[] = {SIGUSR1};
    unsigned int turns;

    begin(count);
    assert_int_equal(loop_signals(signals, 1, heard), 0);
    assert_int_equal(raise(SIGUSR1), 0);
    for (turns = 0; !last_signal && turns < 2 * MANY; turns++)
        assert_int_equal(loop_turn(1000, 1), 0);
    assert_int_equal(last_signal, SIGUSR1);
    last_signal = 0;
    end();
    assert_int_equal(raise(SIGUSR1), 0);
    assert_int_equal(loop_turn(1000, 1), 0);
    assert_int_equal(last_signal, SIGUSR1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(freed_in_a_turn), cmocka_unit_test(one_in_a_turn),
                                       cmocka_unit_test(hang_up_alone), cmocka_unit_test(no_descriptor),
                                       cmocka_unit_test(early_signal)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
