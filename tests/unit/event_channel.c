/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels: every operation and its errors, in the two-level form where the form does not matter;
 * teardown; failing allocations.
 *
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/event/channel.c hypervisor/event/bind.c hypervisor/event/hypercall.c
 * UNIT-SOURCES: hypervisor/event/two_level.c hypervisor/event/fifo.c hypervisor/event/fifo_setup.c
 * UNIT-SOURCES: hypervisor/event/virq.c hypervisor/event/pirq.c hypervisor/event/poll.c
 * UNIT-SOURCES: hypervisor/event/audit.c
 */
#include "event_world.h"

static vcpu_info_t *info(unsigned int domain, unsigned int vcpu)
{
    return world.vcpu[domain][vcpu].info;
}

static bool pending(unsigned int domain, port_t port)
{
    return event_is_pending(&world.domain[domain], port);
}

/* As a guest's handler does. */
static void consume(unsigned int domain, unsigned int vcpu, port_t port)
{
    info(domain, vcpu)->evtchn_upcall_pending = 0;
    info(domain, vcpu)->evtchn_pending_sel = 0;
    world.domain[domain].shared_info->evtchn_pending[port / 64] &= ~(1UL << port % 64);
}

static void test_interdomain(void **state)
{
    long a = call_unbound(1, 2), b;
    struct evtchn_status s;

    assert_int_equal(a, 1);
    s = call_status(1, DOMID_SELF, 1, 0);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.u.unbound.dom, 2);
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);  /* nobody there yet */
    assert_int_equal(call_interdomain(3, 1, 1), -EINVAL); /* not the one it is for */
    assert_int_equal(call_interdomain(2, 99, 1), -ESRCH);
    assert_int_equal(call_interdomain(2, 1, 2), -EINVAL);
    assert_int_equal(call_interdomain(2, 1, 1 << 20), -EINVAL);
    assert_int_equal(call_unbound(2, 0), 1); /* so that the numbers differ */
    b = call_interdomain(2, 1, 1);
    assert_int_equal(b, 2);
    assert_true(pending(2, 2)); /* at once: an event may have been sent before */
    assert_int_equal(info(2, 0)->evtchn_upcall_pending, 1);
    assert_int_equal(call_interdomain(2, 1, 1), -EINVAL); /* taken */
    s = call_status(2, DOMID_SELF, 2, 0);
    assert_int_equal(s.status, EVTCHNSTAT_interdomain);
    assert_int_equal(s.u.interdomain.dom, 1);
    assert_int_equal(s.u.interdomain.port, 1);

    consume(2, 0, 2);
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);
    assert_true(pending(2, 2));
    assert_false(pending(1, 1));
    assert_int_equal(info(2, 0)->evtchn_pending_sel, 1);
    assert_int_equal(world.kicked, 1);
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);
    assert_int_equal(world.kicked, 1); /* told once */

    assert_int_equal(call_port(2, EVTCHNOP_close, 2), 0);
    assert_false(pending(2, 2));
    s = call_status(1, DOMID_SELF, 1, 0);
    assert_int_equal(s.status, EVTCHNSTAT_unbound);
    assert_int_equal(s.u.unbound.dom, 2);
    assert_int_equal(call_status(2, DOMID_SELF, 2, 0).status, EVTCHNSTAT_closed);
    assert_int_equal(call_interdomain(2, 1, 1), 2);
    assert_int_equal(call_port(1, EVTCHNOP_close, 1), 0);
    assert_int_equal(call_status(2, DOMID_SELF, 2, 0).status, EVTCHNSTAT_unbound);
    assert_int_equal(call_status(2, DOMID_SELF, 2, 0).u.unbound.dom, 1);
}

