/* SPDX-License-Identifier: GPL-2.0-or-later */
/* struct xenctl_bitmap: a bitmap in guest memory of the guest's own size. */
#ifndef CONTROL_BITMAP_H
#define CONTROL_BITMAP_H

#include "core/hypercall.h"
#include <xen/domctl.h>

/* The first `size` bits (a multiple of 64) of it; bits beyond the guest's size are 0, the guest's beyond ours are not looked at. 0 or -EFAULT. */
int bitmap_read(const struct xenctl_bitmap *from, uint64_t *words, unsigned int size) __must_check;
/* As many of our bits as it has room for; the rest of it becomes zero. 0 or -EFAULT; -EINVAL: room for more than 64 KiB of bits. */
int bitmap_write(const struct xenctl_bitmap *to, const uint64_t *words, unsigned int size) __must_check;

#endif
