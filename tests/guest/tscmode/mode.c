/* SPDX-License-Identifier: MIT */
/*
 * The TSC that a domain is given (domctl settscinfo, xen-tscmode): the processor's own, or one that is made of system time; what RDTSC, RDTSCP and the MSR answer then in its kernel and in
 * its user mode, its time records, the CPUID leaf that says so, and what RDTSCP gives beside the time. QEMU's TSC is not invariant, so that Debian's
 * Xen emulates it by default; ours does where another frequency is asked for (docs/design/time.md).
 * GUEST-GROUP: smp=2 mem=512 dom0=128M cpu=max,-smap timeout=120
 */
#include "tscmode.h"

#define EMULATED   1u
#define HAS_RDTSCP 4u
#define SPAN       (30 * KIT_MS)
#define THEIR_TIME ((volatile struct shared_info *)KIT_PUPPET_VA(KIT_PUPPET_SHARED))->vcpu_info[0].time

/* Has a domain in this mode the processor's? */
static bool is_native(uint32_t mode, uint32_t khz)
{
    return mode == MODE_NATIVE || (mode == MODE_DEFAULT && khz == host_khz() && kit_on_xenios());
}

static void check_info(domid_t d, uint32_t mode, uint32_t khz, uint32_t incarnation, uint64_t elapsed)
{
    struct xen_domctl_tsc_info info = tsc_of_domain(d);

    CHECK_EQ(info.tsc_mode, mode);
    CHECK_EQ(info.gtsc_khz, khz);
    CHECK_EQ(info.incarnation, incarnation);
    if (mode == MODE_NATIVE)
        CHECK_EQ(info.elapsed_nsec, 0);
    else if (is_native(mode, khz))
        CHECK(info.elapsed_nsec > 0);
    else
        CHECK(info.elapsed_nsec >= elapsed && info.elapsed_nsec < elapsed + KIT_S);
}

/* The incarnation is one more than was said, also of a domain of which nothing was. */
KIT_TEST(set_and_get)
{
    static const uint32_t none[] = {3, 4, 5, 0x101, 0xffffffff};
    domid_t d;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &d));
    check_info(d, MODE_DEFAULT, host_khz(), 1, 0);
    for (uint32_t mode = MODE_DEFAULT; mode <= MODE_EMULATE; mode++) {
        CHECK_RC(set_tsc(d, mode, 500000, 7, 123 * KIT_S), 0);
        check_info(d, mode, 500000, 8, 123 * KIT_S);
        CHECK_RC(set_tsc(d, mode, HOST_KHZ, 0, 0), 0);
        check_info(d, mode, host_khz(), 1, 0);
    }
    CHECK_RC(set_tsc(d, MODE_NATIVE, 500000, 41, 123 * KIT_S), 0);
    check_info(d, MODE_NATIVE, 0, 42, 0);
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        CHECK_RC(set_tsc(d, none[i], HOST_KHZ, 3, 0), -XEN_EINVAL);
    check_info(d, MODE_NATIVE, 0, 42, 0);
    CHECK_RC(set_tsc(d, MODE_EMULATE, 1, 0, ~0UL - KIT_S), 0); /* any frequency will do, and any time */
    CHECK_EQ(tsc_of_domain(d).gtsc_khz, 1);
    CHECK_RC(set_tsc(d, MODE_EMULATE, ~0u, 0, ~0UL), 0);
    CHECK_EQ(tsc_of_domain(d).gtsc_khz, ~0u);
    CHECK_RC(set_tsc(0, MODE_DEFAULT, HOST_KHZ, 0, 0), -XEN_EINVAL);
    CHECK_RC(kit_domctl(XEN_DOMCTL_gettscinfo, 0, &control), -XEN_EINVAL);
    CHECK_RC(set_tsc(DOMID_SELF, MODE_DEFAULT, HOST_KHZ, 0, 0), -XEN_ESRCH);
    CHECK(kit_domain_gone(d));
}

