/* SPDX-License-Identifier: MIT */
/* Events and timers, up to the guest's handler. */
#include "bench.h"

static volatile struct vcpu_info *self;
static volatile uint32_t seen;

/* As little as an upcall can do. */
static void short_upcall(void)
{
    volatile struct vcpu_info *info = kit_this()->info;
    unsigned long selector;

    info->evtchn_upcall_pending = 0;
    selector = info->evtchn_pending_sel;
    info->evtchn_pending_sel = 0;
    for (; selector; selector &= selector - 1)
        kit_shared->evtchn_pending[__builtin_ctzl(selector)] = 0;
    seen++;
}

BENCH(event_to_self, 1)
{
    int port = kit_event_bind_ipi(0);

    kit_event_upcall_hook(short_upcall);
    kit_event_unmask((unsigned)port);
    kit_events_enable();
    while (n--)
        kit_event_send((unsigned)port);
    kit_events_disable();
    kit_event_upcall_hook(NULL);
    kit_event_close((unsigned)port);
}

BENCH(event_send_masked, 1)
{
    int port = kit_event_bind_ipi(0);

    kit_event_mask((unsigned)port);
    while (n--) {
        kit_event_send((unsigned)port);
        kit_event_clear((unsigned)port);
    }
    kit_event_close((unsigned)port);
}

static volatile uint32_t stop;

static void spin_for_events(void *arg)
{
    (void)arg;
    kit_events_enable();
    while (!stop)
        kit_pause();
    kit_events_disable();
}

static void block_for_events(void *arg)
{
    (void)arg;
    for (;;) {
        kit_events_disable(); /* until it blocks: an event that came in between would not wake it */
        if (stop)
            return;
        hcall_sched_op(SCHEDOP_block, NULL);
    }
}

static void ipis(unsigned long n, void (*fn)(void *))
{
    int port = kit_nr_vcpus() > 1 ? kit_event_bind_ipi(1) : -1;
    uint32_t before;

    if (port < 0) {
        kit_skip("needs two vcpus");
        return;
    }
    kit_event_upcall_hook(short_upcall);
    kit_event_unmask((unsigned)port);
    stop = 0;
    CHECK_RC(kit_vcpu_run(1, fn, NULL), 0);
    while (n--) {
        before = seen;
        kit_event_send((unsigned)port);
        while (seen == before)
            kit_pause();
    }
    stop = 1;
    kit_event_send((unsigned)port);
    /* Not kit_vcpu_join(), which yields: in one-threaded QEMU that keeps the other processor from running until its next timer. */
    for (uint64_t end = kit_time_ns() + KIT_S; kit_vcpus[1].running && kit_time_ns() < end;)
        kit_pause();
    CHECK(!kit_vcpus[1].running);
    kit_event_upcall_hook(NULL);
    kit_event_close((unsigned)port);
}

BENCH(ipi_running, 4)
{
    ipis(n, spin_for_events);
}

BENCH(ipi_blocked, 4)
{
    ipis(n, block_for_events);
}

BENCH(set_timer, 1)
{
    uint64_t at = kit_time_ns() + 1000 * KIT_S;

    hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    while (n--)
        hcall_set_timer_op(at++);
    hcall_set_timer_op(0);
}

static uint64_t latency_total;

/* Sum of (upcall minus deadline) in nanoseconds goes into the second line, BENCH timer_latency_ns. */
BENCH(timer_upcall, 10)
{
    int port = kit_event_bind_virq(VIRQ_TIMER, 0);
    unsigned long count = n;

    hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
    self = kit_this()->info;
    latency_total = 0;
    kit_event_unmask((unsigned)port);
    kit_event_upcall_hook(short_upcall);
    kit_events_enable();
    while (n--) {
        uint64_t deadline = kit_time_ns() + 200000;
        uint32_t before = seen;

        hcall_set_timer_op(deadline);
        while (seen == before)
            kit_pause();
        latency_total += kit_time_ns() - deadline;
    }
    kit_events_disable();
    kit_event_upcall_hook(NULL);
    kit_event_close((unsigned)port);
    if (count == bench_iterations(10))
        bench_print("timer_latency_ns", count, latency_total);
}
