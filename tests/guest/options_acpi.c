/* SPDX-License-Identifier: MIT */
/*
 * acpi=off: neither the second processor nor the IO-APIC is found. Debian's Xen does not get through its start so.
 * GUEST-GROUP: on=xenios smp=2 dom0=64M xen=acpi=off
 */
#include <kit/test.h>
#include <kit/vcpu.h>
#include "options_seen.h"

KIT_TEST(acpi)
{
    CHECK_EQ(options_processors(), 1);
    CHECK_EQ(kit_nr_vcpus(), 1);
    CHECK(!options_has_ioapic());
}
