/* SPDX-License-Identifier: MIT */
/* SCHEDOP_poll, domains without event channels, and many vcpus that send at once. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/lock.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define NO_TIMEOUT UINT64_MAX

static long op(int cmd, void *arg)
{
    return hcall_event_channel_op(cmd, arg);
}

/* Returns what the call does, and how long it took. */
static long poll(const void *ports, unsigned count, uint64_t timeout_ns, uint64_t *took)
{
    struct sched_poll p = {.nr_ports = count};
    uint64_t start = kit_time_ns();
    long rc;

    set_xen_guest_handle(p.ports, (evtchn_port_t *)ports);
    p.timeout = timeout_ns == NO_TIMEOUT ? 0 : start + timeout_ns;
    rc = hcall_sched_op(SCHEDOP_poll, &p);
    *took = kit_time_ns() - start;
    return rc;
}

/* No upcall is due on this vcpu, and events are enabled. An earlier test may have left a selector bit, which hides the next event. */
static void start_clean(void)
{
    kit_events_disable();
    kit_this()->info->evtchn_pending_sel = 0;
    kit_this()->info->evtchn_upcall_pending = 0;
    kit_events_enable();
}

/* Domains that only own frames are not there for event channels. */
KIT_TEST(special_domains)
{
    static const domid_t special[] = {DOMID_IO, DOMID_XEN, DOMID_COW, DOMID_INVALID, DOMID_IDLE};

    for (unsigned i = 0; i < sizeof(special) / sizeof(special[0]); i++) {
        struct evtchn_alloc_unbound a = {.dom = special[i], .remote_dom = 0};
        struct evtchn_bind_interdomain b = {.remote_dom = special[i], .remote_port = 1};
        struct evtchn_status s = {.dom = special[i], .port = 1};
        struct evtchn_reset r = {.dom = special[i]};

        CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), -XEN_ESRCH);
        CHECK_RC(op(EVTCHNOP_bind_interdomain, &b), -XEN_ESRCH);
        CHECK_RC(op(EVTCHNOP_status, &s), -XEN_ESRCH);
        CHECK_RC(op(EVTCHNOP_reset, &r), -XEN_ESRCH);
        a.dom = DOMID_SELF;
        a.remote_dom = special[i]; /* as a peer it need not exist */
        CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), 0);
        CHECK_RC(kit_event_close(a.port), 0);
    }
}

KIT_TEST(poll_errors)
{
    evtchn_port_t ports[130], port;
    uint64_t took;
    int bound = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(bound > 0);
    kit_event_mask((unsigned)bound);
    for (unsigned i = 0; i < 130; i++)
        ports[i] = (unsigned)bound;
    CHECK_RC(poll(ports, 129, KIT_MS, &took), -XEN_EINVAL);
    CHECK_RC(poll(ports, 128, KIT_MS, &took), 0);
    for (unsigned i = 0; i < 6; i++) {
        static const evtchn_port_t bad[] = {0, 60, 4095, 4096, 1 << 20, ~0U};

        port = bad[i];
        CHECK_RC(poll(&port, 1, KIT_MS, &took), -XEN_EINVAL);
        ports[127] = bad[i]; /* found last */
        CHECK_RC(poll(ports, 128, KIT_MS, &took), -XEN_EINVAL);
    }
    CHECK_RC(poll(ports, ~0U, KIT_MS, &took), -XEN_EINVAL);
    CHECK_RC(poll((void *)8, 1, KIT_MS, &took), -XEN_EFAULT);
    CHECK_RC(poll((void *)8, 2, KIT_MS, &took), -XEN_EFAULT);
    CHECK_RC(poll((void *)8, 0, KIT_MS, &took), 0);
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, (void *)8), -XEN_EFAULT);
    /* A port that is pending ends the look at the list. */
    CHECK_RC(kit_event_send((unsigned)bound), 0);
    ports[127] = 60;
    CHECK_RC(poll(ports, 128, KIT_S, &took), 0);
    CHECK(took < KIT_S / 2);
    CHECK_RC(kit_event_close((unsigned)bound), 0);
}

KIT_TEST(poll_time)
{
    int bound = kit_event_bind_ipi(0);
    evtchn_port_t port = (unsigned)bound;
    uint64_t took;

    CHECK_OR_RETURN(bound > 0);
    kit_event_mask(port);
    CHECK_RC(poll(&port, 1, 30 * KIT_MS, &took), 0);
    CHECK(took >= 30 * KIT_MS && took < KIT_S);
    CHECK_RC(poll(NULL, 0, 30 * KIT_MS, &took), 0);
    CHECK(took >= 30 * KIT_MS && took < KIT_S);
    CHECK_RC(poll(NULL, 0, 0, &took), 0); /* has been */
    CHECK(took < KIT_S / 2);
    CHECK_RC(kit_event_send(port), 0); /* pending, though masked */
    CHECK_RC(poll(&port, 1, KIT_S, &took), 0);
    CHECK(took < KIT_S / 2);
    CHECK_RC(kit_event_close(port), 0);
}