static void test_loopback(void **state)
{
    long a = call_unbound(1, DOMID_SELF), b = call_interdomain(1, DOMID_SELF, (port_t)a);

    assert_true(a == 1 && b == 2);
    consume(1, 0, 2);
    assert_int_equal(call_port(1, EVTCHNOP_send, 2), 0);
    assert_true(pending(1, 1) && !pending(1, 2));
    assert_int_equal(world.kicked, 0); /* oneself is not woken */
    assert_int_equal(info(1, 0)->evtchn_upcall_pending, 1);
    assert_int_equal(call_port(1, EVTCHNOP_close, 2), 0);
    assert_int_equal(call_status(1, 1, 1, 0).status, EVTCHNSTAT_unbound);
    /* A port bound to itself. */
    assert_int_equal(call_interdomain(1, 1, 1), 2);
    assert_int_equal(call_reset(1, DOMID_SELF), 0);
    assert_int_equal(world.domain[1].event->in_use, 0);
}

static void test_privilege(void **state)
{
    struct evtchn_alloc_unbound op = {.dom = 2, .remote_dom = 0};

    assert_int_equal(world_call(1, 0, EVTCHNOP_alloc_unbound, &op), -EPERM);
    assert_int_equal(world_call(0, 0, EVTCHNOP_alloc_unbound, &op), 0);
    assert_int_equal(op.port, 1);
    op.dom = 77;
    assert_int_equal(world_call(0, 0, EVTCHNOP_alloc_unbound, &op), -ESRCH);
    call_status(1, 2, 1, -EPERM);
    call_status(0, 2, 1, 0);
    assert_int_equal(call_reset(1, 2), -EPERM);
    assert_int_equal(call_reset(0, 2), -EINVAL); /* it is not paused */
    world.domain[2].pause_count = 1;
    assert_int_equal(call_reset(0, 2), 0);
    assert_int_equal(world.domain[2].event->in_use, 0);
    world.domain[1].target = &world.domain[3];
    call_status(1, 3, 1, 0);
}

/* A domain that only owns frames. */
static void test_no_channels(void **state)
{
    struct event_domain *kept = world.domain[3].event;
    struct evtchn_alloc_unbound op = {.dom = DOMID_IO, .remote_dom = 0};

    world.domain[3].event = NULL;
    assert_int_equal(world_call(0, 0, EVTCHNOP_alloc_unbound, &op), -ESRCH);
    assert_int_equal(call_interdomain(0, DOMID_IO, 1), -ESRCH);
    assert_int_equal(call_reset(0, DOMID_IO), -ESRCH);
    call_status(0, DOMID_IO, 1, -ESRCH);
    world.domain[3].event = kept;
}

static void test_virq(void **state)
{
    long timer1, console;

    assert_int_equal(call_virq(1, NR_VIRQS, 0), -EINVAL);
    assert_int_equal(call_virq(1, VIRQ_TIMER, WORLD_VCPUS), -ENOENT);
    assert_int_equal(call_virq(1, VIRQ_CONSOLE, 1), -EINVAL); /* global ones on vcpu 0 */
    timer1 = call_virq(1, VIRQ_TIMER, 1);
    assert_int_equal(timer1, 1);
    assert_int_equal(call_virq(1, VIRQ_TIMER, 1), -EEXIST);
    assert_int_equal(call_virq(1, VIRQ_TIMER, 0), 2);
    assert_int_equal(call_status(1, DOMID_SELF, 1, 0).vcpu, 1);
    event_send_virq(&world.vcpu[1][1], VIRQ_TIMER);
    assert_true(pending(1, 1) && !pending(1, 2));
    assert_int_equal(info(1, 1)->evtchn_upcall_pending, 1);
    assert_int_equal(info(1, 0)->evtchn_upcall_pending, 0);
    event_send_virq(&world.vcpu[1][2], VIRQ_TIMER); /* not bound: nothing */
    assert_int_equal(call_bind_vcpu(1, 1, 2), -EINVAL);
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), -EINVAL);
    assert_int_equal(call_port(1, EVTCHNOP_close, 1), 0);
    event_send_virq(&world.vcpu[1][1], VIRQ_TIMER);
    assert_false(pending(1, 1));

    console = call_virq(0, VIRQ_CON_RING, 0);
    event_send_global_virq(VIRQ_CON_RING);
    assert_true(pending(0, (port_t)console));
    assert_int_equal(call_bind_vcpu(0, (port_t)console, 2), 0);
    consume(0, 0, (port_t)console);
    event_send_global_virq(VIRQ_CON_RING);
    assert_int_equal(info(0, 2)->evtchn_upcall_pending, 1);
    assert_int_equal(info(0, 0)->evtchn_upcall_pending, 0);
    assert_int_equal(event_set_virq_handler(&world.domain[1], VIRQ_TIMER), -EINVAL);
    assert_int_equal(event_set_virq_handler(&world.domain[1], VIRQ_CON_RING), 0);
    assert_int_equal(call_virq(1, VIRQ_CON_RING, 0), 1);
    event_send_global_virq(VIRQ_CON_RING);
    assert_true(pending(1, 1));
}

