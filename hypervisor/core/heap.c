/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page heap: a buddy allocator. Free blocks hang in lists by node, zone and order; zone z holds the
 * blocks that end at or below 1 << z frames and above 1 << (z - 1), so that an allocation below an address
 * width looks at the zones from its own downwards and at nothing else. A block never spans two zones, since
 * both are powers of two, nor two nodes, since it grows within one part of the frame numbers (core/numa.h).
 *
 * Invariants: the first frame of a free block carries FRAME_FREE and its order in `data`; the frames inside
 * carry FRAME_FREE and INSIDE_BLOCK; two free buddies of one order below the largest, of one zone and node,
 * never exist side by side. The heap lock guards the lists and the counts. Scrubbing and TLB flushes happen
 * outside it, when a block is handed out; whoever cannot do that at once for a large block takes it raw and
 * prepares it piece by piece.
 */
#include "core/heap.h"
#include "arch/x86/tlb.h"
#include "core/fail_alloc.h"
#include "hv/lock_shown.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/string.h"

#define ZONES        41 /* 52 bits of physical address less 12 of the page, and zone 0 */
#define INSIDE_BLOCK 0xffULL

/* One page of the hypervisor's for each node but the first. */
struct node_heap {
    uint32_t first[ZONES][HEAP_MAX_ORDER + 1]; /* frame number + 1; 0: empty */
    uint32_t orders[ZONES];                    /* bit for each list of the zone that is not empty */
    uint64_t zones;                            /* bit for each zone that has any */
    uint64_t zone_free[ZONES];
    uint8_t near[NUMA_MAX_NODES]; /* all nodes, this one first, then by their distance */
};
_Static_assert(sizeof(struct node_heap) <= PAGE_SIZE, "a page for each node");

static struct node_heap first_node;

static struct {
    lock_t lock;
    uint64_t free, total;
    struct node_heap *node[NUMA_MAX_NODES];
} heap = {.lock = LOCK_INIT(RANK_HEAP), .node = {&first_node}};
LOCK_SHOWN(heap, heap.lock, "heap");

static unsigned int zone_of(uint64_t mfn)
{
    return 63 - (unsigned int)__builtin_clzll(2 * mfn + 1); /* how many bits it has */
}

static struct frame *frame_at(uint64_t mfn)
{
    return mfn_to_frame(MFN(mfn));
}

_Static_assert(ZONES < 64 && HEAP_MAX_ORDER < 32, "a bit for each");

static void list_filled(struct node_heap *h, unsigned int zone, unsigned int order)
{
    h->orders[zone] |= 1U << order;
    h->zones |= 1ULL << zone;
}

static void list_emptied(struct node_heap *h, unsigned int zone, unsigned int order)
{
    h->orders[zone] &= ~(1U << order);
    if (!h->orders[zone])
        h->zones &= ~(1ULL << zone);
}

static void push_block(struct node_heap *h, unsigned int zone, uint64_t mfn, unsigned int order)
{
    uint32_t *head = &h->first[zone][order];
    struct frame *f = frame_at(mfn);

    f->data = order;
    f->flags |= FRAME_BLOCK;
    f->prev = FRAME_LIST_END;
    f->next = *head ? *head - 1 : FRAME_LIST_END;
    if (*head)
        frame_at(*head - 1)->prev = (uint32_t)mfn;
    else
        list_filled(h, zone, order);
    *head = (uint32_t)mfn + 1;
}

static void unlink_block(struct node_heap *h, unsigned int zone, uint64_t mfn, unsigned int order)
{
    struct frame *f = frame_at(mfn);

    if (f->prev == FRAME_LIST_END)
        h->first[zone][order] = f->next == FRAME_LIST_END ? 0 : f->next + 1;
    else
        frame_at(f->prev)->next = f->next;
    if (!h->first[zone][order])
        list_emptied(h, zone, order);
    if (f->next != FRAME_LIST_END)
        frame_at(f->next)->prev = f->prev;
    f->data = INSIDE_BLOCK;
    f->flags &= (uint16_t)~FRAME_BLOCK;
}

