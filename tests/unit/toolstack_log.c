/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Log files: a guest decides how much is written there, and must fill neither the disk nor the system's log by it.
 * UNIT-SOURCES: toolstack/common/log.c
 * UNIT-FLAGS: -Wl,--wrap=localtime_r
 */
#define _GNU_SOURCE
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
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include "toolstack/common/log.h"

#define MIB (1024 * 1024l)

static char dir[32], path[64], old[64]; /* what it says goes to standard error */
static struct logfile log;
static int said = -1, standard_error;

static int setup(void **state)
{
    strcpy(dir, "/tmp/toolstack-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/guest.log", dir);
    snprintf(old, sizeof(old), "%s/guest.log.1", dir);
    memset(&log, 0, sizeof(log));
    said = open(dir, O_TMPFILE | O_RDWR, 0600);
    standard_error = dup(2);
    dup2(said, 2);
    return said < 0;
}

static int teardown(void **state)
{
    dup2(standard_error, 2);
    close(standard_error);
    close(said);
    log_close(&log);
    unlink(path);
    remove(old);
    rmdir(dir);
    return 0;
}

static unsigned int lines_said(void)
{
    static char text[1 << 20];
    ssize_t n = pread(said, text, sizeof(text), 0);
    unsigned int lines = 0;

    while (n-- > 0)
        lines += text[n] == '\n';
    return lines;
}

static long size_of(const char *file)
{
    struct stat st;

    return stat(file, &st) ? -1 : (long)st.st_size;
}

static void babble(long bytes, char with)
{
    char text[64 * 1024];

    memset(text, with, sizeof(text));
    text[sizeof(text) - 1] = '\n';
    for (; bytes > 0; bytes -= (long)sizeof(text))
        log_output(&log, text, sizeof(text));
}

static void rotated(void **state)
{
    assert_int_equal(log_open(&log, path, LOG_PLAIN), 0);
    babble(100 * MIB, 'a');
    assert_in_range(size_of(path), 0, 17 * MIB);
    assert_in_range(size_of(old), 16 * MIB, 17 * MIB);
    assert_int_equal(lines_said(), 0);
}

/* Something is in the way of the old one: the newest is kept, no more than usual, and it is said now and then only. */
static void not_rotated(void **state)
{
    char last[16] = "";
    int fd;

    assert_int_equal(mkdir(old, 0700), 0);
    assert_int_equal(log_open(&log, path, LOG_PLAIN), 0);
    babble(100 * MIB, 'a');
    log_output(&log, "the last words\n", 15);
    assert_in_range(size_of(path), 15, 17 * MIB);
    fd = open(path, O_RDONLY);
    assert_int_equal(pread(fd, last, 15, size_of(path) - 15), 15);
    close(fd);
    assert_string_equal(last, "the last words\n");
    assert_in_range(lines_said(), 1, 3);
}

/* Nor a line without an end. */
static void endless(void **state)
{
    char text[4096];
    long i;

    memset(text, 'x', sizeof(text));
    assert_int_equal(mkdir(old, 0700), 0);
    assert_int_equal(log_open(&log, path, LOG_SECONDS), 0);
    for (i = 0; i < 100 * MIB; i += (long)sizeof(text))
        log_output(&log, text, sizeof(text));
    assert_in_range(size_of(path), 0, 33 * MIB);
    assert_in_range(lines_said(), 1, 3);
}

/* Its directory is gone: nothing can be written, and a guest that goes on writing is no news. */
static void no_directory(void **state)
{
    assert_int_equal(log_open(&log, "/nonexistent/guest.log", LOG_PLAIN), -ENOENT);
    babble(20 * MIB, 'a');
    assert_int_equal(lines_said(), 1);
}

static unsigned int conversions;
struct tm *__real_localtime_r(const time_t *t, struct tm *tm);
struct tm *__wrap_localtime_r(const time_t *t, struct tm *tm);

struct tm *__wrap_localtime_r(const time_t *t, struct tm *tm)
{
    conversions++;
    return __real_localtime_r(t, tm);
}

/* How many lines of the file begin with a time in this form: 0 stands for a digit. */
static unsigned int stamped(const char *form)
{
    FILE *f = fopen(path, "r");
    char line[128];
    unsigned int n = 0;
    size_t i;

    while (fgets(line, sizeof(line), f)) {
        for (i = 0; form[i] && (form[i] == '0' ? line[i] >= '0' && line[i] <= '9' : line[i] == form[i]); i++)
            ;
        n += !form[i];
    }
    fclose(f);
    return n;
}

/* Every line has its time, also one that comes in pieces, and a guest that writes nothing but lines does not make that dear. */
static void times(void **state)
{
    char lines[1000];
    unsigned int i;

    memset(lines, '\n', sizeof(lines));
    assert_int_equal(log_open(&log, path, LOG_SECONDS), 0);
    conversions = 0;
    for (i = 0; i < 100; i++)
        log_output(&log, lines, sizeof(lines));
    assert_in_range(conversions, 0, 20); /* none in a second that has been asked for already */
    log_output(&log, "in ", 3);
    log_output(&log, "pieces\n", 7);
    assert_int_equal(stamped("[0000-00-00 00:00:00] "), 100001);
    assert_int_equal(log.size, size_of(path));
    log_close(&log);
    assert_int_equal(log_open(&log, path, LOG_MS), 0);
    assert_int_equal(log.size, size_of(path));
    log_output(&log, "line\n", 5);
    assert_int_equal(stamped("0000-00-00 00:00:00.000 line"), 1);
    assert_int_equal(log.size, size_of(path));
}

/* What is said is in the file too, whole; also that this very file cannot be kept. */
static void said_beside(void **state)
{
    unsigned int i;

    assert_int_equal(mkdir(old, 0700), 0);
    assert_int_equal(log_open(&log, path, LOG_MS), 0);
    say_also(&log);
    say("domain %u did it", 7);
    assert_int_equal(lines_said(), 1);
    assert_int_equal(stamped("0000-00-00 00:00:00.000 domain 7 did it"), 1);
    for (i = 0; i < 300; i++)
        babble(64 * 1024, 'a');
    assert_in_range(size_of(path), 0, 17 * MIB);
    assert_int_equal(lines_said(), 2);
    say_also(NULL);
    say("no more");
    assert_int_equal(lines_said(), 3);
    assert_int_equal(stamped("0000-00-00 00:00:00.000 no more"), 0);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(rotated),      T(not_rotated), T(endless),
                                       T(no_directory), T(times),       T(said_beside)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