static volatile evtchn_port_t later_port;

static void send_later(void *ns)
{
    kit_spin_ns((uintptr_t)ns);
    kit_event_send(later_port);
}

/* What another vcpu sends while this one polls ends it, if it is the port polled or brings an upcall. */
KIT_TEST(poll_woken)
{
    KIT_NEEDS_VCPUS(2);

    int polled = kit_event_bind_ipi(0), other = kit_event_bind_ipi(0);
    evtchn_port_t port = (unsigned)polled;
    uint64_t took;

    CHECK_OR_RETURN(polled > 0 && other > 0);
    start_clean();
    kit_event_mask((unsigned)polled);
    kit_event_mask((unsigned)other);
    later_port = port;
    CHECK_RC(kit_vcpu_run(1, send_later, (void *)(20 * KIT_MS)), 0);
    CHECK_RC(poll(&port, 1, 2 * KIT_S, &took), 0);
    CHECK(took < KIT_S);
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK(kit_event_clear(port));

    later_port = (unsigned)other; /* masked and not polled: not seen */
    CHECK_RC(kit_vcpu_run(1, send_later, (void *)(20 * KIT_MS)), 0);
    CHECK_RC(poll(&port, 1, 300 * KIT_MS, &took), 0);
    CHECK(took >= 300 * KIT_MS);
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK(kit_event_clear((unsigned)other));

    kit_events_disable();
    kit_event_unmask((unsigned)other); /* not polled, but an upcall is due, even one that is held off */
    CHECK_RC(kit_vcpu_run(1, send_later, (void *)(20 * KIT_MS)), 0);
    CHECK_RC(poll(&port, 1, 2 * KIT_S, &took), 0);
    CHECK(took < KIT_S);
    CHECK_EQ(kit_this()->info->evtchn_upcall_mask, 1); /* unlike block, it does not unmask */
    CHECK(kit_vcpu_join(1, KIT_S));
    kit_event_clear((unsigned)other);
    start_clean();

    later_port = port; /* for as long as it takes; the port is not the only one that is polled */
    CHECK_RC(kit_vcpu_run(1, send_later, (void *)(20 * KIT_MS)), 0);
    CHECK_RC(poll((const evtchn_port_t[]){(unsigned)other, port}, 2, NO_TIMEOUT, &took), 0);
    CHECK(took < KIT_S);
    CHECK(kit_event_pending(port));
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK_RC(kit_event_close((unsigned)polled), 0);
    CHECK_RC(kit_event_close((unsigned)other), 0);
}

/* --- Many poll at once: a send wakes all that it is for, also where the first of them takes the event away from the others. --- */

#define MANY_ROUNDS 5
#define PATIENCE    (20 * KIT_S)

static struct {
    evtchn_port_t port[KIT_MAX_VCPUS], never;
    bool own; /* no two have the same */
    volatile uint32_t sent, woken, in_vain;
} many;

/* Once: on Xen who polls again while the send that woke it is still under way may be missed by the next. */
static void poll_with_many(void *vcpu)
{
    uintptr_t v = (uintptr_t)vcpu;
    const evtchn_port_t ports[2] = {many.port[v], many.never};
    uint64_t took;

    do {
        poll(ports, 1 + (!many.own && v % 4 == 3), PATIENCE, &took);
        if (took >= PATIENCE) {
            __atomic_fetch_add(&many.in_vain, 1, __ATOMIC_SEQ_CST);
            return;
        }
    } while (many.own ? !kit_event_pending(many.port[v]) : !many.sent);
    kit_event_clear(many.port[v]);
    __atomic_fetch_add(&many.woken, 1, __ATOMIC_SEQ_CST);
}

/* True when all vcpus but this one sleep. */
static bool all_asleep(unsigned n)
{
    uint64_t end = kit_time_ns() + PATIENCE / 2;
    unsigned asleep = 1;

    while (asleep < n && kit_time_ns() < end) {
        struct vcpu_runstate_info info;

        if (hcall_vcpu_op(VCPUOP_get_runstate_info, asleep, &info) == 0 && info.state == RUNSTATE_blocked)
            asleep++;
        else
            hcall_sched_op(SCHEDOP_yield, NULL);
    }
    return asleep == n;
}