/*
 * FRAME_BLOCK, and `data` while it is set, change under the lock alone. FRAME_FREE does not do: frames are
 * marked and prepared without the lock, so it may be seen with an old or a new `data`.
 */
static inline __attribute__((always_inline)) bool is_free_block(uint64_t mfn, unsigned int order)
{
    return mfn_valid(MFN(mfn)) && (READ_ONCE(frame_at(mfn)->flags) & FRAME_BLOCK) &&
           frame_at(mfn)->data == order;
}

/* Lock held. Joins with its buddy as long as that is free and lies in the same zone and part; `part` is NULL if there is one only. */
static inline __attribute__((always_inline)) void
free_in_part(struct node_heap *h, const struct numa_part *part, uint64_t mfn, unsigned int order)
{
    unsigned int zone = zone_of(mfn);

    heap.free += 1ULL << order;
    h->zone_free[zone] += 1ULL << order;
    for (; order < HEAP_MAX_ORDER; order++) {
        uint64_t buddy = mfn ^ (1ULL << order);

        if (mfn >> order < 2 /* the buddy is of another zone */ ||
            (part && (buddy < part[0].first || buddy >= part[1].first)) || !is_free_block(buddy, order))
            break;
        unlink_block(h, zone, buddy, order);
        frame_at(mfn)->data = INSIDE_BLOCK;
        mfn &= ~(1ULL << order);
    }
    push_block(h, zone, mfn, order);
}

/* The largest block that begins here and neither goes beyond the end nor out of its part. */
static unsigned int largest_order(uint64_t mfn, uint64_t end)
{
    unsigned int order = mfn ? min((unsigned int)__builtin_ctzll(mfn), (unsigned int)HEAP_MAX_ORDER) : 0;

    end = min(end, numa_part_of(mfn)[1].first);
    while (mfn + (1ULL << order) > end)
        order--;
    return order;
}

/* Lock held. As blocks of one part each, whatever was handed out as one when the parts were not known yet. */
static void free_range(uint64_t mfn, uint64_t end)
{
    while (mfn < end) {
        const struct numa_part *part = numa_part_of(mfn);
        unsigned int order = largest_order(mfn, end);

        free_in_part(heap.node[part->node], part, mfn, order);
        mfn += 1ULL << order;
    }
}

/* From the highest zone that will do, so that low memory lasts; there, the smallest block. */
static bool take_block(struct node_heap *h, unsigned int order, unsigned int top_zone, uint64_t *mfn)
{
    uint64_t zones = h->zones & ((2ULL << top_zone) - 1);

    for (; zones; zones &= ~(1ULL << (63 - __builtin_clzll(zones)))) {
        unsigned int zone = 63 - (unsigned int)__builtin_clzll(zones), have;
        uint32_t orders = h->orders[zone] >> order;

        if (!orders)
            continue;
        have = order + (unsigned int)__builtin_ctz(orders);
        *mfn = h->first[zone][have] - 1;
        unlink_block(h, zone, *mfn, have);
        while (have > order) {
            have--;
            push_block(h, zone, *mfn + (1ULL << have), have);
        }
        heap.free -= 1ULL << order;
        h->zone_free[zone] -= 1ULL << order;
        return true;
    }
    return false;
}

/* With several nodes: those that are preferred, then those that are not. */
static bool take_by_node(unsigned int order, unsigned int top_zone, struct heap_where where, uint64_t *mfn)
{
    unsigned int from = where.node < numa.nodes ? where.node : numa.cpu_node[cpu_id()];
    const uint8_t *near = heap.node[from]->near;

    for (unsigned int wanted = where.nowhere_else || where.preferred;; wanted = 0) {
        for (unsigned int i = 0; i < numa.nodes; i++)
            if ((where.preferred >> near[i] & 1) == wanted &&
                take_block(heap.node[near[i]], order, top_zone, mfn))
                return true;
        if (!wanted || where.nowhere_else)
            return false;
    }
}

