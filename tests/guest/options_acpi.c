/* SPDX-License-Identifier: MIT */
/*
 * acpi=off: neither the second processor nor the IO-APIC is found. Debian's Xen does not get through its start so.
 * GUEST-GROUP: on=xenios smp=2 dom0=64M xen=acpi=off
 */
#include <kit/hypercall.h>
#include <kit/test.h>
#include <kit/vcpu.h>
#include "options_seen.h"

KIT_TEST(acpi)
{
    CHECK_EQ(options_processors(), 1);
    CHECK_EQ(kit_nr_vcpus(), 1);
    CHECK(!options_has_ioapic());
}

/* Nor a register to power off by: said before anything is stopped. */
KIT_TEST(sleep)
{
    struct xen_platform_op op = {.cmd = XENPF_enter_acpi_sleep, .interface_version = XENPF_INTERFACE_VERSION};

    op.u.enter_acpi_sleep.val_a = 0x2000;
    op.u.enter_acpi_sleep.val_b = 0x2000;
    op.u.enter_acpi_sleep.sleep_state = 5;
    CHECK_RC(hcall_platform_op(&op), -XEN_ENODEV);
    op.u.enter_acpi_sleep.sleep_state = 6;
    CHECK_RC(hcall_platform_op(&op), -XEN_EINVAL);
}
