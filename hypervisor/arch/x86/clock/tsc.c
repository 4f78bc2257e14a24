/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The TSC as the clock. State: `clock`, written by the boot processor (shared record) or by each processor
 * itself (own records), each record under a sequence count that readers check. No locks but that of the
 * platform counter.
 */
#include "arch/x86/clock/record.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "core/options.h"
#include "hv/irqflags.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/string.h"
#include <xen/arch-x86/cpufeatureset.h>

#define CALIBRATE_NS    10000000
#define CALIBRATE_READS 50000000u
#define SAMPLES         8
#define COMPARE_ROUNDS  64
#define COMPARE_SPINS   (1u << 22)

/* A record and what guards it: odd while it is being written. */
struct published_record {
    uint32_t sequence;
    struct clock_record r;
} __aligned(64);

struct own_clock {
    struct published_record record;
    struct clock_sample base;
    struct timer timer;
};

static struct {
    const struct platform_timer *platform;
    uint64_t hz;
    struct clock_scale platform_to_ns;
    bool invariant;    /* the processor says so */
    bool disagree;     /* counters of different processors do not agree */
    bool own_records;  /* decided by clock_smp_done() */
    bool keep_in_step; /* records are adjusted from the platform timer */
    lock_t platform_lock;
    uint64_t platform_last, platform_ticks; /* extension of the counter to 64 bits */
    uint64_t adjusted;
    struct published_record shared;
    struct clock_sample base;
    struct timer timer;
} clock = {.platform_lock = LOCK_INIT(RANK_LEAF)};
LOCK_SHOWN(platform_timer, clock.platform_lock, "platform timer");

static struct {
    uint32_t turn, warps;
    uint64_t last;
} compare;

static DEFINE_PERCPU(struct own_clock, own_clock);

static inline struct published_record *this_record(void)
{
    return unlikely(clock.own_records) ? &this_cpu(own_clock).record : &clock.shared;
}

