/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The exception table and the few safe accesses built on it. */
#include "arch/x86/extable.h"
#include "arch/x86/cpu.h"
#include "hv/errno.h"

struct entry {
    int32_t from, to;
};

extern const struct entry extable_start[], extable_end[];

uint64_t extable_jump_target, extable_jump_resume;

uint64_t extable_find(uint64_t rip)
{
    if (unlikely(extable_jump_target && rip == extable_jump_target))
        return extable_jump_resume;
    for (const struct entry *e = extable_start; e < extable_end; e++)
        if ((uint64_t)&e->from + (uint64_t)(int64_t)e->from == rip)
            return (uint64_t)&e->to + (uint64_t)(int64_t)e->to;
    return 0;
}

int rdmsr_safe(uint32_t msr, uint64_t *value)
{
    uint32_t lo = 0, hi = 0;
    int rc = -EFAULT;

    __asm__ volatile("1: rdmsr\n\txorl %0, %0\n2:\n" EXTABLE(1b, 2b)
                     : "+r"(rc), "+a"(lo), "+d"(hi)
                     : "c"(msr)
                     : "memory");
    *value = rc ? 0 : (uint64_t)hi << 32 | lo;
    return rc;
}

int wrmsr_safe(uint32_t msr, uint64_t value)
{
    int rc = -EFAULT;

    __asm__ volatile("1: wrmsr\n\txorl %0, %0\n2:\n" EXTABLE(1b, 2b)
                     : "+r"(rc)
                     : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
                     : "memory");
    return rc;
}
