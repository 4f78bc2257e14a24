/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Who gets a turn, and what becomes of what the turns produce. */
#include "toolstack/xenstored/daemon/daemon.h"

#define RETRY_MS 20 /* after the allocator failed */

struct st_store *store;
static struct client *clients;
static struct client *run_first, **run_last = &run_first;
static unsigned int nr_queued;

static uint32_t last_id;
static unsigned int nr_asleep; /* that wait for time to pass. Mostly none: then nobody is looked through */

static bool asleep(const struct client *cl)
{
    return cl->stall == ST_STALL_CREDIT || cl->stall == ST_STALL_MEMORY;
}

static void set_stall(struct client *cl, enum st_stall stall)
{
    if (cl->stall == stall)
        return;
    nr_asleep -= asleep(cl);
    cl->stall = stall;
    nr_asleep += asleep(cl);
}

void client_add(struct client *cl, const struct client_ops *ops, struct st_conn *conn, uint32_t id)
{
    cl->ops = ops;
    cl->conn = conn;
    cl->moved = NULL;
    cl->stall = ST_READY; /* counted nowhere yet */
    cl->queued = cl->dead = cl->took = false;
    cl->next = clients;
    clients = cl;
    st_conn_set_user(conn, cl);
    cl->id = id ? id : ++last_id;
    if (cl->id > last_id)
        last_id = cl->id;
    if (!id)
        journal_opened(cl);
}

static void unqueue(struct client *cl)
{
    struct client **link;

    if (!cl->queued)
        return;
    for (link = &run_first; *link != cl; link = &(*link)->run_next)
        ;
    *link = cl->run_next;
    if (run_last == &cl->run_next)
        run_last = link;
    cl->queued = false;
    nr_queued--;
}

void client_remove(struct client *cl)
{
    struct client **link;

    for (link = &clients; *link != cl; link = &(*link)->next)
        ;
    *link = cl->next;
    unqueue(cl);
    set_stall(cl, ST_READY);
    handover_client_gone(cl->conn);
    if (cl->conn)
        st_conn_close(cl->conn);
    cl->conn = NULL;
}

void client_run_later(struct client *cl)
{
    if (cl->queued)
        return;
    cl->queued = true;
    nr_queued++;
    cl->run_next = NULL;
    *run_last = cl;
    run_last = &cl->run_next;
}

void client_all(void (*fn)(struct client *cl))
{
    struct client *cl, *next;

    for (cl = clients; cl; cl = next) {
        next = cl->next;
        fn(cl);
    }
}

struct client *client_find(uint32_t id)
{
    struct client *cl;

    for (cl = clients; cl && cl->id != id; cl = cl->next)
        ;
    return cl;
}

/* Sends what waits, events for which there was no memory, too; if there still is none, the client is asked again in a while. */
static void deliver(struct client *cl)
{
    if (!cl->ops->output(cl)) {
        cl->dead = true;
        client_run_later(cl);
    } else if (cl->stall == ST_STALL_OUTPUT) {
        client_run_later(cl);
    }
    cl->took = false;
    if (st_conn_starved(cl->conn) && cl->stall != ST_DEAD) {
        set_stall(cl, ST_STALL_MEMORY);
        cl->wake = now_ms() + RETRY_MS;
    }
}

/* Sends the output of all who still have some, from others' turns mostly; those whose output had stalled them may go on. */
static void flush(void)
{
    struct st_conn *c;
    struct client *cl;

    while ((c = st_store_next_ready(store))) {
        cl = st_conn_user(c);
        if (cl && !cl->dead)
            deliver(cl);
    }
}

static void turn(struct client *cl, uint64_t now)
{
    unsigned int budget = TURN_REQUESTS;

    if (!cl->dead)
        set_stall(cl, cl->ops->input(cl, &budget));
    if (cl->took && !handover_is_due())
        deliver(cl);
    if (cl->dead || cl->stall == ST_DEAD) {
        cl->ops->close(cl);
        return;
    }
    if (cl->stall == ST_STALL_BUDGET)
        client_run_later(cl);
    else if (cl->stall == ST_STALL_CREDIT)
        cl->wake = st_conn_resume_time(cl->conn);
    else if (cl->stall == ST_STALL_MEMORY)
        cl->wake = now + RETRY_MS;
    if (st_conn_starved(cl->conn))
        deliver(cl);
}

/* Does anything wait for time to pass? Nearly always not: all that has to do with it stays out of a turn's way. */
static bool time_matters(void)
{
    return nr_asleep | sockets_deaf_until() | journal_resumes() | domains_scan_due();
}

static __attribute__((noinline, cold)) void time_passed(uint64_t now)
{
    struct client *cl;

    for (cl = clients; cl; cl = cl->next)
        if (asleep(cl) && cl->wake <= now)
            client_run_later(cl);
    if (sockets_deaf_until())
        sockets_turn(now);
    if (domains_scan_due() && domains_scan_due() <= now)
        domains_scan();
}

bool clients_turn(uint64_t now)
{
    struct client *cl;
    unsigned int n;

    if (time_matters())
        time_passed(now);
    if (domains_look_due() && domains_look_due() <= now)
        domains_look();
    n = nr_queued;
    while (n-- && (cl = run_first) && !handover_is_due()) { /* a turn may take others off the list: RELEASE */
        unqueue(cl);
        turn(cl, now);
    }
    handover_if_due();
    journal_turn();
    flush();
    return run_first != NULL;
}

static __attribute__((noinline, cold)) int until_first(uint64_t now)
{
    const uint64_t times[] = {sockets_deaf_until(), journal_resumes(), domains_scan_due(),
                              domains_look_due()};
    uint64_t first = UINT64_MAX;
    const struct client *cl;
    unsigned int i;

    for (i = 0; i < sizeof(times) / sizeof(*times); i++)
        if (times[i] && times[i] < first)
            first = times[i];
    for (cl = clients; cl; cl = cl->next)
        if (asleep(cl) && cl->wake < first)
            first = cl->wake;
    return first <= now ? 0 : first - now > 60000 ? 60000 : (int)(first - now);
}

int clients_timeout(void)
{
    return time_matters() ? until_first(now_ms()) : domains_look_due() ? LOOK_MS : -1;
}
