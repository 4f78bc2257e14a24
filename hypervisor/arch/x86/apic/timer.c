/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The local APIC's timer: one-shot, or compared with the TSC where the processor can (SDM 3A 10.5.4). */
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/vectors.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/time.h"

#define DIVIDE_BY_1  0xb
#define CALIBRATE_US 2000

uint32_t apic_timer_count(uint64_t ns, struct clock_scale scale)
{
    uint64_t ticks = ns > (1ULL << 40) ? UINT32_MAX : clock_scale(ns, scale);

    if (ticks > UINT32_MAX)
        return UINT32_MAX; /* early: whoever set the timer looks at the time and sets it again */
    return ticks ? (uint32_t)ticks : 1;
}

void apic_timer_calibrate(void)
{
    uint64_t flags, start, elapsed, hz;
    uint32_t used;

    apic.deadline = cpu_features.tsc_deadline;
    if (apic.deadline) {
        patch_enable(PATCH_TSC_DEADLINE);
        log_info("APIC timer: TSC deadline\n");
        return;
    }
    flags = irq_save();
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED);
    apic_write(APIC_TIMER_INITIAL, UINT32_MAX);
    start = rdtsc_ordered();
    clock_delay_us(CALIBRATE_US);
    used = UINT32_MAX - apic_read(APIC_TIMER_CURRENT);
    elapsed = rdtsc_ordered() - start;
    apic_write(APIC_TIMER_INITIAL, 0);
    irq_restore(flags);
    hz = clock_mul_div(used, clock_tsc_hz(), elapsed);
    if (hz < 100000)
        cannot_boot("the local APIC's timer does not count: Xenios needs it. Another machine, or newer "
                    "firmware, may do.\n");
    apic.timer_scale = clock_scale_ratio(hz, NS_PER_S);
    log_info("APIC timer: one-shot at %lu.%03lu MHz\n", hz / 1000000, hz / 1000 % 1000);
}

void apic_timer_init_cpu(void)
{
    if (apic.deadline) {
        apic_write(APIC_LVT_TIMER, APIC_TIMER_DEADLINE | VECTOR_TIMER);
        /* The mode's change must be seen before the first deadline (SDM 3A 10.5.4.1). */
        __asm__ volatile("mfence" ::: "memory");
        wrmsr(MSR_TSC_DEADLINE, 0);
        return;
    }
    apic_write(APIC_TIMER_DIVIDE, DIVIDE_BY_1);
    apic_write(APIC_LVT_TIMER, VECTOR_TIMER);
    apic_write(APIC_TIMER_INITIAL, 0);
}

void apic_timer_program(s_time_t deadline)
{
    s_time_t distance;

    if (patch_on(PATCH_TSC_DEADLINE)) {
        wrmsr(MSR_TSC_DEADLINE, deadline > 0 ? clock_time_to_tsc(deadline) : 1);
        return;
    }
    distance = deadline - time_now();
    apic_write(APIC_TIMER_INITIAL, distance > 0 ? apic_timer_count((uint64_t)distance, apic.timer_scale) : 1);
}

void apic_timer_interrupt(void)
{
    apic_eoi();
    timer_interrupt(); /* it may be early: the deadline counts as no longer programmed */
}
