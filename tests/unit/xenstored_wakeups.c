/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Nobody sleeps while there is something for him to do: a domain's ring between the daemon and a guest that sends an event only where
 * Linux does (drivers/xen/xenbus/xenbus_comms.c), each of whose steps may come between any two of the daemon's.
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

static struct {
    bool awake;                      /* until there is nothing to do; an event wakes it */
    unsigned int to_ask, unanswered; /* requests: not yet begun, and without their answer */
    char out[sizeof(struct xsd_sockmsg) + LARGEST];
    uint32_t put, len;   /* of the request that is being written */
    bool wrote, fetched; /* the indices are moved, whether to send an event is not yet decided */
    uint32_t prod_before, cons_before;   /* that */
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

/* Its header and its payload are two writes. */
static bool write_some(void)
{
    uint32_t end = guest.put < sizeof(struct xsd_sockmsg) ? (uint32_t)sizeof(struct xsd_sockmsg) : guest.len;
    struct xenstore_domain_interface *r = &page.ring;

    if (r->req_prod - r->req_cons == XENSTORE_RING_SIZE)
        return false;
    guest.prod_before = r->req_prod;
    while (guest.put < end && r->req_prod - r->req_cons < XENSTORE_RING_SIZE)
        r->req[MASK_XENSTORE_IDX(r->req_prod++)] = guest.out[guest.put++];
    guest.wrote = true;
    return true;
}

static bool fetch_some(void)
{
    struct xenstore_domain_interface *r = &page.ring;
    struct xsd_sockmsg hdr;
    uint32_t wanted = sizeof(hdr);

    if (r->rsp_prod == r->rsp_cons)
        return false;
    guest.cons_before = r->rsp_cons;
    if (guest.got >= sizeof(hdr)) {
        memcpy(&hdr, guest.in, sizeof(hdr));
        wanted += hdr.len;
    }
    for (; guest.got < wanted && r->rsp_cons != r->rsp_prod; guest.got++, r->rsp_cons++)
        if (guest.got < sizeof(hdr))
            guest.in[guest.got] = r->rsp[MASK_XENSTORE_IDX(r->rsp_cons)];
    memcpy(&hdr, guest.in, sizeof(hdr));
    if (guest.got >= sizeof(hdr) && guest.got == sizeof(hdr) + hdr.len) {
        guest.got = 0;
        guest.unanswered--;
    }
    guest.fetched = true;
    return true;
}

static void guest_step(void)
{
    if (!guest.awake)
        return;
    if (guest.wrote) {
        event |= guest.prod_before == page.ring.req_cons;
        guest.wrote = false;
        return;
    }
    if (guest.fetched) {
        event |= page.ring.rsp_prod - guest.cons_before >= XENSTORE_RING_SIZE;
        guest.fetched = false;
        return;
    }
    if (guest.put == guest.len && guest.to_ask)
        ask();
    guest.awake = random_below(2) && fetch_some();
    guest.awake = guest.awake || (guest.put < guest.len && write_some()) || fetch_some();
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

bool handover_waits(const struct st_conn *c)
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

uint64_t now_ms(void)
{
    return 1;
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

    while (busy || event || guest.awake) {
        assert_true(++steps < 1000 * REQUESTS); /* nobody is busy for ever */
        if (random_below(2))
            guest_step();
        if (event && random_below(2)) {
            events->ready(events, EPOLLIN);
            busy = true;
        }
        if (busy)
            busy = clients_turn(1);
    }
}

static void all_answered(void **state)
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

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test_setup_teardown(all_answered, setup, teardown)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
