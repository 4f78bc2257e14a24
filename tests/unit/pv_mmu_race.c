/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Page tables of PV guests on a fake machine: many hands at few entries, and a change of an entry against the end of its table.
 * UNIT-SOURCES: abi/codec.c hypervisor/core/guest_abi.c tests/unit/support/alloc.c hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/pv/leaf.c hypervisor/pv/l1tf.c hypervisor/pv/validate.c hypervisor/pv/pt_update.c hypervisor/pv/update_va.c hypervisor/pv/mmu_update.c hypervisor/pv/mmuext.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DRACE_POINT=fake_race_point -include fake_race.h
 */
#include "pv_space.h"
#include <pthread.h>

/* Two vcpus write the same entries while a third takes the table in and out of use. */

static volatile bool hammering;

static void *hammer_entries(void *arg)
{
    struct vcpu *v = arg;

    random_sequence(1 + v->id);
    while (hammering) {
        uint64_t r = random64();
        uint64_t pte = r % 4 ? PTE(20 + r % 3, P | (r >> 8 & W)) : 0;
        mmu_update_t u = {(13 << 12) + (r >> 16 & 1) * 8 + (r >> 20 & 2), pte};
        struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, DOMID_SELF);

        if (r >> 32 & 1)
            hc = fake_hypercall(v, (r >> 16 & 1) << 12, pte, 0, 0);
        (void)(r >> 32 & 1 ? do_update_va_mapping(&hc) : do_mmu_update(&hc));
    }
    return NULL;
}

static void *hammer_table(void *arg)
{
    struct vcpu *v = arg;

    random_sequence(99);
    for (unsigned int i = 0; i < steps_of_run(1000); i++) {
        mmu_update_t u = {12 << 12, i & 1 ? PTE(13, P | W) : 0};
        struct hypercall hc = fake_hypercall(v, (uintptr_t)&u, 1, 0, DOMID_SELF);

        while (do_mmu_update(&hc) == -ERESTART)
            ;
        /* In use for as long as it takes the others to get at it. */
        for (unsigned int pause = 0; pause < 3 && i & 1; pause++)
            sched_yield();
    }
    hammering = false;
    return NULL;
}

static void test_race_on_entries(void **state)
{
    static struct pv_vcpu third;
    pthread_t t[3];
    uint64_t expected[3] = {1, 1, 1};

    build_space(d0);
    assert_int_equal(mmuext(v0, MMUEXT_NEW_BASEPTR, 10, 0, DOMID_SELF), 0);
    pv_vcpu(d0->vcpu[1])->cr3_kernel = pv_vcpu(v0)->cr3_kernel;
    third.v = *v0;
    hammering = true;
    fake_race_one_in = 8;
    fake.preempt_one_in = 3;
    assert_int_equal(pthread_create(&t[0], NULL, hammer_entries, d0->vcpu[0]), 0);
    assert_int_equal(pthread_create(&t[1], NULL, hammer_entries, d0->vcpu[1]), 0);
    assert_int_equal(pthread_create(&t[2], NULL, hammer_table, &third.v), 0);
    for (unsigned int i = 0; i < 3; i++)
        pthread_join(t[i], NULL);
    fake_race_one_in = 0;
    /* Whatever the entries say now, in use or not, that is what is held. */
    for (unsigned int i = 0; i < 512 && fw_phase(word_of(13)) == FW_VALID; i++)
        if (table_of(13)[i] & P)
            expected[pte_mfn(table_of(13)[i]).n - 20]++;
    for (unsigned int i = 0; i < 3; i++)
        assert_int_equal(fw_general(word_of(20 + i)), expected[i]);
}

/* The same at chosen moments: while one vcpu is at the n-th point of a change of an entry, another takes the table out of use. */
static volatile bool other_done;
static pthread_t other;

static void *take_table_out(void *arg)
{
    assert_int_equal(mmuext(d0->vcpu[1], MMUEXT_UNPIN_TABLE, 13, 0, DOMID_SELF), 0);
    other_done = true;
    return NULL;
}

/* Waits for the other to finish, or to be seen to wait for us. */
static void let_other_run(void)
{
    assert_int_equal(pthread_create(&other, NULL, take_table_out, NULL), 0);
    for (unsigned int ms = 0; ms < 50 && !other_done; ms++)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
}

