/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the console daemon takes for a number in the store, where guests write.
 * UNIT-SOURCES: toolstack/xenconsoled/store.c toolstack/common/loop.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <xenstore.h>
#include "toolstack/xenconsoled/daemon.h"

static const char *written;

void *xs_read(struct xs_handle *h, xs_transaction_t t, const char *path, unsigned int *len)
{
    return written ? strdup(written) : NULL;
}

/* ---- Not asked for here ---- */

struct xs_handle *xs_open(unsigned long flags)
{
    return NULL;
}

void xs_close(struct xs_handle *h)
{
}

int xs_fileno(struct xs_handle *h)
{
    return -1;
}

char **xs_check_watch(struct xs_handle *h)
{
    return NULL;
}

bool xs_watch(struct xs_handle *h, const char *path, const char *token)
{
    return false;
}

bool xs_write(struct xs_handle *h, xs_transaction_t t, const char *path, const void *data, unsigned int len)
{
    return false;
}

void guests_scan(void)
{
}

void guests_changed(unsigned int domid)
{
}

void guests_watch_again(void)
{
}

void say(const char *fmt, ...)
{
}

/* ---- */

static void numbers(void **state)
{
    static const char *const no[] = {NULL,
                                     "",
                                     " 5",
                                     "5 ",
                                     "+5",
                                     "-1",
                                     "-18446744073709551611",
                                     "0x5",
                                     "5\n",
                                     "five",
                                     "5.0",
                                     "1e3",
                                     "18446744073709551616",
                                     "99999999999999999999999"};
    static const struct {
        const char *text;
        uint64_t v;
    } yes[] = {{"0", 0}, {"5", 5}, {"0042", 42}, {"18446744073709551615", UINT64_MAX}};
    static char store;
    unsigned int i;
    uint64_t v;

    xs = (struct xs_handle *)(void *)&store;
    for (i = 0; i < sizeof(no) / sizeof(*no); i++) {
        written = no[i];
        assert_false(store_number("/a", "b", &v));
    }
    for (i = 0; i < sizeof(yes) / sizeof(*yes); i++) {
        written = yes[i].text;
        assert_true(store_number("/a", "b", &v));
        assert_int_equal(v, yes[i].v);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(numbers)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
