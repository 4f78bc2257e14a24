/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CONTROL commands that touch files and processes. */
#include <stdio.h>
#include <string.h>
#include "toolstack/xenstored/daemon/daemon.h"

static int done(char *reply, size_t *len, const char *text)
{
    *len = strlen(text) + 1;
    memcpy(reply, text, *len);
    return 0;
}

static int memreport(const char *path, char *reply, size_t *len)
{
    struct st_stats st;
    FILE *f = fopen(path, "we");

    if (!f)
        return -errno == -EACCES ? -EACCES : -EINVAL;
    st_store_stats(store, &st);
    fprintf(f,
            "requests %llu\nnodes %u\nnodes with snapshots %u\nwatches %u\ntransactions %u\nconnections "
            "%u\nbytes %zu\n",
            (unsigned long long)st.requests, st.live_nodes, st.all_nodes, st.watches, st.transactions,
            st.conns, st.bytes);
    fclose(f);
    return done(reply, len, "OK");
}

static int control(struct st_conn *c, unsigned int n, const char *const *v, char *reply, size_t *len)
{
    if (!strcmp(v[0], "print") && n == 2) {
        say("control: %s", v[1]);
        return done(reply, len, "OK");
    }
    if (!strcmp(v[0], "logfile") && n == 2) {
        trace_open(v[1]);
        return done(reply, len, "OK");
    }
    if (!strcmp(v[0], "memreport") && n == 2)
        return memreport(v[1], reply, len);
    if (!strcmp(v[0], "live-update"))
        return handover_command(c, n, v, reply, len);
    return -EINVAL;
}

int control_hook(void *ctx, struct st_conn *c, unsigned int n, const char *const *v, char *reply, size_t *len)
{
    int rc;

    if (journal_replay_hook(&rc, reply, len))
        return rc;
    rc = control(c, n, v, reply, len);
    journal_hook(rc, reply, rc ? 0 : *len);
    return rc;
}

void control_answer(void *ctx, char *reply, size_t *len)
{
    size_t then = XENSTORE_PAYLOAD_MAX;
    int rc;

    if (!journal_replay_hook(&rc, reply, &then))
        journal_hook(0, reply, *len);
    else if (!rc)
        *len = then;
}
