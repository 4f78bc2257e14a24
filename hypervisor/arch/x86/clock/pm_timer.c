/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The ACPI power management timer (ACPI 6.4, 4.8.3.3) and, for machines without ACPI, channel 2 of the 8254.
 */
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/pc_ports.h"
#include "drivers/acpi/acpi.h"

#define PM_TIMER_HZ  3579545
#define PIT_COUNTER2 (PORT_PIT_COUNTER + 2)
#define PIT_LATCH2   0x80
#define PIT_MODE2    0xb4 /* counter 2, both bytes, rate generator */
#define PROBE_READS  100000

static uint64_t pm_read(void)
{
    return inl((uint16_t)acpi.pm_timer.address);
}

static bool counts(uint64_t (*read)(void), uint64_t mask)
{
    uint64_t first = read() & mask;

    for (unsigned int i = 0; i < PROBE_READS; i++)
        if ((read() & mask) != first)
            return true;
    return false;
}

static bool pm_probe(void)
{
    if (!acpi.pm_timer.address || acpi.pm_timer.space != ACPI_SPACE_IO || acpi.pm_timer.address > 0xffff)
        return false;
    platform_pm_timer.frequency = PM_TIMER_HZ;
    platform_pm_timer.mask = acpi.timer_32bit ? UINT32_MAX : 0xffffff;
    return counts(pm_read, platform_pm_timer.mask);
}

static uint64_t pit_read(void)
{
    uint8_t low;

    outb(PIT_LATCH2, PORT_PIT_CONTROL);
    low = inb(PIT_COUNTER2);
    return 0xffff - (uint16_t)(low | inb(PIT_COUNTER2) << 8); /* counts down */
}

static bool pit_probe(void)
{
    outb((uint8_t)((inb(PORT_NMI_SC) & ~NMI_SC_SPKR_DAT_EN) | NMI_SC_TIM_CNT2_EN), PORT_NMI_SC);
    outb(PIT_MODE2, PORT_PIT_CONTROL);
    outb(0, PIT_COUNTER2);
    outb(0, PIT_COUNTER2);
    platform_pit.frequency = PIT_HZ;
    platform_pit.mask = 0xffff;
    return counts(pit_read, platform_pit.mask);
}

struct platform_timer platform_pm_timer = {.name = "ACPI PM timer", .probe = pm_probe, .read = pm_read};
struct platform_timer platform_pit = {.name = "PIT", .probe = pit_probe, .read = pit_read};
