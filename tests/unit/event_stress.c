/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Threads as processors: sends from hypercalls and from interrupts against unmask, close, bind, bind_vcpu,
 * set_priority and status in other domains, in both wire forms, under ThreadSanitizer. Afterwards the tables
 * are consistent and nothing leaks. (Giving memory back waits for interrupts, which a host does not have: reset
 * and teardown happen while all threads stand still.)
 *
 * UNIT-SOURCES: hypervisor/event/channel.c hypervisor/event/bind.c hypervisor/event/hypercall.c
 * UNIT-SOURCES: hypervisor/event/two_level.c hypervisor/event/fifo.c hypervisor/event/fifo_setup.c
 * UNIT-SOURCES: hypervisor/event/virq.c hypervisor/event/pirq.c hypervisor/event/poll.c
 * UNIT-SOURCES: hypervisor/event/audit.c
 * UNIT-FLAGS: -include tests/unit/include/pause_yields.h
 * UNIT-FLAGS: -fno-sanitize=address,undefined -fsanitize=thread --param=tsan-distinguish-volatile=1
 */
#define sched_yield hypervisor_sched_yield /* the C library has another */
#include "event_world.h"
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
    uint64_t state = 0x9e3779b97f4a7c15ULL * ((uintptr_t)arg + 1);

    for (unsigned int i = 0; i < ROUNDS; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        one_move((unsigned int)(state >> 16));
        if (i % 8 == 0)
            play_guest(state % 3 + 1, (unsigned int)(state >> 40));
    }
    return NULL;
}

static void run(void)
{
    pthread_t thread[THREADS];

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

#define T(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(test_two_level), T(test_fifo)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
