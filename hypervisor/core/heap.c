/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The page heap: a buddy allocator. Free blocks hang in lists by zone and order; zone z holds the blocks that
 * end at or below 1 << z frames and above 1 << (z - 1), so that an allocation below an address width looks at
 * the zones from its own downwards and at nothing else. A block never spans two zones, since both are powers
 * of two.
 *
 * Invariants: the first frame of a free block carries FRAME_FREE and its order in `data`; the frames inside
 * carry FRAME_FREE and INSIDE_BLOCK; two free buddies of one order below the largest never exist side by
 * side. The heap lock guards the lists and the counts. Scrubbing and TLB flushes happen outside it, when a
 * block is handed out; whoever cannot do that at once for a large block takes it raw and prepares it piece by
 * piece.
 */
#include "core/heap.h"
#include "arch/x86/tlb.h"
#include "core/fail_alloc.h"
#include "hv/lock_shown.h"
#include "hv/panic.h"
#include "hv/string.h"

#define ZONES        41 /* 52 bits of physical address less 12 of the page, and zone 0 */
#define INSIDE_BLOCK 0xffULL

static struct {
    lock_t lock;
    uint32_t first[ZONES][HEAP_MAX_ORDER + 1]; /* frame number + 1; 0: empty */
    uint32_t orders[ZONES];                    /* bit for each list of the zone that is not empty */
    uint64_t zones;                            /* bit for each zone that has any */
    uint64_t free, total;
    uint64_t zone_free[ZONES];
} heap = {.lock = LOCK_INIT(RANK_HEAP)};
LOCK_SHOWN(heap, heap.lock, "heap");

static unsigned int zone_of(uint64_t mfn)
{
    return mfn ? 64 - (unsigned int)__builtin_clzll(mfn) : 0;
}

static struct frame *frame_at(uint64_t mfn)
{
    return mfn_to_frame(MFN(mfn));
}

_Static_assert(ZONES < 64 && HEAP_MAX_ORDER < 32, "a bit for each");

static void list_filled(unsigned int zone, unsigned int order)
{
    heap.orders[zone] |= 1U << order;
    heap.zones |= 1ULL << zone;
}

static void list_emptied(unsigned int zone, unsigned int order)
{
    heap.orders[zone] &= ~(1U << order);
    if (!heap.orders[zone])
        heap.zones &= ~(1ULL << zone);
}

static void push_block(uint64_t mfn, unsigned int order)
{
    uint32_t *head = &heap.first[zone_of(mfn)][order];
    struct frame *f = frame_at(mfn);

    f->data = order;
    f->flags |= FRAME_BLOCK;
    f->prev = FRAME_LIST_END;
    f->next = *head ? *head - 1 : FRAME_LIST_END;
    if (*head)
        frame_at(*head - 1)->prev = (uint32_t)mfn;
    else
        list_filled(zone_of(mfn), order);
    *head = (uint32_t)mfn + 1;
}

static void unlink_block(uint64_t mfn, unsigned int order)
{
    struct frame *f = frame_at(mfn);
    unsigned int zone = zone_of(mfn);

    if (f->prev == FRAME_LIST_END)
        heap.first[zone][order] = f->next == FRAME_LIST_END ? 0 : f->next + 1;
    else
        frame_at(f->prev)->next = f->next;
    if (!heap.first[zone][order])
        list_emptied(zone, order);
    if (f->next != FRAME_LIST_END)
        frame_at(f->next)->prev = f->prev;
    f->data = INSIDE_BLOCK;
    f->flags &= (uint16_t)~FRAME_BLOCK;
}

/*
 * FRAME_BLOCK, and `data` while it is set, change under the lock alone. FRAME_FREE does not do: frames are
 * marked and prepared without the lock, so it may be seen with an old or a new `data`.
 */
static bool is_free_block(uint64_t mfn, unsigned int order)
{
    return mfn_valid(MFN(mfn)) && (READ_ONCE(frame_at(mfn)->flags) & FRAME_BLOCK) &&
           frame_at(mfn)->data == order;
}

