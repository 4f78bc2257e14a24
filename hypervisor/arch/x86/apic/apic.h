/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The local APIC of each processor, in xAPIC (memory-mapped) or x2APIC (MSR) form; which one is chosen once,
 * at boot. Interrupt numbers in vectors.h. All functions act on the processor that calls them.
 */
#ifndef ARCH_X86_APIC_APIC_H
#define ARCH_X86_APIC_APIC_H

#include "arch/x86/cpu.h"
#include "arch/x86/map.h"
#include "arch/x86/patch.h"
#include "arch/x86/clock/clock.h"
#include "hv/cpumask.h"

/* Registers by their offset in the xAPIC page; x2APIC MSR = 0x800 + offset / 16 (SDM 3A 10.4.1, 10.12.1.2).
 */
enum apic_register {
    APIC_ID = 0x20,
    APIC_VERSION = 0x30,
    APIC_TPR = 0x80,
    APIC_EOI = 0xb0,
    APIC_LDR = 0xd0,
    APIC_DFR = 0xe0,
    APIC_SPURIOUS = 0xf0,
    APIC_ISR = 0x100,
    APIC_TMR = 0x180,
    APIC_IRR = 0x200,
    APIC_ESR = 0x280,
    APIC_LVT_CMCI = 0x2f0,
    APIC_ICR = 0x300,
    APIC_ICR_HIGH = 0x310,
    APIC_LVT_TIMER = 0x320,
    APIC_LVT_THERMAL = 0x330,
    APIC_LVT_PERF = 0x340,
    APIC_LVT_LINT0 = 0x350,
    APIC_LVT_LINT1 = 0x360,
    APIC_LVT_ERROR = 0x370,
    APIC_TIMER_INITIAL = 0x380,
    APIC_TIMER_CURRENT = 0x390,
    APIC_TIMER_DIVIDE = 0x3e0,
};

/* Interrupt command and LVT bits. */
#define APIC_DELIVERY_FIXED   0x000u
#define APIC_DELIVERY_NMI     0x400u
#define APIC_DELIVERY_INIT    0x500u
#define APIC_DELIVERY_STARTUP 0x600u
#define APIC_DELIVERY_EXTINT  0x700u
#define APIC_ICR_BUSY         0x1000u
#define APIC_ICR_SELF         0x40000u
#define APIC_ICR_ASSERT       0x4000u
#define APIC_ICR_LEVEL        0x8000u
#define APIC_LVT_MASKED       0x10000u
#define APIC_LVT_LEVEL        0x8000u
#define APIC_LVT_LOW          0x2000u
#define APIC_TIMER_DEADLINE   0x40000u

struct apic_state {
    bool x2apic;
    bool deadline;          /* the timer compares against the TSC */
    volatile uint8_t *page; /* xAPIC registers */
    paddr_t address;
    uint32_t bsp_id;
    struct clock_scale timer_scale; /* nanoseconds to ticks of the timer */
    unsigned int lvt_max;
    uint64_t errors, spurious;
};
extern struct apic_state apic;

static inline uint32_t apic_read(enum apic_register reg)
{
    if (patch_on(PATCH_X2APIC))
        return (uint32_t)rdmsr(MSR_X2APIC_BASE + (uint32_t)reg / 16);
    return mmio_read32(apic.page + reg);
}

static inline void apic_write(enum apic_register reg, uint32_t value)
{
    if (patch_on(PATCH_X2APIC))
        wrmsr(MSR_X2APIC_BASE + (uint32_t)reg / 16, value);
    else
        mmio_write32(apic.page + reg, value);
}

static inline void apic_eoi(void)
{
    apic_write(APIC_EOI, 0);
}

/* This processor's APIC id. */
static inline uint32_t apic_id(void)
{
    uint32_t id = apic_read(APIC_ID);

    return apic.x2apic ? id : id >> 24;
}

/*
 * Boot processor: chooses the mode (x2APIC if the firmware left it on, if there are ids above 254, or if
 * `want_x2apic`), maps the registers, turns the APIC on. Panics if the processor has none. After acpi_init().
 */
void apic_init(bool want_x2apic);
/* Each processor: LVTs, task priority, error and spurious vectors, the timer's mode. Interrupts off. */
void apic_init_cpu(void);

/* Sends a raw command to the APIC `id`; waits for an earlier one to leave. Interrupts may be on. */
void apic_command(uint32_t id, uint32_t command);
static inline void apic_send(uint32_t id, unsigned int vector)
{
    apic_command(id, APIC_DELIVERY_FIXED | APIC_ICR_ASSERT | vector);
}
/*
 * This processor gets the interrupt that does nothing, as soon as it takes interrupts: it will look for softirqs. Also from an exception that came between the two halves of a command: the
 * half that names the receiver is not touched.
 */
void apic_kick_self(void);
/* To each processor of the mask but this one. */
void apic_send_mask(const cpumask_t *mask, unsigned int vector);
void apic_send_nmi_mask(const cpumask_t *mask);
void apic_send_cpu(unsigned int cpu, unsigned int vector);

/* The APIC id of each processor, in our numbering; CPU_NO_APIC where there is none. */
#define CPU_NO_APIC 0xffffffffu
extern uint32_t cpu_apic_id[MAX_CPUS];
/* What firmware calls each processor in ACPI's namespace (UID), by which domain 0 knows it. */
extern uint32_t cpu_acpi_id[MAX_CPUS];

/* timer.c */
/* Calibrates the timer against the TSC, whose frequency is known. Boot processor. */
void apic_timer_calibrate(void);
void apic_timer_init_cpu(void);
/* An interrupt on this processor at system time `deadline`, at once if that is past. Interrupts
 * off. Fits timer_machine.program. */
void apic_timer_program(s_time_t deadline);
/* The timer's interrupt came. */
void apic_timer_interrupt(void);
/* One-shot count for a distance in nanoseconds: never 0, at most 2^32-1. Pure. */
uint32_t apic_timer_count(uint64_t ns, struct clock_scale scale);

/* Handlers of the error and the spurious vector; the EOI of the first is given by them. */
void apic_error_interrupt(void);
void apic_spurious_interrupt(void);
/* Key 'i' prints it. */
void apic_dump(void);

#endif
