/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Copies from and to the current PV guest's memory. An address is the guest's if it is canonical and outside the hypervisor's range; whether anything
 * is mapped there, the processor finds out.
 */
#include "hv/guest.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/extable.h"
#include "arch/x86/layout.h"
#include "hv/errno.h"

#define CANONICAL_LOW_END 0x0000800000000000UL

static bool is_guest_range(uint64_t address, size_t bytes)
{
    uint64_t end;

    if (__builtin_add_overflow(address, bytes, &end))
        return false;
    return end <= CANONICAL_LOW_END || address >= HYPERVISOR_END;
}

bool guest_may_name(uint64_t address)
{
    return is_canonical(address) && is_guest_range(address, 1);
}

/* Copies whole words, then the rest; returns the number of bytes not copied. */
static size_t copy(void *dst, const void *src, size_t n)
{
    size_t words = n / 8, rest = n % 8;

    open_user_access();
    __asm__ volatile("1: rep movsq\n"
                     "   movq %3, %2\n"
                     "2: rep movsb\n"
                     "   xorl %k3, %k3\n"
                     "3:\n" EXTABLE(1b, 3b) EXTABLE(2b, 3b)
                     : "+D"(dst), "+S"(src), "+c"(words), "+r"(rest)::"memory");
    close_user_access();
    return words * 8 + rest;
}

int copy_from_guest(void *dst, guest_ptr_t src, size_t bytes)
{
    if (unlikely(!is_guest_range(src.addr, bytes)))
        return -EFAULT;
    return unlikely(copy(dst, (const void *)src.addr, bytes)) ? -EFAULT : 0;
}

int copy_to_guest(guest_ptr_t dst, const void *src, size_t bytes)
{
    if (unlikely(!is_guest_range(dst.addr, bytes)))
        return -EFAULT;
    return unlikely(copy((void *)dst.addr, src, bytes)) ? -EFAULT : 0;
}

int clear_guest(guest_ptr_t dst, size_t bytes)
{
    uint64_t at = dst.addr;
    size_t words = bytes / 8, rest = bytes % 8;

    if (unlikely(!is_guest_range(dst.addr, bytes)))
        return -EFAULT;
    open_user_access();
    __asm__ volatile("1: rep stosq\n"
                     "   movq %2, %1\n"
                     "2: rep stosb\n"
                     "   xorl %k2, %k2\n"
                     "3:\n" EXTABLE(1b, 3b) EXTABLE(2b, 3b)
                     : "+D"(at), "+c"(words), "+r"(rest)
                     : "a"(0UL)
                     : "memory");
    close_user_access();
    return words * 8 + rest ? -EFAULT : 0;
}
