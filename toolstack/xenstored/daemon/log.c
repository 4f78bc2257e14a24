/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The log: a file (--trace-file, CONTROL logfile), and syslog for what an operator must see. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include "toolstack/xenstored/daemon/daemon.h"

static FILE *file;
static char *file_path;
static bool to_syslog;

void log_open(const char *path)
{
    FILE *f = fopen(path, "ae");

    if (!f) {
        log_line("cannot write the log file %s: %s", path, strerror(errno));
        return;
    }
    setvbuf(f, NULL, _IOLBF, 0);
    if (file)
        fclose(file);
    file = f;
    free(file_path);
    file_path = strdup(path);
}

const char *log_path(void)
{
    return file_path;
}

void log_to_syslog(bool on)
{
    to_syslog = on;
}

bool log_is_syslog(void)
{
    return to_syslog;
}

static void stamp(FILE *f)
{
    struct timespec t;
    struct tm tm;
    char text[32];

    clock_gettime(CLOCK_REALTIME, &t);
    localtime_r(&t.tv_sec, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    fprintf(f, "%s.%03ld ", text, t.tv_nsec / 1000000);
}

void log_line(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (to_syslog)
        vsyslog(LOG_NOTICE, fmt, ap);
    else
        vfprintf(stderr, fmt, ap);
    va_end(ap);
    if (!to_syslog)
        fputc('\n', stderr);
    if (!file)
        return;
    stamp(file);
    va_start(ap, fmt);
    vfprintf(file, fmt, ap);
    va_end(ap);
    fputc('\n', file);
}

void log_trace(void *ctx, const char *line)
{
    if (!file)
        return;
    stamp(file);
    fprintf(file, "%s\n", line);
}