KIT_PROGRAM static void read_leaf(unsigned long a, unsigned long b)
{
    unsigned n = 0;

    for (unsigned sub = 0; sub < 4; sub++) {
        struct kit_cpuid r = kit_cpuid(LEAF, sub);

        KIT_PUPPET_WORDS[n++] = r.a;
        KIT_PUPPET_WORDS[n++] = r.b;
        KIT_PUPPET_WORDS[n++] = r.c;
        KIT_PUPPET_WORDS[n++] = r.d;
    }
}

/* Of the third subleaf nothing but the machine's frequency; of the second the scale, and where it is not used the offset. */
static void check_leaf(uint32_t mode, uint32_t khz, uint32_t incarnation, uint32_t mul, uint32_t shift)
{
    volatile uint64_t *w = words;

    if (!run_program(read_leaf, 0, 0))
        return;
    CHECK_EQ(w[0], HAS_RDTSCP | (is_native(mode, khz) ? 0 : EMULATED));
    CHECK_EQ(w[1], mode);
    CHECK_EQ(w[2], khz);
    CHECK_EQ(w[3], incarnation);
    if (!is_native(mode, khz))
        CHECK_EQ(w[4] | w[5] << 32, 0);
    if (mul) {
        CHECK_EQ(w[6], mul);
        CHECK_EQ(w[7], shift);
    }
    CHECK_EQ(w[8], host_khz());
    CHECK_EQ(w[9] | w[10] | w[11] | w[12] | w[13] | w[14] | w[15], 0);
}

KIT_TEST(leaf)
{
    uint64_t before, after;

    CHECK_EQ(kit_cpuid(LEAF, 0).a, HAS_RDTSCP); /* domain 0's is the processor's */
    CHECK_EQ(kit_cpuid(LEAF, 0).b | kit_cpuid(LEAF, 0).c | kit_cpuid(LEAF, 0).d, 0);
    CHECK_EQ(kit_cpuid(LEAF, 1).a | kit_cpuid(LEAF, 1).b, 0);
    CHECK_OR_RETURN(make_puppet());
    check_leaf(MODE_DEFAULT, host_khz(), 1, 0, 0);
    CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, 1000000, 2, 0), 0);
    check_leaf(MODE_EMULATE, 1000000, 3, 0x80000000, 1);
    CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, 500000, 2, 0), 0);
    check_leaf(MODE_EMULATE, 500000, 3, 0x80000000, 2);
    CHECK_RC(set_tsc(puppet.id, MODE_DEFAULT, 3000000, 2, 0), 0);
    check_leaf(MODE_DEFAULT, 3000000, 3, 0xaaaaaaaa, -1u);
    before = kit_time_ns();
    CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, 4000000, 4, 100), 0);
    after = kit_time_ns();
    check_leaf(MODE_EMULATE, 4000000, 5, 0x80000000, -1u);
    CHECK_RC(set_tsc(puppet.id, MODE_NATIVE, 500000, 8, KIT_S),
             0); /* what else was said stays, for nothing */
    check_leaf(MODE_NATIVE, 4000000, 9, 0x80000000, -1u);
    CHECK((words[4] | words[5] << 32) >= before - 100 && (words[4] | words[5] << 32) <= after - 100);
    end_puppet();
}

/* What its time record makes of a reading. */
static inline __attribute__((always_inline)) uint64_t read_time(unsigned way, uint64_t *tsc)
{
    volatile struct vcpu_time_info *t = &THEIR_TIME;
    uint64_t delta, ns;
    uint32_t version;

    do {
        version = t->version;
        barrier();
        *tsc = read_tsc(way);
        delta = *tsc - t->tsc_timestamp;
        delta = t->tsc_shift < 0 ? delta >> -t->tsc_shift : delta << t->tsc_shift;
        ns = t->system_time + (uint64_t)((unsigned __int128)delta * t->tsc_to_system_mul >> 32);
        barrier();
    } while ((version & 1) || version != t->version);
    return ns;
}

