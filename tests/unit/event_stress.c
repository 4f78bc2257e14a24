/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as processors: sends from hypercalls and from interrupts against unmask, close, bind, bind_vcpu,
 * set_priority and status in other domains, in both wire forms, under ThreadSanitizer. Afterwards the tables
 * are consistent and nothing leaks. (Giving memory back waits for interrupts, which a host does not have: reset
 * and teardown happen while all threads stand still.)
 *
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/event/channel.c hypervisor/event/bind.c hypervisor/event/hypercall.c
 * UNIT-SOURCES: hypervisor/event/two_level.c hypervisor/event/fifo.c hypervisor/event/fifo_setup.c
 * UNIT-SOURCES: hypervisor/event/virq.c hypervisor/event/pirq.c hypervisor/event/poll.c
 * UNIT-SOURCES: hypervisor/event/audit.c
 * UNIT-FLAGS: -include tests/unit/include/pause_yields.h
 * UNIT-FLAGS: -fno-sanitize=address,undefined -fsanitize=thread --param=tsan-distinguish-volatile=1
 */
#define sched_yield hypervisor_sched_yield /* the C library has another */
#include "event_world.h"
#include "random.h"
#undef sched_yield
#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#define THREADS 4
#define ROUNDS  20000
#define PORTS   12

/* What --param=tsan-distinguish-volatile=1 calls: READ_ONCE() and WRITE_ONCE() are one access each, and no race. */
#define VOLATILE(n)                                                                                          \
    void __tsan_volatile_read##n(void *p);                                                                   \
    void __tsan_volatile_read##n(void *p)                                                                    \
    {                                                                                                        \
    }                                                                                                        \
    void __tsan_volatile_write##n(void *p);                                                                  \
    void __tsan_volatile_write##n(void *p)                                                                   \
    {                                                                                                        \
    }
VOLATILE(1)
VOLATILE(2)
VOLATILE(4)
VOLATILE(8)

static bool use_fifo;

void unit_pause(void)
{
    syscall(SYS_sched_yield);
}

static void bind_something(unsigned int domain, unsigned int r)
{
    switch (r % 4) {
    case 0:
        call_unbound(domain, r / 4 % 3 + 1);
        break;
    case 1:
        call_interdomain(domain, r / 4 % 3 + 1, r / 16 % PORTS);
        break;
    case 2:
        call_ipi(domain, r / 4 % WORLD_VCPUS);
        break;
    default:
        call_virq(domain, r / 4 % 2 ? VIRQ_TIMER : VIRQ_DEBUG, r / 8 % WORLD_VCPUS);
    }
}

static void one_move(unsigned int r)
{
    unsigned int domain = r % 3 + 1, vcpu = r / 4 % WORLD_VCPUS;
    port_t port = r / 64 % PORTS;
    struct evtchn_status status = {.dom = DOMID_SELF, .port = port};

    switch (r / 1024 % 12) {
    case 0:
        call_port(domain, EVTCHNOP_close, port);
        break;
    case 1:
    case 2:
        bind_something(domain, r / 65536);
        break;
    case 3:
        call_port(domain, EVTCHNOP_unmask, port);
        break;
    case 4:
        call_bind_vcpu(domain, port, vcpu);
        break;
    case 5:
        call_priority(domain, port, r / 65536 % 16);
        break;
    case 6:
        world_call(domain, 0, EVTCHNOP_status, &status);
        break;
    case 7:
        event_send_virq(&world.vcpu[domain][vcpu], VIRQ_TIMER);
        break;
    default:
        call_port(domain, EVTCHNOP_send, port);
    }
}

/* Each thread also plays its domain's guest, so that queues empty and ports become free. */
static void play_guest(unsigned int domain, unsigned int r)
{
    event_word_t *words = (event_word_t *)(direct_map + domain * 16 * PAGE_SIZE);

    if (use_fifo)
        __atomic_fetch_and(&words[r % PORTS], ~(1U << EVTCHN_FIFO_LINKED | EVTCHN_FIFO_LINK_MASK),
                           __ATOMIC_SEQ_CST);
    else
        __atomic_fetch_and(&world.domain[domain].shared_info->evtchn_pending[0], 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&world.vcpu[domain][r % WORLD_VCPUS].info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST);
}

static void *processor(void *arg)
{
    random_sequence((unsigned int)(uintptr_t)arg);
    for (unsigned int i = 0; i < ROUNDS; i++) {
        uint64_t state = random64();

        one_move((unsigned int)(state >> 16));
        if (i % 8 == 0)
            play_guest(state % 3 + 1, (unsigned int)(state >> 40));
    }
    return NULL;
}

static void run(void)
{
    pthread_t thread[THREADS];

    seed_of_run();
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, processor, (void *)i), 0);
    for (unsigned int i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    for (unsigned int i = 0; i < WORLD_DOMAINS; i++)
        assert_int_equal(event_audit(&world.domain[i]), 0);
}

static void test_two_level(void **state)
{
    use_fifo = false;
    run();
}

