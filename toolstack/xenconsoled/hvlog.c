/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hypervisor's own log in a file: VIRQ_CON_RING says that there is more. */
#include <stdint.h>
#include <string.h>
#include <xen/xen.h>
#include "toolstack/xenconsoled/daemon.h"

static struct logfile log;
static uint32_t position;
static int port = -1;

/* A bounded amount; what is left is read at the next event, which more output brings. */
static void follow(void)
{
    char text[4096];
    int i, n;

    for (i = 0; i < 64 && (n = hv_read_log(text, sizeof(text), &position)) > 0; i++)
        log_output(&log, text, (size_t)n);
}

int hvlog_open(void)
{
    port = hv_bind_virq(VIRQ_CON_RING);
    if (port < 0) {
        say("the hypervisor's log is not followed: VIRQ_CON_RING is taken (%s)", strerror(-port));
        return port;
    }
    log_below(&log, "hypervisor", options.stamp_hv);
    follow();
    return 0;
}

bool hvlog_event(int which)
{
    if (port < 0 || which != port)
        return false;
    hv_unmask(port); /* first: what is printed while we read makes another */
    follow();
    return true;
}

void hvlog_reopen(void)
{
    if (port >= 0)
        log_reopen(&log);
}
