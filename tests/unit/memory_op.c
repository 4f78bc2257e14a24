/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Memory that comes and goes, on a fake machine with a fake heap that fails at will: random reservations and exchanges, also with the same page named twice, mapped
 * pages, frames of others. No page may be lost or counted twice, and an exchange does its chunk or leaves it alone. The seed is printed; SEED=n repeats a run.
 * UNIT-SOURCES: hypervisor/core/authority.c hypervisor/core/frame_ref.c hypervisor/core/domain_memory.c hypervisor/core/memory_op.c hypervisor/core/memory_reservation.c hypervisor/core/memory_exchange.c hypervisor/core/memory_claim.c
 * UNIT-FLAGS: -DHYPERCALL_BUDGET=1 -DFAKE_WITHOUT_RELEASE
 */
#include "fake_machine.h"
#include "core/memory_op.h"
#include <time.h>

#define HEAP_FRAMES 1024 /* from frame 0 on; the fake heap's */

int frame_type_validate(struct domain *d, struct frame *f, enum frame_type t, struct hypercall *hc)
{
    return -EINVAL;
}

int frame_type_devalidate(struct domain *d, struct frame *f, enum frame_type t, struct hypercall *hc)
{
    return 0;
}

#define ABSENT(name)                                                                                         \
    long name(struct hypercall *hc)                                                                          \
    {                                                                                                        \
        return -ENOSYS;                                                                                      \
    }
ABSENT(memory_op_map)
ABSENT(memory_op_set_map)
ABSENT(memory_op_machine_map)
ABSENT(memory_op_machphys_mapping)
ABSENT(memory_op_machphys_list)

/* --- The fake heap: first fit. --- */

static unsigned int fail_one_in;

struct frame *heap_alloc(unsigned int order, unsigned int width, unsigned int node, unsigned int flags)
{
    uint64_t n = 1ULL << order;

    if (fail_one_in && fake_random() % fail_one_in == 0)
        return NULL;
    for (uint64_t at = 0; at + n <= HEAP_FRAMES; at += n) {
        uint64_t i = 0;

        while (i < n && (frame_table[at + i].flags & FRAME_FREE))
            i++;
        if (i < n)
            continue;
        if (width && (at + n) << PAGE_SHIFT > 1ULL << width)
            return NULL;
        for (i = 0; i < n; i++)
            frame_table[at + i] = (struct frame){.owner = FRAME_OWNER_NONE};
        return &frame_table[at];
    }
    return NULL;
}

void heap_free(struct frame *f, unsigned int order)
{
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        assert_int_equal(f[i].flags & FRAME_FREE, 0);
        assert_int_equal(f[i].data, 0);
        f[i] = (struct frame){.owner = FRAME_OWNER_NONE, .flags = FRAME_FREE};
    }
}

uint64_t heap_free_frames(void)
{
    uint64_t n = 0;

    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        n += (frame_table[i].flags & FRAME_FREE) != 0;
    return n;
}

static struct domain *d0, *d1;

static int setup(void **state)
{
    fake_machine_up();
    fail_one_in = 0;
    for (unsigned int i = 0; i < HEAP_FRAMES; i++)
        frame_table[i].flags = FRAME_FREE;
    d0 = &fake.domain[0].d;
    d1 = &fake.domain[1].d;
    d0->page_list = d1->page_list = FRAME_LIST_END;
    d0->max_pages = 700;
    d1->max_pages = 400;
    return 0;
}

static int teardown(void **state)
{
    return fake_machine_down();
}

static long memory_op(struct domain *d, unsigned int cmd, void *arg)
{
    struct hypercall hc = fake_hypercall(d->vcpu[0], cmd, (uintptr_t)arg, 0, 0);
    long ret;

    do {
        ret = do_memory_op(&hc);
    } while (ret == -ERESTART);
    return ret;
}

static struct memory_reservation reservation(uint64_t *list, uint64_t count, unsigned int order)
{
    return (struct memory_reservation){
        .extent_start = (uintptr_t)list, .nr_extents = count, .extent_order = order, .domid = DOMID_SELF};
}

static long reserve(struct domain *d, unsigned int cmd, uint64_t *list, uint64_t count, unsigned int order)
{
    struct memory_reservation r = reservation(list, count, order);

    return memory_op(d, cmd, &r);
}

/* Every frame is free or on exactly its owner's list; the counts say so. */
static void check(uint64_t seed, unsigned int step)
{
    uint64_t owned = 0;

    for (unsigned int i = 0; i < FAKE_DOMAINS; i++) {
        struct domain *d = &fake.domain[i].d;
        uint64_t n = 0;

        for (uint32_t f = d->page_list; f != FRAME_LIST_END; f = frame_table[f].next, n++)
            if (n > HEAP_FRAMES || frame_table[f].owner != d->id || fw_general(frame_table[f].word) == 0)
                fail_msg("seed %lu step %u: page list of d%u at frame %u", seed, step, i, f);
        if (n != d->tot_pages || n > d->max_pages)
            fail_msg("seed %lu step %u: d%u counts %lu, has %lu", seed, step, i, d->tot_pages, n);
        owned += n;
        assert_int_equal(d->references, 1);
    }
    if (owned + heap_free_frames() != HEAP_FRAMES)
        fail_msg("seed %lu step %u: %lu pages lost", seed, step, HEAP_FRAMES - owned - heap_free_frames());
}

