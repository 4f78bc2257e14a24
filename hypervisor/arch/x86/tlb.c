/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The flush clock and the shootdown.
 *
 * The clock is a 64-bit count. A frame's stamp is the low half of what it showed when the frame lost its last
 * user; each processor remembers what it showed when the processor last began to flush. The clock has to move
 * only if somebody has read it since it moved last: flushes between two stamps need not be told apart, and
 * cost no locked operation.
 *
 * Order: whoever stamps a frame has executed a locked operation (the drop of the frame's count) after it
 * removed the last mapping, so a flush that begins at a later clock value sees the mapping gone. A stamp
 * older than 2^32 ticks is taken for a younger one: flushed once too often.
 */
#include "arch/x86/tlb.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/vectors.h"
#include "arch/x86/smp.h"
#include "hv/irqflags.h"
#include "hv/lock_shown.h"
#include "hv/percpu.h"

/* The debug build's clock comes to a stamp of 0 soon: what a machine meets in days, its tests meet at once. */
#ifdef DEBUG
static uint64_t flush_clock = (1ULL << 32) - 16;
#else
static uint64_t flush_clock = 1;
#endif
static bool clock_was_read;
static DEFINE_PERCPU(uint64_t, flushed_at);

/* The shootdown under way: one at a time. */
static struct {
    lock_t lock;
    unsigned int flags;
    bool one_page;
    uint64_t va;
    cpumask_t pending;
} shootdown = {.lock = LOCK_INIT(RANK_TLB)};
LOCK_SHOWN(shootdown, shootdown.lock, "TLB shootdown");

void (*tlb_asked)(void);

uint32_t tlb_clock_now(void)
{
    uint64_t now = __atomic_load_n(&flush_clock, __ATOMIC_SEQ_CST);

    if (!READ_ONCE(clock_was_read))
        WRITE_ONCE(clock_was_read, true);
    while (unlikely(!(uint32_t)now))
        now = __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST);
    return (uint32_t)now;
}

/* A flush of everything begins here. A stamp taken at the value that we remember may be younger than the
 * flush: only later values count. */
static void tick(void)
{
    uint64_t now = __atomic_load_n(&flush_clock, __ATOMIC_ACQUIRE);

    if (READ_ONCE(clock_was_read)) {
        WRITE_ONCE(clock_was_read, false);
        now = __atomic_add_fetch(&flush_clock, 1, __ATOMIC_SEQ_CST);
    }
    WRITE_ONCE(this_cpu(flushed_at), now);
}

void tlb_flush_local(unsigned int flags)
{
    uint64_t irq = irq_save();

    if (flags & TLB_FLUSH_CACHE)
        wbinvd();
    if (flags & TLB_FLUSH_GLOBAL)
        tick();
    if (flags & TLB_FLUSH_GLOBAL) {
        uint64_t cr4 = read_cr4();

        write_cr4(cr4 & ~CR4_PGE);
        write_cr4(cr4);
    } else if (flags & TLB_FLUSH) {
        write_cr3(read_cr3());
    }
    irq_restore(irq);
}

void tlb_load_root(uint64_t cr3)
{
    uint64_t irq = irq_save();

    tlb_load_root_and_cr4(cr3, read_cr4());
    irq_restore(irq);
}

void tlb_load_root_and_cr4(uint64_t cr3, uint64_t cr4)
{
    tick();
    write_cr4(read_cr4() & ~CR4_PGE);
    write_cr3(cr3);
    write_cr4(cr4);
}

void tlb_flush_page_local(uint64_t va)
{
    invlpg(va);
}

/* The full value of a stamp: the latest that it can have been. */
static uint64_t stamp_value(uint32_t stamp, uint64_t now)
{
    uint64_t value = (now & ~0xffffffffULL) | stamp;

    return value > now ? value - (1ULL << 32) : value;
}

void tlb_filter(cpumask_t *mask, uint32_t stamp)
{
    uint64_t now = __atomic_load_n(&flush_clock, __ATOMIC_SEQ_CST), at = stamp_value(stamp, now);
    unsigned int cpu;

    for_each_cpu (cpu, mask)
        if (!cpumask_test(cpu, &cpu_online_mask) || READ_ONCE(per_cpu(flushed_at, cpu)) > at)
            clear_bit(cpu, mask->bits);
}

/* If this processor has been asked to flush: does it, and says so. Also polled by those who wait with
 * interrupts off. */
static void serve(void)
{
    uint64_t flags = irq_save();

    if (cpumask_test(cpu_id(), &shootdown.pending)) {
        if (tlb_asked)
            tlb_asked();
        if (shootdown.one_page)
            tlb_flush_page_local(shootdown.va);
        if (shootdown.flags)
            tlb_flush_local(shootdown.flags);
        cpumask_clear(cpu_id(), &shootdown.pending);
    }
    irq_restore(flags);
}

void smp_tlb_interrupt(void)
{
    apic_eoi();
    serve();
}

static void shoot(const cpumask_t *mask, unsigned int flags, bool one_page, uint64_t va)
{
    cpumask_t others;

    cpumask_and(&others, mask, &cpu_online_mask);
    clear_bit(cpu_id(), others.bits);
    if (cpumask_empty(&others))
        return;
    lock_serving(&shootdown.lock, serve); /* its holder may be waiting for this processor */
    shootdown.flags = flags;
    shootdown.one_page = one_page;
    shootdown.va = va;
    for (unsigned int i = 0; i < ARRAY_SIZE(others.bits); i++)
        __atomic_store_n(&shootdown.pending.bits[i], others.bits[i], __ATOMIC_SEQ_CST);
    apic_send_mask(&others, VECTOR_TLB);
    smp_wait_for(&shootdown.pending, NULL, "TLB flush");
    unlock(&shootdown.lock);
}

void tlb_flush_mask(const cpumask_t *mask, unsigned int flags)
{
    if (cpumask_test(cpu_id(), mask))
        tlb_flush_local(flags);
    shoot(mask, flags, false, 0);
}

void tlb_flush_page_mask(const cpumask_t *mask, uint64_t va)
{
    if (cpumask_test(cpu_id(), mask))
        tlb_flush_page_local(va);
    shoot(mask, 0, true, va);
}
