/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page heap: what is handed out has been flushed for by its youngest stamp, whatever the clock's age, is scrubbed and nobody else's; and all of it comes back as one, or as one for each node. The seed is printed;
 * SEED=n repeats a run.
 * UNIT-SOURCES: hypervisor/core/heap.c hypervisor/core/numa.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
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
    struct frame *f = heap_alloc(1, 0, HEAP_ANYWHERE, 0);
    uint64_t before = flushed_at;

    assert_non_null(f);
    f[0].tlb_stamp = (uint32_t)first;
    f[1].tlb_stamp = (uint32_t)second;
    heap_free(f, 1);
    assert_ptr_equal(heap_alloc(1, 0, HEAP_ANYWHERE, 0), f);
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
    h->f = heap_alloc(order, width, HEAP_ANYWHERE, 0);
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

/*
 * --- Several nodes. The heap learns of them once, so each layout has a process of its own; it works against a model that knows whose each
 * frame is, and looks at every place where a block could lie. ---
 */
#define NOBODYS 0xff
#define HELD    24

static uint8_t model[FRAMES]; /* index of who holds the frame; NOBODYS */
static struct held model_held[HELD];

#define MUST(condition)                                                                                      \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            printf("# line %d: %s\n", __LINE__, #condition);                                                 \
            fflush(stdout);                                                                                  \
            _exit(1);                                                                                        \
        }                                                                                                    \
    } while (0)

static bool is_all_free(uint64_t first, unsigned int order)
{
    for (uint64_t i = 0; i < 1ULL << order; i++)
        if (model[first + i] != NOBODYS)
            return false;
    return true;
}

static bool is_of_one_node(uint64_t first, unsigned int order)
{
    for (uint64_t i = 0; i < 1ULL << order; i++)
        if (numa_part_of(first) != numa_part_of(first + i))
            return false;
    return true;
}

/* The nodes that have such a block. */
static uint64_t nodes_with(unsigned int order, unsigned int width)
{
    uint64_t end = width ? min(1ULL << width >> PAGE_SHIFT, (uint64_t)FRAMES) : FRAMES, nodes = 0;

    for (uint64_t first = 0; first + (1ULL << order) <= end; first += 1ULL << order)
        if (is_all_free(first, order) && is_of_one_node(first, order))
            nodes |= BIT(numa_node_of(first));
    return nodes;
}

/* Where it has to come from: the nearest of those preferred, or of the others; of several as near any. */
static uint64_t right_nodes(uint64_t nodes, struct heap_where where)
{
    unsigned int from = where.node < numa.nodes ? where.node : numa.cpu_node[hosted_cpu], nearest = 256;
    uint64_t right = 0;

    if (nodes & where.preferred || where.nowhere_else)
        nodes &= where.preferred;
    for (unsigned int node = 0; node < numa.nodes; node++) {
        unsigned int distance = numa.distance[from][node];

        if (!(nodes >> node & 1) || distance > nearest)
            continue;
        right = distance < nearest ? BIT(node) : right | BIT(node);
        nearest = distance;
    }
    return right;
}

static void model_take(unsigned int id, unsigned int order, unsigned int width, struct heap_where where)
{
    uint64_t right = right_nodes(nodes_with(order, width), where), first;
    struct frame *f = heap_alloc(order, width, where, HEAP_NO_SCRUB);

    MUST(!f == !right);
    if (!f)
        return;
    first = frame_to_mfn(f).n;
    MUST(is_all_free(first, order) && is_of_one_node(first, order) && first % (1U << order) == 0);
    MUST(right >> numa_node_of(first) & 1);
    MUST(!width || (first + (1ULL << order)) << PAGE_SHIFT <= 1ULL << width);
    memset(&model[first], (int)id, 1U << order);
    model_held[id] = (struct held){f, order};
}

static void model_drop(unsigned int id)
{
    struct held *h = &model_held[id];

    memset(&model[frame_to_mfn(h->f).n], NOBODYS, 1U << h->order);
    heap_free(h->f, h->order);
    h->f = NULL;
}

static void check_counts(void)
{
    uint64_t of[NUMA_MAX_NODES] = {0}, below[NUMA_MAX_NODES] = {0}, all = 0;

    for (unsigned int i = 0; i < FRAMES; i++)
        if (model[i] == NOBODYS) {
            of[numa_node_of(i)]++;
            below[numa_node_of(i)] += i < 1024;
            all++;
        }
    MUST(heap_free_frames() == all && heap_free_frames_between(0, 0, HEAP_ANY_NODE) == all);
    for (unsigned int node = 0; node < numa.nodes; node++) {
        MUST(heap_free_frames_between(0, 0, node) == of[node]);
        MUST(heap_free_frames_between(0, 22, node) == below[node]);
    }
}