static void wake_once(unsigned n, unsigned ports)
{
    many.sent = many.woken = many.in_vain = 0;
    for (unsigned v = 1; v < n; v++)
        CHECK_RC(kit_vcpu_run(v, poll_with_many, (void *)(uintptr_t)v), 0);
    CHECK(all_asleep(n));
    many.sent = 1;
    for (unsigned p = 1; p <= ports; p++)
        CHECK_RC(kit_event_send(many.port[p]), 0);
    kit_wait_for(&many.woken, n - 1, PATIENCE / 2);
    CHECK_EQ(many.woken, n - 1);
    for (unsigned v = 1; v < n; v++)
        CHECK(kit_vcpu_join(v, 2 * PATIENCE));
    CHECK_EQ(many.in_vain, 0);
}

/* `ports`: how many of many.port[] there are to send to, from 1 on. */
static void wake_many(unsigned n, unsigned ports)
{
    many.own = ports > 1;
    many.in_vain = 0;
    for (unsigned round = 0; round < MANY_ROUNDS && !many.in_vain; round++)
        wake_once(n, ports);
    for (unsigned p = 1; p <= ports; p++)
        CHECK_RC(kit_event_close(many.port[p]), 0);
    CHECK_RC(kit_event_close(many.never), 0);
}

static bool masked_port(evtchn_port_t *out)
{
    int port = kit_event_bind_ipi(0);

    if (port <= 0)
        return false;
    kit_event_mask((unsigned)port);
    *out = (unsigned)port;
    return true;
}

KIT_TEST(poll_one_port_by_many)
{
    KIT_NEEDS_VCPUS(32);

    CHECK_OR_RETURN(masked_port(&many.port[1]) && masked_port(&many.never));
    for (unsigned v = 2; v < KIT_MAX_VCPUS; v++)
        many.port[v] = many.port[1];
    wake_many(KIT_MAX_VCPUS, 1);
}

KIT_TEST(poll_own_port_each)
{
    KIT_NEEDS_VCPUS(32);

    CHECK_OR_RETURN(masked_port(&many.never));
    for (unsigned v = 1; v < KIT_MAX_VCPUS; v++)
        CHECK_OR_RETURN(masked_port(&many.port[v]));
    wake_many(KIT_MAX_VCPUS, KIT_MAX_VCPUS - 1);
}

/* --- A storm: every vcpu but the first counts up and sends; the first must see every last count. --- */

#define STORM_VCPUS 4
#define STORM_SENDS 2000

static volatile uint32_t counted[STORM_VCPUS], seen[STORM_VCPUS];
static evtchn_port_t storm_port[STORM_VCPUS], storm_remote[STORM_VCPUS];

static void storm_handler(evtchn_port_t port)
{
    for (unsigned v = 1; v < STORM_VCPUS; v++)
        if (storm_port[v] == port)
            seen[v] = counted[v];
}

static void storm_send(void *vcpu)
{
    uintptr_t v = (uintptr_t)vcpu;

    for (unsigned i = 0; i < STORM_SENDS; i++) {
        counted[v]++;
        kit_event_send(storm_remote[v]);
    }
}

static bool storm_bind(unsigned v)
{
    int local = kit_event_alloc_unbound(DOMID_SELF);
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = (unsigned)local};

    if (local < 0 || op(EVTCHNOP_bind_interdomain, &b))
        return false;
    storm_port[v] = (unsigned)local;
    storm_remote[v] = b.local_port;
    counted[v] = seen[v] = 0;
    kit_event_handle(storm_port[v], storm_handler);
    kit_event_unmask(storm_port[v]);
    return true;
}

KIT_TEST(storm)
{
    unsigned n = kit_nr_vcpus() < STORM_VCPUS ? kit_nr_vcpus() : STORM_VCPUS;

    start_clean();
    for (unsigned v = 1; v < n; v++)
        CHECK_OR_RETURN(storm_bind(v));
    for (unsigned v = 1; v < n; v++)
        CHECK_RC(kit_vcpu_run(v, storm_send, (void *)(uintptr_t)v), 0);
    for (unsigned v = 1; v < n; v++)
        CHECK(kit_vcpu_join(v, 20 * KIT_S));
    hcall_sched_op(SCHEDOP_yield, NULL);
    for (unsigned v = 1; v < n; v++) {
        CHECK_EQ(seen[v], STORM_SENDS);
        CHECK_RC(kit_event_close(storm_port[v]), 0);
        CHECK_RC(kit_event_close(storm_remote[v]), 0);
    }
}
