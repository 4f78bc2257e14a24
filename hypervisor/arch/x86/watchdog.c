/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Each processor has a timer that counts its beats: timers run on the way out of the hypervisor, so a
 * processor that beats is neither in a loop with interrupts off nor in a path that never leaves. Who looks:
 *
 *   each processor at the next one, when its own beat is due;
 *   processor 0 at all, itself too, in NMIs that the 8254's channel 0 sends it through the IO-APIC, some eighteen a second. They come also when it is alone and hangs.
 *
 * Whoever sees no new beat for `timeout` accuses: an NMI to the processor in question, in whose handler it
 * prints its registers and stack and panics. If it does not take even that, the accuser panics. A processor
 * that waits for an answer of another's makes no progress either, and may be noticed first: then the one that
 * owes the answer is accused.
 *
 * No performance counters: the machines that this is tested on have none, and the 8254 is everywhere. All
 * state is atomic words; nothing here takes a lock, since what was interrupted may hold it.
 */
#include "arch/x86/watchdog.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/pc_ports.h"
#include "arch/x86/smp.h"
#include "arch/x86/traps.h"
#include "core/options.h"
#include "drivers/console.h"
#include "hv/irqflags.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"
#include "hv/string.h"
#include "hv/time.h"

#define BEAT            NS_PER_S
#define TIMEOUT_DEFAULT 5
#define TIMEOUT_MAX     3600
#define PIT_RATE_MODE0                                                                                       \
    0x34 /* channel 0, both bytes, mode 2: rate generator (Intel 8254, "Control Word Format") */
#define SOURCE_WAIT_US   300000
#define LAST_WORDS_TICKS 2 /* seconds for the accused to say where it is */

struct beat {
    uint64_t count;
    /* What its two observers saw last, and since when by the TSC. */
    struct {
        uint64_t count, since;
    } seen[2];
    struct timer timer;
};

enum observer { BY_NEIGHBOUR, BY_NMI };

static DEFINE_PERCPU(struct beat, beat);

static struct {
    bool running, source; /* source: the 8254's NMIs come */
    bool accused_any;
    bool speaks; /* the accused does, and takes as long as its words take on a slow line */
    unsigned int accused;
    unsigned int timeout; /* seconds */
    int held;
    uint64_t ticks; /* NMIs from the 8254 */
    struct timer hang;
} watchdog;

/* Has the processor been without a beat for too long? Its first look at a count starts the clock. */
static bool hangs(unsigned int cpu, enum observer who)
{
    struct beat *b = &per_cpu(beat, cpu);
    uint64_t count = READ_ONCE(b->count), now = rdtsc();

    if (count != b->seen[who].count || !b->seen[who].since || READ_ONCE(watchdog.held)) {
        b->seen[who].count = count;
        b->seen[who].since = now;
        return false;
    }
    return now > b->seen[who].since && now - b->seen[who].since > watchdog.timeout * clock_tsc_hz();
}

/* No new beat for half the time: enough for one that others wait for. */
static bool is_late(unsigned int cpu)
{
    const struct beat *b = &per_cpu(beat, cpu);
    uint64_t count = READ_ONCE(b->count), now = rdtsc();

    for (unsigned int i = 0; i < ARRAY_SIZE(b->seen); i++)
        if (b->seen[i].since && b->seen[i].count == count && now > b->seen[i].since &&
            now - b->seen[i].since > watchdog.timeout * clock_tsc_hz() / 2)
            return true;
    return false;
}

/* Who does not answer, and does not wait itself; else the one that was noticed. */
static unsigned int find_culprit(unsigned int noticed)
{
    unsigned int waiting, cpu;

    for_each_online_cpu (waiting) {
        const volatile cpumask_t *pending = smp_waits_for(waiting);

        if (!pending)
            continue;
        for_each_online_cpu (cpu)
            if (test_bit(cpu, pending->bits) && !smp_waits_for(cpu) && is_late(cpu))
                return cpu;
    }
    return noticed;
}

static void show_who_waits(void)
{
    unsigned int cpu;

    for_each_online_cpu (cpu) {
        const volatile cpumask_t *pending = smp_waits_for(cpu);

        if (pending && test_bit(cpu_id(), pending->bits))
            printk("CPU %u waits for its answer\n", cpu);
    }
}

static void __noreturn last_words(struct cpu_user_regs *r)
{
    WRITE_ONCE(watchdog.speaks, true);
    console_force_unlock();
    printk("---- Watchdog: CPU %u has made no progress for %u seconds; it is here: ----\n", cpu_id(),
           watchdog.timeout);
    dump_registers(r);
    if (!(r->cs & 3))
        dump_stack(r->rsp);
    show_who_waits();
    panic("Watchdog: CPU %u hangs at %pS\n", cpu_id(), (void *)r->rip);
}

