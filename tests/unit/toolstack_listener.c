/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemons' sockets: where they are, whose they are, and who waits when no descriptor is left.
 * UNIT-SOURCES: toolstack/common/listener.c toolstack/common/loop.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include "toolstack/common/clock.h"
#include "toolstack/common/listener.h"
#include "toolstack/common/log.h"

static char top[32], dir[48], path[64];
static struct listener listener;
static unsigned int lines, clients;
static int last;
static uint64_t now;

void say(const char *fmt, ...)
{
    lines++;
}

uint64_t now_ms(void)
{
    return now;
}

static void came(int fd)
{
    clients++;
    last = fd;
}

static int setup(void **state)
{
    strcpy(top, "/tmp/toolstack-XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(dir, sizeof(dir), "%s/made", top);
    snprintf(path, sizeof(path), "%s/socket", dir);
    listener = (struct listener){.came = came};
    lines = clients = 0;
    now = 5000;
    return loop_init();
}

static int teardown(void **state)
{
    loop_watch(&listener.w, 0);
    close(listener.w.fd);
    listener_unlink(&listener);
    rmdir(dir);
    return rmdir(top);
}

static int comes(void)
{
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    assert_int_equal(connect(fd, (struct sockaddr *)&listener.address, sizeof(listener.address)), 0);
    return fd;
}

static void place(void **state)
{
    char longest[200];
    struct stat st;
    int fd;

    memset(longest, 'x', sizeof(longest));
    longest[sizeof(longest) - 1] = 0;
    assert_int_equal(listener_name(&listener, longest), -ENAMETOOLONG);
    assert_int_equal(listener_name(&listener, "/nonexistent/made/socket"), -ENOENT);
    assert_int_equal(listener_name(&listener, path), 0); /* makes the folder */
    assert_int_equal(listener_name(&listener, path), 0); /* or finds it */
    assert_false(listener_is_taken(&listener));
    assert_int_equal(listener_open(&listener, 4), 0);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_true(listener_is_taken(&listener));
    fd = comes();
    loop_turn(0, LOOP_MOST);
    close(last);
    loop_turn(0, LOOP_MOST);
    assert_int_equal(clients, 2); /* who asked whether it is taken is one */
    assert_true(fcntl(last, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(last, F_GETFD) & FD_CLOEXEC);
    close(last);
    close(fd);
}

/* One that is dead is replaced. */
static void left_behind(void **state)
{
    assert_int_equal(listener_name(&listener, path), 0);
    assert_int_equal(listener_open(&listener, 4), 0);
    loop_watch(&listener.w, 0);
    close(listener.w.fd);
    assert_false(listener_is_taken(&listener));
    assert_int_equal(listener_open(&listener, 4), 0);
    assert_true(listener_is_taken(&listener));
}

/* Nobody is accepted, and nothing is done, until it may go on. It is said once. */
static void no_descriptor(void **state)
{
    struct rlimit before, few;
    unsigned int i;
    int fd;

    assert_int_equal(listener_name(&listener, path), 0);
    assert_int_equal(listener_open(&listener, 4), 0);
    fd = comes();
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)fd + 1;
    setrlimit(RLIMIT_NOFILE, &few);
    loop_turn(0, LOOP_MOST);
    assert_in_range(listener.deaf_until, now + 1, now + 1000);
    for (i = 0; i < 5; i++) { /* nothing wakes it */
        loop_turn(0, LOOP_MOST);
        listener_turn(&listener, now);
    }
    assert_int_not_equal(listener.deaf_until, 0);
    for (i = 0; i < 5; i++) {
        listener_turn(&listener, now += 1000);
        assert_int_equal(listener.deaf_until, 0);
        loop_turn(0, LOOP_MOST);
        assert_int_not_equal(listener.deaf_until, 0);
    }
    assert_int_equal(lines, 1);
    setrlimit(RLIMIT_NOFILE, &before);
    listener_again(&listener);
    loop_turn(0, LOOP_MOST);
    assert_int_equal(clients, 1);
    close(last);
    close(fd);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(place), T(left_behind), T(no_descriptor)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
