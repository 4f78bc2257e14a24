/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that uses the store well, badly, or not at all, as mode= on its command line says.
 *
 * good: waits until data/run holds a number of milliseconds, sends requests for so long, and writes to data/result how many it sent and the
 * median, the 99th percentile and the longest time, in ns, from a request being visible to its reply being visible; again when data/run changes.
 * steady: writes, reads, watches and commits, and sees that each request is answered once, in order and rightly, until data/stop is there; then
 * data/result gets the number of rounds, of wrong answers and of events. data/rounds follows meanwhile.
 * hostile: does to the store what it can think of, without an end; counts its rounds in data/rounds. spin: keeps its processor busy.
 */
#include <kit/args.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/random.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/xenstore.h>

#define FEWEST  40
#define MANY    65536
#define PAUSE   (200 * 1000ULL) /* between requests, ns */
#define SHORT   (2 * KIT_MS)    /* what the attacker waits for */
#define WATCHES 128             /* Debian's limit */
#define LONGEST 3072

static uint64_t sample[MANY];

static void sort(uint64_t *v, size_t n)
{
    for (size_t gap = n / 2; gap; gap /= 2)
        for (size_t i = gap; i < n; i++)
            for (size_t j = i; j >= gap && v[j - gap] > v[j]; j -= gap) {
                uint64_t t = v[j];

                v[j] = v[j - gap];
                v[j - gap] = t;
            }
}

static void measure(uint64_t duration)
{
    char value[16], text[96];
    uint64_t end = kit_time_ns() + duration, begin;
    size_t n = 0, wrong = 0;

    while ((kit_time_ns() < end || n < FEWEST) && n < MANY) {
        kit_snprintf(value, sizeof(value), "%u", (unsigned)n);
        begin = kit_time_ns();
        if (n & 1)
            wrong += kit_xs_read("data/mine", text, sizeof(text)) < 1;
        else
            wrong += kit_xs_write("data/mine", value) < 0;
        begin = kit_time_ns() - begin;
        sample[n++] = begin;
        kit_spin_ns(PAUSE);
    }
    if (!n)
        return;
    sort(sample, n);
    kit_snprintf(text, sizeof(text), "%lu %lu %lu %lu %lu", n, sample[n / 2], sample[n * 99 / 100],
                 sample[n - 1], wrong);
    kit_xs_write("data/result", text);
}

static uint64_t milliseconds(const char *text)
{
    uint64_t v = 0;

    for (; *text >= '0' && *text <= '9'; text++)
        v = v * 10 + (uint64_t)(*text - '0');
    return v;
}

static void good(void)
{
    char now[16], before[16] = "";

    kit_xs_write("data/ready", "1");
    for (;;) {
        kit_xs_read("data/run", now, sizeof(now));
        if (!strcmp(now, before)) {
            kit_spin_ns(50 * KIT_MS);
            continue;
        }
        measure(milliseconds(now) * KIT_MS);
        memcpy(before, now, sizeof(now));
    }
}

/* ---- The steady one ---- */

#define PATIENCE (120 * KIT_S) /* with a store that may be away for a while */
#define KEYS     8
#define BATCH    5

static unsigned long wrong, events;
static uint32_t last_sent, last_answered;
static char value[KEYS][320], got[4097];

static void send(unsigned type, uint32_t tx, const char *path, const char *text, size_t length)
{
    size_t n = strlen(path) + 1;
    struct xsd_sockmsg header = {type, ++last_sent, tx, (uint32_t)(n + length)};

    wrong += !kit_xs_put(&header, sizeof(header), PATIENCE) || !kit_xs_put(path, n, PATIENCE) ||
             !kit_xs_put(text, length, PATIENCE);
    kit_xs_notify();
}

/* Sleeps until something is to be taken: one that kept a processor busy would take it from the store. */
static void rest(void)
{
    volatile struct xenstore_domain_interface *page = kit_xs_page();
    evtchn_port_t port = kit_start_info->store_evtchn;
    struct sched_poll poll = {.nr_ports = 1};
    uint64_t end = kit_time_ns() + PATIENCE;

    set_xen_guest_handle(poll.ports, &port);
    while (kit_time_ns() < end) {
        kit_event_clear(port);
        if (__atomic_load_n(&page->rsp_prod, __ATOMIC_ACQUIRE) != page->rsp_cons)
            return;
        poll.timeout = kit_time_ns() + KIT_S;
        hcall_sched_op(SCHEDOP_poll, &poll);
    }
}

