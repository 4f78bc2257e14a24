/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A log file for each domain, with time stamps at the starts of lines and one old generation. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>
#include <xenstore.h>
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

/* A domain's name may be anything that its owner wrote: only what is harmless in a path is kept. */
static void name_of(const struct guest *g, char out[128])
{
    char path[64];
    unsigned int len = 0, i;
    char *name;

    snprintf(path, sizeof(path), "/local/domain/%u/name", g->domid);
    name = xs_read(xs, XBT_NULL, path, &len);
    if (!name || !len) {
        snprintf(out, 128, "%u", g->domid);
    } else {
        for (i = 0; i < len && i < 127; i++)
            out[i] = strchr("/\n\r\t ", name[i]) || (i == 0 && name[i] == '.') ? '_' : name[i];
        out[i] = 0;
    }
    free(name);
}

void log_open(struct guest *g)
{
    char name[128];

    if (!options.log_guest)
        return;
    if (!g->log_path[0]) {
        name_of(g, name);
        snprintf(g->log_path, sizeof(g->log_path), "%s/guest-%s.log", options.log_dir, name);
    }
    g->log = fopen(g->log_path, "ae");
    if (!g->log)
        say("domain %u: its log %s cannot be written: %s", g->domid, g->log_path, strerror(errno));
    g->line_start = true;
}

void log_close(struct guest *g)
{
    if (g->log)
        fclose(g->log);
    g->log = NULL;
}

static void rotate(struct guest *g)
{
    char old[sizeof(g->log_path) + 2];

    log_close(g);
    snprintf(old, sizeof(old), "%s.1", g->log_path);
    if (rename(g->log_path, old))
        say("domain %u: its log cannot be rotated: %s", g->domid, strerror(errno));
    log_open(g);
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

void log_output(struct guest *g, const char *p, size_t len)
{
    const char *end = p + len, *line;

    if (!g->log)
        return;
    while (p < end) {
        if (g->line_start && options.stamp_guest)
            stamp(g->log);
        line = memchr(p, '\n', (size_t)(end - p));
        line = line ? line + 1 : end;
        fwrite(p, (size_t)(line - p), 1, g->log);
        g->line_start = line[-1] == '\n';
        p = line;
    }
    fflush(g->log);
    if (ftell(g->log) > LOG_BYTES && g->line_start)
        rotate(g);
}