/* Nobody may reach the frames through an old translation once they are handed out. */
static void flush_stale(const struct frame *f, uint64_t count)
{
    cpumask_t all;
    uint32_t now = tlb_clock_now(), newest = 0;
    bool stamped = false;

    for (uint64_t i = 0; i < count; i++) {
        uint32_t stamp = f[i].tlb_stamp;

        /* By their ages: two stamps alone do not tell which is older, when one has lain half the clock's range. */
        if (stamp && (!stamped || now - stamp < now - newest)) {
            newest = stamp;
            stamped = true;
        }
    }
    if (!stamped)
        return;
    all = cpu_online_mask;
    tlb_filter(&all, newest);
    if (!cpumask_empty(&all))
        tlb_flush_mask(&all, TLB_FLUSH | TLB_FLUSH_GLOBAL);
}

struct frame *heap_take(unsigned int order, unsigned int width, struct heap_where where)
{
    unsigned int top_zone =
        width && width < ZONES - 1 + PAGE_SHIFT ? width - min(width, (unsigned int)PAGE_SHIFT) : ZONES - 1;
    uint64_t mfn, irq;
    bool found;

    if (order > HEAP_MAX_ORDER || fail_alloc_now())
        return NULL;
    irq = lock_irqsave(&heap.lock);
    found = likely(numa.nodes == 1) ? take_block(&first_node, order, top_zone, &mfn)
                                    : take_by_node(order, top_zone, where, &mfn);
    unlock_irqrestore(&heap.lock, irq);
    return found ? frame_at(mfn) : NULL;
}

unsigned int heap_prepare(struct frame *f, unsigned int count, unsigned int flags)
{
    unsigned int scrubbed = 0;

    flush_stale(f, count);
    for (unsigned int i = 0; i < count; i++) {
        if ((f[i].flags & FRAME_DIRTY) && !(flags & HEAP_NO_SCRUB)) {
            memset(frame_to_va(&f[i]), 0, PAGE_SIZE);
            scrubbed++;
        }
        f[i].word = 0;
        f[i].data = 0;
        f[i].flags = 0;
        f[i].tlb_stamp = 0;
        f[i].owner = FRAME_OWNER_NONE;
    }
    return scrubbed;
}

struct frame *heap_alloc(unsigned int order, unsigned int width, struct heap_where where, unsigned int flags)
{
    struct frame *f = heap_take(order, width, where);

    if (f)
        heap_prepare(f, 1U << order, flags);
    return f;
}

static void give_back(struct frame *f, unsigned int order)
{
    uint64_t mfn = frame_to_mfn(f).n, irq = lock_irqsave(&heap.lock);

    if (likely(numa.nodes == 1))
        free_in_part(&first_node, NULL, mfn, order);
    else
        free_range(mfn, mfn + (1ULL << order));
    unlock_irqrestore(&heap.lock, irq);
}

/* The frames are the heap's again; their stamps stay. */
static void mark_free(struct frame *f, unsigned int order, uint16_t flags)
{
    panic_on(frame_to_mfn(f).n & ((1ULL << order) - 1));
    for (uint64_t i = 0; i < 1ULL << order; i++) {
        panic_on(f[i].flags & FRAME_FREE);
        f[i].flags = flags;
        f[i].data = INSIDE_BLOCK;
        f[i].word = 0;
        f[i].owner = FRAME_OWNER_NONE;
    }
}

void heap_free(struct frame *f, unsigned int order)
{
    mark_free(f, order, FRAME_FREE | FRAME_DIRTY);
    give_back(f, order);
}

void heap_free_clean(struct frame *f, unsigned int order)
{
    mark_free(f, order, FRAME_FREE);
    give_back(f, order);
}

void heap_put_back(struct frame *f, uint64_t count)
{
    while (count) {
        unsigned int order = min((unsigned int)__builtin_ctzll(frame_to_mfn(f).n | 1ULL << HEAP_MAX_ORDER),
                                 63 - (unsigned int)__builtin_clzll(count));

        give_back(f, order);
        f += 1ULL << order;
        count -= 1ULL << order;
    }
}

void heap_add_range(mfn_t start, mfn_t end)
{
    uint64_t irq = lock_irqsave(&heap.lock);

    for (uint64_t mfn = start.n; mfn < end.n; mfn++)
        *frame_at(mfn) = (struct frame){
            .flags = FRAME_FREE | FRAME_DIRTY, .owner = FRAME_OWNER_NONE, .data = INSIDE_BLOCK};
    if (start.n < end.n) {
        heap.total += end.n - start.n;
        free_range(start.n, end.n);
    }
    unlock_irqrestore(&heap.lock, irq);
}