/* The next answer, which must be to the next request; events on the way are counted. The length, or -1 for an error. */
static int answer(unsigned type)
{
    struct xsd_sockmsg header;

    do {
        rest();
        if (!kit_xs_take(&header, sizeof(header), PATIENCE) || header.len >= sizeof(got) ||
            !kit_xs_take(got, header.len, PATIENCE)) {
            wrong++;
            return -1;
        }
        events += header.type == XS_WATCH_EVENT;
    } while (header.type == XS_WATCH_EVENT);
    got[header.len] = '\0';
    wrong += header.req_id != ++last_answered || (header.type != type && header.type != XS_ERROR);
    return header.type == XS_ERROR ? -1 : (int)header.len;
}

static int ask(unsigned type, uint32_t tx, const char *path, const char *text, size_t length)
{
    send(type, tx, path, text, length);
    return answer(type);
}

static const char *key(unsigned k)
{
    static char path[16];

    kit_snprintf(path, sizeof(path), "data/s/%u", k % KEYS);
    return path;
}

static void expect_value(unsigned k, int length)
{
    wrong += length != (int)strlen(value[k % KEYS]) || strcmp(got, value[k % KEYS]);
}

static void change(unsigned round, char *to)
{
    size_t n = (size_t)kit_snprintf(to, 16, "%u ", round);

    memset(to + n, 'a' + (int)(round % 26), round * 37 % 300);
    to[n + round * 37 % 300] = '\0';
}

static void one_write(unsigned round)
{
    unsigned long before = events;

    change(round, value[round % KEYS]);
    wrong += ask(XS_WRITE, 0, key(round), value[round % KEYS], strlen(value[round % KEYS])) < 0;
    expect_value(round, ask(XS_READ, 0, key(round), "", 0));
    wrong += events == before; /* the event came before the answer to the second request */
}

/* Conflicts are nobody's fault: nobody else writes here, but a store that moved may say so. */
static void transaction(unsigned round)
{
    static char fresh[320];
    uint32_t tx;

    if (ask(XS_TRANSACTION_START, 0, "", "", 0) < 0) {
        wrong++;
        return;
    }
    tx = (uint32_t)milliseconds(got);
    change(round, fresh);
    wrong += ask(XS_WRITE, tx, key(round), fresh, strlen(fresh)) < 0;
    expect_value(round, ask(XS_READ, 0, key(round), "", 0)); /* outside of it nothing changed yet */
    if (ask(XS_TRANSACTION_END, tx, "T", "", 0) >= 0)
        memcpy(value[round % KEYS], fresh, sizeof(fresh));
    else
        wrong += strcmp(got, "EAGAIN") != 0;
    expect_value(round, ask(XS_READ, 0, key(round), "", 0));
}

static void batch(unsigned round)
{
    for (unsigned i = 0; i < BATCH; i++)
        send(XS_READ, 0, key(round + i), "", 0);
    for (unsigned i = 0; i < BATCH; i++)
        expect_value(round + i, answer(XS_READ));
}

static void tell(const char *path, unsigned round)
{
    char text[64];
    int n = kit_snprintf(text, sizeof(text), "%u %lu %lu", round, wrong, events);

    ask(XS_WRITE, 0, path, text, (size_t)n);
}

/* In an emulator a load that never rests takes most of the time from the store. */
static void nap(void)
{
    evtchn_port_t none = 0; /* no port has this number */
    struct sched_poll poll = {.nr_ports = 0, .timeout = kit_time_ns() + 10 * KIT_MS};

    set_xen_guest_handle(poll.ports, &none);
    hcall_sched_op(SCHEDOP_poll, &poll);
}

static void steady(void)
{
    unsigned round;

    wrong += ask(XS_WATCH, 0, "data/s", "token", 6) < 0;
    for (round = 0; round < KEYS; round++)
        one_write(round);
    while (ask(XS_READ, 0, "data/stop", "", 0) < 0) {
        one_write(round++);
        transaction(round++);
        batch(round);
        if (round % 64 == 0)
            tell("data/rounds", round);
        nap();
    }
    tell("data/result", round);
    for (;;)
        kit_spin_ns(KIT_S);
}

/* ---- The attacker ---- */

static char bytes[8192];

/* Without waiting for an answer. */
static void post(unsigned type, uint32_t tx, const void *payload, size_t length)
{
    struct xsd_sockmsg header = {type, (uint32_t)kit_random(), tx, (uint32_t)length};

    kit_xs_put(&header, sizeof(header), SHORT);
    kit_xs_put(payload, length, SHORT);
    kit_xs_notify();
}

static void post_text(unsigned type, uint32_t tx, const char *format, unsigned n)
{
    char text[64];
    int len = kit_snprintf(text, sizeof(text), format, n);

    post(type, tx, text, (size_t)len + 1);
}

