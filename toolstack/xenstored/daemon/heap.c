/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's allocator. The store says how large a thing is when it frees it, so small ones need no header: they are cut from
 * slabs, a free list for each multiple of eight bytes. What is freed serves the next of its size; a heap's slabs go back together,
 * when its store has moved (renew.c), which the next beginning of the journal brings about if most of them is holes. Large things are
 * malloc()'s.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define STEP  8u
#define SMALL 512u /* nearly every node, message and watch */
#define SLAB  (256u * 1024)
#define SPARE (1024u * 1024) /* holes that are nothing to speak of */

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
    size_t cut, used; /* bytes of slabs; of those, what the store has */
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

bool heap_is_sparse(const struct heap *heap)
{
    return heap->cut > 2 * heap->used + SPARE;
}

/* What is left of the last slab becomes a hole of its size. */
static bool new_slab(struct heap *heap)
{
    size_t left = (size_t)(heap->slab_end - heap->slab);
    struct slab *fresh = mmap(NULL, SLAB, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (fresh == MAP_FAILED)
        return false;
    if (left) {
        heap->used += left;
        heap_free(heap, heap->slab, left);
    }
    fresh->next = heap->slabs;
    heap->slabs = fresh;
    heap->cut += SLAB;
    heap->slab = (char *)(fresh + 1);
    heap->slab_end = (char *)fresh + SLAB;
    return true;
}

static void *large(const struct heap *heap, size_t size)
{
    void *p = malloc(size);

    if (!p)
        store_lacked(heap);
    return p;
}

void *heap_alloc(void *ctx, size_t size)
{
    struct heap *heap = ctx;
    struct hole **list, *h;
    char *p;

    if (size > SMALL)
        return large(heap, size);
    size = (size + !size + STEP - 1) & ~(size_t)(STEP - 1);
    heap->used += size;
    list = &heap->holes[size / STEP];
    h = *list;
    if (h) {
        *list = h->next;
        return h;
    }
    if ((size_t)(heap->slab_end - heap->slab) < size && !new_slab(heap)) {
        heap->used -= size;
        store_lacked(heap);
        return NULL;
    }
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
    size = (size + !size + STEP - 1) & ~(size_t)(STEP - 1);
    heap->used -= size;
    list = &heap->holes[size / STEP];
    h->next = *list;
    *list = h;
}
