/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Permission lists that a guest chooses: they are found among all others as fast as anybody's.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include "xenstored_client.h"
#include "toolstack/xenstored/lib/internal.h"

#define LISTS   512u
#define BUCKETS 64u

static struct client_memory memory;

static struct st_store *store_of_seed(uint64_t seed)
{
    const struct st_allocator a = {client_alloc, client_free, &memory};
    struct st_store *s = st_store_new(&a, NULL, seed);

    assert_non_null(s);
    return s;
}

/* The @n-th list that guest 5 could set on a node of its own. */
static struct st_perms *list(struct st_store *s, unsigned int n)
{
    const struct st_perm e[] = {
        {5, 0}, {(uint16_t)n, ST_READ | ST_STALE}, {(uint16_t)(n >> 16), ST_READ | ST_STALE}};
    struct st_perms *p = st_perms_get(s, e, 3);

    assert_non_null(p);
    return p;
}

/* Whoever knows no seed knows no lists that lie in one place: those that do with one seed do not with another. */
static void not_chosen(void **state)
{
    struct st_store *known = store_of_seed(0xfedcba0987654321ull), *s = store_of_seed(0x1234567890abcdefull);
    struct st_perms *chosen[LISTS], *p;
    unsigned int n, found = 0, together = 0;
    uint32_t where;

    for (n = 0; found < LISTS; n++) {
        p = list(known, n);
        where = p->hash % BUCKETS;
        st_perms_put(known, p);
        if (!where)
            chosen[found++] = list(s, n);
    }
    for (n = 0; n < LISTS; n++)
        together += chosen[n]->hash % BUCKETS == chosen[0]->hash % BUCKETS;
    assert_in_range(together, 1, 8 * LISTS / BUCKETS);
    for (n = 0; n < LISTS; n++)
        st_perms_put(s, chosen[n]);
    st_store_free(s);
    st_store_free(known);
    assert_int_equal(memory.bytes, 0);
}

/* An equal list is the same object, another order or another right is another list. */
static void one_object(void **state)
{
    struct st_store *s = store_of_seed(7);
    const struct st_perm a[] = {{5, 0}, {6, ST_READ}, {7, ST_READ}},
                         b[] = {{5, 0}, {7, ST_READ}, {6, ST_READ}},
                         c[] = {{5, 0}, {6, ST_READ}, {7, ST_WRITE}};
    struct st_perms *first = st_perms_get(s, a, 3), *again = st_perms_get(s, a, 3),
                    *order = st_perms_get(s, b, 3), *right = st_perms_get(s, c, 3);

    assert_ptr_equal(first, again);
    assert_ptr_not_equal(first, order);
    assert_ptr_not_equal(first, right);
    st_perms_put(s, first);
    st_perms_put(s, again);
    st_perms_put(s, order);
    st_perms_put(s, right);
    st_store_free(s);
    assert_int_equal(memory.bytes, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(not_chosen), cmocka_unit_test(one_object)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
