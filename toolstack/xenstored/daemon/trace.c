/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The file that --trace-file or CONTROL logfile names: what the daemon says, and the trace of requests. */
#include <stdio.h>
#include "toolstack/xenstored/daemon/daemon.h"

static struct logfile file;

void trace_open(const char *path)
{
    struct logfile fresh = {0};

    if (log_open(&fresh, path, LOG_MS)) {
        log_close(&fresh);
        return;
    }
    log_close(&file);
    file = fresh;
    say_also(&file);
}

const char *trace_path(void)
{
    return file.path;
}

void trace_line(void *ctx, const char *line)
{
    char text[300]; /* the library's are shorter than 256 */
    int n = snprintf(text, sizeof(text), "%s\n", line);

    log_output(&file, text, (size_t)n);
}
