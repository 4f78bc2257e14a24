/* SPDX-License-Identifier: MIT */
/* Event channels in the FIFO form. Each test starts from the 2-level form and ends in it, by EVTCHNOP_reset. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)

static struct evtchn_fifo_control_block *control; /* allocated by start() */
static volatile event_word_t *words;

static long op(int cmd, void *arg)
{
    return hcall_event_channel_op(cmd, arg);
}

static long init_control(unsigned long gfn, unsigned offset, unsigned vcpu, unsigned *link_bits)
{
    struct evtchn_init_control c = {.control_gfn = gfn, .offset = offset, .vcpu = vcpu};
    long rc = op(EVTCHNOP_init_control, &c);

    if (link_bits)
        *link_bits = c.link_bits;
    return rc;
}

static long expand(unsigned long gfn)
{
    struct evtchn_expand_array e = {.array_gfn = gfn};

    return op(EVTCHNOP_expand_array, &e);
}

static void reset(void)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};

    CHECK_RC(op(EVTCHNOP_reset, &r), 0);
}

static bool start(void)
{
    unsigned bits = 0;

    kit_events_disable();
    reset();
    if (!control) {
        control = kit_page_alloc();
        words = kit_page_alloc();
    }
    memset(control, 0, KIT_PAGE_SIZE);
    memset((void *)words, 0, KIT_PAGE_SIZE);
    CHECK_RC(init_control(kit_mfn_of(control), 0, 0, &bits), 0);
    CHECK_EQ(bits, EVTCHN_FIFO_LINK_BITS);
    CHECK_RC(expand(kit_mfn_of(words)), 0);
    return true;
}

KIT_TEST(fifo_init)
{
    struct evtchn_fifo_control_block *at;
    unsigned bits = 0;

    start();
    reset();
    memset(control, 0xff, KIT_PAGE_SIZE);
    CHECK_RC(init_control(kit_mfn_of(control), 1024, 0, &bits), 0);
    CHECK_EQ(bits, EVTCHN_FIFO_LINK_BITS);
    at = (void *)((char *)control + 1024);
    CHECK_EQ(at->ready, ~0U); /* the block's contents are the guest's business */
    CHECK_EQ(at->head[15], ~0U);
    CHECK_RC(init_control(kit_mfn_of(control), 0, 0, &bits), -XEN_EINVAL); /* once per vcpu */
    CHECK_RC(kit_set_ro(control), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(control)), -XEN_EINVAL); /* in use writable */
    CHECK_RC(kit_set_rw(control), 0);
    reset();
}

KIT_TEST(fifo_init_errors)
{
    KIT_NEEDS_VCPUS(2);

    uint64_t *table = kit_table_alloc();
    static const unsigned offsets[] = {2, 4, 4096 - 64, 4096, ~7U, ~0U};

    reset();
    for (unsigned i = 0; i < ARRAY_SIZE(offsets); i++)
        CHECK_RC(init_control(kit_mfn_of(control), offsets[i], 0, NULL), -XEN_EINVAL);
    CHECK_RC(init_control(kit_mfn_of(control), 0, 99, NULL), -XEN_ENOENT);
    CHECK_RC(init_control(kit_mfn_of(control), 1024, 1, NULL), 0); /* any vcpu may come first */
    reset();
    CHECK_RC(init_control(0x100, 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(init_control(~0UL, 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(kit_pin(1, kit_mfn_of(table)), 0);
    CHECK_RC(init_control(kit_mfn_of(table), 0, 0, NULL), -XEN_EINVAL);
    CHECK_RC(kit_unpin(kit_mfn_of(table)), 0);
    CHECK_RC(kit_table_free(table), 0);
    reset();
}

KIT_TEST(fifo_send)
{
    int port;

    start();
    port = kit_event_bind_ipi(0);
    CHECK_OR_RETURN(port > 0 && port < 1024);
    CHECK_EQ(words[port], 0); /* not masked */
    kit_this()->info->evtchn_upcall_pending = 0;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(words[port], PENDING | LINKED);
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], (unsigned)port);
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 1);
    /* Pending already: nothing changes. */
    kit_this()->info->evtchn_upcall_pending = 0;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(words[port], PENDING | LINKED);
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 0);
    CHECK(!kit_event_pending((unsigned)port)); /* the other form's bit stays clear */
    reset();
}

KIT_TEST(fifo_masked)
{
    struct evtchn_unmask u;
    int port;

    start();
    port = kit_event_bind_ipi(0);
    kit_this()->info->evtchn_upcall_pending = 0;
    words[port] = MASKED;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(words[port], PENDING | MASKED);
    CHECK_EQ(control->ready, 0);
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 0);
    u.port = (unsigned)port;
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK_EQ(words[port], PENDING | LINKED);
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 1);
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
}

