/* SPDX-License-Identifier: MIT */
/* How a hypercall is made: through the hypercall page, with this width's registers. */
#ifndef KIT_ARCH_HYPERCALL_H
#define KIT_ARCH_HYPERCALL_H

#include <kit/types.h>

/* Filled in by whoever built the domain; entry n is at n * 32. */
extern char kit_hypercall_page[];

#ifdef __x86_64__
/* Registers as <xen/arch-x86/xen-x86_64.h> says; r9 would be a sixth argument, which no call takes. */
static inline long kit_hypercall5(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                                  unsigned long a4, unsigned long a5)
{
    register unsigned long r10 __asm__("r10") = a4;
    register unsigned long r8 __asm__("r8") = a5;
    long result;

    __asm__ volatile("call *%[entry]"
                     : "=a"(result), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                     : [entry] "0"(kit_hypercall_page + op * 32UL)
                     : "rcx", "r9", "r11", "memory");
    return result;
}
#else
#error "no hypercall sequence for this architecture yet"
#endif

static inline long kit_hypercall4(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3,
                                  unsigned long a4)
{
    return kit_hypercall5(op, a1, a2, a3, a4, 0);
}

static inline long kit_hypercall3(unsigned op, unsigned long a1, unsigned long a2, unsigned long a3)
{
    return kit_hypercall5(op, a1, a2, a3, 0, 0);
}

static inline long kit_hypercall2(unsigned op, unsigned long a1, unsigned long a2)
{
    return kit_hypercall5(op, a1, a2, 0, 0, 0);
}

static inline long kit_hypercall1(unsigned op, unsigned long a1)
{
    return kit_hypercall5(op, a1, 0, 0, 0, 0);
}

#endif
