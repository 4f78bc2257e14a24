/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Many paths looked up one after the other are found where each alone is, in whatever order they come.
 *
 * UNIT-SOURCES: toolstack/xenstored/lib/[a-z]*.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <time.h>
#include <cmocka.h>
#include "xenstored_client.h"
#include "toolstack/xenstored/lib/internal.h"

#define NODES 400u
#define LOOKS 20000u

static struct client_memory memory;
static struct st_store *store;

static int setup(void **state)
{
    store = client_store(&memory, NULL);
    return !store;
}

static int teardown(void **state)
{
    assert_int_equal(st_store_check(store), 0);
    st_store_free(store);
    assert_int_equal(memory.bytes, 0);
    return 0;
}

/* Names of which one begins like the other, and some with the character that stands before the slash. */
static size_t any_path(unsigned int *seed, char path[64])
{
    static const char *const names[] = {"a", "ab", "a-", "abcdefghi", "abcdefgh", "b"};
    unsigned int i, depth = (unsigned int)rand_r(seed) % 6;

    path[0] = 0;
    for (i = 0; i < depth; i++) {
        strcat(path, "/");
        strcat(path, names[(unsigned int)rand_r(seed) % 6]);
    }
    if (!depth)
        strcpy(path, "/");
    return strlen(path);
}

static void in_any_order(void **state)
{
    unsigned int seed = (unsigned int)time(NULL), i, found = 0;
    struct st_conn *dom0 = st_conn_open_socket(store, false);
    char path[2][64];
    struct st_finder f;
    struct st_node *n;
    size_t len;

    printf("seed %u\n", seed);
    for (i = 0; i < NODES; i++) {
        any_path(&seed, path[0]);
        assert_int_equal(client_write(dom0, 0, path[0], ""), 0);
    }
    st_finder_init(&f, store->root);
    for (i = 0; i < LOOKS; i++) {
        len = any_path(&seed, path[i % 2]);
        n = st_finder_find(store, &f, path[i % 2], len);
        assert_ptr_equal(n, st_tree_find(store, store->root, path[i % 2], len));
        found += n != NULL;
    }
    assert_in_range(found, LOOKS / 10, LOOKS * 9 / 10);
}

/* The longest path there is has the most steps. */
static void longest(void **state)
{
    struct st_conn *dom0 = st_conn_open_socket(store, false);
    static char path[ST_PATH_MAX];
    struct st_finder f;
    size_t i, len = (ST_PATH_MAX - 1) & ~(size_t)1;

    for (i = 0; i < len; i += 2)
        memcpy(path + i, "/a", 2);
    assert_int_equal(client_write(dom0, 0, path, ""), 0);
    st_finder_init(&f, store->root);
    for (i = 2; i <= len; i += 2)
        assert_ptr_equal(st_finder_find(store, &f, path, i), st_tree_find(store, store->root, path, i));
    assert_non_null(st_finder_find(store, &f, path, len));
    assert_ptr_equal(st_finder_find(store, &f, "/", 1), store->root);
}

static void shared(void **state)
{
    static const char a[] = "0123456789abcdefghij", b[] = "0123456789abcdefgh_j";
    size_t from, n;

    for (from = 0; from < 18; from++)
        for (n = 0; n <= 20 - from; n++)
            assert_int_equal(st_path_shared(a + from, b + from, n), n < 18 - from ? n : 18 - from);
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {T(in_any_order), T(longest), cmocka_unit_test(shared)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
