/* SPDX-License-Identifier: MIT */
/* XENPF_enter_acpi_sleep where it is to be refused: with an error, and with nothing done before it. What would be done is not here: it ends the machine. */
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define SLEEP_NOW 0x2000 /* SLP_EN of a PM1 control register (ACPI 6.4, 4.8.3.2.1) */

static volatile uint32_t turns;
static volatile bool enough;

static void turn(void *unused __unused)
{
    while (!enough)
        turns++;
}

static bool still_turns(void)
{
    const uint32_t before = turns;

    for (uint64_t end = kit_time_ns() + 5 * KIT_S; kit_time_ns() < end;)
        if (turns - before > 1000)
            return true;
    return false;
}

static long ask_sleep(uint16_t a, uint16_t b, uint32_t state, uint32_t flags)
{
    struct xen_platform_op op;

    memset(&op, 0, sizeof(op));
    op.cmd = XENPF_enter_acpi_sleep;
    op.interface_version = XENPF_INTERFACE_VERSION;
    op.u.enter_acpi_sleep.val_a = a;
    op.u.enter_acpi_sleep.val_b = b;
    op.u.enter_acpi_sleep.sleep_state = state;
    op.u.enter_acpi_sleep.flags = flags;
    return hcall_platform_op(&op);
}

/* The machine has no sleep control register, so nothing extended can be had of it. */
KIT_TEST(sleep_refused)
{
    static const struct {
        uint16_t a, b;
        uint32_t state, flags;
        int want;
        bool xen_sleeps;
    } wrong[] = {
        {SLEEP_NOW, SLEEP_NOW, 0, 0, -XEN_EINVAL, false},
        {SLEEP_NOW, SLEEP_NOW, 6, 0, -XEN_EINVAL, false},
        {SLEEP_NOW, SLEEP_NOW, 0x105, 0, -XEN_EINVAL, false},
        {SLEEP_NOW, SLEEP_NOW, UINT32_MAX, 0, -XEN_EINVAL, false},
        {0, SLEEP_NOW, 5, 0, -XEN_EINVAL, false}, /* one half now, the other not */
        {SLEEP_NOW, 0x400, 5, 0, -XEN_EINVAL, false},
        {SLEEP_NOW, SLEEP_NOW, 5, 2, -XEN_EINVAL, false}, /* no such flags */
        {SLEEP_NOW, SLEEP_NOW, 5, 1U << 31, -XEN_EINVAL, false},
        {SLEEP_NOW, 0, 5, XENPF_ACPI_SLEEP_EXTENDED, -XEN_EPERM, false},
        {0x34, 0, 5, XENPF_ACPI_SLEEP_EXTENDED, -XEN_EPERM, false},
        {0, 0, 6, XENPF_ACPI_SLEEP_EXTENDED, -XEN_EPERM, false},
        {SLEEP_NOW, SLEEP_NOW, 5, XENPF_ACPI_SLEEP_EXTENDED | 2, -XEN_EPERM, false},
        {SLEEP_NOW, SLEEP_NOW, 1, 0, -XEN_EOPNOTSUPP, true},
        {SLEEP_NOW, SLEEP_NOW, 3, 0, -XEN_EOPNOTSUPP, true},
    };

    KIT_NEEDS_VCPUS(2);
    enough = false;
    CHECK_OR_RETURN(kit_vcpu_run(1, turn, NULL) == 0);
    for (unsigned i = 0; i < ARRAY_SIZE(wrong); i++) {
        if (wrong[i].xen_sleeps && !kit_on_xenios())
            continue;
        CHECK_RC(ask_sleep(wrong[i].a, wrong[i].b, wrong[i].state, wrong[i].flags), wrong[i].want);
        CHECK_OR_RETURN(still_turns()); /* the other processor was not stopped for it */
    }
    enough = true;
    CHECK(kit_vcpu_join(1, 5 * KIT_S));
}
