/* SPDX-License-Identifier: GPL-2.0-or-later */
#define _GNU_SOURCE
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "toolstack/common/log.h"
#include "toolstack/common/news.h"

#define LOG_BYTES (16L * 1024 * 1024) /* then it becomes PATH.1 */

static struct {
    bool syslog;
    struct logfile *also;
} operator;

void say_to_syslog(bool yes)
{
    operator.syslog = yes;
}

bool says_to_syslog(void)
{
    return operator.syslog;
}

void say_also(struct logfile *l)
{
    operator.also = l;
}

void say(const char *fmt, ...)
{
    char line[4352]; /* the longest is a request's payload */
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(line, sizeof(line) - 1, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    n = (int)strlen(line);
    if (operator.syslog)
        syslog(LOG_NOTICE, "%s", line);
    line[n++] = '\n';
    if (!operator.syslog)
        fwrite(line, (size_t)n, 1, stderr);
    if (operator.also)
        log_output(operator.also, line, (size_t)n);
}

/* ---- Files ---- */

static void complain(struct logfile *l, const char *what, int error)
{
    if (is_news(&l->complaints))
        say("the log %s cannot be %s: %s", l->path, what, strerror(error));
}

static int open_path(struct logfile *l)
{
    struct stat st;
    int error;

    l->file = fopen(l->path, "ae");
    l->line_start = true;
    if (!l->file) {
        error = errno;
        complain(l, "written", error);
        return -error;
    }
    l->size = fstat(fileno(l->file), &st) ? 0 : (long)st.st_size;
    return 0;
}

int log_open(struct logfile *l, const char *path, enum log_stamp stamp)
{
    l->path = strdup(path);
    l->stamp = stamp;
    return l->path ? open_path(l) : -ENOMEM;
}

static void close_file(struct logfile *l)
{
    if (l->file)
        fclose(l->file);
    l->file = NULL;
}

void log_close(struct logfile *l)
{
    close_file(l);
    free(l->path);
    l->path = NULL;
}

void log_reopen(struct logfile *l)
{
    close_file(l);
    if (l->path)
        open_path(l);
}

/* Where it cannot become the old one it is begun anew: it must not grow. The complaint comes last, it may be for this very file. */
static void rotate(struct logfile *l)
{
    char *old;
    int error = 0;

    if (asprintf(&old, "%s.1", l->path) < 0)
        return; /* no memory for it now */
    if (rename(l->path, old))
        error = errno;
    free(old);
    if (!error) {
        log_reopen(l);
        return;
    }
    l->size = 0;
    if (ftruncate(fileno(l->file), 0)) {
        error = errno;
        close_file(l);
        complain(l, "emptied, it ends here", error);
        return;
    }
    complain(l, "rotated, what was in it is lost", error);
}

/* The time of day in text is made once a second: a guest may write a line for each of its bytes. */
static const char *time_text(time_t t)
{
    static char text[24];
    static time_t of;
    struct tm tm;

    if (!*text || t != of) {
        localtime_r(&t, &tm);
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
        of = t;
    }
    return text;
}

static void stamp(struct logfile *l)
{
    struct timespec t;
    int n;

    if (l->stamp == LOG_SECONDS) {
        fputc('[', l->file);
        fputs(time_text(time(NULL)), l->file);
        fputs("] ", l->file);
        l->size += 22;
        return;
    }
    clock_gettime(CLOCK_REALTIME, &t);
    n = fprintf(l->file, "%s.%03ld ", time_text(t.tv_sec), t.tv_nsec / 1000000);
    l->size += n > 0 ? n : 0;
}

static void put(struct logfile *l, const char *p, size_t len)
{
    fwrite(p, len, 1, l->file);
    l->size += (long)len;
    l->line_start = p[len - 1] == '\n';
}

void log_output(struct logfile *l, const char *p, size_t len)
{
    const char *end = p + len, *line;

    if (!l->file)
        return;
    while (l->stamp != LOG_PLAIN && p < end) {
        if (l->line_start)
            stamp(l);
        line = memchr(p, '\n', (size_t)(end - p));
        line = line ? line + 1 : end;
        put(l, p, (size_t)(line - p));
        p = line;
    }
    if (p < end)
        put(l, p, (size_t)(end - p));
    fflush(l->file);
    /* Between lines, if it ever comes to one. */
    if (l->size > (l->line_start ? LOG_BYTES : 2 * LOG_BYTES))
        rotate(l);
}