static void test_fifo(void **state)
{
    use_fifo = true;
    memset(direct_map, 0, WORLD_FRAMES * PAGE_SIZE);
    for (unsigned int domain = 1; domain < WORLD_DOMAINS; domain++) {
        for (unsigned int vcpu = 0; vcpu < WORLD_VCPUS; vcpu++)
            assert_true(call_init_control(domain, domain * 16 + 1 + vcpu, 0, vcpu) > 0);
        assert_int_equal(call_expand(domain, domain * 16), 0);
    }
    run();
}

/* --- No event may be lost: senders, a mover of ports between queues, and a consumer for each vcpu. --- */

#define LOSS_PORTS 8
#define LOSS_SENDS 20000
#define PENDING    (1U << EVTCHN_FIFO_PENDING)
#define LINKED     (1U << EVTCHN_FIFO_LINKED)

static struct {
    uint32_t sent[LOSS_PORTS + 1], seen[LOSS_PORTS + 1];
    uint32_t senders; /* still at work */
} loss;

static event_word_t *loss_word(port_t port)
{
    return (event_word_t *)(direct_map + 16 * PAGE_SIZE) + port;
}

static void *sender(void *arg)
{
    for (unsigned int i = 0; i < LOSS_SENDS; i++) {
        port_t port = 1 + (i + (unsigned int)(uintptr_t)arg) % LOSS_PORTS;

        __atomic_fetch_add(&loss.sent[port], 1, __ATOMIC_SEQ_CST);
        event_set_pending(channel_at(world.domain[1].event, port), NULL);
    }
    __atomic_fetch_sub(&loss.senders, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

static void *mover(void *arg)
{
    for (unsigned int i = 0; __atomic_load_n(&loss.senders, __ATOMIC_SEQ_CST); i++) {
        call_bind_vcpu(1, 1 + i % LOSS_PORTS, i / LOSS_PORTS % WORLD_VCPUS);
        call_priority(1, 1 + i / 3 % LOSS_PORTS, i % 2 ? 3 : 9);
        unit_pause();
    }
    return NULL;
}

static void handle(port_t port)
{
    if (!(__atomic_fetch_and(loss_word(port), ~PENDING, __ATOMIC_SEQ_CST) & PENDING))
        return;
    __atomic_store_n(&loss.seen[port], __atomic_load_n(&loss.sent[port], __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
}

/* One pass of a guest's upcall handler; the queues' heads are the guest's own. */
static void consume_all(struct evtchn_fifo_control_block *control, uint32_t head[])
{
    uint32_t ready = __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);

    while (ready) {
        unsigned int q = (unsigned int)__builtin_ctz(ready);
        port_t port = head[q] ? head[q] : __atomic_load_n(&control->head[q], __ATOMIC_SEQ_CST);
        event_word_t old =
            __atomic_fetch_and(loss_word(port), ~(LINKED | EVTCHN_FIFO_LINK_MASK), __ATOMIC_SEQ_CST);

        head[q] = old & EVTCHN_FIFO_LINK_MASK;
        if (!head[q])
            ready &= ~(1U << q);
        handle(port);
        ready |= __atomic_exchange_n(&control->ready, 0, __ATOMIC_SEQ_CST);
    }
}

static void *consumer(void *arg)
{
    unsigned int vcpu = (unsigned int)(uintptr_t)arg;
    vcpu_info_t *info = world.vcpu[1][vcpu].info;
    struct evtchn_fifo_control_block *control = (void *)(direct_map + (17 + vcpu) * PAGE_SIZE);
    uint32_t head[EVTCHN_FIFO_MAX_QUEUES] = {0};
    bool last;

    do {
        last = !__atomic_load_n(&loss.senders, __ATOMIC_SEQ_CST);
        if (__atomic_exchange_n(&info->evtchn_upcall_pending, 0, __ATOMIC_SEQ_CST))
            consume_all(control, head);
        else
            unit_pause();
    } while (!last);
    return NULL;
}

static void test_nothing_lost(void **state)
{
    pthread_t thread[2 + 1 + WORLD_VCPUS];
    unsigned int n = 0;

    memset(&loss, 0, sizeof(loss));
    memset(direct_map, 0, WORLD_FRAMES * PAGE_SIZE);
    for (unsigned int vcpu = 0; vcpu < WORLD_VCPUS; vcpu++)
        assert_true(call_init_control(1, 17 + vcpu, 0, vcpu) > 0);
    assert_int_equal(call_expand(1, 16), 0);
    for (unsigned int i = 1; i <= LOSS_PORTS; i++)
        assert_int_equal(call_unbound(1, 0), i);
    loss.senders = 2;
    for (uintptr_t vcpu = 0; vcpu < WORLD_VCPUS; vcpu++)
        assert_int_equal(pthread_create(&thread[n++], NULL, consumer, (void *)vcpu), 0);
    assert_int_equal(pthread_create(&thread[n++], NULL, mover, NULL), 0);
    for (uintptr_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&thread[n++], NULL, sender, (void *)(i * 3)), 0);
    while (n--)
        pthread_join(thread[n], NULL);
    for (port_t port = 1; port <= LOSS_PORTS; port++)
        if (loss.seen[port] != loss.sent[port] || (*loss_word(port) & (PENDING | LINKED)))
            fail_msg("port %u: %u of %u, word %#x", port, loss.seen[port], loss.sent[port], *loss_word(port));
    assert_int_equal(event_audit(&world.domain[1]), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_two_level), T(test_fifo), T(test_nothing_lost)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