static void test_reservations(void **state)
{
    uint64_t list[4] = {100, 101, 102, 103};

    assert_int_equal(reserve(d0, XENMEM_populate_physmap, list, 4, 0), 4);
    assert_int_equal(d0->tot_pages, 4);
    for (unsigned int i = 0; i < 4; i++)
        assert_int_equal(m2p_table[list[i]], 100 + i);
    assert_int_equal(reserve(d1, XENMEM_decrease_reservation, list, 4, 0), 0); /* another's */
    list[2] = list[1];
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, list, 4, 0), 2); /* the same twice */
    assert_int_equal(d0->tot_pages, 2);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 4, 8), 2); /* 700 is the limit */
    assert_int_equal(d0->tot_pages, 2 + 512);
    check(0, 0);
}

/* A page that somebody holds is given up at once, and goes with its last reference. */
static void test_given_up_while_held(void **state)
{
    uint64_t mfn = 5;

    assert_int_equal(reserve(d0, XENMEM_populate_physmap, &mfn, 1, 0), 1);
    assert_true(frame_get(&frame_table[mfn], d0));
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &mfn, 1, 0), 1);
    assert_int_equal(d0->tot_pages, 1);
    assert_int_equal(reserve(d0, XENMEM_decrease_reservation, &mfn, 1, 0), 0);
    frame_put(&frame_table[mfn]);
    assert_int_equal(d0->tot_pages, 0);
    check(0, 0);
}

static void test_claims(void **state)
{
    struct memory_reservation r = {.nr_extents = 300, .domid = 1};
    uint64_t list[700];

    memset(list, 0, sizeof(list));
    assert_int_equal(memory_op(d0, XENMEM_claim_pages, &r), 0);
    d0->max_pages = 2000;
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 700, 0), 700);
    assert_int_equal(reserve(d0, XENMEM_increase_reservation, list, 100, 0), HEAP_FRAMES - 300 - 700);
    assert_int_equal(reserve(d1, XENMEM_increase_reservation, list, 300, 0), 300); /* the claim is kept */
    assert_int_equal(d1->outstanding_claim, 0);
    check(0, 0);
}

/* --- Random. --- */

static uint64_t any_page(struct domain *d)
{
    uint32_t f = d->page_list;

    for (unsigned int n = fake_random() % 16; n && f != FRAME_LIST_END; n--)
        f = frame_table[f].next;
    return f == FRAME_LIST_END || fake_random() % 20 == 0 ? fake_random() % FAKE_FRAMES : f;
}

static void random_exchange(struct domain *d)
{
    unsigned int in_order = fake_random() % 3, out_order = fake_random() % 3, k = 1 + fake_random() % 3;
    uint64_t in[16], out[16], total = (uint64_t)k << max(in_order, out_order), before = d->tot_pages;
    struct {
        struct memory_reservation in, out;
        uint64_t done;
    } x = {reservation(in, total >> in_order, in_order), reservation(out, total >> out_order, out_order), 0};
    long ret;

    for (unsigned int i = 0; i < 16; i++) {
        in[i] = any_page(d);
        out[i] = 1000 + i;
    }
    if (fake_random() % 4 == 0)
        x.out.mem_flags = XENMEMF_address_bits(12 + fake_random() % 12);
    ret = memory_op(d, XENMEM_exchange, &x);
    assert_true(ret == 0 ? x.done == x.in.nr_extents : x.done <= x.in.nr_extents);
    assert_int_equal(d->tot_pages, before);
}

static void random_reservation(struct domain *d)
{
    static const unsigned int cmds[] = {XENMEM_populate_physmap, XENMEM_increase_reservation,
                                        XENMEM_decrease_reservation};
    uint64_t list[8], count = 1 + fake_random() % 8;
    unsigned int order = fake_random() % 4 ? 0 : fake_random() % 4;
    long ret;

    for (unsigned int i = 0; i < 8; i++)
        list[i] = any_page(d);
    ret = reserve(d, cmds[fake_random() % 3], list, count, order);
    assert_true(ret >= 0 && ret <= (long)count);
}

static void test_random(void **state)
{
    const char *s = getenv("SEED");
    uint64_t seed = s ? strtoull(s, NULL, 0) : (uint64_t)time(NULL) * 2654435761u + 1;
    uint64_t held[8] = {0};

    printf("seed %lu\n", seed);
    fake_seed = seed;
    for (unsigned int step = 0; step < 60000; step++) {
        struct domain *d = fake_random() % 2 ? d0 : d1;
        uint64_t *h = &held[fake_random() % 8];

        if (step % 500 == 0) {
            fake.preempt_one_in = fake_random() % 3;
            fail_one_in = fake_random() % 3 * 7;
        }
        if (fake_random() % 2)
            random_reservation(d);
        else
            random_exchange(d);
        /* Somebody else's references come and go. */
        if (*h) {
            frame_put(&frame_table[*h]);
            *h = 0;
        } else if (fake_random() % 4 == 0) {
            *h = any_page(d);
            if (*h >= HEAP_FRAMES || !frame_get(&frame_table[*h], d))
                *h = 0;
        }
        if (step % 8 == 0)
            check(seed, step);
    }
}

int main(void)
{
#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {CASE(test_reservations), CASE(test_given_up_while_held),
                                       CASE(test_claims), CASE(test_random)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
