/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls between processors. One call is under way at a time; its lock is waited for with interrupts on, so
 * that waiting processors serve. */
#include "arch/x86/smp.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/vectors.h"
#include "hv/irqflags.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/panic.h"
#include "hv/percpu.h"

#define WARN_SECONDS  5
#define PANIC_SECONDS 60

cpumask_t cpu_online_mask;
unsigned int cpu_count;

static struct {
    lock_t lock;
    void (*fn)(void *data);
    void *data;
    bool wait;
    cpumask_t pending;
} call = {.lock = LOCK_INIT(RANK_NONE)};
LOCK_SHOWN(call, call.lock, "calls of other processors");

/* What the processor is waiting for in smp_wait_for(), for who wonders why it gets nowhere. */
static DEFINE_PERCPU(const volatile cpumask_t *, waited_for);

const volatile cpumask_t *smp_waits_for(unsigned int cpu)
{
    return READ_ONCE(per_cpu(waited_for, cpu));
}

static bool mask_empty(const volatile cpumask_t *m)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(m->bits); i++)
        if (m->bits[i])
            return false;
    return true;
}

static void name_missing(const volatile cpumask_t *pending, const char *what)
{
    for (unsigned int cpu = 0; cpu < MAX_CPUS; cpu++)
        if (test_bit(cpu, pending->bits))
            log_warn("CPU %u does not answer (%s)\n", cpu, what);
}

void smp_wait_for(const volatile cpumask_t *pending, void (*poll)(void), const char *what)
{
    const volatile cpumask_t *before = this_cpu(waited_for);
    uint64_t start = 0, second = clock_tsc_hz();
    bool warned = false;

    WRITE_ONCE(this_cpu(waited_for), pending);
    for (unsigned int spins = 1; !mask_empty(pending); spins++) {
        cpu_relax();
        if (poll)
            poll();
        if (likely(spins % 1024))
            continue;
        if (!start)
            start = rdtsc();
        if (!warned && rdtsc() - start > WARN_SECONDS * second) {
            warned = true;
            name_missing(pending, what);
        }
        if (rdtsc() - start > PANIC_SECONDS * second) {
            name_missing(pending, what);
            panic("A processor hangs with interrupts off\n");
        }
    }
    WRITE_ONCE(this_cpu(waited_for), before);
}

void smp_call_mask(const cpumask_t *mask, void (*fn)(void *data), void *data, bool wait)
{
    unsigned int here = cpu_id();
    cpumask_t others;

    cpumask_and(&others, mask, &cpu_online_mask);
    clear_bit(here, others.bits);
    if (!cpumask_empty(&others)) {
        assert(irqs_enabled());
        lock(&call.lock);
        call.fn = fn;
        call.data = data;
        call.wait = wait;
        call.pending = others;
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        apic_send_mask(&others, VECTOR_CALL);
    }
    if (cpumask_test(here, mask)) {
        uint64_t flags = irq_save();

        fn(data);
        irq_restore(flags);
    }
    if (!cpumask_empty(&others)) {
        smp_wait_for(&call.pending, NULL, "function call");
        unlock(&call.lock);
    }
}

void smp_call_interrupt(void)
{
    void (*fn)(void *data) = call.fn;
    void *data = call.data;
    bool wait = call.wait;

    apic_eoi();
    if (!cpumask_test(cpu_id(), &call.pending))
        return;
    /* Once the bit is clear, `call` may be the next caller's. */
    if (!wait)
        cpumask_clear(cpu_id(), &call.pending);
    fn(data);
    if (wait)
        cpumask_clear(cpu_id(), &call.pending);
}

void smp_kick(unsigned int cpu)
{
    apic_send_cpu(cpu, VECTOR_KICK);
}
