/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Small objects: pages cut into objects of one power of two each. A page's struct frame says what it is cut
 * into (`data`: class, objects in use, first free object) and links the pages of a class that have room. A
 * page whose last object is freed goes back to the heap.
 */
#include "hv/alloc.h"
#include "core/fail_alloc.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "core/heap.h"
#include "hv/panic.h"
#include "hv/string.h"

#define MIN_SHIFT   5
#define MAX_SHIFT   11
#define CLASSES     (MAX_SHIFT - MIN_SHIFT + 1)
#define WHOLE_PAGES 0xff /* class of an object of whole pages; their number stands in `used` */
#define NO_OBJECT   0xffff

/* How struct frame.data is used here. */
union slab {
    uint64_t data;
    struct {
        uint8_t class, reserved;
        uint16_t used, first_free, limit;
    };
};
_Static_assert(sizeof(union slab) == 8, "fits frame.data");

static struct {
    lock_t lock;
    uint32_t partial[CLASSES]; /* frame number + 1 of the first page with room; 0: none */
} slabs = {.lock = LOCK_INIT(RANK_ALLOC)};
LOCK_SHOWN(slabs, slabs.lock, "allocator");

uint64_t fail_alloc_countdown;

__noinline __cold bool fail_alloc_count(void)
{
    uint64_t left = READ_ONCE(fail_alloc_countdown);

    do {
        if (!left)
            return false; /* another processor's was the one */
    } while (!__atomic_compare_exchange_n(&fail_alloc_countdown, &left, left - 1, false, __ATOMIC_SEQ_CST,
                                          __ATOMIC_RELAXED));
    if (left > 1)
        return false;
    printk("fail-alloc: this allocation fails\n");
    return true;
}

static struct frame *frame_of(const void *p)
{
    return mfn_to_frame(va_to_mfn(p));
}

static void link_partial(struct frame *f, unsigned int class)
{
    uint32_t number = (uint32_t)frame_to_mfn(f).n;

    f->prev = FRAME_LIST_END;
    f->next = slabs.partial[class] ? slabs.partial[class] - 1 : FRAME_LIST_END;
    if (slabs.partial[class])
        mfn_to_frame(MFN(slabs.partial[class] - 1))->prev = number;
    slabs.partial[class] = number + 1;
}

static void unlink_partial(struct frame *f, unsigned int class)
{
    if (f->prev == FRAME_LIST_END)
        slabs.partial[class] = f->next == FRAME_LIST_END ? 0 : f->next + 1;
    else
        mfn_to_frame(MFN(f->prev))->next = f->next;
    if (f->next != FRAME_LIST_END)
        mfn_to_frame(MFN(f->next))->prev = f->prev;
}

/* Hands pages [from, to) of an object back, in blocks as large as lie there. */
static void free_whole_pages(void *p, uint64_t from, uint64_t to,
                             void (*free)(struct frame *f, unsigned int order))
{
    struct frame *f = frame_of(p);

    while (from < to) {
        unsigned int order =
            min((unsigned int)__builtin_ctzll((frame_to_mfn(f).n + from) | 1ULL << HEAP_MAX_ORDER),
                63 - (unsigned int)__builtin_clzll(to - from));

        free(f + from, order);
        from += 1ULL << order;
    }
}

/* A block, of which what is too much goes back at once. */
static void *alloc_whole_pages(size_t size)
{
    uint64_t pages = DIV_ROUND_UP(size, PAGE_SIZE);
    unsigned int order = pages == 1 ? 0 : 64 - (unsigned int)__builtin_clzll(pages - 1);
    union slab s = {.class = WHOLE_PAGES, .used = (uint16_t)pages};
    void *p;

    if (pages != s.used)
        return NULL;
    p = hv_alloc_pages(order);
    if (!p)
        return NULL;
    free_whole_pages(p, pages, 1ULL << order, heap_free_clean);
    frame_of(p)->data = s.data;
    return p;
}

/* A fresh page of the class, its objects chained through their first two bytes. Not linked yet. */
static struct frame *new_page(unsigned int class)
{
    uint8_t *page = hv_alloc_page();
    unsigned int size = 1U << (class + MIN_SHIFT);
    union slab s = {.class = (uint8_t) class, .limit = (uint16_t)(PAGE_SIZE / size)};

    if (!page)
        return NULL;
    for (unsigned int i = 0; i < s.limit; i++)
        *(uint16_t *)(page + i * size) = i + 1 < s.limit ? (uint16_t)(i + 1) : NO_OBJECT;
    frame_of(page)->data = s.data;
    return frame_of(page);
}

static void *take_object(struct frame *f, unsigned int class)
{
    union slab s = {.data = f->data};
    uint8_t *object = (uint8_t *)frame_to_va(f) + ((size_t)s.first_free << (class + MIN_SHIFT));

    s.first_free = *(uint16_t *)object;
    s.used++;
    f->data = s.data;
    if (s.first_free == NO_OBJECT)
        unlink_partial(f, class);
    return object;
}

void *hv_zalloc(size_t size)
{
    unsigned int class =
        size <= 1U << MIN_SHIFT ? 0 : 64 - MIN_SHIFT - (unsigned int)__builtin_clzll(size - 1);
    struct frame *fresh = NULL;
    void *object = NULL;
    uint64_t flags;

    if (class >= CLASSES)
        return alloc_whole_pages(size);
    if (fail_alloc_now())
        return NULL;
    for (;;) {
        flags = lock_irqsave(&slabs.lock);
        if (fresh) {
            link_partial(fresh, class);
            fresh = NULL;
        }
        if (slabs.partial[class])
            object = take_object(mfn_to_frame(MFN(slabs.partial[class] - 1)), class);
        unlock_irqrestore(&slabs.lock, flags);
        if (object)
            return memset(object, 0, 1UL << (class + MIN_SHIFT));
        fresh = new_page(class);
        if (!fresh)
            return NULL;
    }
}

void hv_free(void *p)
{
    struct frame *f;
    union slab s;
    uint64_t flags;
    bool empty;

    if (!p)
        return;
    f = frame_of(p);
    s.data = f->data;
    panic_on(!(f->flags & FRAME_HYPERVISOR));
    if (s.class == WHOLE_PAGES) {
        free_whole_pages(p, 0, s.used, heap_free);
        return;
    }
    flags = lock_irqsave(&slabs.lock);
    s.data = f->data;
    panic_on(s.class >= CLASSES || !s.used);
    *(uint16_t *)p = s.first_free;
    if (s.first_free == NO_OBJECT)
        link_partial(f, s.class);
    s.first_free = (uint16_t)(((uintptr_t)p & (PAGE_SIZE - 1)) >> (s.class + MIN_SHIFT));
    s.used--;
    f->data = s.data;
    empty = s.used == 0;
    if (empty)
        unlink_partial(f, s.class);
    unlock_irqrestore(&slabs.lock, flags);
    if (empty)
        hv_free_page(frame_to_va(f));
}