/* All nodes, `node` first, then the nearer ones; of two that are as far the one that follows it sooner, so that not all fall back on the same one. */
static void sort_near(struct node_heap *h, const struct numa *n, unsigned int node)
{
    for (unsigned int i = 0; i < n->nodes; i++) {
        unsigned int other = (node + i) % n->nodes, at = i;

        for (; at > 1 && n->distance[node][h->near[at - 1]] > n->distance[node][other]; at--)
            h->near[at] = h->near[at - 1];
        h->near[at] = (uint8_t)other;
    }
}

static uint32_t next_block(uint32_t block)
{
    uint32_t next = frame_at(block - 1)->next;

    return next == FRAME_LIST_END ? 0 : next + 1;
}

/* Lock held. No buddy is to be found in the old lists. */
static void forget_blocks(uint32_t block)
{
    for (; block; block = next_block(block)) {
        frame_at(block - 1)->flags &= (uint16_t)~FRAME_BLOCK;
        frame_at(block - 1)->data = INSIDE_BLOCK;
    }
}

/* Lock held. What was free in one list is freed again, each part of it in its node. */
static void sort_blocks(uint32_t block, unsigned int order)
{
    while (block) {
        uint64_t mfn = block - 1;

        block = next_block(block);
        free_range(mfn, mfn + (1ULL << order));
    }
}

bool heap_set_nodes(const struct numa *nodes)
{
    static struct node_heap old;
    uint64_t irq;

    for (unsigned int node = 1; node < nodes->nodes; node++) {
        heap.node[node] = hv_alloc_page();
        if (!heap.node[node]) {
            while (--node)
                hv_free_page(heap.node[node]);
            return false;
        }
    }
    irq = lock_irqsave(&heap.lock);
    old = first_node;
    memset(&first_node, 0, sizeof(first_node));
    heap.free = 0;
    numa = *nodes;
    for (unsigned int node = 0; node < numa.nodes; node++)
        sort_near(heap.node[node], &numa, node);
    for (unsigned int zone = 0; zone < ZONES; zone++)
        for (unsigned int order = 0; order <= HEAP_MAX_ORDER; order++)
            forget_blocks(old.first[zone][order]);
    for (unsigned int zone = 0; zone < ZONES; zone++)
        for (unsigned int order = 0; order <= HEAP_MAX_ORDER; order++)
            sort_blocks(old.first[zone][order], order);
    unlock_irqrestore(&heap.lock, irq);
    return true;
}

uint64_t heap_free_frames(void)
{
    return heap.free;
}

/* The zone of what lies just below 1 << width bytes. */
static unsigned int zone_below(unsigned int width)
{
    return min(width - min(width, (unsigned int)PAGE_SHIFT), (unsigned int)ZONES - 1);
}

uint64_t heap_free_frames_between(unsigned int min_width, unsigned int max_width, unsigned int node)
{
    unsigned int last = max_width ? zone_below(max_width) : ZONES - 1;
    uint64_t sum = 0, irq = lock_irqsave(&heap.lock);

    for (unsigned int i = 0; i < numa.nodes; i++)
        for (unsigned int zone = zone_below(min_width); zone <= last; zone++)
            if (node == HEAP_ANY_NODE || node == i)
                sum += heap.node[i]->zone_free[zone];
    unlock_irqrestore(&heap.lock, irq);
    return sum;
}

uint64_t heap_total_frames(void)
{
    return heap.total;
}

void *hv_alloc_pages(unsigned int order)
{
    struct frame *f = heap_alloc(order, 0, HEAP_ANYWHERE, 0);

    if (!f)
        return NULL;
    for (uint64_t i = 0; i < 1ULL << order; i++)
        f[i].flags |= FRAME_HYPERVISOR;
    return frame_to_va(f);
}

void hv_free_pages(void *va, unsigned int order)
{
    if (va)
        heap_free(mfn_to_frame(va_to_mfn(va)), order);
}
