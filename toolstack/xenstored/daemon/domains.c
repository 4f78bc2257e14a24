/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains: their rings and event channels, and their ends. VIRQ_DOM_EXC says that something happened to some
 * domain; a scan of the list finds out what. @releaseDomain fires once when a domain shuts down or crashes (RESUME
 * arms it again) and once when it is gone.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <xen/grant_table.h>
#include <xen/xen.h>
#include "toolstack/common/news.h"
#include "toolstack/xenstored/daemon/daemon.h"

struct dom {
    struct client client; /* conn NULL: between RELEASE and the end */
    struct dom *next;
    unsigned int domid;
    int port;     /* ours */
    uint64_t gfn; /* as introduced */
    uint32_t remote_port;
    struct hv_page page;
    struct ring ring; /* in that page */
    bool shutdown;    /* its shutdown was announced */
    bool announced_error;
    unsigned int breaks; /* errors and reconnections */
};

static struct dom *doms;
static struct dom **by_port; /* who has our port number i; NULL: nobody */
static unsigned int nr_ports;
static struct watcher evtchn = {.fd = -1};
static int exc_port = -1;
static uint64_t scan_due; /* ms, without an event; 0: it is not */
static uint64_t look_due; /* ms, from the first indices published after domains_look(); 0: none were */

static struct dom *find(unsigned int domid)
{
    struct dom *d;

    for (d = doms; d && d->domid != domid; d = d->next)
        ;
    return d;
}

/* ---- Our ports. One that was bound has a place in by_port, so whose it is can always be noted. ---- */

static bool make_place(int port)
{
    unsigned int n = nr_ports ? nr_ports : 64;
    struct dom **more;

    while (n <= (unsigned int)port)
        n *= 2;
    if (n == nr_ports)
        return true;
    more = realloc(by_port, n * sizeof(*more));
    if (!more)
        return false;
    memset(more + nr_ports, 0, (n - nr_ports) * sizeof(*more));
    by_port = more;
    nr_ports = n;
    return true;
}

/* As hv_bind(). */
static int bind_port(unsigned int domid, uint32_t remote)
{
    int port = hv_bind(domid, remote);

    if (port < 0 || make_place(port))
        return port;
    hv_unbind(port);
    return -ENOMEM;
}

static void use_port(struct dom *d, int port, uint32_t remote)
{
    d->port = port;
    d->remote_port = remote;
    if (port >= 0)
        by_port[port] = d;
}

static void drop_port(struct dom *d)
{
    if (d->port >= 0)
        by_port[d->port] = NULL;
    hv_unbind(d->port);
}

/* ---- The ring as a transport ---- */

static void complain(struct dom *d)
{
    journal_broken(&d->client, d->ring.position);
    if (!d->announced_error && is_news(&d->breaks))
        say("domain %u broke its XenStore ring (error %u): it is not served until it reconnects", d->domid,
            d->ring.page->error);
    d->announced_error = true;
}

uint64_t domains_scan_due(void)
{
    return scan_due;
}

/* Written down first: a daemon that finds the page half-way begins it anew as well. */
static void reconnect(struct dom *d)
{
    if (is_news(&d->breaks))
        say("domain %u reconnected its XenStore ring", d->domid);
    d->ring.req_cons = d->ring.rsp_prod = 0;
    d->ring.broken = d->announced_error = false;
    journal_afresh(&d->client);
    ring_reconnect(&d->ring, d->client.conn);
    hv_notify(d->port);
}

/* For output that was left. */
static bool has_room(struct dom *d)
{
    return ring_has_room(&d->ring) && st_conn_has_output(d->client.conn);
}

static bool dom_output(struct client *cl)
{
    struct dom *d = (struct dom *)cl;
    int rc;

    if (!d->ring.page)
        return true;
    rc = ring_output(&d->ring, cl->conn);
    if (rc < 0)
        complain(d);
    journal_settle(cl, &d->ring.position);
    ring_publish(&d->ring);
    if (rc || cl->took) {
        hv_notify(d->port);
        if (!look_due)
            look_due = st_store_time(store) + LOOK_MS;
    }
    if ((cl->took && cl->stall == ST_READY && ring_has_input(&d->ring)) || has_room(d))
        client_run_later(cl);
    return true;
}

uint64_t domains_look_due(void)
{
    return look_due;
}

