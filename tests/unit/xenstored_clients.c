/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The daemon's turns and its sockets: who waits for what, and that nobody waits in vain.
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 * UNIT-SOURCES: toolstack/xenstored/daemon/client.c toolstack/xenstored/daemon/socket.c
 * UNIT-SOURCES: toolstack/common/clock.c toolstack/common/loop.c toolstack/common/listener.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>
#include "toolstack/xenstored/daemon/daemon.h"

/* ---- What the daemon's other parts are here ---- */

void handover_client_gone(struct st_conn *c)
{
}
bool handover_is_due(void)
{
    return false;
}
void handover_if_due(void)
{
}
void journal_turn(void)
{
}
uint64_t journal_resumes(void)
{
    return 0;
}
void journal_opened(struct client *cl)
{
}
void journal_settle(struct client *cl, const uint64_t *position)
{
}
uint64_t domains_look_due(void)
{
    return 0;
}
void domains_look(void)
{
}
void domains_scan(void)
{
}
uint64_t domains_scan_due(void)
{
    return 0;
}
static unsigned int lines;
void say(const char *fmt, ...)
{
    lines++;
}

static bool poor;

static void *allocate(void *ctx, size_t size)
{
    return poor ? NULL : malloc(size);
}

static void release(void *ctx, void *p, size_t size)
{
    free(p);
}

static int setup(void **state)
{
    static const struct st_allocator a = {allocate, release, NULL};

    store = st_store_new(&a, NULL, 1);
    return !store;
}

static void close_one(struct client *cl)
{
    cl->ops->close(cl);
}

static int teardown(void **state)
{
    client_all(close_one);
    st_store_free(store);
    return 0;
}

/* ---- A client ---- */

static void ask(int fd, uint32_t type, const char *payload, size_t len)
{
    struct xsd_sockmsg hdr = {type, 1, 0, (uint32_t)len};

    assert_int_equal(write(fd, &hdr, sizeof(hdr)), sizeof(hdr));
    assert_int_equal(write(fd, payload, len), len);
}

/* The type of the next message; -1: there is none. */
static int answer(int fd)
{
    struct xsd_sockmsg hdr;
    char body[4096];

    if (recv(fd, &hdr, sizeof(hdr), MSG_DONTWAIT) != sizeof(hdr))
        return -1;
    if (hdr.len)
        assert_int_equal(recv(fd, body, hdr.len, MSG_DONTWAIT), hdr.len);
    return (int)hdr.type;
}

static void turns(uint64_t later)
{
    assert_int_equal(loop_turn(0, LOOP_MOST), 0);
    while (clients_turn(now_ms() + later))
        ;
}

/* An event for which there was no memory comes when there is some, though nobody asks. */
static void starved(void **state)
{
    int fd[2];

    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(socket_adopt(fd[0], st_conn_open_socket(store, false), 0, NULL, 0), 0);
    ask(fd[1], XS_WATCH, "@releaseDomain\0t", 17);
    turns(0);
    assert_int_equal(answer(fd[1]), XS_WATCH);
    assert_int_equal(answer(fd[1]), XS_WATCH_EVENT);
    poor = true;
    st_fire_release(store);
    turns(0);
    assert_int_equal(answer(fd[1]), -1);
    assert_in_range(clients_timeout(), 0, 100);
    turns(1000);
    assert_int_equal(answer(fd[1]), -1);
    assert_in_range(clients_timeout(), 0, 100); /* and again */
    poor = false;
    turns(1000);
    assert_int_equal(answer(fd[1]), XS_WATCH_EVENT);
    assert_int_equal(clients_timeout(), -1);
    close(fd[1]);
}

static uint64_t ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Without a descriptor for a client the loop sleeps, and the client is served when there is one. */
static void no_descriptor(void **state)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char dir[] = "/tmp/xenstored-XXXXXX";
    struct rlimit before, few;
    uint64_t start;
    int fd;

    assert_non_null(mkdtemp(dir));
    assert_int_equal(sockets_set_dir(dir), 0);
    assert_int_equal(sockets_listen(), 0);
    snprintf(a.sun_path, sizeof(a.sun_path), "%s/socket", dir);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    ask(fd, XS_READ, "/", 2);
    getrlimit(RLIMIT_NOFILE, &before);
    few = before;
    few.rlim_cur = (rlim_t)fd + 1;
    setrlimit(RLIMIT_NOFILE, &few);
    lines = 0;
    turns(0);
    assert_in_range(clients_timeout(), 1, 1000);
    start = ms();
    loop_turn(60, LOOP_MOST); /* nothing happens */
    assert_true(ms() - start >= 50);
    turns(1000);
    turns(1000);
    assert_int_equal(lines, 1);
    setrlimit(RLIMIT_NOFILE, &before);
    turns(1000); /* listens again */
    turns(0);
    turns(0);
    assert_int_equal(answer(fd), XS_READ);
    assert_int_equal(clients_timeout(), -1);
    close(fd);
    sockets_unlink();
    rmdir(dir);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(starved), T(no_descriptor)};

    if (loop_init())
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
