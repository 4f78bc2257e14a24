/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Which domains have consoles of ours, from the store; and each of these served. */
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xenstore.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/io/xenbus.h>
#include "toolstack/common/news.h"
#include "toolstack/xenconsoled/daemon.h"

static struct guest *guests;

#define AGAIN_MS 1000u /* from a connection that failed to the next attempt */
#define LOOK_MS                                                                                              \
    100u /* a domain is looked at so often at most: that takes several requests, and its guest can cause it */

struct guest *guests_by_watch(int watch)
{
    struct guest *g;

    for (g = guests; g && g->watch != watch; g = g->next)
        ;
    return g;
}

/* A guest may cause it as often as it likes. */
static void complain(struct guest *g, const char *what)
{
    if (is_news(&g->complaints))
        say("domain %u: %s", g->domid, what);
}

static struct guest *find(unsigned int domid, unsigned int number)
{
    struct guest *g;

    for (g = guests; g && (g->domid != domid || g->number != number); g = g->next)
        ;
    return g;
}

struct guest *guests_find(unsigned int domid, unsigned int number)
{
    struct guest *g = find(domid, number);

    return g && g->console.page ? g : NULL;
}

/* Consoles of another type are somebody else's: QEMU's. */
static bool ours(const struct guest *g)
{
    char *type = store_read(g->node, "type");
    bool yes = !type || !strcmp(type, "xenconsoled");

    free(type);
    return yes;
}

/* What the toolstack writes of a domain's first console, and its drivers of the others. */
static void watch_consoles(unsigned int domid, bool on)
{
    static const char *const what[] = {"/local/domain/%u/console", "/local/domain/%u/device/console",
                                       "/local/domain/0/backend/console/%u"};
    char path[64], token[32];
    unsigned int i;

    snprintf(token, sizeof(token), "dom%u", domid);
    for (i = 0; xs && i < sizeof(what) / sizeof(*what); i++) {
        snprintf(path, sizeof(path), what[i], domid);
        if (on)
            xs_watch(xs, path, token);
        else
            xs_unwatch(xs, path, token);
    }
}

/* What it takes may be there later, a descriptor for one: then nobody tells us. */
static bool failed(struct guest *g, const char *what)
{
    struct guest *first = find(g->domid, 0);

    complain(g, what);
    if (first)
        first->again = now_ms() + AGAIN_MS;
    return false;
}

static void publish(struct guest *g)
{
    char path[96];
    struct xs_permissions perms[2] = {{0, XS_PERM_NONE}, {g->domid, XS_PERM_READ}};

    snprintf(path, sizeof(path), "%s/tty", g->node);
    g->published = xs_write(xs, XBT_NULL, path, g->slave, (unsigned int)strlen(g->slave)) &&
                   xs_set_permissions(xs, XBT_NULL, path, perms, 2);
    if (!g->published)
        failed(g, "its terminal cannot be published");
}

/* A domain's name may be anything that its owner wrote: only what is harmless in a path is kept. */
static void start_log(struct guest *g)
{
    char dir[32], name[160], kept[128], *p;

    if (!options.log_guest)
        return;
    snprintf(dir, sizeof(dir), "/local/domain/%u", g->domid);
    p = store_read(dir, "name");
    if (p && *p)
        snprintf(kept, sizeof(kept), "%s", p);
    else
        snprintf(kept, sizeof(kept), "%u", g->domid);
    free(p);
    for (p = kept; *p; p++)
        if (strchr("/\n\r\t ", *p) || (p == kept && *p == '.'))
            *p = '_';
    if (g->number)
        snprintf(name, sizeof(name), "guest-%s-%u", kept, g->number);
    else
        snprintf(name, sizeof(name), "guest-%s", kept);
    log_below(&g->log, name, options.stamp_guest);
}

static void disconnect(struct guest *g)
{
    if (g->port >= 0)
        hv_unbind(g->port);
    g->port = -1;
    hv_unmap(&g->page);
    g->console.page = NULL;
    pty_send(g); /* what is left; nothing is taken from the terminal any more */
}

