/* SPDX-License-Identifier: MIT */
#include "tscmode.h"

struct xen_domctl control;
struct kit_puppet puppet;
volatile uint64_t *words;

long set_tsc(domid_t d, uint32_t mode, uint32_t khz, uint32_t incarnation, uint64_t elapsed)
{
    memset(&control, 0, sizeof(control));
    control.u.tsc_info.tsc_mode = mode;
    control.u.tsc_info.gtsc_khz = khz;
    control.u.tsc_info.incarnation = incarnation;
    control.u.tsc_info.elapsed_nsec = elapsed;
    return kit_domctl(XEN_DOMCTL_settscinfo, d, &control);
}

struct xen_domctl_tsc_info tsc_of_domain(domid_t d)
{
    memset(&control, 0, sizeof(control));
    CHECK_RC(kit_domctl(XEN_DOMCTL_gettscinfo, d, &control), 0);
    return control.u.tsc_info;
}

uint32_t host_khz(void)
{
    return kit_cpuid(LEAF, 2).a;
}

/*
 * An emulated reading, at 1 GHz or scaled to that, against times of domain 0's. Xen's clocks of different processors are some 100 ms apart in a busy QEMU, and a counter of its that should be
 * negative has bit 63 changed.
 */
void check_between(uint64_t ns, uint64_t least, uint64_t most)
{
    int64_t slack = kit_on_xenios() ? 1 : (int64_t)(2 * KIT_S), value = (int64_t)(ns << 1) >> 1;

    if (kit_on_xenios())
        value = (int64_t)ns;
    kit_check(value >= (int64_t)least - slack && value <= (int64_t)most + slack, __FILE__, __LINE__,
              "%lu not in %lu to %lu", ns, least, most);
}

bool make_puppet(void)
{
    bool ok;

    CHECK_RC(kit_domain_pin(0, 0, 1), 0);
    ok = !kit_puppet_build(&puppet) && !kit_puppet_load(&puppet) &&
         !kit_domain_pin(puppet.id, 0, THEIR_CPU) && !kit_puppet_start(&puppet);
    CHECK(ok);
    words = kit_puppet_words(&puppet);
    return ok;
}

void end_puppet(void)
{
    CHECK(kit_puppet_end(&puppet));
    CHECK_RC(kit_domain_pin(0, 0, ~0UL), 0);
}

bool run_program(kit_program program, unsigned long a, unsigned long b)
{
    uint64_t deadline = kit_time_ns() + 5 * KIT_S;

    kit_puppet_run(&puppet, program, a, b);
    while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < deadline)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK(kit_puppet_is_idle(&puppet));
    return kit_puppet_is_idle(&puppet);
}

/* What it reads next. The first that it writes down it may have read long ago: an emulated instruction is where a vcpu stops that is paused. */
uint64_t next_reading(void)
{
    uint64_t deadline = kit_time_ns() + 5 * KIT_S;

    for (unsigned i = 0; i < 2; i++) {
        words[0] = 0;
        while (!words[0] && kit_time_ns() < deadline)
            kit_pause();
    }
    return words[0];
}

void check_change(void)
{
    uint64_t before = kit_time_ns(), tsc;

    CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, 1000000, 0, 0), 0);
    tsc = next_reading();
    CHECK(tsc);
    check_between(tsc, 0, kit_time_ns() - before);
    tsc = kit_rdtsc();
    CHECK_RC(set_tsc(puppet.id, MODE_NATIVE, HOST_KHZ, 0, 0), 0);
    CHECK(next_reading() > tsc);
}