static void test_ipi_and_vcpu(void **state)
{
    assert_int_equal(call_ipi(1, WORLD_VCPUS), -ENOENT);
    assert_int_equal(call_ipi(1, 2), 1);
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);
    assert_int_equal(info(1, 2)->evtchn_upcall_pending, 1);
    assert_int_equal(call_bind_vcpu(1, 1, 0), -EINVAL);
    assert_int_equal(call_bind_vcpu(1, 1, WORLD_VCPUS), -ENOENT);
    assert_int_equal(call_bind_vcpu(1, 9, 0), -EINVAL);
    assert_int_equal(call_unbound(1, 0), 2);
    assert_int_equal(call_bind_vcpu(1, 2, 2), 0);
    assert_int_equal(call_status(1, DOMID_SELF, 2, 0).vcpu, 2);
    assert_int_equal(call_port(1, EVTCHNOP_close, 2), 0);
    assert_int_equal(call_unbound(1, 0), 2);
    assert_int_equal(call_status(1, DOMID_SELF, 2, 0).vcpu, 0); /* reset to 0 on reuse */
}

static void test_bad_ports(void **state)
{
    static const port_t bad[] = {0, 5, 63, 64, 4095, 4096, 131071, 131072, ~0U};

    for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
        assert_int_equal(call_port(1, EVTCHNOP_close, bad[i]), -EINVAL);
        assert_int_equal(call_port(1, EVTCHNOP_send, bad[i]), -EINVAL);
        assert_int_equal(call_bind_vcpu(1, bad[i], 0), -EINVAL);
    }
    assert_int_equal(call_priority(1, 0, 3), -ENOSYS); /* the two-level form has none */
    assert_int_equal(world_call(1, 0, 99, &world), -ENOSYS);
    assert_int_equal(world_call(1, 0, EVTCHNOP_send, NULL), -EFAULT);
    assert_int_equal(world_call(1, 0, EVTCHNOP_status, NULL), -EFAULT);
}

static void test_mask(void **state)
{
    shared_info_t *s = world.domain[1].shared_info;

    assert_int_equal(call_ipi(1, 1), 1);
    s->evtchn_mask[0] = 2;
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);
    assert_true(pending(1, 1));
    assert_int_equal(info(1, 1)->evtchn_upcall_pending, 0);
    assert_int_equal(call_port(1, EVTCHNOP_unmask, 1), 0);
    assert_int_equal(s->evtchn_mask[0], 0);
    assert_int_equal(info(1, 1)->evtchn_upcall_pending, 1);
    assert_int_equal(info(1, 1)->evtchn_pending_sel, 1);
    info(1, 1)->evtchn_upcall_pending = 0;
    assert_int_equal(call_port(1, EVTCHNOP_unmask, 1), 0); /* was not masked: nothing */
    assert_int_equal(info(1, 1)->evtchn_upcall_pending, 0);
}

