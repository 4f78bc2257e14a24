/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The FIFO form against a reference guest, which moves between any two of our atomic steps: exhaustively for
 * short runs, at random for long ones. Every event that was sent must arrive, on a queue of the right vcpu.
 *
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/event/channel.c hypervisor/event/bind.c hypervisor/event/hypercall.c
 * UNIT-SOURCES: hypervisor/event/two_level.c hypervisor/event/fifo.c hypervisor/event/fifo_setup.c
 * UNIT-SOURCES: hypervisor/event/virq.c hypervisor/event/pirq.c hypervisor/event/poll.c
 * UNIT-SOURCES: hypervisor/event/audit.c
 * UNIT-FLAGS: -include tests/unit/include/step_atomics.h
 */
#include "event_world.h"
#include "random.h"

#define PENDING (1U << EVTCHN_FIFO_PENDING)
#define MASKED  (1U << EVTCHN_FIFO_MASKED)
#define LINKED  (1U << EVTCHN_FIFO_LINKED)
#define BUSY    (1U << EVTCHN_FIFO_BUSY)

#define GUEST     1
#define PORTS     4 /* 1 to PORTS-1 are used */
#define VCPUS     2
#define GFN_OF(n) (GUEST * 16 + (n))

/* --- The reference guest: one consumer a vcpu, one access to shared memory a step. --- */

struct consumer {
    enum { IDLE, READY, HEAD, TAKE, HANDLE, MORE } at;
    uint32_t ready, head[16];
    unsigned int queue;
    uint32_t port, link;
};

static struct {
    struct consumer consumer[VCPUS];
    unsigned int sent[PORTS], handled[PORTS];
    bool active; /* the guest takes part */
    uint64_t (*choose)(void);
    unsigned int steps;
} guest;

static event_word_t *word(port_t port)
{
    return (event_word_t *)(direct_map + GFN_OF(0) * PAGE_SIZE) + port;
}

static struct evtchn_fifo_control_block *control(unsigned int vcpu)
{
    return (void *)(direct_map + GFN_OF(1 + vcpu) * PAGE_SIZE);
}

static void take(struct consumer *c)
{
    event_word_t w = *word(c->port);

    assert_true(c->port > 0 && c->port < PORTS);
    *word(c->port) = w & ~(LINKED | EVTCHN_FIFO_LINK_MASK);
    c->link = w & EVTCHN_FIFO_LINK_MASK;
}

/* False when there is nothing to do. */
static bool consumer_step(unsigned int vcpu)
{
    struct consumer *c = &guest.consumer[vcpu];
    vcpu_info_t *info = world.vcpu[GUEST][vcpu].info;

    switch (c->at) {
    case IDLE:
        if (!info->evtchn_upcall_pending)
            return false;
        info->evtchn_upcall_pending = 0;
        c->at = READY;
        return true;
    case READY:
    case MORE:
        c->ready |= control(vcpu)->ready;
        control(vcpu)->ready = 0;
        c->at = c->ready ? HEAD : IDLE;
        return true;
    case HEAD:
        c->queue = (unsigned int)__builtin_ctz(c->ready);
        c->port = c->head[c->queue] ? c->head[c->queue] : control(vcpu)->head[c->queue];
        c->at = TAKE;
        return true;
    case TAKE:
        take(c);
        if (!c->link)
            c->ready &= ~(1U << c->queue);
        c->head[c->queue] = c->link;
        c->at = HANDLE;
        return true;
    case HANDLE:
        if ((*word(c->port) & (PENDING | MASKED)) == PENDING) {
            *word(c->port) &= ~PENDING;
            guest.handled[c->port] = guest.sent[c->port];
        }
        c->at = MORE;
        return true;
    }
    return false;
}

void unit_step(void)
{
    unsigned int moves;

    if (!guest.active)
        return;
    for (moves = (unsigned int)guest.choose() % 4; moves; moves--) {
        guest.steps++;
        consumer_step((unsigned int)guest.choose() % VCPUS);
    }
}

