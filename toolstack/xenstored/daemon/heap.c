/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's allocator. The store says how large a thing is when it frees it, so small ones need no header: they are cut from
 * slabs, a free list for each multiple of eight bytes. What is freed serves the next of its size; a heap's slabs go back together,
 * when its store has moved (renew.c), which the journal's growth brings about. Large things are malloc()'s.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define STEP  8u
#define SMALL 512u /* nearly every node, message and watch */
#define SLAB  (256u * 1024)

struct hole {
    struct hole *next;
};

struct slab {
    struct slab *next;
};

struct heap {
    char *slab, *slab_end; /* what is not cut yet */
    struct hole *holes[SMALL / STEP + 1];
    struct slab *slabs;
};

struct heap *heap_new(void)
{
    return calloc(1, sizeof(struct heap));
}

void heap_drop(struct heap *heap)
{
    struct slab *s;

    while (heap && (s = heap->slabs)) {
        heap->slabs = s->next;
        munmap(s, SLAB);
    }
    free(heap);
}

/* What is left of the last slab becomes a hole of its size. */
static bool new_slab(struct heap *heap)
{
    size_t left = (size_t)(heap->slab_end - heap->slab);
    struct slab *fresh = mmap(NULL, SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (fresh == MAP_FAILED)
        return false;
    if (left)
        heap_free(heap, heap->slab, left);
    fresh->next = heap->slabs;
    heap->slabs = fresh;
    heap->slab = (char *)(fresh + 1);
    heap->slab_end = (char *)fresh + SLAB;
    return true;
}

void *heap_alloc(void *ctx, size_t size)
{
    struct heap *heap = ctx;
    struct hole **list, *h;
    char *p;

    if (size > SMALL)
        return malloc(size);
    size += !size;
    list = &heap->holes[(size + STEP - 1) / STEP];
    h = *list;
    if (h) {
        *list = h->next;
        return h;
    }
    size = (size + STEP - 1) & ~(size_t)(STEP - 1);
    if ((size_t)(heap->slab_end - heap->slab) < size && !new_slab(heap))
        return NULL;
    p = heap->slab;
    heap->slab += size;
    return p;
}

void heap_free(void *ctx, void *p, size_t size)
{
    struct heap *heap = ctx;
    struct hole **list, *h = p;

    if (size > SMALL) {
        free(p);
        return;
    }
    size += !size;
    list = &heap->holes[(size + STEP - 1) / STEP];
    h->next = *list;
    *list = h;
}
