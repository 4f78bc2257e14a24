/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guest memory, reached only through these copies: they check the range, survive a page fault (-EFAULT) and, on processors with SMAP,
 * open the door for just as long as they run. They act on the address space of the current vcpu. Whatever is copied in is copied once:
 * the guest may change it under us at any moment.
 * Interrupts may be on or off; no spin lock is needed, and one may be held.
 */
#ifndef HV_GUEST_H
#define HV_GUEST_H

#include "hv/types.h"

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes) __must_check;
int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes) __must_check;
int clear_guest(guest_ptr_t dst, size_t bytes) __must_check;

/* May the guest give this address at all: canonical, and not the hypervisor's? Nothing is said of what is there. */
bool guest_may_name(uint64_t address);

/* One element of an array in guest memory, with overflow of the index checked. */
static inline __must_check int guest_array_at(guest_ptr_t base, uint64_t index, size_t size, guest_ptr_t *out)
{
    uint64_t offset;

    if (__builtin_mul_overflow(index, size, &offset) || __builtin_add_overflow(base.addr, offset, &out->addr))
        return -14; /* EFAULT */
    return 0;
}

#endif
