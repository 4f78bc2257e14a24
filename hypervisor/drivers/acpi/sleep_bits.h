/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Bits of the registers that put a machine to sleep: PM1 control (ACPI 6.4, 4.8.3.2.1) and, of hardware-reduced machines, sleep control (4.8.3.7). */
#ifndef DRIVERS_ACPI_SLEEP_BITS_H
#define DRIVERS_ACPI_SLEEP_BITS_H

#define PM1_SLEEP_TYPE_SHIFT     10
#define PM1_SLEEP_TYPE_MASK      (7u << PM1_SLEEP_TYPE_SHIFT)
#define PM1_SLEEP_ENABLE         (1u << 13)
#define CONTROL_SLEEP_TYPE_SHIFT 2
#define CONTROL_SLEEP_ENABLE     (1u << 5)

#endif