static void watches(void)
{
    for (unsigned i = 0; i < WATCHES; i++) {
        char text[64];
        int a = kit_snprintf(text, sizeof(text), "data/h"), b = kit_snprintf(text + a + 1, 32, "token%u", i);

        post(XS_WATCH, 0, text, (size_t)(a + b) + 2);
        kit_xs_drain();
    }
}

/* Every write fires all the watches. */
static void fire(void)
{
    for (unsigned i = 0; i < 32; i++) {
        post_text(XS_WRITE, 0, "data/h/%u", i);
        kit_xs_drain();
    }
}

static void flood(void)
{
    for (unsigned i = 0; i < 200; i++) {
        post_text(i & 1 ? XS_DIRECTORY : XS_READ, 0, "data", 0);
        kit_xs_drain();
    }
}

static void transactions(void)
{
    for (unsigned i = 0; i < 20; i++)
        post(XS_TRANSACTION_START, 0, "", 1);
    for (unsigned i = 0; i < 64; i++)
        post_text(XS_WRITE, (uint32_t)kit_random_below(4000), "data/t%u", i);
    for (unsigned i = 0; i < 8; i++)
        post(XS_TRANSACTION_END, (uint32_t)kit_random_below(4000), kit_random() & 1 ? "T" : "F", 2);
    kit_xs_drain();
}

static void byte_by_byte(void)
{
    static const char path[] = "data";
    struct xsd_sockmsg header = {XS_READ, 1, 0, sizeof(path)};

    for (size_t i = 0; i < sizeof(header); i++) {
        kit_xs_put((char *)&header + i, 1, SHORT);
        kit_xs_notify();
    }
    kit_xs_put(path, sizeof(path), SHORT);
    kit_xs_notify();
    kit_xs_drain();
}

static void deaf(void)
{
    for (unsigned i = 0; i < 100; i++)
        post_text(XS_DIRECTORY, 0, "data", 0);
    kit_spin_ns(SHORT);
    kit_xs_drain();
}

static void large(void)
{
    memset(bytes, 'x', sizeof(bytes));
    bytes[LONGEST - 1] = '\0';
    post(XS_WRITE, 0, bytes, 4096);
    for (unsigned i = 0; i < 256; i++)
        bytes[i] = (char)i;
    post(XS_WRITE, 0, bytes, 2000);
    post_text(XS_SET_PERMS, 0, "data/h", 0);
    post(XS_SET_PERMS, 0, "data/h\0n65535\0r4294967295\0w-1\0b", 32);
    kit_xs_drain();
}

static void nodes(void)
{
    for (unsigned i = 0; i < 100; i++) {
        post_text(XS_MKDIR, 0, "data/n/%u", (unsigned)kit_random_below(1000));
        kit_xs_drain();
    }
    post_text(XS_RM, 0, "data/n", 0);
}

static void storm(void)
{
    for (unsigned i = 0; i < 500; i++)
        kit_xs_notify();
}

/* What makes the daemon give the ring up; then begin anew. */
static void breaks(void)
{
    volatile struct xenstore_domain_interface *page = kit_xs_page();
    struct xsd_sockmsg header = {XS_READ, 1, 0, 0xffffffff};

    switch (kit_random_below(4)) {
    case 0:
        page->req_prod = page->req_cons + 5000;
        break;
    case 1:
        page->rsp_cons = page->rsp_prod + 5000;
        break;
    case 2:
        kit_xs_put(&header, sizeof(header), SHORT);
        break;
    case 3:
        for (unsigned i = 0; i < 1024; i++)
            bytes[i] = (char)kit_random();
        kit_xs_put(bytes, 1024, SHORT);
    }
    kit_xs_notify();
    kit_spin_ns(KIT_MS / 10);
    if (kit_xs_reconnect(100 * KIT_MS))
        watches();
}

static void hostile(void)
{
    static void (*const tricks[])(void) = {fire,  flood, transactions, byte_by_byte, deaf,
                                           large, nodes, storm,        breaks};

    watches();
    for (unsigned long round = 1;; round++) {
        tricks[kit_random_below(ARRAY_SIZE(tricks))]();
        if (kit_random_below(50) == 0 && kit_xs_reconnect(100 * KIT_MS)) {
            char text[24];

            kit_snprintf(text, sizeof(text), "%lu", round);
            kit_xs_write("data/rounds", text);
            watches();
        }
    }
}

KIT_TEST(store)
{
    char mode[16] = "";

    if (!kit_xs_init()) {
        kit_skip("a domain without a store");
        return;
    }
    kit_arg_string("mode", mode, sizeof(mode));
    if (!strcmp(mode, "good"))
        good();
    else if (!strcmp(mode, "steady"))
        steady();
    else if (!strcmp(mode, "hostile"))
        hostile();
    else
        for (;;) /* without a pause, which would end its processor's turn in QEMU */
            kit_time_ns();
}