static void test_wake(void **state)
{
    assert_int_equal(call_ipi(1, 1), 1);
    world.vcpu[1][1].pause_flags = VCPU_BLOCKED;
    assert_int_equal(call_port(1, EVTCHNOP_send, 1), 0);
    assert_int_equal(world.unblocked[1][1], 1);
    assert_int_equal(world.kicked, 0);
    consume(1, 1, 1);
    event_vcpu_info_moved(&world.vcpu[1][1]);
    assert_int_equal(info(1, 1)->evtchn_pending_sel, ~0UL);
    assert_int_equal(info(1, 1)->evtchn_upcall_pending, 1);
}

static long poll_by(unsigned int domain, unsigned int vcpu, const port_t *ports, unsigned int n,
                    uint64_t timeout)
{
    struct sched_poll op = {.nr_ports = n, .timeout = timeout};
    struct hypercall hc = {.vcpu = &world.vcpu[domain][vcpu]};

    set_xen_guest_handle(op.ports, (port_t *)ports);
    return event_poll(&hc, GUEST_PTR((uint64_t)&op));
}

static long poll(unsigned int domain, const port_t *ports, unsigned int n, uint64_t timeout)
{
    return poll_by(domain, 0, ports, n, timeout);
}

static void test_poll(void **state)
{
    struct vcpu *v = &world.vcpu[1][0];
    port_t ports[3] = {1, 2, 3}, bad = 500;

    for (unsigned int i = 0; i < 3; i++)
        call_ipi(1, 1);
    world.domain[1].shared_info->evtchn_mask[0] = ~0UL;
    assert_int_equal(poll(1, ports, 129, 0), -EINVAL);
    assert_int_equal(poll(1, &bad, 1, 0), -EINVAL);
    assert_int_equal(poll(1, NULL, 1, 0), -EFAULT);
    assert_int_equal(v->pause_flags, 0);
    assert_int_equal(poll(1, ports, 1, 12345), 0);
    assert_int_equal(v->pause_flags, VCPU_BLOCKED | VCPU_POLLING);
    assert_int_equal(v->poll_timer.expires, 12345);
    call_port(1, EVTCHNOP_send, 2); /* another port */
    assert_int_equal(world.unblocked[1][0], 0);
    call_port(1, EVTCHNOP_send, 1); /* masked, but polled */
    assert_int_equal(world.unblocked[1][0], 1);
    assert_int_equal(v->pause_flags, 0);
    assert_int_equal(world.domain[1].event->pollers, 0);
    assert_int_equal(poll(1, ports, 1, 0), 0); /* is pending: does not sleep */
    assert_int_equal(v->pause_flags, 0);
    assert_int_equal(world.blocked, 1);
    assert_int_equal(poll(1, ports + 2, 1, 0), 0);
    assert_int_equal(v->pause_flags, VCPU_BLOCKED | VCPU_POLLING);
    v->poll_timer.function(v->poll_timer.data);
    assert_int_equal(v->pause_flags, 0);
    call_port(1, EVTCHNOP_send, 3);
    assert_int_equal(world.unblocked[1][0], 2); /* the stale bit wakes nobody */
    assert_int_equal(world.domain[1].event->pollers, 0);
}

/* The softirq runs it once. */
static void run_tasklet(void)
{
    struct tasklet *t = world.tasklet;

    assert_non_null(t);
    world.tasklet = NULL;
    t->function(t->data);
}

static void send_and_consume(port_t port)
{
    call_port(1, EVTCHNOP_send, port);
    world.domain[1].shared_info->evtchn_pending[0] &= ~(1UL << port);
}

