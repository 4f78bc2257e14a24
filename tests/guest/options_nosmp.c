/* SPDX-License-Identifier: MIT */
/*
 * Boot options have their effect, those that leave something out; tests/guest/options_maxcpus.c is booted without them.
 * GUEST-GROUP: smp=2 dom0=64M cpu=max,-smap xen=nosmp;xsave=off;loglvl=error
 */
#include <kit/arch/cpu.h>
#include <kit/test.h>
#include <kit/vcpu.h>
#include "options_seen.h"

/* One processor, though ACPI has told of two, and of the IO-APIC. */
KIT_TEST(nosmp)
{
    CHECK_EQ(options_processors(), 1);
    CHECK_EQ(kit_nr_vcpus(), 1);
    if (kit_on_xenios())
        CHECK(options_has_ioapic());
}

/* Gone, with AVX, which needs it. */
KIT_TEST(xsave)
{
    CHECK_OR_RETURN(kit_cpuid_native(1, 0).c & 1U << 26 && kit_cpuid_native(1, 0).c & 1U << 28);
    CHECK_EQ(kit_cpuid(1, 0).c & (1U << 26 | 1U << 27 | 1U << 28), 0);
    CHECK_EQ(kit_cpuid(0xd, 0).a, 0);
}

/* Without console_to_ring. */
KIT_TEST(output_is_not_kept)
{
    CHECK(!options_own_output_is_kept());
}

/* The runner says guest_loglvl=all: each of the two is for its own lines. */
KIT_TEST(loglvl)
{
    CHECK(!options_information_was_logged());
    CHECK(options_guests_lines_are_logged() || !kit_on_xenios()); /* Xen has no line for it */
}
