/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which guests have a console of ours, from the store. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>
#include "toolstack/xenconsoled/daemon.h"

static struct guest *guests;

struct guest *guests_by_watch(int watch)
{
    struct guest *g;

    for (g = guests; g && g->watch != watch; g = g->next)
        ;
    return g;
}

static char *console_node(unsigned int domid, const char *name)
{
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/%u/console/%s", domid, name);
    return xs_read(xs, XBT_NULL, path, NULL);
}

/* A decimal number that the toolstack wrote; false if it is not there. */
static bool console_number(unsigned int domid, const char *name, uint64_t *v)
{
    char *text = console_node(domid, name), *end;
    bool ok;

    if (!text)
        return false;
    *v = strtoull(text, &end, 10);
    ok = end != text && !*end;
    free(text);
    return ok;
}

/* Consoles of another type are somebody else's: QEMU's. */
static bool ours(unsigned int domid)
{
    char *type = console_node(domid, "type");
    bool yes = !type || !strcmp(type, "xenconsoled");

    free(type);
    return yes;
}

static void watch_console(unsigned int domid, bool on)
{
    char path[64], token[32];

    snprintf(path, sizeof(path), "/local/domain/%u/console", domid);
    snprintf(token, sizeof(token), "dom%u", domid);
    if (on)
        xs_watch(xs, path, token);
    else
        xs_unwatch(xs, path, token);
}

static void publish(const struct guest *g)
{
    char path[64];
    struct xs_permissions perms[2] = {{0, XS_PERM_NONE}, {g->domid, XS_PERM_READ}};

    snprintf(path, sizeof(path), "/local/domain/%u/console/tty", g->domid);
    if (!xs_write(xs, XBT_NULL, path, g->slave, (unsigned int)strlen(g->slave)) ||
        !xs_set_permissions(xs, XBT_NULL, path, perms, 2))
        say("domain %u: its terminal %s cannot be published", g->domid, g->slave);
}

static void drop(struct guest *g)
{
    struct guest **link;

    for (link = &guests; *link != g; link = &(*link)->next)
        ;
    *link = g->next;
    watch_console(g->domid, false);
    pty_close(g);
    log_close(g);
    if (g->port >= 0)
        hv_unbind(g->port);
    if (g->console.page)
        hv_unmap(g->console.page, g->granted);
    free(g->console.backlog);
    free(g);
}

/* Connects to the console once the toolstack has written what it takes. */
static bool connect_console(struct guest *g)
{
    uint64_t gfn, port;
    char *backlog;
    void *page;

    if (g->console.page || !ours(g->domid) || !console_number(g->domid, "ring-ref", &gfn) ||
        !console_number(g->domid, "port", &port))
        return g->console.page != NULL;
    page = hv_map(g->domid, gfn, &g->granted);
    if (!page) {
        say("domain %u: its console ring cannot be mapped", g->domid);
        return false;
    }
    backlog = malloc(BACKLOG_BYTES);
    g->port = backlog ? hv_bind(g->domid, (uint32_t)port) : -1;
    if (g->port < 0 || pty_open(g)) {
        say("domain %u: no %s for its console", g->domid, g->port < 0 ? "event channel" : "terminal");
        if (g->port >= 0)
            hv_unbind(g->port);
        g->port = -1;
        free(backlog);
        hv_unmap(page, g->granted);
        return false;
    }
    console_attach(&g->console, page, backlog);
    log_open(g);
    publish(g);
    return true;
}

/* Takes the guest's output, a bounded amount; the rest when others had their turn. */
static void serve(struct guest *g)
{
    char out[2048];
    int n, total = 0;
    bool was = g->console.broken;

    while (total < 16384 && (n = console_take(&g->console, out, sizeof(out), now_ms())) > 0) {
        log_output(g, out, (size_t)n);
        total += n;
    }
    if (g->console.broken && !was)
        say("domain %u broke its console ring: it is not served any more", g->domid);
    if (total)
        hv_notify(g->port);
    pty_send(g);
}

static struct guest *find(unsigned int domid)
{
    struct guest *g;

    for (g = guests; g && g->domid != domid; g = g->next)
        ;
    return g;
}

static void look_at(unsigned int domid)
{
    struct guest *g = find(domid);

    if (!g) {
        g = calloc(1, sizeof(*g));
        if (!g)
            return;
        g->domid = domid;
        g->port = g->master = g->watch = -1;
        g->next = guests;
        guests = g;
        watch_console(domid, true);
    }
    g->seen = true;
    if (connect_console(g))
        serve(g);
}

void guests_scan(void)
{
    unsigned int n = 0, i, domid;
    char **list = xs_directory(xs, XBT_NULL, "/local/domain", &n);
    struct guest *g, *next;

    if (!list)
        return;
    for (g = guests; g; g = g->next)
        g->seen = false;
    for (i = 0; i < n; i++) {
        domid = (unsigned int)strtoul(list[i], NULL, 10);
        if (domid && xs_is_domain_introduced(xs, domid))
            look_at(domid);
    }
    free(list);
    for (g = guests; g; g = next) {
        next = g->next;
        if (!g->seen) {
            if (g->console.page)
                serve(g); /* its last words */
            drop(g);
        }
    }
}

void guests_event(int port)
{
    struct guest *g;

    for (g = guests; g && g->port != port; g = g->next)
        ;
    if (!g)
        return;
    serve(g);
    if (!console_wait(&g->console, now_ms()))
        hv_unmask(port); /* one that is too fast is not even heard until its period is over */
}

int guests_timeout(void)
{
    unsigned int wait, first = 0;
    const struct guest *g;

    for (g = guests; g; g = g->next) {
        wait = g->console.page ? console_wait(&g->console, now_ms()) : 0;
        if (wait && (!first || wait < first))
            first = wait;
    }
    return first ? (int)first : -1;
}

void guests_resume(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        if (g->console.page && !g->console.allowed && !console_wait(&g->console, now_ms())) {
            serve(g);
            if (!console_wait(&g->console, now_ms()))
                hv_unmask(g->port);
        }
}

void guests_reopen_logs(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        if (g->console.page) {
            log_close(g);
            log_open(g);
        }
}

void guests_watch_again(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        watch_console(g->domid, true);
}

void guests_close(void)
{
    while (guests)
        drop(guests);
}
