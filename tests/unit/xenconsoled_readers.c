/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Further readers of a console: those who do not read, who are too many, or for whom no descriptor is left.
 * UNIT-SOURCES: toolstack/xenconsoled/readers.c toolstack/xenconsoled/console.c
 * UNIT-SOURCES: toolstack/common/loop.c toolstack/common/listener.c
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "toolstack/xenconsoled/daemon.h"

struct options options;

static struct guest guest;
static struct xencons_interface page;
static char dir[32], path[64];
static uint64_t now;

struct guest *guests_find(unsigned int domid, unsigned int number)
{
    return domid == 3 && !number ? &guest : NULL;
}

void say(const char *fmt, ...)
{
}

uint64_t now_ms(void)
{
    return now;
}

static int setup(void **state)
{
    strcpy(dir, "/tmp/xenconsoled-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/socket", dir);
    options.socket = path;
    memset(&guest, 0, sizeof(guest));
    memset(&page, 0, sizeof(page));
    console_attach(&guest.console, &page, malloc(BACKLOG_BYTES));
    now = 100000;
    return loop_init() || readers_listen();
}

static int teardown(void **state)
{
    readers_close();
    free(guest.console.backlog);
    rmdir(dir);
    return 0;
}

/* ---- */

static int comes(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(a.sun_path, sizeof(a.sun_path), "%s", path);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    return fd;
}

static void asks(int fd, const char *line)
{
    assert_int_equal(write(fd, line, strlen(line)), strlen(line));
}

/* Everything that is to be done at once. */
static void turns(void)
{
    int i;

    for (i = 0; i < 500; i++) {
        loop_turn(0, 1);
        readers_turn(now);
    }
}

static void guest_says(size_t bytes)
{
    char out[2048];

    while (bytes) {
        size_t n = bytes < sizeof(out) ? bytes : sizeof(out);

        page.out_prod += (uint32_t)n;
        assert_int_equal(console_take(&guest.console, out, n, now += 5), n);
        readers_send(&guest);
        bytes -= n;
    }
}

/* How much can be read now, and whether that is the end. */
static size_t gets(int fd, bool *end)
{
    char buf[65536];
    size_t total = 0;
    ssize_t n;

    while ((n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT)) > 0) {
        total += (size_t)n;
        turns();
    }
    *end = !n;
    return total;
}

/* One who does not read costs nobody anything; when it does it gets what is kept, and no more than that and what was under way. */
static void unread(void **state)
{
    int lazy = comes(), busy = comes(), size = 4096;
    size_t got = 0;
    bool end;
    int i;

    setsockopt(lazy, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
    asks(lazy, "3\n");
    asks(busy, "3/0\n");
    turns();
    for (i = 0; i < 64; i++) {
        guest_says(64 * 1024);
        turns();
        got += gets(busy, &end);
        assert_false(end);
    }
    assert_int_equal(got, 64 * 64 * 1024);
    got = gets(lazy, &end);
    assert_false(end);
    assert_in_range(got, BACKLOG_BYTES, 1024 * 1024);
    guest_says(100);
    assert_int_equal(gets(lazy, &end), 100); /* it has caught up */
    guest_says(2 * 1024 * 1024);
    readers_end(&guest); /* and the domain ends */
    gets(lazy, &end);
    assert_true(end);
    gets(busy, &end);
    assert_true(end);
    close(lazy);
    close(busy);
}

static void crowd(void **state)
{
    int fd[80], late;
    unsigned int i, turned_away = 0;
    bool end;

    for (i = 0; i < 80; i++) {
        fd[i] = comes();
        turns();
    }
    for (i = 0; i < 80; i++) {
        gets(fd[i], &end);
        turned_away += end;
        close(fd[i]);
    }
    assert_int_equal(turned_away, 16);
    turns();
    late = comes();
    guest_says(10);
    asks(late, "3 once\n");
    turns();
    assert_int_equal(gets(late, &end), 10);
    assert_true(end);
    close(late);
}

static uint64_t real_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Without a descriptor for a reader the loop sleeps, and the reader is served when there is one: in a while, or when another one goes. */
static void no_descriptor(void **state)
{
    int first = comes(), second, third;
    struct rlimit before, few;
    uint64_t start;
    bool end;

    guest_says(10);
    asks(first, "3\n");
    turns();
    second = comes();
    third = comes();
    asks(second, "3 once\n");
    asks(third, "3 once\n");
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)third + 1;
    setrlimit(RLIMIT_NOFILE, &few);
    turns();
    assert_in_range(readers_timeout(now), 1, 1000);
    start = real_ms();
    loop_turn(60, 1); /* nothing happens */
    assert_true(real_ms() - start >= 50);
    now += 1000;
    turns(); /* still none */
    assert_in_range(readers_timeout(now), 1, 1000);
    assert_int_equal(gets(second, &end), 0);
    close(first);
    turns(); /* its descriptor is the second one's, and then the third's */
    assert_int_equal(gets(second, &end), 10);
    turns();
    assert_int_equal(gets(third, &end), 10);
    setrlimit(RLIMIT_NOFILE, &before);
    now += 1000;
    turns();
    assert_int_equal(readers_timeout(now), -1);
    close(second);
    close(third);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(unread), T(crowd), T(no_descriptor)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