/* A send wakes one; the rest is left to the tasklet, which is told the ports, and has the domain stay. */
static void test_poll_by_many(void **state)
{
    struct domain *d = &world.domain[1];
    const unsigned int *unblocked = world.unblocked[1];
    const port_t ports[3] = {1, 2, 3};

    for (unsigned int i = 0; i < 20; i++)
        call_ipi(1, 0);
    d->shared_info->evtchn_mask[0] = ~0UL;
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(poll_by(1, i, ports, 1, 0), 0);
    send_and_consume(1); /* whom it is for is woken also if the event is gone by then */
    assert_int_equal(unblocked[0] + unblocked[1] + unblocked[2], 1);
    assert_int_equal(d->references, 2);
    run_tasklet();
    assert_true(unblocked[0] == 1 && unblocked[1] == 1 && unblocked[2] == 1);
    assert_int_equal(d->event->pollers, 0);
    assert_int_equal(d->references, 1);
    assert_null(world.tasklet);

    /* Who waits for another port goes on; what is sent to meanwhile has a pass of its own, where it was sent. */
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(poll_by(1, i, ports + (i == 2), 1, 0), 0);
    send_and_consume(1);
    assert_int_equal(world.tasklet_cpu, 0);
    assert_int_equal(poll_by(1, 0, ports + 1, 1, 0), 0);
    hosted_cpu = 2;
    send_and_consume(2); /* wakes 0, leaves 2 */
    hosted_cpu = 0;
    assert_true(unblocked[0] == 3 && unblocked[1] == 1 && unblocked[2] == 1);
    run_tasklet();
    assert_true(unblocked[0] == 3 && unblocked[1] == 2 && unblocked[2] == 1);
    assert_int_equal(world.tasklet_cpu, 2);
    assert_int_equal(d->references, 2);
    run_tasklet();
    assert_true(unblocked[0] == 3 && unblocked[1] == 2 && unblocked[2] == 2);
    assert_int_equal(d->references, 1);
    assert_null(world.tasklet);
}

/* More ports than it can be told: all are woken. A domain that nobody refers to any more: nobody is. */
static void test_poll_overflow(void **state)
{
    struct domain *d = &world.domain[1];
    const unsigned int *unblocked = world.unblocked[1];
    const port_t ports[2] = {1, 20};

    for (unsigned int i = 0; i < 20; i++)
        call_ipi(1, 0);
    d->shared_info->evtchn_mask[0] = ~0UL;
    for (unsigned int most = 8; most < 10; most++) {
        for (unsigned int i = 0; i < 3; i++)
            world.unblocked[1][i] = 0;
        for (unsigned int i = 0; i < 2; i++)
            assert_int_equal(poll_by(1, i, ports, 1, 0), 0);
        assert_int_equal(poll_by(1, 2, ports + 1, 1, 0), 0); /* never sent to */
        send_and_consume(1);
        assert_int_equal(unblocked[0] + unblocked[1], 1);
        for (port_t port = 2; port < 2 + most; port++) {
            for (unsigned int i = 0; i < 2; i++) /* as if each of them polled that port */
                assert_int_equal(poll_by(1, i, &port, 1, 0), 0);
            send_and_consume(port);
        }
        run_tasklet();
        assert_int_equal(unblocked[2], 0);
        run_tasklet();
        assert_int_equal(unblocked[2], most > 8);
        assert_null(world.tasklet);
        assert_int_equal(d->references, 1);
        world.vcpu[1][2].pause_flags = 0;
        send_and_consume(20);
        assert_int_equal(d->event->pollers, 0);
    }
    for (unsigned int i = 0; i < 2; i++)
        assert_int_equal(poll_by(1, i, ports, 1, 0), 0);
    d->references = 0;
    send_and_consume(1);
    assert_null(world.tasklet);
    assert_int_equal(d->references, 0);
    d->references = 1;
}

static struct {
    unsigned int bound, unbound;
    int result;
} irq;

static int fake_bind(struct domain *d, unsigned int pirq, bool share)
{
    irq.bound += irq.result == 0;
    return irq.result;
}

static void fake_unbind(struct domain *d, unsigned int pirq)
{
    irq.unbound++;
}

static unsigned int fake_count(struct domain *d)
{
    return d->id == 0 ? 32 : 0;
}

