/* SPDX-License-Identifier: MIT */
/*
 * Boot options have their effect; tests/guest/options_nosmp.c is booted with the contrary of some.
 * GUEST-GROUP: smp=4 dom0=64M xen=maxcpus=3;dom0_vcpus_pin;console_to_ring;guest_loglvl=error
 */
#include <kit/test.h>
#include <kit/vcpu.h>
#include "options_seen.h"

/* Of four processors. */
KIT_TEST(maxcpus)
{
    CHECK_EQ(options_processors(), 3);
    CHECK_EQ(kit_nr_vcpus(), 3);
}

/* Each to the processor of its number. */
KIT_TEST(dom0_vcpus_pin)
{
    for (uint32_t vcpu = 0; vcpu < 3; vcpu++)
        CHECK_EQ(options_affinity(vcpu), 1U << vcpu);
}

KIT_TEST(console_to_ring)
{
    CHECK(options_own_output_is_kept());
}

/* The runner says loglvl=all. */
KIT_TEST(guest_loglvl)
{
    CHECK(options_information_was_logged());
    CHECK(!options_guests_lines_are_logged());
}