void domains_look(void)
{
    struct dom *d;

    look_due = 0;
    for (d = doms; d; d = d->next)
        if (d->ring.page && (ring_has_input(&d->ring) || has_room(d)))
            client_run_later(&d->client);
}

static enum st_stall dom_input(struct client *cl, unsigned int *budget)
{
    static char copy[XENSTORE_RING_SIZE];
    struct dom *d = (struct dom *)cl;
    enum st_stall stall = ST_READY;
    int rc;

    if (!d->ring.page) { /* lost: what its connection had is of no use to anybody */
        st_conn_reset(cl->conn);
        return ST_READY;
    }
    if (ring_wants_reconnect(&d->ring)) {
        reconnect(d);
        return ST_READY;
    }
    if (st_conn_has_output(cl->conn)) /* there may be room now */
        dom_output(cl);
    rc = ring_input(&d->ring, cl->conn, copy, budget, &stall);
    if (rc < 0)
        complain(d);
    cl->took = rc;
    return rc < 0 ? ST_READY : stall;
}

/* Domain 0's comes with its port, and by another way. */
static bool map(struct hv_page *page, unsigned int domid, uint64_t gfn, uint32_t *port)
{
    if (domid)
        return hv_map(page, domid, GNTTAB_RESERVED_XENSTORE, gfn);
    *page = (struct hv_page){.at = dom0_ring_map(port)};
    return page->at;
}

static void unmap(unsigned int domid, struct hv_page *page)
{
    if (domid)
        hv_unmap(page);
    else if (page->at)
        dom0_ring_unmap(page->at);
    page->at = NULL;
}

static void detach(struct dom *d)
{
    struct dom **link;

    drop_port(d);
    unmap(d->domid, &d->page);
    for (link = &doms; *link != d; link = &(*link)->next)
        ;
    *link = d->next;
}

static void dom_close(struct client *cl)
{
    struct dom *d = (struct dom *)cl;

    detach(d);
    client_remove(cl);
    free(d);
}

size_t domain_describe(struct client *cl, char *out)
{
    const struct dom *d = (const struct dom *)cl;
    struct dom_notes n;

    memset(&n, 0, sizeof(n));
    n.domid = d->domid;
    n.req_cons = d->ring.req_cons;
    n.rsp_prod = d->ring.rsp_prod;
    n.port = d->port;
    n.remote_port = d->remote_port;
    n.gfn = d->gfn;
    n.broken = d->ring.broken;
    n.shutdown = d->shutdown;
    n.complained = d->announced_error;
    n.lost = !d->ring.page;
    out[0] = DESCRIBES_RING;
    memcpy(out + 1, &n, sizeof(n));
    return 1 + sizeof(n);
}

static const struct client_ops dom_ops = {
    .input = dom_input,
    .output = dom_output,
    .close = dom_close,
    .describe = domain_describe,
};

/* Maps the page again, and binds the channel unless it is bound; false if either fails, and then neither is. */
static bool take_up(struct dom_notes *n, bool bound, struct hv_page *page)
{
    uint32_t port = n->remote_port;

    if (map(page, n->domid, n->gfn, &port) && !bound)
        n->port = bind_port(n->domid, port);
    if (page->at && n->port >= 0 && make_place(n->port))
        return true;
    unmap(n->domid, page);
    if (bound)
        hv_unbind(n->port);
    n->port = -1;
    return false;
}

/*
 * Goes on with a domain's ring. @bound: the event channel is still bound, in an inherited descriptor; else it is bound
 * anew. The page is mapped again either way. A guest whose ring cannot be taken up stays known without one, for somebody waits
 * for its end; at the next hand-over it is tried again, and INTRODUCE gives it a new one.
 */
