/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Log files with time stamps at the starts of lines and one old generation; and what the daemon itself has to say. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>
#include "toolstack/common/news.h"
#include "toolstack/xenconsoled/daemon.h"

#define LOG_BYTES (16L * 1024 * 1024) /* then it becomes NAME.log.1 */

void say(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    if (options.foreground) {
        vfprintf(stderr, fmt, ap);
        fputc('\n', stderr);
    } else {
        vsyslog(LOG_NOTICE, fmt, ap);
    }
    va_end(ap);
}

uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static void complain(struct logfile *l, const char *what)
{
    const char *why = strerror(errno);

    if (is_news(&l->complaints))
        say("the log %s cannot be %s: %s", l->path, what, why);
}

static void open_path(struct logfile *l)
{
    l->file = fopen(l->path, "ae");
    if (!l->file)
        complain(l, "written");
    l->line_start = true;
}

void log_open(struct logfile *l, const char *name, bool stamped)
{
    if (snprintf(l->path, sizeof(l->path), "%s/%s.log", options.log_dir, name) >= (int)sizeof(l->path))
        return;
    l->stamped = stamped;
    open_path(l);
}

void log_close(struct logfile *l)
{
    if (l->file)
        fclose(l->file);
    l->file = NULL;
}

void log_reopen(struct logfile *l)
{
    log_close(l);
    if (l->path[0])
        open_path(l);
}

/* Where it cannot become the old one it is begun anew: it must not grow. */
static void rotate(struct logfile *l)
{
    char old[sizeof(l->path) + 2];

    snprintf(old, sizeof(old), "%s.1", l->path);
    if (rename(l->path, old)) {
        complain(l, "rotated, what was in it is lost");
        if (ftruncate(fileno(l->file), 0)) {
            complain(l, "emptied, it ends here");
            log_close(l);
            return;
        }
    }
    log_reopen(l);
}

static void stamp(FILE *f)
{
    char text[32];
    time_t t = time(NULL);
    struct tm tm;

    localtime_r(&t, &tm);
    strftime(text, sizeof(text), "[%Y-%m-%d %H:%M:%S] ", &tm);
    fputs(text, f);
}

void log_output(struct logfile *l, const char *p, size_t len)
{
    const char *end = p + len, *line;

    if (!l->file)
        return;
    while (l->stamped && p < end) {
        if (l->line_start)
            stamp(l->file);
        line = memchr(p, '\n', (size_t)(end - p));
        line = line ? line + 1 : end;
        fwrite(p, (size_t)(line - p), 1, l->file);
        l->line_start = line[-1] == '\n';
        p = line;
    }
    if (p < end) {
        fwrite(p, (size_t)(end - p), 1, l->file);
        l->line_start = end[-1] == '\n';
    }
    fflush(l->file);
    /* Between lines, if it ever comes to one. */
    if (ftell(l->file) > (l->line_start ? LOG_BYTES : 2 * LOG_BYTES))
        rotate(l);
}