/* Lock held. Joins with its buddy as long as that is free and lies in the same zone. */
static void free_block(uint64_t mfn, unsigned int order)
{
    heap.free += 1ULL << order;
    heap.zone_free[zone_of(mfn)] += 1ULL << order;
    for (; order < HEAP_MAX_ORDER; order++) {
        uint64_t buddy = mfn ^ (1ULL << order);

        if (zone_of(buddy) != zone_of(mfn) || !is_free_block(buddy, order))
            break;
        unlink_block(buddy, order);
        frame_at(mfn)->data = INSIDE_BLOCK;
        mfn &= ~(1ULL << order);
    }
    push_block(mfn, order);
}

/* From the highest zone that will do, so that low memory lasts; there, the smallest block. */
static bool take_block(unsigned int order, unsigned int top_zone, uint64_t *mfn)
{
    uint64_t zones = heap.zones & ((2ULL << top_zone) - 1);

    for (; zones; zones &= ~(1ULL << (63 - __builtin_clzll(zones)))) {
        unsigned int zone = 63 - (unsigned int)__builtin_clzll(zones), have;
        uint32_t orders = heap.orders[zone] >> order;

        if (!orders)
            continue;
        have = order + (unsigned int)__builtin_ctz(orders);
        *mfn = heap.first[zone][have] - 1;
        unlink_block(*mfn, have);
        while (have > order) {
            have--;
            push_block(*mfn + (1ULL << have), have);
        }
        heap.free -= 1ULL << order;
        heap.zone_free[zone] -= 1ULL << order;
        return true;
    }
    return false;
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

struct frame *heap_take(unsigned int order, unsigned int width)
{
    unsigned int top_zone =
        width && width < ZONES - 1 + PAGE_SHIFT ? width - min(width, (unsigned int)PAGE_SHIFT) : ZONES - 1;
    uint64_t mfn, irq;
    bool found;

    if (order > HEAP_MAX_ORDER || fail_alloc_now())
        return NULL;
    irq = lock_irqsave(&heap.lock);
    found = take_block(order, top_zone, &mfn);
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

struct frame *heap_alloc(unsigned int order, unsigned int width, unsigned int node, unsigned int flags)
{
    struct frame *f = heap_take(order, width);

    if (f)
        heap_prepare(f, 1U << order, flags);
    return f;
}

static void give_back(struct frame *f, unsigned int order)
{
    uint64_t irq = lock_irqsave(&heap.lock);

    free_block(frame_to_mfn(f).n, order);
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
    uint64_t mfn = start.n, irq = lock_irqsave(&heap.lock);

    while (mfn < end.n) {
        unsigned int order = mfn ? min((unsigned int)__builtin_ctzll(mfn), (unsigned int)HEAP_MAX_ORDER) : 0;

        while (mfn + (1ULL << order) > end.n)
            order--;
        for (uint64_t i = 0; i < 1ULL << order; i++) {
            struct frame *f = frame_at(mfn + i);

            *f = (struct frame){
                .flags = FRAME_FREE | FRAME_DIRTY, .owner = FRAME_OWNER_NONE, .data = INSIDE_BLOCK};
        }
        heap.total += 1ULL << order;
        free_block(mfn, order);
        mfn += 1ULL << order;
    }
    unlock_irqrestore(&heap.lock, irq);
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

uint64_t heap_free_frames_between(unsigned int min_width, unsigned int max_width)
{
    unsigned int last = max_width ? zone_below(max_width) : ZONES - 1;
    uint64_t sum = 0, irq = lock_irqsave(&heap.lock);

    for (unsigned int zone = zone_below(min_width); zone <= last; zone++)
        sum += heap.zone_free[zone];
    unlock_irqrestore(&heap.lock, irq);
    return sum;
}

uint64_t heap_total_frames(void)
{
    return heap.total;
}

void *hv_alloc_pages(unsigned int order)
{
    struct frame *f = heap_alloc(order, 0, HEAP_ANY_NODE, 0);

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
