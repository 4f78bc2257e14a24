/* SPDX-License-Identifier: GPL-2.0-or-later */
/* FADT and HPET: fixed hardware (ACPI 6.4, 5.2.9; IA-PC HPET 1.0a, 3.2.4). */
#include "drivers/acpi/bytes.h"
#include "hv/errno.h"

#define FADT_LENGTH_1  116 /* ACPI 1.0 */
#define FADT_RESET_END 129
#define FADT_EXTENDED  244
#define FADT_SLEEP_END 268
#define FLAG_TIMER_32  BIT(8)
#define FLAG_RESET     BIT(10)
#define FLAG_REDUCED   BIT(20)
#define BOOT_NO_VGA    BIT(2)
#define BOOT_NO_RTC    BIT(5)
#define HPET_LENGTH    56

static struct acpi_address legacy_port(const uint8_t *p, unsigned int bytes)
{
    return (struct acpi_address){
        .space = ACPI_SPACE_IO, .bit_width = (uint8_t)(bytes * 8), .address = read_u32(p)};
}

/* The extended form counts if it names an address; the old form is always a port. */
static void prefer_extended(struct acpi_address *reg, const uint8_t *p)
{
    struct acpi_address extended = read_address(p);

    if (extended.address)
        *reg = extended;
}

static void fadt_extended(struct acpi_info *info, const uint8_t *t)
{
    if (read_u64(t + 140))
        info->dsdt = read_u64(t + 140);
    prefer_extended(&info->pm1a_event, t + 148);
    prefer_extended(&info->pm1b_event, t + 160);
    prefer_extended(&info->pm1a_control, t + 172);
    prefer_extended(&info->pm1b_control, t + 184);
    prefer_extended(&info->pm_timer, t + 208);
}

int acpi_parse_fadt(struct acpi_info *info, const uint8_t *t, size_t length)
{
    uint32_t flags;
    uint16_t boot;

    if (length < FADT_LENGTH_1)
        return -EINVAL;
    flags = read_u32(t + 112);
    boot = t[8] >= 2 ? read_u16(t + 109) : 0; /* reserved bytes in ACPI 1.0 */
    info->dsdt = read_u32(t + 40);
    info->sci = read_u16(t + 46);
    info->pm1a_event = legacy_port(t + 56, t[88]);
    info->pm1b_event = legacy_port(t + 60, t[88]);
    info->pm1a_control = legacy_port(t + 64, t[89]);
    info->pm1b_control = legacy_port(t + 68, t[89]);
    info->pm_timer = legacy_port(t + 76, t[91]);
    info->century = t[108];
    info->timer_32bit = flags & FLAG_TIMER_32;
    info->hardware_reduced = flags & FLAG_REDUCED;
    info->no_rtc = boot & BOOT_NO_RTC;
    info->no_vga = boot & BOOT_NO_VGA;
    if (length >= FADT_RESET_END && (flags & FLAG_RESET)) {
        info->reset_register = read_address(t + 116);
        info->reset_value = t[128];
        info->has_reset = info->reset_register.address != 0;
    }
    if (length >= FADT_EXTENDED)
        fadt_extended(info, t);
    if (length >= FADT_SLEEP_END)
        info->sleep_control = read_address(t + 244);
    info->has_fadt = true;
    return 0;
}

int acpi_parse_hpet(struct acpi_info *info, const uint8_t *t, size_t length)
{
    struct acpi_address where;

    if (length < HPET_LENGTH)
        return -EINVAL;
    where = read_address(t + 40);
    if (where.space != ACPI_SPACE_MEMORY || !where.address || !IS_ALIGNED(where.address, 8))
        return -EINVAL;
    info->hpet_address = where.address;
    return 0;
}
