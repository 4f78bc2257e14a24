/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody sleeps while there is something for him to do: a domain's ring between the daemon and a guest that sends an event only where
 * Linux does (drivers/xen/xenbus/xenbus_comms.c), each of whose steps may come between any two of the daemon's, in the order that its
 * processor likes.
 * UNIT-SOURCES: toolstack/xenstored/daemon/domains.c toolstack/xenstored/daemon/client.c
 * UNIT-SOURCES: toolstack/xenstored/daemon/ring.c toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "toolstack/xenstored/daemon/daemon.h"
#include "random.h"
#include "xenstored_client.h"

#define GUEST    5u
#define PORT     9
#define REQUESTS 30 /* in a round */
#define LARGEST  2000

/* ---- The guest ---- */

static union {
    struct xenstore_domain_interface ring;
    char bytes[4096];
} page;

/* An index that the guest moves. It looks at the daemon's, whose value decides whether an event is sent, afterwards, or its processor before. */
struct move {
    unsigned int steps; /* left; the first of two is one of these, the second the other */
    bool looks_first;
    uint32_t from, to, seen;
};

static bool in_order; /* its processor does as the program says */

static struct {
    bool awake;                      /* until there is nothing to do; an event wakes it */
    unsigned int to_ask, unanswered; /* requests: not yet begun, and without their answer */
    char out[sizeof(struct xsd_sockmsg) + LARGEST];
    uint32_t put, len; /* of the request that is being written */
    struct move write, fetch;
    char in[sizeof(struct xsd_sockmsg)]; /* of an answer */
    uint32_t got;
} guest;

static bool event; /* for the daemon */

static void ask(void)
{
    static const char *const names[] = {"small", "large", "none"};
    struct xsd_sockmsg hdr = {.req_id = 1};
    char *payload = guest.out + sizeof(hdr);

    hdr.type = random_below(4) ? XS_READ : XS_WRITE;
    hdr.len = (uint32_t)client_pack(payload, 1, names[random_below(3)]);
    if (hdr.type == XS_WRITE && random_below(2))
        hdr.len = LARGEST;
    memcpy(guest.out, &hdr, sizeof(hdr));
    guest.put = 0;
    guest.len = (uint32_t)sizeof(hdr) + hdr.len;
    guest.to_ask--;
}

static bool begin(struct move *m, uint32_t from, uint32_t to)
{
    *m = (struct move){.steps = 2, .looks_first = !in_order && random_below(2), .from = from, .to = to};
    return true;
}

/* True when both are done. */
static bool step(struct move *m, uint32_t *mine, const uint32_t *its)
{
    if ((m->steps-- == 2) == m->looks_first)
        m->seen = *its;
    else
        *mine = m->to;
    return !m->steps;
}

/* Its header and its payload are two writes. */
static bool write_some(void)
{
    uint32_t end = guest.put < sizeof(struct xsd_sockmsg) ? (uint32_t)sizeof(struct xsd_sockmsg) : guest.len;
    struct xenstore_domain_interface *r = &page.ring;
    uint32_t prod = r->req_prod;

    if (prod - r->req_cons == XENSTORE_RING_SIZE)
        return false;
    while (guest.put < end && prod - r->req_cons < XENSTORE_RING_SIZE)
        r->req[MASK_XENSTORE_IDX(prod++)] = guest.out[guest.put++];
    return begin(&guest.write, r->req_prod, prod);
}

static bool fetch_some(void)
{
    struct xenstore_domain_interface *r = &page.ring;
    uint32_t wanted = sizeof(struct xsd_sockmsg), cons = r->rsp_cons;
    struct xsd_sockmsg hdr;

    if (r->rsp_prod == cons)
        return false;
    if (guest.got >= sizeof(hdr)) {
        memcpy(&hdr, guest.in, sizeof(hdr));
        wanted += hdr.len;
    }
    for (; guest.got < wanted && cons != r->rsp_prod; guest.got++, cons++)
        if (guest.got < sizeof(hdr))
            guest.in[guest.got] = r->rsp[MASK_XENSTORE_IDX(cons)];
    memcpy(&hdr, guest.in, sizeof(hdr));
    if (guest.got >= sizeof(hdr) && guest.got == sizeof(hdr) + hdr.len) {
        guest.got = 0;
        guest.unanswered--;
    }
    return begin(&guest.fetch, r->rsp_cons, cons);
}

static void guest_step(void)
{
    struct xenstore_domain_interface *r = &page.ring;

    if (guest.write.steps) {
        if (step(&guest.write, &r->req_prod, &r->req_cons))
            event |= guest.write.from == guest.write.seen;
    } else if (guest.fetch.steps) {
        if (step(&guest.fetch, &r->rsp_cons, &r->rsp_prod))
            event |= guest.fetch.seen - guest.fetch.from >= XENSTORE_RING_SIZE;
    } else if (guest.awake) {
        if (guest.put == guest.len && guest.to_ask)
            ask();
        guest.awake = random_below(2) && fetch_some();
        guest.awake = guest.awake || (guest.put < guest.len && write_some()) || fetch_some();
    }
}

