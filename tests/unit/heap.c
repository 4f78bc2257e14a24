/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page heap: what is handed out has been flushed for by its youngest stamp, whatever the clock's age, is scrubbed and nobody else's; and all of it comes back as one. The seed is printed;
 * SEED=n repeats a run.
 * UNIT-SOURCES: hypervisor/core/heap.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "arch/x86/tlb.h"
#include "core/fail_alloc.h"
#include "core/heap.h"
#include "random.h"

#define FRAMES 2048

struct frame *frame_table;
uint8_t *direct_map;
uint64_t *frame_valid_map, max_mfn = FRAMES;
unsigned int hosted_cpu;
cpumask_t cpu_online_mask = {{3}};
uint64_t fail_alloc_countdown;

bool fail_alloc_count(void)
{
    return false;
}

/* The clock, and when all have flushed last, as they really are; stamps have their lower halves. */
static uint64_t clock_now, flushed_at;
static unsigned int filters;

uint32_t tlb_clock_now(void)
{
    return (uint32_t)clock_now;
}

void tlb_filter(cpumask_t *mask, uint32_t stamp)
{
    uint64_t at = (clock_now & ~0xffffffffULL) | stamp;

    filters++;
    if (at > clock_now)
        at -= 1ULL << 32;
    if (flushed_at > at)
        cpumask_zero(mask);
}

void tlb_flush_mask(const cpumask_t *mask, unsigned int flags)
{
    assert_int_equal(mask->bits[0], 3);
    assert_int_equal(flags, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    flushed_at = ++clock_now;
}

static int setup(void **state)
{
    static uint64_t valid[1 + FRAMES / 512 / 64];

    frame_table = calloc(FRAMES, sizeof(*frame_table));
    direct_map = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);
    memset(direct_map, 0xa5, FRAMES * PAGE_SIZE);
    valid[0] = (1 << FRAMES / 512) - 1;
    frame_valid_map = valid;
    heap_add_range(MFN(1), MFN(FRAMES));
    assert_int_equal(heap_free_frames(), FRAMES - 1);
    return 0;
}

static int teardown(void **state)
{
    free(frame_table);
    free(direct_map);
    return 0;
}

/* Frees two frames of one block with these stamps; is there a flush when it is handed out? */
static bool flushes(uint64_t first, uint64_t second)
{
    struct frame *f = heap_alloc(1, 0, HEAP_ANY_NODE, 0);
    uint64_t before = flushed_at;

    assert_non_null(f);
    f[0].tlb_stamp = (uint32_t)first;
    f[1].tlb_stamp = (uint32_t)second;
    heap_free(f, 1);
    assert_ptr_equal(heap_alloc(1, 0, HEAP_ANY_NODE, 0), f);
    assert_int_equal(f[0].tlb_stamp | f[1].tlb_stamp, 0);
    heap_free(f, 1);
    return flushed_at != before;
}

static void test_stamps(void **state)
{
    const uint64_t now = 0x500000000, old[] = {1, 1000, 0x7fffffff, 0x80000001, 0xfffffff0};

    filters = 0;
    clock_now = flushed_at = now;
    assert_false(flushes(0, 0));
    assert_int_equal(filters, 0);
    for (unsigned int i = 0; i < sizeof(old) / sizeof(old[0]); i++) {
        /* All have flushed since both; since the older alone, whichever frame has it; since neither. */
        clock_now = now + 100;
        flushed_at = now + 90;
        assert_false(flushes(clock_now - old[i] - 10, now + 80));
        assert_false(flushes(now + 80, clock_now - old[i] - 10));
        assert_false(flushes(0, now + 80));
        assert_true(flushes(clock_now - old[i] - 10, now + 95));
        clock_now = now + 100;
        flushed_at = now + 90;
        assert_true(flushes(now + 95, clock_now - old[i] - 10));
        clock_now = now + 100;
        flushed_at = now + 90;
        assert_true(flushes(now + 95, 0));
    }
}

static struct held {
    struct frame *f;
    unsigned int order;
} held[256];

/* What one holds is zero at first and nobody else's: each frame is marked, and its mark is there when it is given back. */
static void take(struct held *h, unsigned int order, unsigned int width, unsigned int id)
{
    h->f = heap_alloc(order, width, HEAP_ANY_NODE, 0);
    h->order = order;
    if (!h->f)
        return;
    assert_int_equal(frame_to_mfn(h->f).n & ((1U << order) - 1), 0);
    if (width)
        assert_true((frame_to_mfn(h->f).n + (1U << order)) << PAGE_SHIFT <= 1ULL << width);
    for (unsigned int i = 0; i < 1U << order; i++) {
        uint64_t *page = frame_to_va(&h->f[i]);

        assert_int_equal(page[0] | page[511], 0);
        page[0] = page[511] = id + 1;
    }
}

static void drop(struct held *h, unsigned int id)
{
    for (unsigned int i = 0; i < 1U << h->order; i++) {
        const uint64_t *page = frame_to_va(&h->f[i]);

        assert_int_equal(page[0], id + 1);
        assert_int_equal(page[511], id + 1);
    }
    heap_free(h->f, h->order);
    h->f = NULL;
}

static void test_random(void **state)
{
    uint64_t free_frames = heap_free_frames();

    random_sequence(0);
    for (unsigned int step = 0; step < 20000; step++) {
        unsigned int id = random_below(256);

        if (held[id].f) {
            free_frames += 1U << held[id].order;
            drop(&held[id], id);
        } else {
            take(&held[id], random_below(6), random_below(4) ? 0 : 20 + random_below(4), id);
            free_frames -= held[id].f ? 1U << held[id].order : 0;
        }
        assert_int_equal(heap_free_frames(), free_frames);
    }
    for (unsigned int id = 0; id < 256; id++)
        if (held[id].f)
            drop(&held[id], id);
    assert_int_equal(heap_free_frames(), FRAMES - 1);
    /* Whole again: the upper half is one block. */
    take(&held[0], 10, 0, 0);
    assert_non_null(held[0].f);
    assert_int_equal(frame_to_mfn(held[0].f).n, 1024);
    drop(&held[0], 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stamps), cmocka_unit_test(test_random)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
