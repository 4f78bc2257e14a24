/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sleep, power off and reset through ACPI's fixed registers (ACPI 6.4, 4.8.3, 16.1). Called with the machine
 * stopped but for us. */
#include "drivers/acpi/acpi.h"
#include "drivers/acpi/sleep_bits.h"
#include "drivers/pci/config.h"
#include "arch/x86/cpu.h"
#include "arch/x86/map.h"
#include "hv/errno.h"
#include "hv/log.h"

#define PM1_WAKE_STATUS BIT(15)
#define SPINS           (1u << 20)

static void write_register(const struct acpi_address *reg, uint32_t value, unsigned int bytes)
{
    if (!reg->address)
        return;
    if (reg->space == ACPI_SPACE_IO) {
        if (bytes == 1)
            outb((uint8_t)value, (uint16_t)reg->address);
        else
            outw((uint16_t)value, (uint16_t)reg->address);
    } else if (reg->space == ACPI_SPACE_MEMORY) {
        volatile void *p = iomap(reg->address, 4);

        if (bytes == 1)
            *(volatile uint8_t *)p = (uint8_t)value;
        else
            *(volatile uint16_t *)p = (uint16_t)value;
    } else if (reg->space == ACPI_SPACE_PCI) {
        /* ACPI 6.4, table 5.1: device in bits 47:32, function in 31:16, offset in 15:0, all on bus 0. */
        struct pci_address dev =
            PCI_ADDRESS(0, 0, (uint8_t)((reg->address >> 32 & 31) << 3 | (reg->address >> 16 & 7)));

        pci_write(dev, (uint16_t)(reg->address & 0xfff), bytes, value);
    }
}

static uint16_t read_control(const struct acpi_address *reg)
{
    if (!reg->address)
        return 0;
    if (reg->space == ACPI_SPACE_IO)
        return inw((uint16_t)reg->address);
    return *(volatile uint16_t *)iomap(reg->address, 2);
}

static void wait_for_end(void)
{
    for (unsigned int i = 0; i < SPINS; i++)
        cpu_relax();
}

/* The type first, then type and enable, to both halves (16.1.1). */
static void write_pm1(const struct acpi_sleep *s)
{
    write_register(&acpi.pm1a_event, PM1_WAKE_STATUS, 2);
    write_register(&acpi.pm1b_event, PM1_WAKE_STATUS, 2);
    write_register(&acpi.pm1a_control, s->a & ~PM1_SLEEP_ENABLE, 2);
    write_register(&acpi.pm1b_control, s->b & ~PM1_SLEEP_ENABLE, 2);
    if (s->state <= 3)
        wbinvd();
    write_register(&acpi.pm1a_control, s->a | PM1_SLEEP_ENABLE, 2);
    write_register(&acpi.pm1b_control, s->b | PM1_SLEEP_ENABLE, 2);
}

void acpi_enter_sleep(const struct acpi_sleep *s)
{
    log_info("Entering ACPI S%u\n", s->state);
    if (acpi_sleeps_by_control(&acpi, s))
        write_register(&acpi.sleep_control,
                       (uint32_t)acpi_control_type(s) << CONTROL_SLEEP_TYPE_SHIFT | CONTROL_SLEEP_ENABLE, 1);
    else
        write_pm1(s);
    wait_for_end();
}

static uint16_t with_type(const struct acpi_address *control, uint8_t type)
{
    return (uint16_t)((read_control(control) & ~PM1_SLEEP_TYPE_MASK) | (uint32_t)type
                                                                           << PM1_SLEEP_TYPE_SHIFT);
}

int acpi_power_off(void)
{
    struct acpi_sleep s = {.state = 5};
    int rc;

    if (!acpi.has_s5)
        return -ENODEV;
    rc = acpi_check_sleep(&acpi, &s);
    if (rc)
        return rc;
    s.a = with_type(&acpi.pm1a_control, acpi.s5_type_a);
    s.b = with_type(&acpi.pm1b_control, acpi.s5_type_b);
    acpi_enter_sleep(&s);
    return -EIO;
}

int acpi_reset(void)
{
    if (!acpi.has_reset)
        return -ENODEV;
    write_register(&acpi.reset_register, acpi.reset_value, 1);
    wait_for_end();
    return 0;
}