/* Several events of one priority form a list, in the order of arrival. */
KIT_TEST(fifo_order)
{
    int ports[5];

    start();
    for (unsigned i = 0; i < 5; i++) {
        ports[i] = kit_event_bind_ipi(0);
        words[ports[i]] = 0;
    }
    static const unsigned order[] = {3, 0, 4, 1};
    for (unsigned i = 0; i < 4; i++)
        CHECK_RC(kit_event_send((unsigned)ports[order[i]]), 0);
    CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], (unsigned)ports[3]);
    CHECK_EQ(words[ports[3]], PENDING | LINKED | (unsigned)ports[0]);
    CHECK_EQ(words[ports[0]], PENDING | LINKED | (unsigned)ports[4]);
    CHECK_EQ(words[ports[4]], PENDING | LINKED | (unsigned)ports[1]);
    CHECK_EQ(words[ports[1]], PENDING | LINKED);
    CHECK_EQ(words[ports[2]], 0);
    reset();
}

/* What a guest does: take the head, unlink, clear. Then the queue starts anew. */
KIT_TEST(fifo_consume)
{
    int a, b;

    start();
    a = kit_event_bind_ipi(0);
    b = kit_event_bind_ipi(0);
    words[a] = words[b] = 0;
    CHECK_RC(kit_event_send((unsigned)a), 0);
    words[a] = 0; /* unlinked and not pending */
    control->ready = 0;
    CHECK_RC(kit_event_send((unsigned)b), 0);
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], (unsigned)b);
    CHECK_RC(kit_event_send((unsigned)a), 0);
    CHECK_EQ(words[b], PENDING | LINKED | (unsigned)a);
    reset();
}

KIT_TEST(fifo_priority)
{
    struct evtchn_set_priority p = {0};
    int a, b;

    start();
    a = kit_event_bind_ipi(0);
    b = kit_event_bind_ipi(0);
    words[a] = words[b] = 0;
    p.port = (unsigned)a;
    p.priority = 0;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), 0);
    p.port = (unsigned)b;
    p.priority = 15;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), 0);
    CHECK_RC(kit_event_send((unsigned)a), 0);
    CHECK_RC(kit_event_send((unsigned)b), 0);
    CHECK_EQ(control->ready, 1U | 1U << 15);
    CHECK_EQ(control->head[0], (unsigned)a);
    CHECK_EQ(control->head[15], (unsigned)b);
    p.priority = 16;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), -XEN_EINVAL);
    p.priority = 3;
    p.port = 0;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), -XEN_EACCES);
    p.port = ~0U;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), -XEN_EINVAL);
    reset();
}

/* A new priority counts from the next time on, and the old queue is not disturbed. */
KIT_TEST(fifo_priority_change)
{
    struct evtchn_set_priority p = {.priority = 2};
    int a;

    start();
    a = kit_event_bind_ipi(0);
    words[a] = 0;
    CHECK_RC(kit_event_send((unsigned)a), 0);
    p.port = (unsigned)a;
    CHECK_RC(op(EVTCHNOP_set_priority, &p), 0);
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    CHECK_EQ(words[a], PENDING | LINKED);
    words[a] = 0;
    control->ready = 0;
    CHECK_RC(kit_event_send((unsigned)a), 0);
    CHECK_EQ(control->ready, 1U << 2);
    CHECK_EQ(control->head[2], (unsigned)a);
    reset();
}

/* Ports go beyond what the array holds; events on those wait until it grows. */
KIT_TEST(fifo_expand)
{
    volatile uint32_t *more = kit_page_alloc();
    int port;

    start();
    CHECK_RC(expand(0x100), -XEN_EINVAL);
    CHECK_RC(expand(~0UL), -XEN_EINVAL);
    for (unsigned i = 1; i < 1030; i++) {
        port = kit_event_bind_ipi(0);
        if (port != (int)i) {
            CHECK_EQ(port, i);
            break;
        }
    }
    CHECK_RC(kit_event_send(1025), 0);
    CHECK_RC(expand(kit_mfn_of((void *)more)), 0);
    CHECK_EQ(more[1] & (PENDING | LINKED), PENDING | LINKED); /* it was remembered */
    CHECK_RC(kit_event_send(1026), 0);
    CHECK_EQ(more[2] & (PENDING | LINKED), PENDING | LINKED);
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
    kit_page_free((void *)more);
}

KIT_TEST(fifo_expand_limit)
{
    enum { N = 128 };
    void *pages[N + 1];
    unsigned n = 1;
    long rc = 0;

    start();
    for (; n <= N; n++) {
        pages[n] = kit_page_alloc();
        rc = expand(kit_mfn_of(pages[n]));
        if (rc)
            break;
    }
    CHECK_EQ(n, N);
    CHECK_RC(rc, -XEN_ENOSPC);
    reset();
    for (unsigned i = 1; i <= N && i <= n; i++) {
        CHECK_RC(kit_set_ro(pages[i]), 0);
        CHECK_RC(kit_pin(1, kit_mfn_of(pages[i])), 0); /* the hypervisor let go of it */
        CHECK_RC(kit_unpin(kit_mfn_of(pages[i])), 0);
        CHECK_RC(kit_set_rw(pages[i]), 0);
        kit_page_free(pages[i]);
    }
}

