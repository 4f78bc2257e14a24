/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The locks between threads: who waits has a place in the queue, a reader too, however many writers come behind it. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "hv/lock.h"

static rwlock_t rw = RWLOCK_INIT(RANK_LEAF);
static lock_t spin = LOCK_INIT(RANK_LEAF);
static unsigned int order, reader_at, writer_at, worked;

static void *reader(void *unused)
{
    read_lock(&rw);
    __atomic_store_n(&reader_at, __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
    read_unlock(&rw);
    return NULL;
}

static void *writer(void *unused)
{
    write_lock(&rw);
    __atomic_store_n(&writer_at, __atomic_add_fetch(&order, 1, __ATOMIC_SEQ_CST), __ATOMIC_SEQ_CST);
    write_unlock(&rw);
    return NULL;
}

/* Until so many tickets are drawn, the holder's included. */
static void wait_for_queue(const lock_t *l, uint32_t tickets)
{
    time_t end = time(NULL) + 10;

    while (__atomic_load_n(&l->next, __ATOMIC_SEQ_CST) - __atomic_load_n(&l->serving, __ATOMIC_SEQ_CST) <
           tickets) {
        if (time(NULL) > end)
            fail_msg("nobody queued up");
        sched_yield();
    }
}

static void test_reader_queues(void **state)
{
    pthread_t r, w;

    write_lock(&rw);
    assert_int_equal(pthread_create(&r, NULL, reader, NULL), 0);
    wait_for_queue(&rw.writer, 2);
    assert_int_equal(pthread_create(&w, NULL, writer, NULL), 0);
    wait_for_queue(&rw.writer, 3);
    assert_int_equal(rw.readers, 0);
    write_unlock(&rw);
    pthread_join(r, NULL);
    pthread_join(w, NULL);
    assert_int_equal(reader_at, 1);
    assert_int_equal(writer_at, 2);
    assert_int_equal(rw.readers, 0);
    assert_false(is_locked(&rw.writer));
}

static void work(void)
{
    __atomic_add_fetch(&worked, 1, __ATOMIC_SEQ_CST);
}

static void *server(void *unused)
{
    lock_serving(&spin, work);
    unlock(&spin);
    return NULL;
}

static void test_serves_while_it_queues(void **state)
{
    time_t end = time(NULL) + 10;
    pthread_t s;

    lock(&spin);
    assert_int_equal(pthread_create(&s, NULL, server, NULL), 0);
    wait_for_queue(&spin, 2);
    while (__atomic_load_n(&worked, __ATOMIC_SEQ_CST) < 3 && time(NULL) <= end)
        sched_yield();
    assert_true(worked >= 3);
    unlock(&spin);
    pthread_join(s, NULL);
    assert_false(is_locked(&spin));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_reader_queues),
                                       cmocka_unit_test(test_serves_while_it_queues)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