static inline struct clock_record read_record(const struct published_record *p, uint32_t *sequence)
{
    struct clock_record r;
    uint32_t before;

    do {
        before = __atomic_load_n(&p->sequence, __ATOMIC_ACQUIRE);
        r = p->r;
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while ((before & 1) || READ_ONCE(p->sequence) != before);
    *sequence = before;
    return r;
}

static void publish(struct published_record *p, const struct clock_record *r)
{
    uint64_t flags = irq_save();
    uint32_t sequence = p->sequence;

    WRITE_ONCE(p->sequence, sequence + 1);
    __atomic_thread_fence(__ATOMIC_RELEASE);
    p->r = *r;
    __atomic_store_n(&p->sequence, sequence + 2, __ATOMIC_RELEASE);
    irq_restore(flags);
}

s_time_t time_now(void)
{
    const struct published_record *p = this_record();
    uint32_t before;
    uint64_t ns;

    do {
        before = __atomic_load_n(&p->sequence, __ATOMIC_ACQUIRE);
        ns = clock_record_time(&p->r, rdtsc_ordered());
        __atomic_thread_fence(__ATOMIC_ACQUIRE);
    } while (unlikely((before & 1) || READ_ONCE(p->sequence) != before));
    return (s_time_t)ns;
}

uint64_t clock_time_to_tsc(s_time_t t)
{
    uint32_t sequence;
    struct clock_record r = read_record(this_record(), &sequence);

    return (uint64_t)t <= r.ns ? r.tsc : r.tsc + clock_scale((uint64_t)t - r.ns, r.to_tsc);
}

void clock_record_get(struct tsc_record *out)
{
    uint32_t sequence;
    struct clock_record r = read_record(this_record(), &sequence);

    *out = (struct tsc_record){.tsc = r.tsc, .system_time = r.ns, .mul = r.to_ns.mul, .shift = r.to_ns.shift};
}

bool clock_tsc_is_stable(void)
{
    return clock.invariant && !clock.disagree;
}

uint64_t clock_tsc_hz(void)
{
    return clock.hz;
}

void clock_delay_us(unsigned int us)
{
    uint64_t start = rdtsc(), ticks = clock_mul_div(us, clock.hz ? clock.hz : 4000000000ULL, 1000000);

    while (rdtsc() - start < ticks)
        cpu_relax();
}

/* The platform's counter and the TSC read together; of several tries the one in which least could come
 * between. */
static void sample_raw(uint64_t *tsc, uint64_t *ticks)
{
    uint64_t best = UINT64_MAX;

    for (unsigned int i = 0; i < SAMPLES; i++) {
        uint64_t before = rdtsc_ordered(), counter = clock.platform->read(), after = rdtsc_ordered();

        if (after - before < best) {
            best = after - before;
            *tsc = before + best / 2;
            *ticks = counter;
        }
    }
}

static struct clock_sample sample(void)
{
    struct clock_sample s;
    uint64_t counter, flags = lock_irqsave(&clock.platform_lock);

    sample_raw(&s.tsc, &counter);
    clock.platform_ticks += (counter - clock.platform_last) & clock.platform->mask;
    clock.platform_last = counter;
    s.ns = clock_scale(clock.platform_ticks, clock.platform_to_ns);
    unlock_irqrestore(&clock.platform_lock, flags);
    return s;
}

/* TSC ticks per second, measured against the platform timer; 0 if that stands still. */
static uint64_t measure(const struct platform_timer *p)
{
    uint64_t want = clock_mul_div(CALIBRATE_NS, p->frequency, NS_PER_S), tsc0, tsc1, ticks0, ticks1,
             flags = irq_save();
    unsigned int reads = 0;

    clock.platform = p;
    sample_raw(&tsc0, &ticks0);
    while (((p->read() - ticks0) & p->mask) < want && ++reads < CALIBRATE_READS)
        cpu_relax();
    sample_raw(&tsc1, &ticks1);
    irq_restore(flags);
    if (reads == CALIBRATE_READS || tsc1 <= tsc0)
        return 0;
    return clock_mul_div(tsc1 - tsc0, p->frequency, (ticks1 - ticks0) & p->mask);
}

/* CPUID 0x15: crystal frequency and ratio (SDM 2A); exact where all three are given. */
static uint64_t hz_from_cpuid(void)
{
    struct cpuid_regs r;

    if (cpuid(0).a < 0x15)
        return 0;
    r = cpuid(0x15);
    return r.a && r.b && r.c ? clock_mul_div(r.c, r.b, r.a) : 0;
}

static void choose_platform_timer(void)
{
    static struct platform_timer *const timers[] = {&platform_hpet, &platform_pm_timer, &platform_pit};

    for (unsigned int i = 0; i < ARRAY_SIZE(timers); i++) {
        uint64_t hz;

        if (!timers[i]->probe())
            continue;
        hz = measure(timers[i]);
        if (hz < 1000000)
            continue;
        if (!clock.hz)
            clock.hz = hz;
        return;
    }
    cannot_boot("no timer of this machine counts, neither HPET nor ACPI PM timer nor PIT: Xenios needs one "
                "of them. Look "
                "for them in the firmware's setup%s.\n",
                option_bool("acpi", true) ? "" : ", and leave out acpi=off");
}

/*
 * tsc=unstable: not to be relied on for long; skewed: not in step between processors. The one value left,
 * stable:socket, is what is taken for granted until processors disagree.
 */
static void obey_option(void)
{
    const char *said = option_string("tsc");

    if (!said || !*said || !strcmp(said, "stable:socket"))
        return;
    if (!strcmp(said, "unstable"))
        clock.invariant = false;
    else if (!strcmp(said, "skewed"))
        clock.disagree = true;
    else
        printk("tsc=%s is not understood: ignored (unstable, skewed, stable:socket)\n", said);
}

void clock_init(void)
{
    struct clock_record first;

    if (!cpu_policy_has(&raw_policy, XEN_X86_FEATURE_TSC))
        cannot_boot(
            "this processor has no time stamp counter, which Xenios needs: take another processor.\n");
    clock.invariant = cpu_features.invariant_tsc;
    obey_option();
    clock.hz = hz_from_cpuid();
    choose_platform_timer();
    clock.platform_to_ns = clock_scale_ratio(NS_PER_S, clock.platform->frequency);
    clock.platform_last = clock.platform->read();
    clock.keep_in_step = !clock.invariant && clock.platform != &platform_pit;
    clock.base = sample();
    clock.base.ns = 0;
    clock.platform_ticks = 0;
    first = clock_record_make(clock.base.tsc, 0, clock.hz);
    publish(&clock.shared, &first);
    log_info("Clock: TSC at %lu.%03lu MHz%s, platform timer %s at %lu Hz\n", clock.hz / 1000000,
             clock.hz / 1000 % 1000, clock.invariant ? ", invariant" : "", clock.platform->name,
             clock.platform->frequency);
}

/*
 * By turns each reads its counter, after it has seen the other's value: a counter that shows less than what
 * the other saw before is behind. Bounded: a partner that does not come makes the comparison end without a
 * verdict.
 */
void clock_compare(unsigned int cpu, bool second)
{
    for (uint32_t round = 0; round < COMPARE_ROUNDS; round++) {
        uint32_t mine = 2 * round + second;
        uint64_t now;
        unsigned int spins = 0;

        while (__atomic_load_n(&compare.turn, __ATOMIC_ACQUIRE) != mine) {
            if (++spins == COMPARE_SPINS)
                return;
            cpu_relax();
        }
        now = rdtsc_ordered();
        if (now < compare.last)
            compare.warps++;
        compare.last = now;
        __atomic_store_n(&compare.turn, mine + 1, __ATOMIC_RELEASE);
    }
    if (second)
        return;
    for (unsigned int spins = 0;
         __atomic_load_n(&compare.turn, __ATOMIC_ACQUIRE) != 2 * COMPARE_ROUNDS && spins < COMPARE_SPINS;
         spins++)
        cpu_relax();
    if (compare.warps && !clock.disagree) {
        clock.disagree = true;
        log_warn("Clock: the TSC of CPU %u is not in step with the others; each processor keeps its own time "
                 "record\n",
                 cpu);
    }
    compare.turn = compare.warps = 0;
    compare.last = 0;
}

/* Own records: starts at the platform's time, which all share. */
static void start_own(void *unused)
{
    struct own_clock *own = &this_cpu(own_clock);
    struct clock_record r;

    (void)unused;
    own->base = sample();
    r = clock_record_make(own->base.tsc, own->base.ns, clock.hz);
    publish(&own->record, &r);
}

void clock_init_cpu(void)
{
    start_own(NULL);
}

static void adjust(struct published_record *p, const struct clock_sample *base)
{
    struct clock_sample now = sample();
    struct clock_record r = p->r;

    if (clock_record_adjust(&r, base, &now)) {
        publish(p, &r);
        clock.adjusted++;
    }
}

static void adjust_shared(void *unused)
{
    (void)unused;
    adjust(&clock.shared, &clock.base);
    timer_set(&clock.timer, time_now() + (s_time_t)CLOCK_PERIOD_NS);
}

static void adjust_own(void *data)
{
    struct own_clock *own = data;

    adjust(&own->record, &own->base);
    timer_set(&own->timer, time_now() + (s_time_t)CLOCK_PERIOD_NS);
}

void clock_smp_done(void)
{
    unsigned int cpu;

    if (clock.disagree && clock.platform != &platform_pit) {
        start_own(NULL);
        WRITE_ONCE(clock.own_records, true);
        for_each_online_cpu (cpu) {
            struct own_clock *own = &per_cpu(own_clock, cpu);

            timer_init(&own->timer, adjust_own, own, cpu);
            timer_set(&own->timer, time_now() + (s_time_t)CLOCK_PERIOD_NS);
        }
    } else if (clock.keep_in_step) {
        timer_init(&clock.timer, adjust_shared, NULL, cpu_id());
        timer_set(&clock.timer, time_now() + (s_time_t)CLOCK_PERIOD_NS);
    }
}

bool clock_uses_pit(void)
{
    return clock.platform == &platform_pit;
}

void clock_dump(void)
{
    printk("Clock: TSC %lu Hz%s, %s, platform timer %s, record adjusted %lu times, now %ld ns\n", clock.hz,
           clock.invariant ? " invariant" : "", clock.own_records ? "a record per processor" : "one record",
           clock.platform->name, clock.adjusted, time_now());
}
