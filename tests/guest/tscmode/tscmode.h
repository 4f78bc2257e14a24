/* SPDX-License-Identifier: MIT */
/* What the tests of a domain's TSC share: a puppet on the other processor, told how it is to have the time. */
#ifndef TSCMODE_H
#define TSCMODE_H

#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>

#define MSR_TSC_AUX  0xc0000103
#define LEAF         0x40000003
#define MODE_DEFAULT 0
#define MODE_EMULATE 1
#define MODE_NATIVE  2
#define HOST_KHZ     0   /* as a frequency: the processor's */
#define THEIR_CPU    2UL /* a mask */

extern struct xen_domctl control; /* the last one asked */
extern struct kit_puppet puppet;
extern volatile uint64_t *words; /* of the puppet */

long set_tsc(domid_t d, uint32_t mode, uint32_t khz, uint32_t incarnation, uint64_t elapsed);
struct xen_domctl_tsc_info tsc_of_domain(domid_t d);
uint32_t host_khz(void);
void check_between(uint64_t ns, uint64_t least, uint64_t most);

/* With domain 0 on processor 0, until the puppet's end. */
bool make_puppet(void);
void end_puppet(void);
/* To its end, which it must reach. */
bool run_program(kit_program program, unsigned long a, unsigned long b);
/* Of a program that writes its readings to word 0 for ever; 0: none came. */
uint64_t next_reading(void);
/* While such a program runs: emulated, then native, each from the next reading on. */
void check_change(void);

/* By RDTSC, RDTSCP or the MSR. In line, since programs are copied to where they run. */
static inline __attribute__((always_inline)) uint64_t read_tsc(unsigned way)
{
    uint32_t lo, hi;

    if (way == 0)
        __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    else if (way == 1)
        __asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi)::"rcx");
    else
        __asm__ volatile("rdmsr" : "=a"(lo), "=d"(hi) : "c"(MSR_TSC));
    return (uint64_t)hi << 32 | lo;
}

#endif