/* `r`: of this processor, if it may be the one. */
static void accuse(unsigned int noticed, struct cpu_user_regs *r)
{
    unsigned int cpu = find_culprit(noticed);
    cpumask_t one = cpumask_of(cpu);
    uint64_t start;

    if (smp_is_stopping() || __atomic_test_and_set(&watchdog.accused_any, __ATOMIC_SEQ_CST))
        return;
    watchdog.accused = cpu;
    if (cpu == cpu_id())
        last_words(r);
    apic_send_nmi_mask(&one);
    for (start = rdtsc();
         (READ_ONCE(watchdog.speaks) || rdtsc() - start < LAST_WORDS_TICKS * clock_tsc_hz()) &&
         !smp_is_stopping();)
        cpu_relax();
    if (smp_is_stopping())
        return;
    console_force_unlock();
    panic("Watchdog: CPU %u has made no progress for %u seconds and does not take an NMI\n", cpu,
          watchdog.timeout);
}

/* The timer of each processor. */
static void beat_due(void *unused)
{
    struct beat *b = &this_cpu(beat);
    unsigned int next = cpumask_next(cpu_id(), &cpu_online_mask);

    (void)unused;
    WRITE_ONCE(b->count, b->count + 1);
    timer_set(&b->timer, time_now() + BEAT);
    if (next >= MAX_CPUS)
        next = cpumask_first(&cpu_online_mask);
    if (next != cpu_id() && hangs(next, BY_NEIGHBOUR))
        accuse(next, NULL);
}

bool watchdog_nmi(struct cpu_user_regs *r, bool from_chipset)
{
    unsigned int cpu;

    if (!watchdog.running)
        return false;
    if (READ_ONCE(watchdog.accused_any) && watchdog.accused == cpu_id() && !smp_is_stopping())
        last_words(r);
    if (from_chipset || cpu_id() || !watchdog.source)
        return false;
    watchdog.ticks++;
    for_each_online_cpu (cpu)
        if (hangs(cpu, BY_NMI))
            accuse(cpu, r);
    return true;
}

void watchdog_hold(void)
{
    __atomic_fetch_add(&watchdog.held, 1, __ATOMIC_SEQ_CST);
}

void watchdog_release(void)
{
    __atomic_fetch_sub(&watchdog.held, 1, __ATOMIC_SEQ_CST);
}

/* The 8254's slowest rate, 65536 of its ticks, as NMIs to this processor. */
static void start_source(void)
{
    uint64_t before;

    if (ioapic_send_nmi(irq_of_isa(0), cpu_apic_id[0]))
        return;
    watchdog.source = true;
    before = watchdog.ticks;
    outb(PIT_RATE_MODE0, PORT_PIT_CONTROL);
    outb(0, PORT_PIT_COUNTER);
    outb(0, PORT_PIT_COUNTER);
    clock_delay_us(SOURCE_WAIT_US);
    if (READ_ONCE(watchdog.ticks) == before)
        watchdog.source = false;
}

void watchdog_init(void)
{
    uint64_t timeout = option_number("watchdog_timeout", TIMEOUT_DEFAULT);
    unsigned int cpu;

    if (!option_bool("watchdog", false) && !option_string("watchdog_timeout"))
        return;
    if (!timeout || !option_bool("watchdog", true))
        return;
    watchdog.timeout = (unsigned int)min(timeout, (uint64_t)TIMEOUT_MAX);
    for_each_online_cpu (cpu) {
        struct beat *b = &per_cpu(beat, cpu);

        timer_init(&b->timer, beat_due, NULL, cpu);
        timer_set(&b->timer, time_now() + BEAT);
    }
    watchdog.running = true;
    start_source();
    printk("Watchdog: %u seconds, %s\n", watchdog.timeout,
           watchdog.source                        ? "by NMIs from the 8254 and by the neighbour"
           : cpumask_weight(&cpu_online_mask) > 1 ? "by the neighbour only: the 8254 sends no NMIs here"
                                                  : "but nobody to look: there is one processor and the "
                                                    "8254 sends no NMIs here");
}

static void hang_now(void *unused)
{
    (void)unused;
    irq_disable();
    for (;;)
        cpu_relax();
}

void watchdog_start_test(void)
{
    uint64_t cpu = option_number("hang", MAX_CPUS);

    if (cpu >= MAX_CPUS || !cpumask_test((unsigned int)cpu, &cpu_online_mask))
        return;
    printk("Test: CPU %lu will hang in two seconds, as hang= says\n", cpu);
    timer_init(&watchdog.hang, hang_now, NULL, (unsigned int)cpu);
    timer_set(&watchdog.hang, time_now() + 2 * NS_PER_S);
}

void watchdog_dump(void)
{
    unsigned int cpu;

    if (!watchdog.running)
        return;
    printk("Watchdog: %u seconds, %lu NMIs from the 8254\n", watchdog.timeout, watchdog.ticks);
    for_each_online_cpu (cpu)
        printk("  CPU %u: %lu beats\n", cpu, per_cpu(beat, cpu).count);
}
