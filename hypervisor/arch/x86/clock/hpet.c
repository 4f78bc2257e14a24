/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The HPET's main counter as a platform timer (IA-PC HPET 1.0a). Its comparators are left alone. */
#include "arch/x86/clock/clock.h"
#include "arch/x86/map.h"
#include "arch/x86/mmio_read_only.h"
#include "drivers/acpi/acpi.h"
#include "hv/log.h"

#define HPET_CAPABILITIES 0x000 /* the upper half is the period in femtoseconds */
#define HPET_CONFIG       0x010
#define HPET_COUNTER      0x0f0
#define HPET_SIZE         1024
#define CONFIG_ENABLE     1u
#define CONFIG_LEGACY     2u
#define PERIOD_MAX        100000000u /* 100 ns */
#define PERIOD_MIN        100000u
#define FS_PER_S          1000000000000000ULL

static volatile uint8_t *hpet;

/* 32 bits do, and cost one read: a wrap takes 42 seconds at 100 MHz, and we look every second. */
static uint64_t hpet_read(void)
{
    return mmio_read32(hpet + HPET_COUNTER);
}

static bool is_counting(void)
{
    uint32_t first = mmio_read32(hpet + HPET_COUNTER);

    for (unsigned int i = 0; i < 10000; i++)
        if (mmio_read32(hpet + HPET_COUNTER) != first)
            return true;
    return false;
}

/* It is our clock: domain 0 may read it. */
static void keep_domain0_from_writing(void)
{
    if (mmio_make_read_only(paddr_to_mfn(acpi.hpet_address), 1))
        log_warn("HPET: too many read-only pages, domain 0 could write to it\n");
}

static bool hpet_probe(void)
{
    uint32_t period, config;

    if (!acpi.hpet_address)
        return false;
    hpet = iomap(acpi.hpet_address, HPET_SIZE);
    period = mmio_read32(hpet + HPET_CAPABILITIES + 4);
    if (period < PERIOD_MIN || period > PERIOD_MAX)
        return false;
    config = mmio_read32(hpet + HPET_CONFIG);
    mmio_write32(hpet + HPET_CONFIG, (config & ~CONFIG_LEGACY) | CONFIG_ENABLE);
    platform_hpet.mask = UINT32_MAX;
    platform_hpet.frequency = FS_PER_S / period;
    if (!is_counting())
        return false;
    keep_domain0_from_writing();
    return true;
}

struct platform_timer platform_hpet = {.name = "HPET", .probe = hpet_probe, .read = hpet_read};