int domain_restore(struct st_conn *c, uint32_t id, const char *p, size_t len, bool bound)
{
    struct hv_page page;
    struct dom_notes n;
    struct dom *d;
    bool taken;

    if (len != 1 + sizeof(n))
        return -EINVAL;
    memcpy(&n, p + 1, sizeof(n));
    taken = take_up(&n, bound && !n.lost, &page);
    if (!taken)
        say("domain %u: its ring cannot be taken up again", n.domid);
    d = taken || n.domid ? calloc(1, sizeof(*d)) : NULL;
    if (!d) {
        unmap(n.domid, &page);
        hv_unbind(n.port);
        return -ENOMEM;
    }
    d->domid = n.domid;
    use_port(d, n.port, n.remote_port);
    d->gfn = n.gfn;
    d->shutdown = n.shutdown;
    d->announced_error = n.complained || !taken;
    d->page = page;
    ring_resume(&d->ring, page.at, n.req_cons, n.rsp_prod, n.broken || !taken);
    if (taken && n.lost)
        ring_fail(&d->ring, XENSTORE_ERROR_COMM); /* what was in it was not taken over */
    d->next = doms;
    doms = d;
    client_add(&d->client, &dom_ops, c, id);
    client_run_later(&d->client);
    hv_notify(d->port);
    return 0;
}

static int attach(unsigned int domid, uint64_t gfn, struct hv_page page, int port, uint32_t remote_port)
{
    struct dom *d = calloc(1, sizeof(*d));
    struct st_conn *c = d ? st_conn_open_domain(store, domid) : NULL;

    if (!c) {
        free(d);
        return -ENOMEM;
    }
    d->domid = domid;
    use_port(d, port, remote_port);
    d->gfn = gfn;
    d->page = page;
    ring_attach(&d->ring, page.at);
    d->next = doms;
    doms = d;
    client_add(&d->client, &dom_ops, c, 0);
    client_run_later(&d->client);
    hv_notify(port); /* Linux looks at the ring on its first event */
    return 0;
}

/* ---- Requests ---- */

/* The domain is introduced once more: after a save that failed, or with a new kernel. It starts afresh. */
static int reintroduce(struct dom *d, uint64_t gfn, uint32_t port)
{
    bool lost = !d->page.at;
    int ours = !lost || map(&d->page, d->domid, gfn, NULL) ? bind_port(d->domid, port) : -1;

    if (ours < 0 && (lost || port != d->remote_port)) {
        if (lost) /* and still */
            unmap(d->domid, &d->page);
        return -EINVAL;
    }
    if (ours >= 0) {
        drop_port(d);
        use_port(d, ours, port);
    } /* else it still is the channel that is bound */
    if (lost)
        d->gfn = gfn;
    st_conn_reset(d->client.conn);
    ring_attach(&d->ring, d->page.at);
    d->announced_error = false;
    journal_afresh(&d->client);
    client_run_later(&d->client);
    hv_notify(d->port);
    return 0;
}

static int introduce(unsigned int domid, uint64_t gfn, uint32_t port)
{
    struct dom *d = find(domid);
    struct hv_page page;
    int ours, rc;

    if (d)
        return reintroduce(d, gfn, port);
    if (!map(&page, domid, gfn, NULL)) {
        say("domain %u: its ring cannot be mapped, neither by grant 1 nor as frame %llu", domid,
            (unsigned long long)gfn);
        return -EINVAL;
    }
    ours = bind_port(domid, port);
    rc = ours < 0 ? -EINVAL : attach(domid, gfn, page, ours, port);
    if (rc) {
        say("domain %u: its event channel %u cannot be bound", domid, port);
        if (ours >= 0)
            hv_unbind(ours);
        unmap(domid, &page);
    }
    return rc;
}

int domains_hook_introduce(void *ctx, unsigned int domid, uint64_t gfn, uint32_t port)
{
    int rc;

    if (journal_replay_hook(&rc, NULL, NULL))
        return rc;
    rc = introduce(domid, gfn, port);
    journal_hook(rc, NULL, 0);
    if (!rc) /* it may be dying already: its event came when nobody knew it */
        scan_due = now_ms();
    return rc;
}

/* The store has closed the connection already. */
void domains_hook_release(void *ctx, unsigned int domid)
{
    struct dom *d = find(domid);

    if (journal_replaying())
        journal_released(domid);
    if (!d)
        return;
    d->client.conn = NULL;
    detach(d);
    client_remove(&d->client);
    free(d);
}

int domains_hook_resume(void *ctx, unsigned int domid)
{
    struct dom *d = find(domid);

    if (d)
        d->shutdown = false;
    return 0;
}

bool domains_hook_exists(void *ctx, unsigned int domid)
{
    int yes;

    if (journal_replay_hook(&yes, NULL, NULL))
        return yes;
    yes = find(domid) || hv_domain_exists(domid);
    journal_hook(yes, NULL, 0);
    return yes;
}

/* ---- Ends ---- */