static void test_pirq(void **state)
{
    memset(&irq, 0, sizeof(irq));
    assert_int_equal(call_pirq(0, 4), -EINVAL); /* no irq code: no PIRQs */
    event_pirq_ops = (struct event_pirq_ops){.bind = fake_bind, .unbind = fake_unbind, .count = fake_count};
    assert_int_equal(call_pirq(1, 4), -EINVAL);
    assert_int_equal(call_pirq(0, 32), -EINVAL);
    irq.result = -EBUSY;
    assert_int_equal(call_pirq(0, 4), -EBUSY);
    assert_int_equal(world.domain[0].event->in_use, 0);
    irq.result = 0;
    assert_int_equal(call_pirq(0, 4), 1);
    assert_int_equal(call_pirq(0, 4), -EEXIST);
    assert_int_equal(event_pirq_port(&world.domain[0], 4), 1);
    event_send_pirq(&world.domain[0], 4);
    event_send_pirq(&world.domain[0], 5);
    event_send_pirq(&world.domain[1], 4);
    assert_true(pending(0, 1));
    assert_int_equal(call_status(0, 0, 1, 0).u.pirq, 4);
    assert_int_equal(call_bind_vcpu(0, 1, 1), 0);
    assert_int_equal(call_port(0, EVTCHNOP_close, 1), 0);
    assert_int_equal(irq.unbound, 1);
    assert_int_equal(event_pirq_port(&world.domain[0], 4), 0);
}

static void test_exhaust(void **state)
{
    for (long port = 1; port < 4096; port++)
        assert_int_equal(call_unbound(1, 0), port);
    assert_int_equal(call_unbound(1, 0), -ENOSPC);
    assert_int_equal(call_port(1, EVTCHNOP_close, 77), 0);
    assert_int_equal(call_port(1, EVTCHNOP_close, 3000), 0);
    assert_int_equal(call_unbound(1, 0), 77);
    assert_int_equal(call_unbound(1, 0), 3000);
    world.softirq = true; /* every step of the reset is interrupted */
    assert_int_equal(call_reset(1, DOMID_SELF), 0);
    assert_int_equal(world.domain[1].event->in_use, 0);
    assert_int_equal(call_unbound(1, 0), 1);
    assert_int_equal(world_call(1, 0, 14, &(struct evtchn_reset){.dom = DOMID_SELF}), -EBUSY);
}

static void test_limit(void **state)
{
    struct domain *d = &world.domain[1];

    event_domain_free(d);
    assert_int_equal(event_domain_init(d, 70), 0);
    for (long port = 1; port < 70; port++)
        assert_int_equal(call_unbound(1, 0), port);
    assert_int_equal(call_unbound(1, 0), -ENOSPC);
}

/* A mixture of everything, with the n-th allocation failing, for every n: no leak, nothing inconsistent. */
static void test_failing_allocations(void **state)
{
    event_pirq_ops = (struct event_pirq_ops){.bind = fake_bind, .unbind = fake_unbind, .count = fake_count};
    for (long n = 1; n < 200; n++) {
        bool failed;

        world.fail_at = n;
        for (unsigned int i = 0; i < 100; i++) {
            call_unbound(0, 1);
            call_interdomain(1, 0, i + 1);
        }
        call_pirq(0, 3);
        call_init_control(1, 16, 0, 0);
        call_expand(1, 17);
        failed = world.fail_at == 0;
        world.fail_at = 0;
        assert_int_equal(event_audit(&world.domain[0]) + event_audit(&world.domain[1]), 0);
        assert_int_equal(call_reset(0, DOMID_SELF), 0);
        assert_int_equal(call_reset(1, DOMID_SELF), 0);
        world_teardown(state);
        world_setup(state);
        if (!failed)
            return;
    }
    fail_msg("there is no end to the allocations");
}

static void test_dying(void **state)
{
    long a = call_unbound(1, 2);

    call_interdomain(2, 1, (port_t)a);
    world.softirq = true;
    call_virq(1, VIRQ_TIMER, 0);
    while (event_domain_close_all(&world.domain[1]) == -ERESTART)
        ;
    assert_int_equal(call_unbound(1, 0), -EINVAL);
    assert_int_equal(call_virq(1, VIRQ_TIMER, 0), -EINVAL);
    assert_int_equal(call_port(2, EVTCHNOP_send, 1), 0);
    assert_int_equal(call_status(2, 2, 1, 0).status, EVTCHNSTAT_unbound);
    assert_true(world.quiesced > 0 || !world.domain[1].event->fifo);
}

