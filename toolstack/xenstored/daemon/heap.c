/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's allocator. The store says how large a thing is when it frees it, so small ones need no header: they are cut from
 * slabs, a free list for each multiple of eight bytes. What is freed serves the next of its size; slabs are never given back, which
 * the quotas bound. Large things are malloc()'s.
 */
#include <stdlib.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define STEP  8u
#define SMALL 512u /* nearly every node, message and watch */
#define SLAB  (64u * 1024 - 64)

struct hole {
    struct hole *next;
};

static struct hole *holes[SMALL / STEP + 1];
static char *slab, *slab_end; /* what is not cut yet */

static struct hole **class_of(size_t size)
{
    return &holes[(size + STEP - 1) / STEP];
}

/* What is left of the last slab becomes a hole of its size. */
static bool new_slab(void)
{
    size_t left = (size_t)(slab_end - slab);
    char *fresh = malloc(SLAB);

    if (!fresh)
        return false;
    if (left)
        heap_free(NULL, slab, left);
    slab = fresh;
    slab_end = fresh + SLAB;
    return true;
}

void *heap_alloc(void *ctx, size_t size)
{
    struct hole **list, *h;
    char *p;

    if (size > SMALL)
        return malloc(size);
    size += !size;
    list = class_of(size);
    h = *list;
    if (h) {
        *list = h->next;
        return h;
    }
    size = (size + STEP - 1) & ~(size_t)(STEP - 1);
    if ((size_t)(slab_end - slab) < size && !new_slab())
        return NULL;
    p = slab;
    slab += size;
    return p;
}

void heap_free(void *ctx, void *p, size_t size)
{
    struct hole **list, *h = p;

    if (size > SMALL) {
        free(p);
        return;
    }
    size += !size;
    list = class_of(size);
    h->next = *list;
    *list = h;
}
