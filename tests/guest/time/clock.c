/* SPDX-License-Identifier: MIT */
/*
 * Time as the records give it, and the timers.
 * GUEST-GROUP: smp=4 mem=512 dom0=128M timeout=90
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

static volatile uint64_t fired_at;
static volatile unsigned fired;

static void on_timer(evtchn_port_t port)
{
    (void)port;
    fired_at = kit_time_ns();
    fired++;
}

/* Spin for 200 ms; true if a 10 ms timer fired about as often as it should. */
static bool window_at_100_hz(void)
{
    uint64_t start = kit_time_ns(), want;
    unsigned n;

    fired = 0;
    kit_spin_ns(200 * KIT_MS);
    n = fired;
    want = (kit_time_ns() - start) / (10 * KIT_MS);
    if (n < want / 5 || n > want + 3)
        kit_note("fired %u times, %lu expected", n, want);
    return n >= want / 5 && n <= want + 3;
}

/* The machine is one process among many of another, which may stop it for longer than that, or keep back its interrupts: one window that is as it should be is enough. */
#define WINDOWS 20
static bool fires_at_100_hz(void)
{
    for (unsigned i = 0; i < WINDOWS; i++)
        if (window_at_100_hz())
            return true;
    return false;
}

static int timer_port(void)
{
    int port = kit_event_bind_virq(VIRQ_TIMER, 0);

    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0); /* a vcpu starts with one of 10 ms */
    CHECK(port > 0);
    kit_event_handle((unsigned)port, on_timer);
    kit_event_unmask((unsigned)port);
    kit_event_clear((unsigned)port);
    fired = 0;
    return port;
}

