/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who has a console, and what a guest can make the daemon do: a store, a hypervisor and terminals that fail and vanish when told to.
 * UNIT-SOURCES: toolstack/xenconsoled/guests.c toolstack/xenconsoled/console.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <errno.h>
#include <xenstore.h>
#include "toolstack/xenconsoled/daemon.h"

#define DOMAINS 4u /* numbers 1 to 3 */

/* ---- The world ---- */

struct options options;
struct xs_handle *xs;

static struct {
    bool introduced;
    uint64_t ring, port; /* in the store; 0: not there */
    struct xencons_interface page;
    int mapped, bound, terminals, watched, unmasked, asked; /* how many, or how often */
    unsigned int notified;
    uint32_t remote_port, grant; /* that were asked for last; grant: of the further console */
    bool further;                /* it has a second console */
    bool readers_ended;
} dom[DOMAINS];

static uint64_t now;
static unsigned int lines, published;
static size_t logged;
static bool no_page, no_port, no_terminal, no_publishing, store_is_dead, backend_is_lost;
static unsigned int dies_when_watched; /* a domain */

static unsigned int in_path(const char *path)
{
    unsigned int domid = 0;

    if (sscanf(path, "/local/domain/0/backend/console/%u", &domid) != 1)
        sscanf(path, "/local/domain/%u", &domid);
    return domid < DOMAINS ? domid : 0;
}

static void domain_dies(unsigned int domid)
{
    dom[domid].introduced = false;
    dom[domid].ring = dom[domid].port = 0;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    unsigned int domid = in_path(path);

    dom[domid].watched++;
    if (dies_when_watched == domid)
        domain_dies(domid);
    return true;
}

bool xs_unwatch(struct xs_handle *h, const char *path, const char *token)
{
    dom[in_path(path)].watched--;
    return true;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
    published += !no_publishing;
    return !no_publishing;
}

bool xs_set_permissions(struct xs_handle *h, xs_transaction_t t, const char *path,
                        struct xs_permissions *perms, unsigned int n)
{
    return true;
}

bool xs_is_domain_introduced(struct xs_handle *h, unsigned int domid)
{
    errno = store_is_dead ? EIO : errno;
    return !store_is_dead && dom[domid].introduced;
}

/* As libxenstore's: pointers and strings in one piece. */
char **xs_directory(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *n)
{
    char **list = calloc(DOMAINS, sizeof(char *) + 2), *text = (char *)(list + DOMAINS);
    unsigned int i;

    for (i = *n = 0; i < DOMAINS; i++, text += 2)
        if (!i || dom[i].introduced || store_is_dead) {
            snprintf(text, 2, "%u", i);
            list[(*n)++] = text;
        }
    return list;
}

bool store_lost(void)
{
    return errno && errno != ENOENT && errno != EACCES;
}

char *store_read(const char *dir, const char *name)
{
    return NULL;
}

bool store_number(const char *dir, const char *name, uint64_t *v)
{
    unsigned int domid = in_path(dir);

    dom[domid].asked += !strcmp(name, "ring-ref");
    *v = !strcmp(name, "ring-ref") ? dom[domid].ring : dom[domid].port;
    return *v;
}

bool hv_map(struct hv_page *page, unsigned int domid, uint32_t grant, uint64_t frame)
{
    page->at = no_page ? NULL : &dom[domid].page;
    dom[domid].mapped += !no_page;
    if (grant)
        dom[domid].grant = grant;
    return page->at;
}

void hv_unmap(struct hv_page *page)
{
    unsigned int i;

    for (i = 0; i < DOMAINS; i++)
        dom[i].mapped -= page->at == &dom[i].page;
    page->at = NULL;
}

int hv_bind(unsigned int domid, uint32_t port)
{
    if (no_port)
        return -1;
    dom[domid].bound++;
    dom[domid].remote_port = port;
    return (int)domid;
}

void hv_unbind(int port)
{
    dom[port].bound--;
}

void hv_notify(int port)
{
    dom[port].notified++;
}

void hv_unmask(int port)
{
    dom[port].unmasked++;
}

int device_scan(unsigned int domid, void (*found)(unsigned int domid, unsigned int number))
{
    if (backend_is_lost)
        return -ENOTCONN;
    if (dom[domid].further)
        found(domid, 1);
    return 0;
}

void device_offer(struct guest *g)
{
}

bool device_wanted(struct guest *g)
{
    return true;
}

void device_state(struct guest *g, unsigned int state)
{
}

bool device_closing(struct guest *g)
{
    return false;
}

int pty_open(struct guest *g)
{
    if (no_terminal)
        return -EMFILE;
    dom[g->domid].terminals++;
    g->master.fd = 1000;
    return 0;
}

void pty_close(struct guest *g)
{
    dom[g->domid].terminals -= g->master.fd >= 0;
    g->master.fd = -1;
}

/* Somebody has the terminal open. */
void pty_send(struct guest *g)
{
    if (g->console.page)
        console_room(&g->console);
}