/* 299 ports, and a reset of theirs by vcpu 0 that is interrupted `steps` times and not gone on with. */
static struct hypercall unfinished_reset(struct evtchn_reset *op, unsigned int steps)
{
    struct hypercall hc = {.vcpu = &world.vcpu[1][0],
                           .arg = {EVTCHNOP_reset, (uint64_t)op},
                           .number = __HYPERVISOR_event_channel_op,
                           .budget = HYPERCALL_BUDGET};

    op->dom = DOMID_SELF;
    for (long port = 1; port < 300; port++)
        assert_int_equal(call_unbound(1, 0), port);
    world.softirq = true;
    while (steps--)
        assert_int_equal(do_event_channel_op(&hc), -ERESTART);
    return hc;
}

/* Ports bound anew below where it stopped are closed with the domain all the same. */
static void test_dying_in_a_reset(void **state)
{
    struct evtchn_reset op;

    unfinished_reset(&op, 2);
    assert_int_equal(call_interdomain(1, 2, (port_t)call_unbound(2, 1)), 1);
    while (event_domain_close_all(&world.domain[1]) == -ERESTART)
        ;
    assert_int_equal(world.domain[1].event->in_use, 0);
    assert_int_equal(call_status(2, 2, 1, 0).status, EVTCHNSTAT_unbound);
}

/* Another vcpu may go on with it; whoever comes after its end is told that there is none, and a new one can begin. */
static void test_reset_finished_by_another(void **state)
{
    struct evtchn_reset op;
    struct hypercall hc = unfinished_reset(&op, 1);

    assert_int_equal(world_call(1, 1, (unsigned int)hc.arg[0], &op), 0);
    assert_int_equal(do_event_channel_op(&hc), -EBUSY);
    assert_int_equal(call_reset(1, DOMID_SELF), 0);
}

static struct evtchn_reset shared_reset;
static unsigned int continued;

static void finish_it(void)
{
    world.softirq = false;
    assert_int_equal(world_call(1, 1, continued, &shared_reset), 0);
    world.softirq = true;
}

/* The other finishes it while this one is at a port: it must not seem to be under way again, or no reset could begin any more. */
static void test_reset_finished_meanwhile(void **state)
{
    struct hypercall hc = unfinished_reset(&shared_reset, 1);

    continued = (unsigned int)hc.arg[0];
    world.at_softirq = finish_it;
    assert_int_equal(do_event_channel_op(&hc), -ERESTART);
    assert_null(world.at_softirq);
    assert_int_equal(do_event_channel_op(&hc), -EBUSY);
    assert_int_equal(call_reset(1, DOMID_SELF), 0);
}

static void test_old_form(void **state)
{
    struct evtchn_op op = {.cmd = EVTCHNOP_bind_ipi, .u.bind_ipi.vcpu = 1};
    struct hypercall hc = {
        .vcpu = &world.vcpu[1][0], .arg = {(uint64_t)&op}, .number = __HYPERVISOR_event_channel_op_compat};

    assert_int_equal(do_event_channel_op(&hc), 0);
    assert_int_equal(op.u.bind_ipi.port, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(test_interdomain),
        T(test_loopback),
        T(test_privilege),
        T(test_no_channels),
        T(test_virq),
        T(test_ipi_and_vcpu),
        T(test_bad_ports),
        T(test_mask),
        T(test_wake),
        T(test_poll),
        T(test_poll_by_many),
        T(test_poll_overflow),
        T(test_pirq),
        T(test_exhaust),
        T(test_limit),
        T(test_failing_allocations),
        T(test_dying),
        T(test_dying_in_a_reset),
        T(test_reset_finished_by_another),
        T(test_reset_finished_meanwhile),
        T(test_old_form),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