static void done(int port)
{
    kit_events_disable();
    hcall_set_timer_op(0);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

/* Wait, blocked, until n timer events came or a time is over. */
static void wait_fired(unsigned n, uint64_t ns)
{
    uint64_t end = kit_time_ns() + ns;

    while (fired < n && kit_time_ns() < end)
        kit_pause();
}

/* Must come first: every other test of timers stops it. */
KIT_TEST(initial_periodic_timer)
{
    int port = kit_event_bind_virq(VIRQ_TIMER, 0);

    CHECK_OR_RETURN(port > 0);
    kit_event_handle((unsigned)port, on_timer);
    kit_events_enable();
    CHECK(fires_at_100_hz());
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    kit_spin_ns(20 * KIT_MS);
    fired = 0;
    kit_spin_ns(100 * KIT_MS);
    CHECK_EQ(fired, 0);
    done(port);
}

KIT_TEST(time_record)
{
    struct vcpu_time_info t = kit_time_snapshot(&kit_this()->info->time);
    uint64_t a, b, hz;

    CHECK_EQ(t.version & 1, 0);
    CHECK(t.version != 0);
    CHECK(t.tsc_to_system_mul != 0);
    hz = ((KIT_S << 32) / t.tsc_to_system_mul);
    hz = t.tsc_shift < 0 ? hz << -t.tsc_shift : hz >> t.tsc_shift;
    CHECK(hz > 100000000UL && hz < 10000000000UL);
    CHECK_EQ(t.flags & ~XEN_PVCLOCK_TSC_STABLE_BIT, 0);
    a = kit_time_ns();
    kit_spin_ns(KIT_MS);
    b = kit_time_ns();
    CHECK(b >= a + KIT_MS && b < a + KIT_S);
}

KIT_TEST(time_never_steps_back)
{
    uint64_t last = kit_time_ns(), bad = 0;

    for (unsigned i = 0; i < 200000; i++) {
        uint64_t now = kit_time_ns();

        bad += now < last;
        last = now;
    }
    CHECK_EQ(bad, 0);
}

static struct {
    volatile uint64_t last;
    volatile uint32_t back, stop;
    volatile uint64_t worst;
    volatile uint32_t reads;
} shared;

/* Each vcpu reads the last published time, then its own clock, and publishes the greater. */
static void compare_clocks(void *arg)
{
    (void)arg;
    while (!shared.stop) {
        uint64_t before = __atomic_load_n(&shared.last, __ATOMIC_SEQ_CST), now = kit_time_ns();

        __atomic_fetch_add(&shared.reads, 1, __ATOMIC_RELAXED);
        if (now < before) {
            __atomic_fetch_add(&shared.back, 1, __ATOMIC_SEQ_CST);
            if (before - now > shared.worst)
                shared.worst = before - now;
            continue;
        }
        while (before < now && !__atomic_compare_exchange_n(&shared.last, &before, now, false,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
            ;
    }
}

/*
 * Across vcpus. Where the record lacks the stable bit a guest must take the greatest it has seen (Linux does); the
 * test then only bounds the difference: under TCG, with more vcpus than processors, Xen's are up to 20 ms apart.
 */
KIT_TEST(time_across_vcpus)
{
    KIT_NEEDS_VCPUS(2);

    unsigned n = kit_nr_vcpus();
    bool stable = kit_this()->info->time.flags & XEN_PVCLOCK_TSC_STABLE_BIT;

    memset((void *)&shared, 0, sizeof(shared));
    for (unsigned v = 1; v < n; v++)
        CHECK_RC(kit_vcpu_run(v, compare_clocks, NULL), 0);
    kit_spin_ns(500 * KIT_MS);
    shared.stop = 1;
    for (unsigned v = 1; v < n; v++)
        CHECK(kit_vcpu_join(v, 5 * KIT_S));
    CHECK(shared.reads > 1000);
    if (stable)
        CHECK_EQ(shared.back, 0);
    CHECK(shared.worst < KIT_S);
}

KIT_TEST(wall_clock)
{
    uint64_t seconds = ((uint64_t)kit_shared->wc_sec_hi << 32 | kit_shared->wc_sec) + kit_time_ns() / KIT_S;

    CHECK(seconds > 1600000000UL && seconds < 4102444800UL); /* 2020 to 2100 */
}

KIT_TEST(set_timer)
{
    int port = timer_port();
    uint64_t deadline;

    kit_events_enable();
    for (unsigned i = 0; i < 5; i++) {
        fired = 0;
        deadline = kit_time_ns() + 5 * KIT_MS;
        CHECK_RC(hcall_set_timer_op(deadline), 0);
        wait_fired(1, KIT_S);
        CHECK_EQ(fired, 1);
        CHECK(fired_at >= deadline);
        CHECK(fired_at < deadline + KIT_S);
    }
    done(port);
}

KIT_TEST(set_timer_in_the_past)
{
    int port = timer_port();
    static const uint64_t past[] = {1, 1000};

    kit_events_enable();
    for (unsigned i = 0; i < ARRAY_SIZE(past); i++) {
        fired = 0;
        CHECK_RC(hcall_set_timer_op(past[i]), 0);
        wait_fired(1, 100 * KIT_MS);
        CHECK_EQ(fired, 1);
    }
    fired = 0;
    CHECK_RC(hcall_set_timer_op(kit_time_ns() - 1), 0);
    wait_fired(1, 100 * KIT_MS);
    CHECK_EQ(fired, 1);
    done(port);
}

KIT_TEST(set_timer_cancel)
{
    int port = timer_port();

    kit_events_enable();
    CHECK_RC(hcall_set_timer_op(kit_time_ns() + 20 * KIT_MS), 0);
    CHECK_RC(hcall_set_timer_op(0), 0); /* 0 stops it */
    kit_spin_ns(40 * KIT_MS);
    CHECK_EQ(fired, 0);
    /* A new one replaces the old. */
    CHECK_RC(hcall_set_timer_op(kit_time_ns() + 20 * KIT_MS), 0);
    CHECK_RC(hcall_set_timer_op(kit_time_ns() + 400 * KIT_MS), 0);
    kit_spin_ns(40 * KIT_MS);
    CHECK_EQ(fired, 0);
    wait_fired(1, KIT_S);
    CHECK_EQ(fired, 1);
    done(port);
}

/* 2^50 ns (13 days) or more from now, or negative: not meant, and answered after 100 ms lest the guest hang. */
KIT_TEST(set_timer_far_future)
{
    int port = timer_port();
    static const struct {
        uint64_t value;
        unsigned fires;
    } cases[] = {{~0UL, 1},      {1UL << 63, 1}, {(1UL << 63) - 1, 1}, {1UL << 62, 1},
                 {1UL << 51, 1}, {1UL << 50, 0}, {1UL << 49, 0}};

    kit_events_enable();
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++) {
        uint64_t start = kit_time_ns();

        fired = 0;
        CHECK_RC(hcall_set_timer_op(cases[i].value), 0);
        wait_fired(1, cases[i].fires ? KIT_S : 150 * KIT_MS);
        CHECK_EQ(fired, cases[i].fires);
        CHECK(!fired || (fired_at >= start + 100 * KIT_MS && fired_at < start + KIT_S));
    }
    done(port);
}

static long periodic(unsigned vcpu, uint64_t period)
{
    struct vcpu_set_periodic_timer p = {.period_ns = period};

    return hcall_vcpu_op(VCPUOP_set_periodic_timer, vcpu, &p);
}

KIT_TEST(periodic_timer)
{
    KIT_NEEDS_VCPUS(2);

    int port = timer_port();

    kit_events_enable();
    CHECK_RC(periodic(0, 10 * KIT_MS), 0);
    CHECK(fires_at_100_hz());
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    fired = 0;
    kit_spin_ns(50 * KIT_MS);
    CHECK(fired <= 1);
    CHECK_RC(periodic(0, 999999), -XEN_EINVAL); /* less than a millisecond */
    CHECK_RC(periodic(0, 0), -XEN_EINVAL);
    CHECK_RC(periodic(0, KIT_MS), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
    CHECK_RC(periodic(0, ~0UL), -XEN_EINVAL);
    CHECK_RC(periodic(0, 1UL << 62), -XEN_EINVAL);
    CHECK_RC(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(periodic(1, 10 * KIT_MS), 0); /* another vcpu's may be set, unlike its single-shot timer */
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 1, NULL), 0);
    done(port);
}

static long single_shot(unsigned vcpu, uint64_t at, uint32_t flags)
{
    struct vcpu_set_singleshot_timer s = {.timeout_abs_ns = at, .flags = flags};

    return hcall_vcpu_op(VCPUOP_set_singleshot_timer, vcpu, &s);
}

KIT_TEST(single_shot_timer)
{
    KIT_NEEDS_VCPUS(2);

    int port = timer_port();
    uint64_t deadline = kit_time_ns() + 5 * KIT_MS;

    kit_events_enable();
    CHECK_RC(single_shot(0, deadline, 0), 0);
    wait_fired(1, KIT_S);
    CHECK_EQ(fired, 1);
    CHECK(fired_at >= deadline);
    fired = 0;
    CHECK_RC(single_shot(0, 1, 0), 0); /* past: at once */
    wait_fired(1, 100 * KIT_MS);
    CHECK_EQ(fired, 1);
    fired = 0;
    CHECK_RC(single_shot(0, 1, VCPU_SSHOTTMR_future), 0); /* -ETIME would be allowed: Xen ignores the flag */
    wait_fired(1, 100 * KIT_MS);
    CHECK_EQ(fired, 1);
    fired = 0;
    CHECK_RC(single_shot(0, kit_time_ns() + 10 * KIT_MS, 0), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL), 0);
    kit_spin_ns(20 * KIT_MS);
    CHECK_EQ(fired, 0);
    CHECK_RC(single_shot(1, kit_time_ns(), 0), -XEN_EINVAL);
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 1, NULL), -XEN_EINVAL);
    CHECK_RC(hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, (void *)0x1000), -XEN_EFAULT);
    done(port);
}