void readers_send(struct guest *g)
{
}

void readers_end(struct guest *g)
{
    dom[g->domid].readers_ended = true;
}

void log_below(struct logfile *l, const char *name, bool stamped)
{
}

void log_close(struct logfile *l)
{
}

void log_reopen(struct logfile *l)
{
}

void log_output(struct logfile *l, const char *p, size_t len)
{
    logged += len;
}

void say(const char *fmt, ...)
{
    lines++;
}

uint64_t now_ms(void)
{
    return now;
}

/* ---- What happens in it ---- */

static void setup_store(void)
{
    static char store;

    xs = (struct xs_handle *)(void *)&store;
}

static int setup(void **state)
{
    memset(dom, 0, sizeof(dom));
    setup_store();
    now = 100000;
    lines = published = dies_when_watched = 0;
    logged = 0;
    no_page = no_port = no_terminal = no_publishing = store_is_dead = backend_is_lost = false;
    return 0;
}

static void nothing_is_held(unsigned int domid)
{
    assert_null(guests_find(domid, 0));
    assert_int_equal(dom[domid].mapped, 0);
    assert_int_equal(dom[domid].bound, 0);
    assert_int_equal(dom[domid].terminals, 0);
}

static int teardown(void **state)
{
    unsigned int i;

    guests_close();
    for (i = 1; i < DOMAINS; i++) {
        nothing_is_held(i);
        assert_int_equal(dom[i].watched, 0);
    }
    return 0;
}

static void introduce(unsigned int domid)
{
    dom[domid].introduced = true;
    dom[domid].ring = dom[domid].port = 7;
    guests_scan();
}

static void writes(unsigned int domid, size_t len)
{
    dom[domid].page.out_prod += (uint32_t)len;
}

/* The guest sends events for as long as they are heard, at most so many; how many were. */
static unsigned int kicks(unsigned int domid, unsigned int most, size_t words)
{
    unsigned int i;
    int heard;

    for (i = 0; i < most; i++) {
        if (dom[domid].page.out_prod - dom[domid].page.out_cons + words <= sizeof(dom[domid].page.out))
            writes(domid, words);
        heard = dom[domid].unmasked;
        guests_event((int)domid);
        if (dom[domid].unmasked == heard)
            return i + 1;
    }
    return i;
}

/* Looks at the domain again, when that may be. */
static void look(unsigned int domid)
{
    now += 1000;
    guests_changed(domid);
    guests_look(now);
}

/* ---- A guest's allowance ---- */

static void allowance(void **state)
{
    unsigned int periods;
    size_t before;

    introduce(1);
    introduce(2);
    assert_int_equal(kicks(1, 100000, 0), RATE_BYTES / EVENT_BYTES);
    assert_in_range(guests_timeout(), 1, RATE_PERIOD_MS);
    now += RATE_PERIOD_MS / 2;
    guests_resume();
    assert_int_equal(dom[1].unmasked, RATE_BYTES / EVENT_BYTES - 1); /* not before its time */
    assert_int_equal(kicks(2, 1, 100), 1);                           /* another one is served meanwhile */
    assert_int_equal(logged, 100);
    writes(1, 50);
    now += RATE_PERIOD_MS;
    assert_int_equal(guests_timeout(), 0); /* time may pass between a look at it and the next sleep */
    guests_resume();
    assert_int_equal(guests_timeout(), -1);
    assert_int_equal(dom[1].unmasked, RATE_BYTES / EVENT_BYTES);
    assert_int_equal(logged, 150); /* what it had said when nobody listened */
    guests_resume();
    assert_int_equal(dom[1].unmasked, RATE_BYTES / EVENT_BYTES);
    before = logged;
    for (periods = 0; periods < 20; periods++) { /* of as much as it can say */
        kicks(1, 100000, 2048);
        now += RATE_PERIOD_MS;
        guests_resume();
    }
    assert_in_range(logged - before, 18 * RATE_BYTES, 21 * RATE_BYTES);
}

/* One that broke its ring is never listened to again, whatever time passes, until it has another. */
static void broken(void **state)
{
    introduce(1);
    writes(1, 5000);
    assert_int_equal(kicks(1, 100, 0), 1);
    assert_int_equal(lines, 1);
    for (now += 1000; now < 200000; now += 1000)
        guests_resume();
    assert_int_equal(dom[1].unmasked, 0);
    assert_int_equal(guests_timeout(), -1);
    dom[1].page.out_prod = dom[1].page.out_cons + 10;
    dom[1].ring = 8;
    look(1);
    assert_int_equal(logged, 10);
    assert_int_equal(kicks(1, 3, 10), 3);
}

/* The same by what it takes of its input, which is seen when somebody has its terminal open. It is said as well. */
static void broken_input(void **state)
{
    introduce(1);
    dom[1].page.in_cons = 5000;
    assert_int_equal(kicks(1, 100, 10), 1);
    assert_int_equal(lines, 1);
    look(1);
    assert_int_equal(lines, 1);
}

