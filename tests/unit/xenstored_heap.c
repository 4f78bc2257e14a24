/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store's allocator: what it hands out is nobody else's, it knows when it is mostly holes, and says when there is no memory.
 * UNIT-SOURCES: toolstack/xenstored/daemon/heap.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "toolstack/xenstored/daemon/daemon.h"
#include "random.h"

#define THINGS 20000u

/* Too much is NULL, as without the sanitizer. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "allocator_may_return_null=1";
}

static const struct heap *lacking;

void store_lacked(const struct heap *of)
{
    lacking = of;
}

static struct {
    unsigned char *p;
    size_t size;
    unsigned char mark;
} thing[THINGS];

static void take(struct heap *heap, unsigned int i)
{
    thing[i].size = random64() % 600; /* some are large */
    thing[i].p = heap_alloc(heap, thing[i].size);
    thing[i].mark = (unsigned char)random64();
    assert_non_null(thing[i].p);
    memset(thing[i].p, thing[i].mark, thing[i].size);
}

static void give(struct heap *heap, unsigned int i)
{
    size_t k;

    for (k = 0; k < thing[i].size; k++)
        assert_int_equal(thing[i].p[k], thing[i].mark);
    heap_free(heap, thing[i].p, thing[i].size);
}

static void holes(void **state)
{
    struct heap *heap = heap_new();
    unsigned int i, round;

    random_sequence(0);
    assert_false(heap_is_sparse(heap));
    for (i = 0; i < THINGS; i++)
        take(heap, i);
    assert_false(heap_is_sparse(heap));
    for (round = 0; round < 5 * THINGS; round++) { /* what is freed is used again */
        i = (unsigned int)(random64() % THINGS);
        give(heap, i);
        take(heap, i);
    }
    assert_false(heap_is_sparse(heap));
    for (i = 0; i < THINGS; i++)
        give(heap, i);
    assert_true(heap_is_sparse(heap));
    assert_null(lacking);
    heap_drop(heap);
}

static void lack(void **state)
{
    struct heap *heap = heap_new();

    lacking = NULL;
    assert_null(heap_alloc(heap, SIZE_MAX / 4));
    assert_ptr_equal(lacking, heap);
    heap_drop(heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(holes), cmocka_unit_test(lack)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