#define LIST_MAX 1024

static struct dominfo list[LIST_MAX];
static int nr_list;
static unsigned int list_end; /* domains below this number are in the list, or do not exist */
static bool release_due;

#define SCAN_AGAIN_MS 100 /* after the list could not be had */

static int by_domid(const void *a, const void *b)
{
    return (int)((const struct dominfo *)a)->domid - (int)((const struct dominfo *)b)->domid;
}

static void look_at(void *ctx, unsigned int domid)
{
    struct dominfo key = {.domid = (uint16_t)domid}, *info;
    struct dom *d = find(domid);

    if (!domid || domid < *(unsigned int *)ctx || domid >= list_end)
        return;
    info = bsearch(&key, list, (size_t)nr_list, sizeof(list[0]), by_domid);
    if (!info || info->dying) {
        if (!info || d) {
            say("domain %u is gone", domid);
            release_due = true;
            st_domain_gone(store, domid);
        }
    } else if (d && info->shutdown && !d->shutdown) {
        say("domain %u shut down", domid);
        d->shutdown = true;
        release_due = true;
    } else if (d && !info->shutdown) {
        d->shutdown = false; /* RESUME says so as well, but a journal that is older does not know of that */
    }
}

/* Compares the hypervisor's list with the store's, LIST_MAX domains at a time. */
void domains_scan(void)
{
    unsigned int first = 0;

    scan_due = 0;
    do {
        nr_list = hv_list(first, list, LIST_MAX);
        if (nr_list < 0) { /* its event will not come again */
            scan_due = nr_list == -ENODEV ? 0 : now_ms() + SCAN_AGAIN_MS;
            break;
        }
        list_end = nr_list == LIST_MAX ? list[nr_list - 1].domid + 1u : 65536;
        st_domain_foreach(store, look_at, &first);
        first = list_end;
    } while (nr_list == LIST_MAX);
    if (release_due)
        st_fire_release(store);
    release_due = false;
}

/*
 * After a recovery. The daemon may have died between an end and its announcement, or have forgotten a RESUME: whoever still waits is
 * told to look.
 */
void domains_recovered(void)
{
    release_due = true;
    domains_scan();
}

static void evtchn_ready(struct watcher *w, uint32_t events)
{
    uint32_t ports[64];
    unsigned int n = hv_pending(ports, 64), i;
    struct dom *d;

    for (i = 0; i < n; i++) {
        hv_unmask((int)ports[i]);
        d = ports[i] < nr_ports ? by_port[ports[i]] : NULL;
        if (d)
            client_run_later(&d->client);
        else if ((int)ports[i] == exc_port)
            domains_scan();
    }
}

/* The devices; @evtchn_fd as in hv_open(). */
static int open_devices(int evtchn_fd)
{
    int rc = hv_open(evtchn_fd);

    if (rc)
        return rc;
    if (!hv_maps_grants())
        say("no gntdev: rings of domains are mapped as foreign pages");
    evtchn = (struct watcher){.fd = hv_events_fd(), .ready = evtchn_ready};
    return loop_watch(&evtchn, EPOLLIN);
}

int domains_start(void)
{
    int rc = open_devices(-1);

    if (rc == -ENODEV)
        return rc;
    exc_port = hv_bind_virq(VIRQ_DOM_EXC);
    if (exc_port < 0)
        say("VIRQ_DOM_EXC cannot be bound (%s): ends of domains go unnoticed", strerror(-exc_port));
    return rc;
}

void domains_bind_dom0(void)
{
    struct hv_page page;
    uint32_t port;
    int ours;

    if (find(0))
        return;
    if (!map(&page, 0, 0, &port)) {
        say("domain 0's ring cannot be mapped (is xenfs mounted on /proc/xen?): sockets only");
        return;
    }
    ours = bind_port(0, port);
    if (ours >= 0 && !attach(0, 0, page, ours, port))
        return;
    say("domain 0's event channel %u cannot be bound", port);
    hv_unbind(ours);
    unmap(0, &page);
}

int domains_exc_port(void)
{
    return exc_port;
}

/* After a live update: the descriptor and all its bindings are inherited. */
int domains_resume(int evtchn_fd, int port)
{
    fcntl(evtchn_fd, F_SETFD, FD_CLOEXEC);
    exc_port = port;
    return open_devices(evtchn_fd);
}