static struct heap_where random_where(void)
{
    struct heap_where where = HEAP_ANYWHERE;

    if (random_below(4))
        where.node = (uint8_t)random_below(numa.nodes);
    if (random_below(2))
        where.preferred = random64() & numa_all_nodes();
    where.nowhere_else = where.preferred && random_below(4) == 0;
    return where;
}

static void random_steps(unsigned int steps)
{
    for (unsigned int step = 0; step < steps; step++) {
        unsigned int id = random_below(HELD), width = random_below(3) ? 0 : 20 + random_below(4);

        hosted_cpu = random_below(2);
        if (model_held[id].f)
            model_drop(id);
        else
            model_take(id, random_below(8), width, random_where());
        if (step % 16 == 0)
            check_counts();
    }
}

/* Blocks are held from before the nodes are known: they may lie on both sides of a boundary. */
static void run_layout(const struct numa *layout)
{
    struct frame *f;

    memset(model, NOBODYS, sizeof(model));
    model[0] = 0;
    for (unsigned int id = 1; id < HELD / 2; id++)
        model_take(id, random_below(9), 0, HEAP_ANYWHERE);
    if (!heap_set_nodes(layout))
        _exit(2);
    for (f = frame_table; f < frame_table + FRAMES; f++) /* the heap's own pages */
        if (!(f->flags & FRAME_FREE))
            model[f - frame_table] = model[f - frame_table] == NOBODYS ? 0 : model[f - frame_table];
    check_counts();
    random_steps(500);
    for (unsigned int id = 0; id < HELD; id++)
        if (model_held[id].f)
            model_drop(id);
    check_counts();
    for (unsigned int order = 0; order <= 10; order++) /* all has joined again that can */
        for (unsigned int node = 0; node < numa.nodes; node++)
            model_take(
                0, order, 0,
                (struct heap_where){.preferred = BIT(node), .node = (uint8_t)node, .nowhere_else = true});
    _exit(0);
}

static void check_layout(const struct numa *layout)
{
    int status;
    pid_t child = fork();

    if (!child)
        run_layout(layout);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void add_part(struct numa *n, uint64_t first, unsigned int node)
{
    if (n->parts && n->part[n->parts - 1].node == node)
        return;
    n->part[n->parts] = (struct numa_part){n->parts ? first : 0, (uint8_t)node};
    n->part[++n->parts].first = ~0ULL;
}

static void make_distances(struct numa *n)
{
    for (unsigned int i = 0; i < n->nodes; i++)
        for (unsigned int j = 0; j < n->nodes; j++)
            n->distance[i][j] = (uint8_t)(i == j ? 10 : 11 + random_below(4));
}

/* A boundary at every place around one of the large blocks' own. */
static void test_boundaries(void **state)
{
    random_sequence(0);
    for (uint64_t boundary = 1000; boundary < 1050; boundary++) {
        struct numa two = {.nodes = 2, .cpu_node = {[1] = 1}};

        add_part(&two, 0, boundary & 1);
        add_part(&two, boundary, !(boundary & 1));
        make_distances(&two);
        check_layout(&two);
    }
}

static void test_layouts(void **state)
{
    struct numa upper = {.nodes = 3}; /* all memory is one node's, which is not the first */

    random_sequence(0);
    add_part(&upper, 0, 2);
    make_distances(&upper);
    check_layout(&upper);
    for (unsigned int round = 0; round < 60; round++) {
        struct numa n = {.nodes = 1 + random_below(round % 10 ? 6 : NUMA_MAX_NODES)};
        uint64_t at = 0;

        while (at < FRAMES && n.parts < NUMA_MAX_PARTS) {
            add_part(&n, at, random_below(n.nodes)); /* some have no memory */
            at += 1 + random_below(FRAMES / 4);
        }
        n.cpu_node[1] = (uint8_t)(n.nodes - 1);
        make_distances(&n);
        check_layout(&n);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stamps), cmocka_unit_test(test_random),
                                       cmocka_unit_test(test_boundaries), cmocka_unit_test(test_layouts)};

    return cmocka_run_group_tests(tests, setup, teardown);
}