static void test_entry_against_devalidation(void **state)
{
    build_space(d0);
    for (unsigned int n = 1; n <= 2; n++) {
        table_of(13)[0] = PTE(20, P | W);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L1_TABLE, 13, 0, DOMID_SELF), 0);
        other_done = false;
        fake_race_hook_in = n;
        fake_race_hook = let_other_run;
        (void)mmu_update(v0, 13 << 12, PTE(22, P | W), DOMID_SELF);
        assert_null(fake_race_hook);
        pthread_join(other, NULL);
        assert_true(other_done);
        for (unsigned int i = 10; i < 40; i++)
            assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
}

static void unpin_32(void)
{
    assert_int_equal(mmuext(d0->vcpu[1], MMUEXT_UNPIN_TABLE, 32, 0, DOMID_SELF), 0);
}

/* A linear entry that is refused held the last reference to the table that it was to name: that one's end may stop, and whoever asks for the frame next goes on with it. */
static void test_linear_last_reference(void **state)
{
    struct hypercall hc = fake_hypercall(v0, 0, 0, 0, 0);

    build_space(d0);
    for (unsigned int stops = 0; stops < 2; stops++) {
        table_of(32)[5] = PTE(33, P); /* so nothing else may name it */
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 33, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 32, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
        fake_race_hook_in = 1;
        fake_race_hook = unpin_32;
        fake.preempt_one_in = stops;
        assert_int_equal(mmu_update(v0, (10 << 12) + 48, PTE(32, P), DOMID_SELF), -EINVAL);
        assert_null(fake_race_hook);
        assert_int_equal(fw_phase(word_of(32)), stops ? FW_PARTIAL : FW_IDLE);
        fake.preempt_one_in = 0;
        assert_int_equal(frame_get_type(&frame_table[32], d0, FT_WRITABLE, &hc), 0);
        frame_put_type(&frame_table[32], d0, FT_WRITABLE, NULL);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 33, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
        for (unsigned int i = 10; i < 40; i++)
            assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
}

static void unpin_and_pin_32(void)
{
    assert_int_equal(mmuext(d0->vcpu[1], MMUEXT_UNPIN_TABLE, 32, 0, DOMID_SELF), 0);
    assert_int_equal(mmuext(d0->vcpu[1], MMUEXT_PIN_L4_TABLE, 32, 0, DOMID_SELF), 0);
}

/* PT12: a table that ends, and is one again, while somebody is about to give it a linear entry, knows of that entry: nothing else may name it. */
static void test_linear_of_two_lives(void **state)
{
    build_space(d0);
    for (unsigned int own = 0; own < 2; own++) {
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 33, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 32, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_PIN_L4_TABLE, 10, 0, DOMID_SELF), 0);
        fake_race_hook_in = own ? 1 : 2; /* when the entry's child is held */
        fake_race_hook = unpin_and_pin_32;
        assert_int_equal(mmu_update(v0, (32 << 12) + 40, PTE(own ? 32 : 33, P), DOMID_SELF), 0);
        assert_null(fake_race_hook);
        assert_true(frame_table[32].data & TD_LINEAR);
        assert_int_equal(frame_table[32].data / TD_LINEAR_OUT, !own);
        assert_int_equal(mmu_update(v0, (10 << 12) + 48, PTE(32, P), DOMID_SELF), own ? 0 : -EINVAL);
        assert_int_equal(mmu_update(v0, (10 << 12) + 48, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 32, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 33, 0, DOMID_SELF), 0);
        assert_int_equal(mmuext(v0, MMUEXT_UNPIN_TABLE, 10, 0, DOMID_SELF), 0);
        table_of(32)[5] = 0;
        assert_int_equal(frame_table[32].data / TD_LINEAR_OUT, 0);
        assert_int_equal(frame_table[33].data / TD_LINEAR_IN, 0);
        for (unsigned int i = 10; i < 40; i++)
            assert_int_equal(word_of(i) & ~FW_TYPE_MASK, fw_make(0, FW_IDLE, 0, 1));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_race_on_entries),
        CASE(test_entry_against_devalidation),
        CASE(test_linear_last_reference),
        CASE(test_linear_of_two_lives),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