/* The guest runs until it idles: then nothing may be left unseen. */
static void settle(void)
{
    bool was = guest.active;

    guest.active = false;
    for (unsigned int i = 0; i < 10000; i++)
        if (!consumer_step(0) && !consumer_step(1))
            break;
    for (port_t port = 1; port < PORTS; port++) {
        event_word_t w = *word(port);

        if ((w & (PENDING | MASKED)) == PENDING || (w & (BUSY | LINKED)) ||
            (!(w & MASKED) && guest.handled[port] != guest.sent[port]))
            fail_msg("port %u: word %#x, sent %u, handled %u", port, w, guest.sent[port],
                     guest.handled[port]);
    }
    guest.active = was;
}

static void guest_setup(void)
{
    memset(&guest, 0, sizeof(guest));
    memset(direct_map + GFN_OF(0) * PAGE_SIZE, 0, 4 * PAGE_SIZE);
    for (long port = 1; port < PORTS; port++)
        assert_int_equal(call_unbound(GUEST, DOMID_SELF), port);
    /* Unbound ports are sent to from within here, as a peer would. */
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 0, 0), EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(call_init_control(GUEST, GFN_OF(2), 0, 1), EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(call_expand(GUEST, GFN_OF(0)), 0);
}

static void guest_end(void)
{
    guest.active = false;
    assert_int_equal(event_audit(&world.domain[GUEST]), 0);
    assert_int_equal(call_reset(GUEST, DOMID_SELF), 0);
}

static void send(port_t port)
{
    guest.sent[port]++;
    event_set_pending(channel_at(world.domain[GUEST].event, port), NULL);
}

/* What the guest's unmasking does: by itself if nothing is pending, else by the hypercall. */
static void unmask(port_t port)
{
    if (*word(port) & PENDING)
        call_port(GUEST, EVTCHNOP_unmask, port);
    else
        *word(port) &= ~MASKED;
}

static void mask(port_t port)
{
    *word(port) |= MASKED;
}

static void operation(unsigned int what)
{
    port_t port = 1 + what / 8 % (PORTS - 1);

    switch (what % 8) {
    case 0:
        assert_int_equal(call_priority(GUEST, port, what / 32 % 2 ? 3 : 9), 0);
        break;
    case 1:
        assert_int_equal(call_bind_vcpu(GUEST, port, what / 32 % VCPUS), 0);
        break;
    case 2:
        mask(port);
        break;
    case 3:
        unmask(port);
        break;
    default:
        send(port);
    }
}

static void unmask_all(void)
{
    for (port_t port = 1; port < PORTS; port++)
        unmask(port);
    settle();
}

/* --- Exhaustive: choices are the digits of a number that is counted up. --- */

#define MAX_CHOICES 64
static struct {
    uint8_t digit[MAX_CHOICES];
    unsigned int used, fixed;
} tree;

static uint64_t choose_next(void)
{
    unsigned int i = tree.used++;

    return i < MAX_CHOICES && i < tree.fixed ? tree.digit[i] : 0;
}

/* The next leaf; `base` choices at each node, at most `depth` nodes deep. False after the last. */
static bool tree_advance(unsigned int base, unsigned int depth)
{
    unsigned int i = min(tree.used, depth);

    for (unsigned int k = tree.fixed; k < i; k++)
        tree.digit[k] = 0;
    while (i && ++tree.digit[i - 1] == base)
        i--;
    tree.fixed = i;
    return i != 0;
}

/* Two operations on one vcpu's queues, after one event that has been sent already; the guest moves 0 to 3 steps before each atomic. */
static void run_leaf(void **state, unsigned int first, unsigned int second)
{
    guest_setup();
    send(1);
    guest.choose = choose_next;
    tree.used = 0;
    guest.active = true;
    operation(first);
    operation(second);
    guest.active = false;
    settle();
    unmask_all();
    guest_end();
}

static void test_exhaustive(void **state)
{
    static const uint8_t operations[] = {4, 12, 20, 2, 3, 0, 32, 1, 33};
    unsigned long leaves = 0;

    for (unsigned int a = 0; a < ARRAY_SIZE(operations); a++)
        for (unsigned int b = 0; b < 3; b++) {
            tree.fixed = 0;
            do {
                run_leaf(state, operations[a], operations[b]);
                leaves++;
            } while (tree_advance(4, 6));
        }
    print_message("%lu interleavings\n", leaves);
    assert_true(leaves > 5000);
}

/* --- Random --- */

static uint64_t choose_random(void)
{
    return random64() >> 20;
}

