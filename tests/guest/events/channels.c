/* SPDX-License-Identifier: MIT */
/*
 * Event channels in the 2-level form: every operation, its errors, and what becomes pending.
 * GUEST-GROUP: smp=4 mem=512 dom0=128M xen=dom0_max_vcpus=32
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

static long op(int cmd, void *arg)
{
    return hcall_event_channel_op(cmd, arg);
}

static struct evtchn_status status(unsigned port)
{
    struct evtchn_status s = {.dom = DOMID_SELF, .port = port, .status = 99};

    CHECK_RC(op(EVTCHNOP_status, &s), 0);
    return s;
}

static int loopback(unsigned remote)
{
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF, .remote_port = remote};
    int rc = (int)op(EVTCHNOP_bind_interdomain, &b);

    return rc ? rc : (int)b.local_port;
}

KIT_TEST(alloc_unbound)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_status s;

    CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK(a.port > 0);
    s = status(a.port);
    CHECK_EQ(s.status, EVTCHNSTAT_unbound);
    CHECK_EQ(s.u.unbound.dom, 0); /* SELF is resolved */
    CHECK_EQ(s.vcpu, 0);
    CHECK_RC(kit_event_close(a.port), 0);
    s = status(a.port);
    CHECK_EQ(s.status, EVTCHNSTAT_closed);
    a.remote_dom = 77; /* need not exist */
    CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_EQ(status(a.port).u.unbound.dom, 77);
    CHECK_RC(kit_event_close(a.port), 0);
    a.dom = 77;
    CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), -XEN_ESRCH);
    a.dom = 0;
    CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_RC(kit_event_close(a.port), 0);
}

/* The lowest free port is handed out. */
KIT_TEST(port_numbers)
{
    int a = kit_event_alloc_unbound(DOMID_SELF), b = kit_event_alloc_unbound(DOMID_SELF), c;

    CHECK_EQ(a, 1);
    CHECK_EQ(b, 2);
    CHECK_RC(kit_event_close(1), 0);
    c = kit_event_alloc_unbound(DOMID_SELF);
    CHECK_EQ(c, 1);
    CHECK_RC(kit_event_close(1), 0);
    CHECK_RC(kit_event_close(2), 0);
}