static void drop(struct guest *g)
{
    struct guest **link;

    for (link = &guests; *link != g; link = &(*link)->next)
        ;
    *link = g->next;
    if (!g->number)
        watch_consoles(g->domid, false);
    readers_end(g);
    pty_close(g);
    log_close(&g->log);
    disconnect(g);
    free(g->console.backlog);
    free(g);
}

/* What the console keeps for as long as the domain lives, whatever page it is on. */
static bool furnish(struct guest *g)
{
    char *backlog = malloc(BACKLOG_BYTES);

    if (!backlog || pty_open(g)) {
        complain(g, "no terminal for its console");
        free(backlog);
        return false;
    }
    console_attach(&g->console, g->page.at, backlog);
    start_log(g);
    return true;
}

/* What the store says of the page is a frame of the first console, behind the well-known grant, and a grant of another one. */
static bool map(struct guest *g, uint64_t ring)
{
    return g->number ? hv_map(&g->page, g->domid, (uint32_t)ring, HV_NO_FRAME)
                     : hv_map(&g->page, g->domid, GNTTAB_RESERVED_CONSOLE, ring);
}

/* Connects to the console once what it takes is written; or again, when something else is written. */
static bool connect_console(struct guest *g)
{
    uint64_t ring, port;

    if (!ours(g) || !store_number(g->node, "ring-ref", &ring) || !store_number(g->node, "port", &port) ||
        port > UINT32_MAX || (g->number && ring > UINT32_MAX))
        return g->console.page != NULL;
    if (g->console.page && g->ring == ring && g->remote_port == port) {
        if (!g->published) /* the store may have died just then */
            publish(g);
        return true;
    }
    disconnect(g);
    if (!map(g, ring))
        return failed(g, "its console ring cannot be mapped");
    g->port = hv_bind(g->domid, (uint32_t)port);
    if (g->port < 0 || (!g->console.backlog && !furnish(g))) {
        if (g->port >= 0)
            hv_unbind(g->port);
        g->port = -1;
        hv_unmap(&g->page);
        g->console.page = NULL;
        return failed(g, "its console cannot be connected to");
    }
    console_move(&g->console, g->page.at);
    g->ring = ring;
    g->remote_port = port;
    publish(g);
    return true;
}

/* Takes the guest's output, a bounded amount; the rest when others had their turn. Returns the bytes. */
static size_t serve(struct guest *g)
{
    char out[2048];
    int n, total = 0;

    while (total < 16384 && (n = console_take(&g->console, out, sizeof(out), now_ms())) > 0) {
        log_output(&g->log, out, (size_t)n);
        total += n;
    }
    if (total) {
        hv_notify(g->port);
        readers_send(g);
    }
    pty_send(g);
    if (g->console.broken && !g->broken) /* seen just now, or with its input before */
        complain(g, "it broke its console ring: it is not served any more");
    g->broken = g->console.broken;
    return (size_t)total;
}

static struct guest *get(unsigned int domid, unsigned int number)
{
    struct guest *g = find(domid, number);

    if (g)
        return g;
    g = calloc(1, sizeof(*g));
    if (!g)
        return NULL;
    g->domid = domid;
    g->number = number;
    g->port = g->master.fd = g->watch = -1;
    if (number) {
        snprintf(g->node, sizeof(g->node), "/local/domain/%u/device/console/%u", domid, number);
        snprintf(g->backend, sizeof(g->backend), "/local/domain/0/backend/console/%u/%u", domid, number);
    } else {
        snprintf(g->node, sizeof(g->node), "/local/domain/%u/console", domid);
        watch_consoles(domid, true);
    }
    g->next = guests;
    guests = g;
    return g;
}

static void look_at_device(unsigned int domid, unsigned int number)
{
    struct guest *g = get(domid, number);

    if (!g)
        return;
    g->seen = true;
    if (!ours(g))
        return;
    if (device_closing(g)) {
        disconnect(g);
        device_state(g, XenbusStateClosed);
        return;
    }
    device_offer(g);
    if (device_wanted(g) && connect_console(g)) {
        device_state(g, XenbusStateConnected);
        serve(g);
    }
}