static void test_random(void **state)
{
    random_sequence(0);
    for (unsigned int run = 0; run < 2000; run++) {
        guest_setup();
        guest.choose = choose_random;
        guest.active = true;
        for (unsigned int i = 0; i < 40; i++)
            operation((unsigned int)(choose_random() % 1024));
        guest.active = false;
        settle();
        unmask_all();
        guest_end();
    }
}

/* A guest that writes anything anywhere: we neither loop nor leave our own state inconsistent (ASan: nor write elsewhere). */
static unsigned int scribbled;

static uint64_t choose_scribble(void)
{
    *word((port_t)(choose_random() % PORTS)) =
        (event_word_t)choose_random() << 12 ^ (event_word_t)choose_random();
    control(choose_random() % VCPUS)->ready = (uint32_t)choose_random();
    control(choose_random() % VCPUS)->head[choose_random() % 16] = (uint32_t)choose_random();
    scribbled++;
    return 0;
}

static void test_hostile(void **state)
{
    random_sequence(1);
    for (unsigned int run = 0; run < 500; run++) {
        guest_setup();
        guest.choose = choose_scribble;
        guest.active = true;
        for (unsigned int i = 0; i < 40; i++) {
            unsigned int before = scribbled;

            operation((unsigned int)(choose_random() % 1024));
            assert_true(scribbled - before < 200);
        }
        guest_end();
    }
}

/* --- Setting up, errors, events that come early. --- */

static void test_setup_errors(void **state)
{
    const uint32_t end = PAGE_SIZE - sizeof(struct evtchn_fifo_control_block);

    assert_int_equal(call_expand(GUEST, GFN_OF(0)), -EOPNOTSUPP);
    assert_int_equal(call_ipi(GUEST, 0), 1);
    assert_int_equal(call_priority(GUEST, 1, 3), -ENOSYS);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), end + 8, 0), -EINVAL);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 4, 0), -EINVAL);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 0, WORLD_VCPUS), -ENOENT);
    assert_int_equal(call_init_control(GUEST, ~0ULL, 0, 0), -EINVAL);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), end, 0), EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), end, 0), -EINVAL); /* once */
    assert_int_equal(world.frame_refs[GFN_OF(1)], 1);
    assert_int_equal(call_expand(GUEST, ~0ULL), -EINVAL);
    assert_int_equal(call_priority(GUEST, 1, EVTCHN_FIFO_PRIORITY_MIN + 1), -EINVAL);
    assert_int_equal(call_priority(GUEST, 5, 0), -EACCES);
    assert_int_equal(call_priority(GUEST, 0, 0), -EACCES);
    assert_int_equal(call_priority(GUEST, 64, 0), -EINVAL);
    for (unsigned int i = 0; i < FIFO_PAGES; i++)
        assert_int_equal(call_expand(GUEST, GFN_OF(0)), 0);
    assert_int_equal(call_expand(GUEST, GFN_OF(0)), -ENOSPC);
    assert_int_equal(world.frame_refs[GFN_OF(0)], FIFO_PAGES);
    assert_int_equal(call_reset(GUEST, DOMID_SELF), 0);
    assert_int_equal(world.frame_refs[GFN_OF(0)], 0);
    assert_int_equal(world.quiesced, 1);
    assert_int_equal(call_expand(GUEST, GFN_OF(0)), -EOPNOTSUPP);
}

