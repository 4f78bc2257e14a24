/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What can be refused of a sleep before anything is done for it. No hardware is touched: hosted tests have it, too. */
#include "drivers/acpi/acpi.h"
#include "drivers/acpi/sleep_bits.h"
#include "hv/errno.h"

bool acpi_sleeps_by_control(const struct acpi_info *info, const struct acpi_sleep *s)
{
    return s->extended || (info->hardware_reduced && info->sleep_control.address);
}

uint8_t acpi_control_type(const struct acpi_sleep *s)
{
    if (!s->extended)
        return (s->a & PM1_SLEEP_TYPE_MASK) >> PM1_SLEEP_TYPE_SHIFT;
    return (s->a & CONTROL_SLEEP_ENABLE ? s->a >> CONTROL_SLEEP_TYPE_SHIFT : s->a) & 7;
}

static bool writable(const struct acpi_address *reg)
{
    return reg->address &&
           (reg->space == ACPI_SPACE_IO || reg->space == ACPI_SPACE_MEMORY || reg->space == ACPI_SPACE_PCI);
}

static bool halves_agree(const struct acpi_sleep *s)
{
    return !s->b || !((s->a ^ s->b) & PM1_SLEEP_ENABLE);
}

int acpi_check_sleep(const struct acpi_info *info, const struct acpi_sleep *s)
{
    if (s->extended && !info->sleep_control.address)
        return -EPERM;
    if (s->state < 1 || s->state > 5 || (s->extended ? s->a > 0xff : !halves_agree(s)))
        return -EINVAL;
    if (!info->has_fadt ||
        !writable(acpi_sleeps_by_control(info, s) ? &info->sleep_control : &info->pm1a_control))
        return -ENODEV;
    return 0;
}
