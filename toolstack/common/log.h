/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon has to say to its operator; and log files with time stamps at the starts of lines, which keep one old generation: a guest
 * decides how much is written there, and must not fill the disk.
 */
#ifndef TOOLSTACK_COMMON_LOG_H
#define TOOLSTACK_COMMON_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

enum log_stamp {
    LOG_PLAIN,
    LOG_SECONDS, /* "[2026-01-31 23:59:59] " */
    LOG_MS,      /* "2026-01-31 23:59:59.999 " */
};

struct logfile {
    FILE *file; /* NULL: nothing is written */
    char *path;
    long size; /* bytes in it */
    enum log_stamp stamp;
    bool line_start;
    unsigned int complaints; /* a guest's output is what causes them */
};

/* Complains and returns a negative errno if it cannot be written; log_reopen() tries again. */
int log_open(struct logfile *l, const char *path, enum log_stamp stamp);
void log_reopen(struct logfile *l); /* it may have been moved away */
void log_output(struct logfile *l, const char *p, size_t len);
void log_close(struct logfile *l); /* and forgets its path */

/* A line, without its end, to standard error; or to syslog, once that was asked for; and to a file beside. */
void say(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_to_syslog(bool yes);
bool says_to_syslog(void);
void say_also(struct logfile *l); /* NULL: nowhere */

#endif