static void test_early(void **state)
{
    memset(direct_map + GFN_OF(0) * PAGE_SIZE, 0, 4 * PAGE_SIZE);
    assert_int_equal(call_ipi(GUEST, 0), 1);
    assert_int_equal(call_ipi(GUEST, 1), 2);
    assert_int_equal(call_ipi(GUEST, 0), 3);
    call_port(GUEST, EVTCHNOP_send, 1); /* in the two-level form */
    world.vcpu[GUEST][0].info->evtchn_upcall_pending = 0;
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 0, 0), EVTCHN_FIFO_LINK_BITS);
    call_port(GUEST, EVTCHNOP_send, 2); /* no word */
    assert_true(event_is_pending(&world.domain[GUEST], 2));
    assert_int_equal(call_expand(GUEST, GFN_OF(0)), 0);
    assert_int_equal(*word(1), PENDING | LINKED);
    assert_int_equal(control(0)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], 1);
    assert_int_equal(world.vcpu[GUEST][0].info->evtchn_upcall_pending, 1);
    assert_int_equal(*word(2), 0); /* no control block: it is lost, as on Xen */
    assert_int_equal(call_port(GUEST, EVTCHNOP_send, 2), 0);
    assert_int_equal(*word(2), 0);
    assert_int_equal(call_init_control(GUEST, GFN_OF(2), 0, 1), EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(*word(2), 0);
    assert_int_equal(call_port(GUEST, EVTCHNOP_send, 2), 0);
    assert_int_equal(*word(2), PENDING | LINKED);
    assert_int_equal(control(1)->head[EVTCHN_FIFO_PRIORITY_DEFAULT], 2);
    call_port(GUEST, EVTCHNOP_send, 3);
    assert_int_equal(*word(1), PENDING | LINKED | 3);
    /* Closed while linked: not given out again until the guest has taken it off. */
    assert_int_equal(call_port(GUEST, EVTCHNOP_close, 1), 0);
    assert_int_equal(*word(1), LINKED | 3);
    assert_int_equal(call_ipi(GUEST, 0), 4);
    *word(1) = 0;
    assert_int_equal(call_ipi(GUEST, 0), 1);
}

/* A whole page of early events is shown in pieces; the call that goes on is not taken for another, whatever other vcpus add meanwhile. */
static void test_expand_in_pieces(void **state)
{
    struct evtchn_expand_array mine = {.array_gfn = GFN_OF(0)}, other = {.array_gfn = GFN_OF(2)};
    struct hypercall hc = {.vcpu = &world.vcpu[GUEST][0],
                           .arg = {EVTCHNOP_expand_array, (uint64_t)&mine},
                           .number = __HYPERVISOR_event_channel_op,
                           .budget = HYPERCALL_BUDGET};
    struct event_domain *e = world.domain[GUEST].event;

    memset(direct_map + GFN_OF(0) * PAGE_SIZE, 0, 4 * PAGE_SIZE);
    for (long port = 1; port < 2000; port++)
        assert_int_equal(call_ipi(GUEST, 0), port);
    memset(world.domain[GUEST].shared_info->evtchn_pending, 0xff, 4096 / 8);
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 0, 0), EVTCHN_FIFO_LINK_BITS);
    world.softirq = true;
    assert_int_equal(do_event_channel_op(&hc), -ERESTART);
    assert_int_equal(e->fifo->pages, 1);
    assert_int_equal(*word(1) & PENDING, PENDING);
    assert_int_equal(*word(1023), 0);
    assert_int_equal(world_call(GUEST, 1, EVTCHNOP_expand_array, &other), 0);
    assert_int_equal(*word(1023) & (PENDING | LINKED), PENDING | LINKED);
    assert_int_equal(e->fifo->pages, 2);
    assert_int_equal(do_event_channel_op(&hc), 0);
    assert_int_equal(e->fifo->pages, 2);
    assert_int_equal(world.frame_refs[GFN_OF(0)], 1);
    assert_int_equal(world.frame_refs[GFN_OF(2)], 1);
    assert_int_equal(do_event_channel_op(&hc), 0); /* once more is another page, as ever */
    assert_int_equal(e->fifo->pages, 3);
    assert_int_equal(world.frame_refs[GFN_OF(0)], 2);
    world.softirq = false;
}

/* More ports than the two-level form has, and every free one still linked. */
static void test_many(void **state)
{
    assert_int_equal(call_init_control(GUEST, GFN_OF(1), 0, 0), EVTCHN_FIFO_LINK_BITS);
    assert_int_equal(call_expand(GUEST, GFN_OF(0)), 0);
    for (unsigned int i = 0; i < 1024; i++)
        *word(i) = 0;
    for (long port = 1; port < 10000; port++)
        assert_int_equal(call_ipi(GUEST, 0), port);
    assert_int_equal(call_port(GUEST, EVTCHNOP_send, 9999), 0);
    for (port_t port = 1; port < 1024; port++) {
        *word(port) = LINKED;
        assert_int_equal(call_port(GUEST, EVTCHNOP_close, port), 0);
    }
    assert_int_equal(call_ipi(GUEST, 0), 10000);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_setup_errors),     T(test_early),      T(test_many),
                                       T(test_expand_in_pieces), T(test_exhaustive), T(test_random),
                                       T(test_hostile)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
