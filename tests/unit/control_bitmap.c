/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Bitmaps that the toolstack gives room for: what is written there, and no more.
 * UNIT-SOURCES: hypervisor/control/bitmap.c
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "control/bitmap.h"
#include "hv/errno.h"
#include "hv/guest.h"

#define LARGEST 65536

static uint8_t room[LARGEST + 1];
static size_t written;

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes)
{
    memcpy(dst, (const void *)src.addr, bytes);
    return 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes)
{
    written += bytes;
    memcpy((void *)dst.addr, src, bytes);
    return 0;
}

int clear_guest(guest_ptr_t dst, size_t bytes)
{
    written += bytes;
    assert_true(written <= LARGEST);
    memset((void *)dst.addr, 0, bytes);
    return 0;
}

static int write_to(uint32_t bits)
{
    static const uint64_t ours[2] = {~0ULL, ~0ULL};
    struct xenctl_bitmap to = {.nr_bits = bits};

    to.bitmap.p = room;
    memset(room, 0x55, sizeof(room));
    written = 0;
    return bitmap_write(&to, ours, 128);
}

static void test_rooms(void **state)
{
    (void)state;
    assert_int_equal(write_to(0), 0);
    assert_int_equal(written, 0);
    assert_int_equal(write_to(3), 0);
    assert_true(room[0] == 7 && room[1] == 0x55);
    assert_int_equal(write_to(128), 0);
    assert_true(room[15] == 0xff && room[16] == 0x55);
    assert_int_equal(write_to(8 * 100), 0);
    assert_true(room[15] == 0xff && room[16] == 0 && room[99] == 0 && room[100] == 0x55);
}

/* Clearing half a gigabyte would keep the processor for as long. */
static void test_room_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(write_to(8 * LARGEST), 0);
    assert_true(written == LARGEST && room[LARGEST - 1] == 0 && room[LARGEST] == 0x55);
    assert_int_equal(write_to(8 * LARGEST + 1), -EINVAL);
    assert_int_equal(write_to(0xfffffff0), -EINVAL);
    assert_int_equal(written, 0);
    assert_int_equal(write_to(0xffffffff), 0); /* none, as on Xen */
    assert_true(written == 0 && room[0] == 0x55);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rooms),
        cmocka_unit_test(test_room_is_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