/* For a time: the first and the last reading and their times, how often either went back, and how many there were. */
KIT_PROGRAM static void watch(unsigned long span, unsigned long unused)
{
    uint64_t tsc, before, last, ns = read_time(0, &before), start = ns, back = 0, n = 0;

    KIT_PUPPET_WORDS[0] = before;
    KIT_PUPPET_WORDS[1] = last = ns;
    while (ns < start + span || n < 20) {
        ns = read_time((unsigned)(n++ % 3), &tsc);
        back += ns < last || tsc < before;
        last = ns;
        before = tsc;
    }
    KIT_PUPPET_WORDS[2] = before;
    KIT_PUPPET_WORDS[3] = last;
    KIT_PUPPET_WORDS[4] = back;
    KIT_PUPPET_WORDS[5] = n;
}

/* Its system time is everybody's, and its TSC grows as much as that; not exactly where a record is made to run fast or slow, so that it keeps in step. */
static void check_growth(uint32_t khz, uint64_t before, bool exact)
{
    volatile uint64_t *w = words;
    uint64_t ns = w[3] - w[1], ticks = w[2] - w[0], expected = ns * khz / 1000000,
             slack = expected / (exact ? 100000 : 10);

    check_between(w[1], before, kit_time_ns());
    check_between(w[3], before, kit_time_ns());
    CHECK(ns >= SPAN);
    kit_check(ticks + slack >= expected && ticks <= expected + slack, __FILE__, __LINE__,
              "%lu ticks in %lu ns at %u kHz", ticks, ns, khz);
    CHECK_EQ(w[4], 0);
}

/* Emulated, it is what the toolstack is told of it, at any frequency; and it is the same on all processors. */
KIT_TEST(emulated)
{
    static const uint32_t frequencies[] = {HOST_KHZ, 1000000, 500000, 3000000};

    CHECK_OR_RETURN(make_puppet());
    for (unsigned i = 0; i < ARRAY_SIZE(frequencies); i++) {
        uint32_t khz = frequencies[i] ? frequencies[i] : host_khz();
        uint64_t before = kit_time_ns(), least, most;

        CHECK_RC(set_tsc(puppet.id, MODE_EMULATE, frequencies[i], 0, KIT_S / 2), 0);
        least = tsc_of_domain(puppet.id).elapsed_nsec;
        kit_puppet_run(&puppet, watch, SPAN, 0);
        for (unsigned turn = 0; turn < 6; turn++) {
            kit_spin_ns(SPAN / 10);
            CHECK_RC(kit_domain_pin(puppet.id, 0, turn & 1 ? THEIR_CPU : 1), 0);
            hcall_sched_op(SCHEDOP_yield, NULL);
        }
        while (!kit_puppet_is_idle(&puppet) && kit_time_ns() < before + 5 * KIT_S)
            hcall_sched_op(SCHEDOP_yield, NULL);
        CHECK(kit_puppet_is_idle(&puppet));
        most = tsc_of_domain(puppet.id).elapsed_nsec;
        check_growth(khz, before, kit_on_xenios());
        check_between(words[0] * 1000000 / khz, least, most);
        check_between(words[2] * 1000000 / khz, least, most);
    }
    end_puppet();
}

/* Native, it is the processor's. */
KIT_TEST(native)
{
    uint64_t before, tsc;

    CHECK_OR_RETURN(make_puppet());
    CHECK_RC(set_tsc(puppet.id, MODE_NATIVE, HOST_KHZ, 0, 0), 0);
    before = kit_time_ns();
    tsc = kit_rdtsc();
    CHECK(run_program(watch, SPAN, 0));
    CHECK(words[0] > tsc && words[2] < kit_rdtsc());
    check_growth(host_khz(), before, false);
    end_puppet();
}

KIT_PROGRAM static void read_for_ever(unsigned long a, unsigned long b)
{
    for (;;)
        KIT_PUPPET_WORDS[0] = read_tsc(0);
}

/* It may be changed at any time: the next reading is of the new kind. */
KIT_TEST(changed_while_it_runs)
{
    CHECK_OR_RETURN(make_puppet());
    kit_puppet_run(&puppet, read_for_ever, 0, 0);
    for (unsigned i = 0; i < 10; i++)
        check_change();
    end_puppet();
}