/* The guest writes what its further console takes: no number is another one's, cut off. */
static void numbers(void **state)
{
    dom[1].further = true;
    introduce(1);
    assert_int_equal(dom[1].bound, 2);
    dom[1].port = 0x100000007ull;
    look(1);
    assert_int_equal(dom[1].remote_port, 7);
    dom[1].ring = 0x100000008ull;
    look(1);
    assert_int_equal(dom[1].grant, 7);
}

/* ---- Its nodes, written again and again ---- */

static void nodes_in_a_loop(void **state)
{
    unsigned int i;
    int asked;

    introduce(1);
    asked = dom[1].asked;
    for (i = 0; i < 10000; i++) { /* a second of it */
        now = 200000 + i / 10;
        guests_changed(1);
        guests_look(now);
    }
    assert_in_range(dom[1].asked - asked, 9, 11);
    assert_in_range(guests_timeout(), 1, 100);
    now += 100;
    assert_int_equal(guests_timeout(), 0);
    guests_look(now);
    assert_int_equal(guests_timeout(), -1);
}

static void complaints(void **state)
{
    unsigned int i;

    introduce(1);
    no_page = true;
    for (i = 0; i < 10000; i++) {
        dom[1].ring = i + 8;
        look(1);
    }
    assert_in_range(lines, 10, 14);
}

/* ---- What fails half-way ---- */

static void half_a_connection(void **state)
{
    bool *const failing[] = {&no_page, &no_port, &no_terminal};
    unsigned int i;

    for (i = 0; i < 3; i++) {
        *failing[i] = true;
        introduce(1);
        look(1);
        nothing_is_held(1);
        *failing[i] = false;
    }
    assert_in_range(guests_timeout(), 100, 10000); /* and in the end, though nobody says anything */
    guests_look(now += (uint64_t)guests_timeout());
    assert_int_equal(guests_timeout(), -1);
    assert_non_null(guests_find(1, 0));
    assert_int_equal(dom[1].mapped, 1);
    assert_int_equal(dom[1].bound, 1);
    assert_int_equal(published, 1);
    no_port = true; /* it moves, and is lost */
    dom[1].ring = 9;
    look(1);
    assert_int_equal(dom[1].mapped, 0);
    assert_int_equal(dom[1].bound, 0);
    no_port = false;
    look(1);
    assert_int_equal(dom[1].mapped, 1);
    assert_int_equal(dom[1].terminals, 1); /* the same */
}

/* The store died when the terminal was to be published: it is when there is a store again. */
static void unpublished(void **state)
{
    no_publishing = true;
    introduce(1);
    assert_int_equal(published, 0);
    look(1);
    no_publishing = false;
    guests_look(now += (uint64_t)guests_timeout());
    assert_int_equal(published, 1);
    look(1);
    assert_int_equal(published, 1);
}

static void store_dies(void **state)
{
    dom[1].further = true;
    introduce(1);
    introduce(2);
    store_is_dead = true;
    guests_scan();
    store_is_dead = false;
    backend_is_lost = true;
    look(1);
    backend_is_lost = false;
    assert_non_null(guests_find(1, 0));
    assert_non_null(guests_find(1, 1));
    assert_non_null(guests_find(2, 0));
    xs = NULL;
    guests_scan();
    look(1);
    assert_int_equal(kicks(1, 1, 10), 1); /* served all the time */
    assert_int_equal(logged, 10);
    assert_non_null(guests_find(1, 0));
    setup_store();
    dom[1].watched = dom[2].watched = 0; /* on the new connection */
    guests_watch_again();
    guests_scan();
    assert_non_null(guests_find(2, 0));
    dom[1].further = false;
    look(1);
    assert_null(guests_find(1, 1));
    assert_non_null(guests_find(1, 0));
}

/* ---- Domains that die early ---- */

static void dead_before_the_watch(void **state)
{
    dies_when_watched = 1;
    introduce(1);
    guests_changed(1); /* the watch's own event */
    guests_look(now += 1000);
    nothing_is_held(1);
    guests_scan(); /* for its release */
    assert_int_equal(dom[1].watched, 0);
    guests_changed(1); /* an event that was under way */
    guests_look(now += 1000);
    guests_event(1);
    assert_int_equal(lines, 0);
    dies_when_watched = 0;
    introduce(1); /* another one of that number */
    assert_non_null(guests_find(1, 0));
}

static void last_words(void **state)
{
    introduce(1);
    writes(1, 77);
    domain_dies(1);
    guests_scan();
    assert_int_equal(logged, 77);
    assert_true(dom[1].readers_ended);
    nothing_is_held(1);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(allowance),         T(broken),
                                       T(broken_input),      T(numbers),
                                       T(nodes_in_a_loop),   T(complaints),
                                       T(half_a_connection), T(unpublished),
                                       T(store_dies),        T(dead_before_the_watch),
                                       T(last_words)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