/* Anything may happen there while the daemon is between two steps. */
static void meanwhile(void)
{
    while (random_below(3))
        guest_step();
}

/* ---- What the daemon finds instead of a hypervisor and a journal ---- */

static struct watcher *events;

int loop_set(struct watcher *w, uint32_t wanted)
{
    events = w;
    return 0;
}

int hv_open(int evtchn_fd)
{
    return 0;
}

bool hv_maps_grants(void)
{
    return true;
}

int hv_events_fd(void)
{
    return 1;
}

unsigned int hv_pending(uint32_t *ports, unsigned int max)
{
    ports[0] = PORT;
    return event;
}

void hv_unmask(int port)
{
    event = false;
}

void hv_notify(int port)
{
    meanwhile();
    guest.awake = true;
}

int hv_bind(unsigned int domid, uint32_t port)
{
    return PORT;
}

int hv_bind_virq(unsigned int virq)
{
    return PORT + 1;
}

void hv_unbind(int port)
{
}

bool hv_map(struct hv_page *to, unsigned int domid, uint32_t grant, uint64_t frame)
{
    *to = (struct hv_page){.at = &page, .granted = true};
    return true;
}

void hv_unmap(struct hv_page *at)
{
}

int hv_list(unsigned int first, struct dominfo *info, unsigned int max)
{
    info[0] = (struct dominfo){.domid = GUEST};
    return first <= GUEST;
}

bool hv_domain_exists(unsigned int domid)
{
    return true;
}

void *dom0_ring_map(uint32_t *port)
{
    return NULL;
}

void dom0_ring_unmap(void *at)
{
}

void journal_settle(struct client *cl, const uint64_t *position)
{
    meanwhile();
}

bool journal_replay_hook(int *result, void *data, size_t *len)
{
    return false;
}

bool journal_replaying(void)
{
    return false;
}

uint64_t journal_resumes(void)
{
    return 0;
}

void journal_turn(void)
{
}

void journal_opened(struct client *cl)
{
}

void journal_afresh(struct client *cl)
{
}

void journal_broken(struct client *cl, uint64_t position)
{
}

void journal_released(unsigned int domid)
{
}

void journal_hook(int result, const void *data, size_t len)
{
}

void handover_client_gone(struct st_conn *c)
{
}

bool handover_is_due(void)
{
    return false;
}

void handover_if_due(void)
{
}

uint64_t sockets_deaf_until(void)
{
    return 0;
}

void sockets_turn(uint64_t now)
{
}

static uint64_t now = 1;

uint64_t now_ms(void)
{
    return now;
}

void say(const char *fmt, ...)
{
}

/* ---- The tests ---- */

static struct client_memory memory;
static struct st_conn *dom0;

static int setup(void **state)
{
    const struct st_hooks hooks = {.introduce = domains_hook_introduce, .release = domains_hook_release};
    static struct client_msg msg;
    static char large[LARGEST];
    char buf[64];

    memset(&page, 0, sizeof(page));
    memset(&guest, 0, sizeof(guest));
    store = client_store(&memory, &hooks);
    dom0 = st_conn_open_socket(store, false);
    assert_int_equal(client_write(dom0, 0, "/local/domain/5/small", "value"), 0);
    memset(large, 'l', sizeof(large));
    memcpy(large, "/local/domain/5/large", sizeof("/local/domain/5/large"));
    assert_int_equal(client_do(dom0, XS_WRITE, 0, large, sizeof(large), &msg), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/5", "n5"), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/5/small", "n5"), 0);
    assert_int_equal(client_two(dom0, XS_SET_PERMS, 0, "/local/domain/5/large", "n5"), 0);
    assert_int_equal(domains_start(), 0);
    assert_int_equal(client_do(dom0, XS_INTRODUCE, 0, buf, client_pack(buf, 3, "5", "1", "7"), &msg), 0);
    return 0;
}

static int teardown(void **state)
{
    assert_int_equal(client_path(dom0, XS_RELEASE, 0, "5", NULL), 0);
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

/* All that the two do, until both sleep. */
static void run(void)
{
    unsigned int steps = 0;
    bool busy = true;

    while (busy || event || guest.awake || (!in_order && clients_timeout() >= 0)) {
        assert_true(++steps < 1000 * REQUESTS); /* nobody is busy for ever */
        if (random_below(2))
            guest_step();
        if (event && random_below(2)) {
            events->ready(events, EPOLLIN);
            busy = true;
        }
        if (!busy && !event && !guest.awake) { /* it waited in vain */
            now += 100;
            busy = !in_order;
        }
        st_store_set_time(store, now);
        if (busy)
            busy = clients_turn(now);
    }
}

static void rounds(void)
{
    unsigned int i;

    random_sequence(0);
    for (i = 0; i < 20000; i++) {
        guest.to_ask = guest.unanswered = 1 + random_below(REQUESTS);
        guest.awake = true;
        run();
        assert_int_equal(guest.unanswered, 0);
    }
}

static void at_once(void **state)
{
    in_order = true;
    rounds();
}

/* Where it looks first, nobody but the daemon can know that there is something: after a while it does. */
static void after_a_while(void **state)
{
    in_order = false;
    rounds();
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(at_once), T(after_a_while)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
