/* SPDX-License-Identifier: MIT */
/* The page allocator: a byte a page over a part of .bss, first fit, and a counter for frames behind it. */
#include <kit/lock.h>
#include <kit/mm.h>
#include <kit/string.h>

#define HEAP_PAGES 6144U

static char heap_memory[HEAP_PAGES * KIT_PAGE_SIZE] __aligned(65536);

static struct {
    kit_lock_t lock;
    uint8_t used[HEAP_PAGES];
    unsigned hint;
    unsigned long next_pfn, freed[256];
    unsigned nr_freed;
} heap;

static bool run_is_free(unsigned first, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (heap.used[first + i])
            return false;
    return true;
}

static void *take(unsigned first, unsigned count)
{
    memset(heap.used + first, 1, count);
    return heap_memory + first * KIT_PAGE_SIZE;
}

void *kit_pages_alloc_aligned(unsigned count, unsigned alignment)
{
    void *found = NULL;

    kit_lock(&heap.lock);
    if (count == 1 && heap.hint < HEAP_PAGES && !heap.used[heap.hint])
        found = take(heap.hint++, 1);
    for (unsigned i = 0; !found && i + count <= HEAP_PAGES; i += alignment)
        if (run_is_free(i, count)) {
            found = take(i, count);
            heap.hint = i + count;
        }
    kit_unlock(&heap.lock);
    if (found)
        memset(found, 0, count * KIT_PAGE_SIZE);
    return found;
}

void *kit_pages_alloc(unsigned count)
{
    return kit_pages_alloc_aligned(count, 1);
}

void *kit_page_alloc(void)
{
    return kit_pages_alloc(1);
}

void kit_pages_free(void *pages, unsigned count)
{
    unsigned first = (unsigned)(((char *)pages - heap_memory) / KIT_PAGE_SIZE);

    if (first + count > HEAP_PAGES)
        return;
    kit_lock(&heap.lock);
    memset(heap.used + first, 0, count);
    kit_unlock(&heap.lock);
}

void kit_page_free(void *page)
{
    kit_pages_free(page, 1);
}

unsigned long kit_pfn_alloc(void)
{
    unsigned long pfn = ~0UL;

    kit_lock(&heap.lock);
    if (!heap.next_pfn) /* page tables and the start-up stack end below a 4 MiB boundary: start two behind */
        heap.next_pfn = ((kit_pfn_of(heap_memory) + HEAP_PAGES + 1023) & ~1023UL) + 2048;
    if (heap.nr_freed)
        pfn = heap.freed[--heap.nr_freed];
    else if (heap.next_pfn < kit_start_info->nr_pages)
        pfn = heap.next_pfn++;
    kit_unlock(&heap.lock);
    return pfn;
}

void kit_pfn_free(unsigned long pfn)
{
    kit_lock(&heap.lock);
    if (heap.nr_freed < ARRAY_SIZE(heap.freed))
        heap.freed[heap.nr_freed++] = pfn;
    kit_unlock(&heap.lock);
}