/* Ports from before the change keep working; what was pending, masked or not, becomes pending in the new form. */
KIT_TEST(fifo_from_two_level)
{
    int a, b;

    reset();
    a = kit_event_bind_ipi(0);
    b = kit_event_bind_ipi(0);
    kit_event_mask((unsigned)a);
    CHECK_RC(kit_event_send((unsigned)a), 0);
    CHECK(kit_event_pending((unsigned)a));
    memset(control, 0, KIT_PAGE_SIZE);
    memset((void *)words, 0, KIT_PAGE_SIZE);
    CHECK_RC(init_control(kit_mfn_of(control), 0, 0, NULL), 0);
    CHECK_RC(kit_event_send((unsigned)b), 0); /* no array yet */
    CHECK_RC(expand(kit_mfn_of(words)), 0);
    CHECK_EQ(words[a], PENDING | LINKED | (unsigned)b);
    CHECK_EQ(words[b], PENDING | LINKED);
    CHECK_EQ(control->ready, 1U << EVTCHN_FIFO_PRIORITY_DEFAULT);
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
    kit_event_clear((unsigned)a);
    kit_event_clear((unsigned)b);
}

/* An event for a vcpu that has no control block yet is lost. */
KIT_TEST(fifo_no_control)
{
    KIT_NEEDS_VCPUS(2);

    struct evtchn_unmask u;
    int port;

    start();
    reset();
    memset(control, 0, KIT_PAGE_SIZE);
    memset((void *)words, 0, KIT_PAGE_SIZE);
    CHECK_RC(init_control(kit_mfn_of(control), 0, 1, NULL), 0);
    CHECK_RC(expand(kit_mfn_of((void *)words)), 0);
    port = kit_event_bind_ipi(0);
    CHECK_OR_RETURN(port > 0 && port < 1024);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(words[port], 0);
    words[port] = MASKED;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(words[port], MASKED);
    words[port] = PENDING | MASKED;
    u.port = (unsigned)port;
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK_EQ(words[port], PENDING);
    CHECK_RC(init_control(kit_mfn_of(control), 1024, 0, NULL), 0);
    CHECK_EQ(words[port], PENDING);
    CHECK_RC(op(EVTCHNOP_unmask, &u), 0);
    CHECK_EQ(words[port], PENDING | LINKED);
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
}

/* A port that once became pending before it had a word is so whenever it gets one: closed, or bound anew. The same for bits of the other form, used or not. */
KIT_TEST(fifo_remembers)
{
    struct evtchn_close c;
    int a, b;

    start();
    reset();
    memset(control, 0, KIT_PAGE_SIZE);
    memset((void *)words, 0, KIT_PAGE_SIZE);
    for (unsigned i = 1; i < 40; i++)
        kit_event_bind_ipi(0);
    a = 38;
    b = 39;
    CHECK_RC(init_control(kit_mfn_of(control), 0, 0, NULL), 0);
    CHECK_RC(kit_event_send((unsigned)a), 0);
    c.port = (unsigned)a;
    CHECK_RC(op(EVTCHNOP_close, &c), 0);
    CHECK_RC(expand(kit_mfn_of((void *)words)), 0);
    CHECK_EQ(words[a] & (PENDING | LINKED), PENDING | LINKED);
    CHECK_EQ(words[b], 0);
    reset();
    memset((void *)words, 0, KIT_PAGE_SIZE);
    kit_shared->evtchn_pending[0] |= 1UL << b;
    CHECK_RC(init_control(kit_mfn_of(control), 0, 0, NULL), 0);
    kit_shared->evtchn_pending[0] &= ~(1UL << b);
    CHECK_RC(expand(kit_mfn_of((void *)words)), 0);
    CHECK_EQ(words[a] & (PENDING | LINKED), PENDING | LINKED);
    CHECK_EQ(words[b] & (PENDING | LINKED), PENDING | LINKED);
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
}

/* The guest writes nonsense into its own queue: the hypervisor must not mind. */
KIT_TEST(fifo_corrupt)
{
    int ports[8];

    start();
    for (unsigned i = 0; i < 8; i++) {
        ports[i] = kit_event_bind_ipi(0);
        words[ports[i]] = 0;
    }
    for (unsigned round = 0; round < 200; round++) {
        words[ports[round % 8]] = round * 0x9e3779b1U;
        control->head[round % 16] = round * 0x85ebca6bU;
        control->ready = round * 0xc2b2ae35U;
        CHECK_RC(kit_event_send((unsigned)ports[(round * 3) % 8]), 0);
        for (unsigned i = 0; i < 8; i++)
            if (round % 5 == i % 5)
                words[ports[i]] &= ~(PENDING | LINKED);
    }
    kit_this()->info->evtchn_upcall_pending = 0;
    reset();
}