/* Negative errno: not all that it has could be seen. */
static int look_at(unsigned int domid)
{
    struct guest *g = get(domid, 0);

    if (!g)
        return -ENOMEM;
    g->seen = true;
    if (connect_console(g))
        serve(g);
    return device_scan(domid, look_at_device);
}

/* Those that were not seen are gone. @domid: of that domain only; 0: of all. */
static void sweep(unsigned int domid)
{
    struct guest *g, *next;

    for (g = guests; g; g = next) {
        next = g->next;
        if (g->seen || (domid && g->domid != domid))
            continue;
        if (g->console.page)
            serve(g); /* its last words */
        drop(g);
    }
}

void guests_changed(unsigned int domid)
{
    struct guest *g = find(domid, 0);

    if (g) /* else an event that was under way when it went */
        g->changed = true;
}

static void look_again(unsigned int domid)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        if (g->domid == domid)
            g->seen = false;
    if (!look_at(domid))
        sweep(domid);
}

/* When the domain is to be looked at, ms. */
static uint64_t next_look(const struct guest *g)
{
    if (g->changed)
        return g->looked ? g->looked + LOOK_MS : 0;
    return g->again ? g->again : UINT64_MAX;
}

void guests_look(uint64_t now)
{
    struct guest *g = guests;

    while (xs && g) {
        if (next_look(g) > now) {
            g = g->next;
            continue;
        }
        g->changed = false;
        g->again = 0;
        g->looked = now;
        look_again(g->domid);
        g = guests; /* some may be gone */
    }
}

/* Sees the domain if it is there. Negative errno: the store does not say. */
static int scan(unsigned int domid)
{
    struct guest *g;

    errno = 0;
    if (!xs_is_domain_introduced(xs, domid))
        return store_lost() ? -ENOTCONN : 0;
    if (!find(domid, 0))
        return look_at(domid);
    for (g = guests; g; g = g->next) /* its watches tell when something of it changes */
        if (g->domid == domid)
            g->seen = true;
    return 0;
}

/* A store that dies meanwhile ends no console: the next connection scans again. */
void guests_scan(void)
{
    unsigned int n = 0, i;
    unsigned long domid;
    int rc = 0;
    char **list = xs ? xs_directory(xs, XBT_NULL, "/local/domain", &n) : NULL;
    struct guest *g;

    if (!list)
        return;
    for (g = guests; g; g = g->next)
        g->seen = false;
    for (i = 0; !rc && i < n; i++) {
        domid = strtoul(list[i], NULL, 10);
        if (domid && domid < DOMID_FIRST_RESERVED)
            rc = scan((unsigned int)domid);
    }
    free(list);
    if (!rc)
        sweep(0);
}

void guests_event(int port)
{
    struct guest *g;

    for (g = guests; g && (g->port != port || !g->console.page); g = g->next)
        ;
    if (!g)
        return;
    console_charge(&g->console, serve(g));
    if (!g->console.broken && !console_wait(&g->console, now_ms()))
        hv_unmask(port); /* one that is too fast is not even heard until its period is over */
}

/* Nothing is heard from it until its period is over. */
static bool is_masked(const struct guest *g)
{
    return g->console.page && !g->console.broken && !g->console.allowed;
}

int guests_timeout(void)
{
    uint64_t now = now_ms(), first = UINT64_MAX, when;
    const struct guest *g;

    for (g = guests; g; g = g->next) {
        when = is_masked(g) ? now + console_wait(&g->console, now) : UINT64_MAX;
        if (xs && next_look(g) < when)
            when = next_look(g);
        if (when < first)
            first = when;
    }
    return first == UINT64_MAX ? -1 : first <= now ? 0 : (int)(first - now);
}

void guests_resume(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        if (is_masked(g) && !console_wait(&g->console, now_ms())) {
            serve(g);
            if (!g->console.broken && !console_wait(&g->console, now_ms()))
                hv_unmask(g->port);
        }
}

void guests_reopen_logs(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        log_reopen(&g->log);
}

void guests_watch_again(void)
{
    struct guest *g;

    for (g = guests; g; g = g->next)
        if (!g->number)
            watch_consoles(g->domid, true);
}

void guests_close(void)
{
    while (guests)
        drop(guests);
}
