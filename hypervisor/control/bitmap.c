/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bitmaps in guest memory. */
#include "control/bitmap.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"

/* Nobody has so many processors or nodes; what is cleared without a look at what else is to be done is bounded. */
#define BITMAP_BYTES_MAX KiB(64)

/* As on Xen, a number of bits whose bytes overflow is none. */
static uint32_t bytes_of(uint32_t bits)
{
    return (bits + 7) / 8;
}

int bitmap_read(const struct xenctl_bitmap *from, uint64_t *words, unsigned int size)
{
    uint32_t bits = bytes_of(from->nr_bits) ? min(from->nr_bits, (uint32_t)size) : 0;

    memset(words, 0, size / 8);
    if (copy_from_guest(words, GUEST_PTR((uint64_t)from->bitmap.p), DIV_ROUND_UP(bits, 8)))
        return -EFAULT;
    if (bits % 64)
        words[bits / 64] &= BIT(bits % 64) - 1;
    return 0;
}

int bitmap_write(const struct xenctl_bitmap *to, const uint64_t *words, unsigned int size)
{
    uint32_t room = bytes_of(to->nr_bits), ours = size / 8;
    guest_ptr_t at = GUEST_PTR((uint64_t)to->bitmap.p);
    uint8_t last;

    if (!room)
        return 0;
    if (room > BITMAP_BYTES_MAX)
        return -EINVAL;
    if (to->nr_bits >= size)
        return copy_to_guest(at, words, ours) ||
                       (room > ours && clear_guest(guest_ptr_add(at, ours), room - ours))
                   ? -EFAULT
                   : 0;
    last = ((const uint8_t *)words)[room - 1];
    if (to->nr_bits % 8)
        last &= (uint8_t)((1u << to->nr_bits % 8) - 1);
    return copy_to_guest(at, words, room - 1) || copy_to_guest(guest_ptr_add(at, room - 1), &last, 1)
               ? -EFAULT
               : 0;
}
