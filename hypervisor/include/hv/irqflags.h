/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interrupts of this processor on and off. Hosted builds have none. */
#ifndef HV_IRQFLAGS_H
#define HV_IRQFLAGS_H

#include "arch/x86/registers.h"
#include "hv/types.h"

#ifdef UNIT_HOSTED
static inline uint64_t irq_save(void)
{
    return 0;
}
static inline void irq_restore(uint64_t flags)
{
    (void)flags;
}
static inline void irq_enable(void)
{
}
static inline void irq_disable(void)
{
}
static inline bool irqs_enabled(void)
{
    return true;
}
#else
static inline uint64_t irq_save(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0; cli" : "=rm"(flags)::"memory");
    return flags;
}
static inline void irq_restore(uint64_t flags)
{
    if (flags & EFLAGS_IF)
        __asm__ volatile("sti" ::: "memory");
}
static inline void irq_enable(void)
{
    __asm__ volatile("sti" ::: "memory");
}
static inline void irq_disable(void)
{
    __asm__ volatile("cli" ::: "memory");
}
static inline bool irqs_enabled(void)
{
    uint64_t flags;

    __asm__ volatile("pushfq; popq %0" : "=rm"(flags));
    return flags & EFLAGS_IF;
}
#endif
#endif
