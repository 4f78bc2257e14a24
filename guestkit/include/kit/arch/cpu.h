/* SPDX-License-Identifier: MIT */
/* Unprivileged processor instructions that tests and the kit itself use. */
#ifndef KIT_ARCH_CPU_H
#define KIT_ARCH_CPU_H

#include <kit/arch/registers.h>
#include <kit/types.h>

struct kit_cpuid {
    uint32_t a, b, c, d;
};

static inline uint64_t kit_rdtsc(void)
{
    uint32_t lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (uint64_t)hi << 32 | lo;
}

static inline void kit_pause(void)
{
    __asm__ volatile("pause" ::: "memory");
}

/* The processor's own CPUID instruction: what the hardware (or faulting) gives. */
static inline struct kit_cpuid kit_cpuid_native(uint32_t leaf, uint32_t sub)
{
    struct kit_cpuid r;

    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "0"(leaf), "2"(sub));
    return r;
}

/* CPUID behind the forced-emulation prefix: what the hypervisor wants this domain to see. */
static inline struct kit_cpuid kit_cpuid(uint32_t leaf, uint32_t sub)
{
    struct kit_cpuid r;

    __asm__ volatile(XEN_CPUID : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "0"(leaf), "2"(sub));
    return r;
}

static inline uint8_t kit_inb(uint16_t port)
{
    uint8_t v;

    __asm__ volatile("inb %w1, %b0" : "=a"(v) : "Nd"(port));
    return v;
}

static inline void kit_outb(uint16_t port, uint8_t v)
{
    __asm__ volatile("outb %b0, %w1" ::"a"(v), "Nd"(port));
}

#endif