KIT_TEST(interdomain_loopback)
{
    int a = kit_event_alloc_unbound(DOMID_SELF), b;
    struct evtchn_status s;

    b = loopback((unsigned)a);
    CHECK_OR_RETURN(a > 0 && b > 0 && a != b);
    s = status((unsigned)a);
    CHECK_EQ(s.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(s.u.interdomain.dom, 0);
    CHECK_EQ(s.u.interdomain.port, b);
    s = status((unsigned)b);
    CHECK_EQ(s.status, EVTCHNSTAT_interdomain);
    CHECK_EQ(s.u.interdomain.port, a);
    CHECK(kit_event_clear((unsigned)b)); /* the new end starts pending */
    CHECK(!kit_event_pending((unsigned)a));
    CHECK_RC(kit_event_send((unsigned)a), 0);
    CHECK(kit_event_clear((unsigned)b));
    CHECK_RC(kit_event_send((unsigned)b), 0);
    CHECK(kit_event_clear((unsigned)a));
    CHECK_RC(loopback((unsigned)a), -XEN_EINVAL); /* taken */
    /* Closing one end makes the other unbound again, for whoever was the peer. */
    CHECK_RC(kit_event_close((unsigned)a), 0);
    s = status((unsigned)b);
    CHECK_EQ(s.status, EVTCHNSTAT_unbound);
    CHECK_EQ(s.u.unbound.dom, 0);
    CHECK_RC(kit_event_send((unsigned)b), 0); /* to nobody */
    CHECK_RC(kit_event_close((unsigned)b), 0);
}

KIT_TEST(interdomain_errors)
{
    struct evtchn_bind_interdomain b = {.remote_dom = 77, .remote_port = 1};
    int a = kit_event_alloc_unbound(77);

    CHECK_RC(op(EVTCHNOP_bind_interdomain, &b), -XEN_ESRCH);
    CHECK_RC(loopback((unsigned)a), -XEN_EINVAL); /* for another domain */
    CHECK_RC(loopback(0), -XEN_EINVAL);
    CHECK_RC(loopback(1000), -XEN_EINVAL);
    CHECK_RC(loopback(~0U), -XEN_EINVAL);
    CHECK_RC(kit_event_close((unsigned)a), 0);
}

KIT_TEST(virqs)
{
    KIT_NEEDS_VCPUS(2);

    int port = kit_event_bind_virq(VIRQ_TIMER, 0), other;
    struct evtchn_status s;

    CHECK_OR_RETURN(port > 0);
    s = status((unsigned)port);
    CHECK_EQ(s.status, EVTCHNSTAT_virq);
    CHECK_EQ(s.u.virq, VIRQ_TIMER);
    CHECK_EQ(s.vcpu, 0);
    CHECK_RC(kit_event_bind_virq(VIRQ_TIMER, 0), -XEN_EEXIST);
    other = kit_event_bind_virq(VIRQ_TIMER, 1);
    CHECK(other > 0);
    CHECK_EQ(status((unsigned)other).vcpu, 1);
    CHECK_RC(kit_event_send((unsigned)port), -XEN_EINVAL); /* not for guests to send */
    CHECK_RC(kit_event_close((unsigned)port), 0);
    CHECK_RC(kit_event_close((unsigned)other), 0);
    CHECK_RC(kit_event_bind_virq(VIRQ_TIMER, KIT_MAX_VCPUS), -XEN_ENOENT);
    CHECK_RC(kit_event_bind_virq(VIRQ_TIMER, ~0U), -XEN_ENOENT);
    CHECK_RC(kit_event_bind_virq(NR_VIRQS, 0), -XEN_EINVAL);
    CHECK_RC(kit_event_bind_virq(~0U, 0), -XEN_EINVAL);
}

/* All numbers may be bound, used or not; the global ones only on vcpu 0. */
KIT_TEST(virq_numbers)
{
    KIT_NEEDS_VCPUS(2);

    const uint32_t per_vcpu = 1U << VIRQ_TIMER | 1U << VIRQ_DEBUG | 1U << VIRQ_XENOPROF | 1U << VIRQ_XENPMU;

    for (unsigned v = 0; v < NR_VIRQS; v++) {
        int port = kit_event_bind_virq(v, 0), port1;

        CHECK(port > 0);
        port1 = kit_event_bind_virq(v, 1);
        if (per_vcpu >> v & 1)
            CHECK(port1 > 0);
        else
            CHECK_RC(port1, -XEN_EINVAL);
        if (port1 > 0)
            CHECK_RC(kit_event_close((unsigned)port1), 0);
        CHECK_RC(kit_event_close((unsigned)port), 0);
    }
}

static volatile unsigned handled, handled_on;

static void note_event(evtchn_port_t port)
{
    (void)port;
    handled_on = kit_this()->id;
    handled++; /* last: it is waited for */
}

KIT_TEST(ipi_to_self)
{
    int port = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(port > 0);
    CHECK_EQ(status((unsigned)port).status, EVTCHNSTAT_ipi);
    CHECK_RC(kit_event_bind_ipi(KIT_MAX_VCPUS), -XEN_ENOENT);
    CHECK_RC(kit_event_bind_ipi(~0U), -XEN_ENOENT);
    kit_event_handle((unsigned)port, note_event);
    kit_event_unmask((unsigned)port);
    handled = 0;
    kit_events_enable();
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(handled, 1);
    kit_event_mask((unsigned)port);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(handled, 1);
    CHECK(kit_event_pending((unsigned)port));
    kit_event_unmask((unsigned)port); /* by hypercall: delivers what is pending */
    CHECK_EQ(handled, 2);
    kit_events_disable();
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

/* Pending bit, selector word and upcall flag, in that order, and only on the first of several. */
KIT_TEST(pending_bits)
{
    int port = 0, ports[70];
    volatile struct vcpu_info *info = kit_this()->info;

    for (unsigned i = 0; i < ARRAY_SIZE(ports); i++)
        ports[i] = kit_event_bind_ipi(0);
    port = ports[69];
    CHECK_OR_RETURN(port >= 64 && port < 128);
    info->evtchn_upcall_pending = 0;
    info->evtchn_pending_sel = 0;
    kit_event_mask((unsigned)port);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK(kit_event_pending((unsigned)port));
    CHECK_EQ(info->evtchn_pending_sel, 0);
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    kit_event_clear((unsigned)port);
    kit_event_unmask((unsigned)port);
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(info->evtchn_pending_sel, 1UL << (port / 64));
    CHECK_EQ(info->evtchn_upcall_pending, 1);
    /* Already pending: nothing more happens. */
    info->evtchn_pending_sel = 0;
    info->evtchn_upcall_pending = 0;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(info->evtchn_pending_sel, 0);
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    /* The selector bit already set: the upcall flag is not touched. */
    kit_event_clear((unsigned)port);
    info->evtchn_pending_sel = 1UL << (port / 64);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(info->evtchn_upcall_pending, 0);
    info->evtchn_pending_sel = 0;
    CHECK(kit_event_pending((unsigned)port));
    CHECK_RC(kit_event_close((unsigned)port), 0);
    CHECK(!kit_event_pending((unsigned)port)); /* closing clears it */
    for (unsigned i = 0; i < ARRAY_SIZE(ports) - 1; i++)
        CHECK_RC(kit_event_close((unsigned)ports[i]), 0);
}

KIT_TEST(close_and_send_errors)
{
    int ipi = kit_event_bind_ipi(0);

    CHECK_RC(kit_event_close(0), -XEN_EINVAL);
    CHECK_RC(kit_event_close((unsigned)ipi + 1), -XEN_EINVAL);
    CHECK_RC(kit_event_close(4096), -XEN_EINVAL);
    CHECK_RC(kit_event_close(~0U), -XEN_EINVAL);
    CHECK_RC(kit_event_send(0), -XEN_EINVAL);
    CHECK_RC(kit_event_send((unsigned)ipi + 1), -XEN_EINVAL);
    CHECK_RC(kit_event_send(4096), -XEN_EINVAL);
    CHECK_RC(kit_event_send(~0U), -XEN_EINVAL);
    CHECK_RC(kit_event_close((unsigned)ipi), 0);
    CHECK_RC(kit_event_close((unsigned)ipi), -XEN_EINVAL);
    CHECK_RC(kit_event_send((unsigned)ipi), -XEN_EINVAL);
}

KIT_TEST(status_errors)
{
    struct evtchn_status s = {.dom = 77, .port = 1};

    CHECK_RC(op(EVTCHNOP_status, &s), -XEN_ESRCH);
    s.dom = DOMID_SELF;
    s.port = ~0U;
    CHECK_RC(op(EVTCHNOP_status, &s), -XEN_EINVAL);
    s.port = 0; /* the reserved port is closed */
    CHECK_RC(op(EVTCHNOP_status, &s), 0);
    CHECK_EQ(s.status, EVTCHNSTAT_closed);
    s.port = 1000; /* far beyond any that was ever used */
    CHECK_RC(op(EVTCHNOP_status, &s), -XEN_EINVAL);
    s.port = 4096;
    CHECK_RC(op(EVTCHNOP_status, &s), -XEN_EINVAL);
}

static long bind_vcpu(int port, unsigned vcpu)
{
    struct evtchn_bind_vcpu b = {.port = (unsigned)port, .vcpu = vcpu};

    return op(EVTCHNOP_bind_vcpu, &b);
}

KIT_TEST(bind_vcpu)
{
    KIT_NEEDS_VCPUS(2);

    int ipi = kit_event_bind_ipi(0), timer = kit_event_bind_virq(VIRQ_TIMER, 0);
    int unbound = kit_event_alloc_unbound(DOMID_SELF), global = kit_event_bind_virq(VIRQ_DOM_EXC, 0);

    CHECK_RC(bind_vcpu(ipi, 1), -XEN_EINVAL);
    CHECK_RC(bind_vcpu(timer, 1), -XEN_EINVAL);
    CHECK_RC(bind_vcpu(unbound, 1), 0);
    CHECK_EQ(status((unsigned)unbound).vcpu, 1);
    CHECK_RC(bind_vcpu(global, 1), 0);
    CHECK_EQ(status((unsigned)global).vcpu, 1);
    CHECK_RC(bind_vcpu(unbound, KIT_MAX_VCPUS), -XEN_ENOENT);
    CHECK_RC(bind_vcpu(unbound, ~0U), -XEN_ENOENT);
    CHECK_RC(bind_vcpu(0, 1), -XEN_EINVAL);
    CHECK_RC(bind_vcpu(1000, 1), -XEN_EINVAL);
    CHECK_RC(bind_vcpu(-1, 1), -XEN_EINVAL);
    CHECK_RC(kit_event_close((unsigned)ipi), 0);
    CHECK_RC(kit_event_close((unsigned)timer), 0);
    CHECK_RC(kit_event_close((unsigned)unbound), 0);
    CHECK_RC(kit_event_close((unsigned)global), 0);
    unbound = kit_event_alloc_unbound(DOMID_SELF);
    CHECK_EQ(status((unsigned)unbound).vcpu, 0); /* a new port starts at vcpu 0 */
    CHECK_RC(kit_event_close((unsigned)unbound), 0);
}

KIT_TEST(unmask_errors)
{
    struct evtchn_unmask u = {.port = 0};

    CHECK_RC(op(EVTCHNOP_unmask, &u), 0); /* the reserved port, or a closed one: no matter */
    u.port = 1000;
    CHECK_RC(op(EVTCHNOP_unmask, &u), -XEN_EINVAL);
    u.port = 4096;
    CHECK_RC(op(EVTCHNOP_unmask, &u), -XEN_EINVAL);
    u.port = ~0U;
    CHECK_RC(op(EVTCHNOP_unmask, &u), -XEN_EINVAL);
}

/* A closed port is left as it is: its mask waits for who binds it next. So are unbound ones unmasked, and the reserved one not. */
KIT_TEST(unmask_closed)
{
    struct evtchn_alloc_unbound a = {.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    struct evtchn_unmask u;
    struct evtchn_close c;
    int port = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(port > 0 && port < 64);
    c.port = u.port = (unsigned)port;
    CHECK_RC(op(EVTCHNOP_close, &c), 0);
    kit_event_mask((unsigned)port);
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK(kit_shared->evtchn_mask[0] >> port & 1);
    CHECK_RC(op(EVTCHNOP_alloc_unbound, &a), 0);
    CHECK_OR_RETURN(a.port == (unsigned)port);
    CHECK(kit_shared->evtchn_mask[0] >> port & 1);
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK(!(kit_shared->evtchn_mask[0] >> port & 1));
    CHECK_RC(op(EVTCHNOP_close, &c), 0);
    kit_event_mask(0);
    u.port = 0;
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK(kit_shared->evtchn_mask[0] & 1);
    kit_shared->evtchn_mask[0] &= ~1UL;
}

/* What was not mapped by physdev_op may not be bound. */
KIT_TEST(pirqs_unmapped)
{
    struct evtchn_bind_pirq b = {.pirq = 1000000};

    CHECK_RC(op(EVTCHNOP_bind_pirq, &b), -XEN_EINVAL);
    b.pirq = ~0U;
    CHECK_RC(op(EVTCHNOP_bind_pirq, &b), -XEN_EINVAL);
    for (unsigned p = 0; p < 200; p += p < 24 ? 1 : 37) {
        b = (struct evtchn_bind_pirq){.pirq = p};
        CHECK_RC(op(EVTCHNOP_bind_pirq, &b), -XEN_EPERM);
    }
}

KIT_TEST(not_in_this_form)
{
    struct evtchn_set_priority p = {.port = 1, .priority = 3};
    struct evtchn_expand_array e = {.array_gfn = 1};

    CHECK_RC(op(EVTCHNOP_set_priority, &p), -XEN_ENOSYS);
    CHECK_RC(op(EVTCHNOP_expand_array, &e), -XEN_EOPNOTSUPP);
    CHECK_RC(op(99, &p), -XEN_ENOSYS);
    CHECK_RC(op(-1, &p), -XEN_ENOSYS);
}

KIT_TEST(bad_pointers)
{
    for (int cmd = 0; cmd < 14; cmd++) {
        kit_check(op(cmd, (void *)0x1000) == -XEN_EFAULT, __FILE__, __LINE__, "command %d: %ld", cmd,
                  op(cmd, (void *)0x1000));
        CHECK_RC(op(cmd, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
        CHECK_RC(op(cmd, (void *)0x800000000000UL), -XEN_EFAULT);
    }
}

/* A result that cannot be written back is an error, yet the port stays allocated. */
KIT_TEST(result_to_read_only_memory)
{
    struct evtchn_alloc_unbound *a = kit_page_alloc();
    struct evtchn_bind_ipi *i = (void *)((char *)a + 64);

    *a = (struct evtchn_alloc_unbound){.dom = DOMID_SELF, .remote_dom = DOMID_SELF};
    CHECK_RC(kit_set_ro(a), 0);
    CHECK_RC(op(EVTCHNOP_alloc_unbound, a), -XEN_EFAULT);
    CHECK_RC(op(EVTCHNOP_bind_ipi, i), -XEN_EFAULT);
    CHECK_EQ(status(1).status, EVTCHNSTAT_unbound);
    CHECK_EQ(status(2).status, EVTCHNSTAT_ipi);
    CHECK_RC(kit_event_close(1), 0);
    CHECK_RC(kit_event_close(2), 0);
    CHECK_RC(kit_set_rw(a), 0);
    kit_page_free(a);
}

static long compat(struct evtchn_op *o)
{
    return kit_hypercall1(__HYPERVISOR_event_channel_op_compat, (uintptr_t)o);
}

/* The older call knows the commands up to unmask. */
KIT_TEST(compat_call)
{
    struct evtchn_op o = {.cmd = EVTCHNOP_alloc_unbound};

    o.u.alloc_unbound.dom = DOMID_SELF;
    o.u.alloc_unbound.remote_dom = DOMID_SELF;
    CHECK_RC(compat(&o), 0);
    CHECK_EQ(o.u.alloc_unbound.port, 1);
    o.cmd = EVTCHNOP_close;
    o.u.close.port = 1;
    CHECK_RC(compat(&o), 0);
    o.cmd = EVTCHNOP_reset;
    CHECK_RC(compat(&o), -XEN_ENOSYS);
    o.cmd = 99;
    CHECK_RC(compat(&o), -XEN_ENOSYS);
    CHECK_RC(compat((void *)0x1000), -XEN_EFAULT);
}

KIT_TEST(all_ports)
{
    int port = 0, last = 0;
    unsigned n = 0;
    struct evtchn_reset r = {.dom = DOMID_SELF};

    while ((port = kit_event_alloc_unbound(DOMID_SELF)) > 0)
        last = port, n++;
    CHECK_RC(port, -XEN_ENOSPC);
    CHECK_EQ(last, 4095);
    CHECK_EQ(n, 4095); /* all but port 0 */
    CHECK_RC(op(EVTCHNOP_reset, &r), 0);
    CHECK_EQ(status(4095).status, EVTCHNSTAT_closed);
    CHECK_EQ(kit_event_alloc_unbound(DOMID_SELF), 1);
    r.dom = 77;
    CHECK_RC(op(EVTCHNOP_reset, &r), -XEN_ESRCH);
    r.dom = 0;
    CHECK_RC(op(EVTCHNOP_reset, &r), 0);
    CHECK_EQ(status(1).status, EVTCHNSTAT_closed);
}

/* Other vcpus. */
static volatile uint32_t stop;

static void wait_with_events(void *arg)
{
    (void)arg;
    for (;;) {
        kit_events_disable(); /* until it blocks: an event that came in between would not wake it */
        if (stop)
            return;
        hcall_sched_op(SCHEDOP_block, NULL);
    }
}

KIT_TEST(ipi_to_others)
{
    unsigned n = kit_nr_vcpus();

    for (unsigned v = 1; v < n; v++) {
        int port = kit_event_bind_ipi(v);
        uint64_t end;

        CHECK_OR_RETURN(port > 0);
        kit_event_handle((unsigned)port, note_event);
        kit_event_unmask((unsigned)port);
        stop = 0;
        CHECK_RC(kit_vcpu_run(v, wait_with_events, NULL), 0);
        for (unsigned i = 0; i < 20; i++) {
            handled = 0;
            CHECK_RC(kit_event_send((unsigned)port), 0);
            end = kit_time_ns() + KIT_S;
            while (!handled && kit_time_ns() < end)
                hcall_sched_op(SCHEDOP_yield, NULL);
            CHECK_EQ(handled, 1);
            CHECK_EQ(handled_on, v);
        }
        stop = 1;
        kit_event_send((unsigned)port);
        CHECK(kit_vcpu_join(v, KIT_S));
        CHECK_RC(kit_event_close((unsigned)port), 0);
    }
}

/* bind_vcpu moves delivery, and hands over what is pending already. */
KIT_TEST(bind_vcpu_delivery)
{
    KIT_NEEDS_VCPUS(2);

    int a = kit_event_alloc_unbound(DOMID_SELF), b = loopback((unsigned)a);

    CHECK_OR_RETURN(a > 0 && b > 0);
    kit_event_clear((unsigned)b);
    kit_event_handle((unsigned)b, note_event);
    kit_event_unmask((unsigned)b);
    CHECK_RC(bind_vcpu(b, 1), 0);
    stop = 0;
    handled = 0;
    CHECK_RC(kit_vcpu_run(1, wait_with_events, NULL), 0);
    CHECK_RC(kit_event_send((unsigned)a), 0);
    for (uint64_t end = kit_time_ns() + KIT_S; !handled && kit_time_ns() < end;)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK_EQ(handled, 1);
    CHECK_EQ(handled_on, 1);
    stop = 1;
    kit_event_send((unsigned)a);
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK_RC(kit_event_close((unsigned)a), 0);
    CHECK_RC(kit_event_close((unsigned)b), 0);
}
