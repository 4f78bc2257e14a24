/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Sleep, power off and reset through ACPI's fixed registers (ACPI 6.4, 4.8.3, 16.1). Called with the machine
 * stopped but for us. */
#include "drivers/acpi/acpi.h"
#include "drivers/pci/config.h"
#include "arch/x86/cpu.h"
#include "arch/x86/map.h"
#include "hv/errno.h"
#include "hv/log.h"

#define PM1_SLEEP_TYPE_SHIFT 10
#define PM1_SLEEP_TYPE_MASK  (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE     (1u << 13)
#define PM1_WAKE_STATUS      (1u << 15)
#define SLEEP_CONTROL_SHIFT  2 /* of the hardware-reduced register */
#define SLEEP_CONTROL_ENABLE (1u << 5)
#define SPINS                (1u << 20)

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

int acpi_enter_sleep(uint16_t pm1a_value, uint16_t pm1b_value, unsigned int state)
{
    if (!acpi.has_fadt || (!acpi.pm1a_control.address && !acpi.sleep_control.address))
        return -ENODEV;
    if (state < 1 || state > 5)
        return -EINVAL;
    log_info("Entering ACPI S%u\n", state);
    if (acpi.hardware_reduced && acpi.sleep_control.address) {
        uint32_t type = (pm1a_value & PM1_SLEEP_TYPE_MASK) >> PM1_SLEEP_TYPE_SHIFT;

        write_register(&acpi.sleep_control, type << SLEEP_CONTROL_SHIFT | SLEEP_CONTROL_ENABLE, 1);
    } else {
        /* The type first, then type and enable, to both halves (16.1.1). */
        write_register(&acpi.pm1a_event, PM1_WAKE_STATUS, 2);
        write_register(&acpi.pm1b_event, PM1_WAKE_STATUS, 2);
        write_register(&acpi.pm1a_control, pm1a_value & ~PM1_SLEEP_ENABLE, 2);
        write_register(&acpi.pm1b_control, pm1b_value & ~PM1_SLEEP_ENABLE, 2);
        if (state <= 3)
            wbinvd();
        write_register(&acpi.pm1a_control, pm1a_value | PM1_SLEEP_ENABLE, 2);
        write_register(&acpi.pm1b_control, pm1b_value | PM1_SLEEP_ENABLE, 2);
    }
    wait_for_end();
    return -EIO;
}

int acpi_power_off(void)
{
    uint16_t a, b;

    if (!acpi.has_s5)
        return -ENODEV;
    a = (uint16_t)((read_control(&acpi.pm1a_control) & ~PM1_SLEEP_TYPE_MASK) | (unsigned int)acpi.s5_type_a
                                                                                   << PM1_SLEEP_TYPE_SHIFT);
    b = (uint16_t)((read_control(&acpi.pm1b_control) & ~PM1_SLEEP_TYPE_MASK) | (unsigned int)acpi.s5_type_b
                                                                                   << PM1_SLEEP_TYPE_SHIFT);
    return acpi_enter_sleep(a, b, 5);
}

int acpi_reset(void)
{
    if (!acpi.has_reset)
        return -ENODEV;
    write_register(&acpi.reset_register, acpi.reset_value, 1);
    wait_for_end();
    return 0;
}
