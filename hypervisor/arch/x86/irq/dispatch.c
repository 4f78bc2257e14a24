/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interrupt has arrived: whose is it, and how is it acknowledged. Interrupts are off throughout. */
#include "arch/x86/irq/irq.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/smp.h"
#include "hv/lock.h"
#include "hv/log.h"
#include "hv/percpu.h"

#define UNSERVED_MAX 100 /* arrivals in a row that nobody took: the source is masked */
#define STRAYS_SHOWN 8

/* irq.c */
void irq_move_now(struct irq_desc *desc);
void irq_arrived_new(struct irq_desc *desc);

static unsigned int strays;

static void kick_interrupt(void)
{
    apic_eoi(); /* having interrupted is all there is to it: the way out looks at softirqs and events */
}

static void ignore_interrupt(void)
{
    apic_eoi();
}

/* Ours, from 0xf0. */
static void (*const own[16])(void) = {
    [VECTOR_CMCI - 0xf0] = ignore_interrupt,      [VECTOR_THERMAL - 0xf0] = ignore_interrupt,
    [VECTOR_STOP - 0xf0] = smp_stop_interrupt,    [VECTOR_TIMER - 0xf0] = apic_timer_interrupt,
    [VECTOR_TLB - 0xf0] = smp_tlb_interrupt,      [VECTOR_CALL - 0xf0] = smp_call_interrupt,
    [VECTOR_KICK - 0xf0] = kick_interrupt,        [VECTOR_PERF - 0xf0] = ignore_interrupt,
    [VECTOR_ERROR - 0xf0] = apic_error_interrupt, [VECTOR_SPURIOUS - 0xf0] = apic_spurious_interrupt,
};

/* Masks what nobody serves, before it eats the processor. */
static void unserved(struct irq_desc *desc)
{
    if (!(desc->flags & IRQ_LEVEL) && ++desc->unserved < UNSERVED_MAX)
        return;
    if (!(desc->flags & IRQ_STORM))
        log_warn("IRQ %u: nobody serves this interrupt; masked\n", desc->number);
    desc->flags |= IRQ_STORM;
    desc->controller->mask(desc);
}

static void serve(struct irq_desc *desc)
{
    bool level = desc->flags & IRQ_LEVEL;

    desc->count++;
    /* A level stays asserted until its device was served: keep it from interrupting again, then let go of the
     * local APIC. */
    if (level)
        desc->controller->mask(desc);
    apic_eoi();
    if (desc->cpu == cpu_id()) {
        if (desc->old_cpu != IRQ_NO_CPU)
            irq_arrived_new(desc);
        if (unlikely(desc->wanted_cpu != IRQ_NO_CPU))
            irq_move_now(desc);
    }
    if (desc->guests) {
        irq_guest_deliver(desc);
    } else if (desc->handler) {
        desc->handler(desc->data);
        if (level)
            desc->controller->unmask(desc);
    } else {
        unserved(desc);
    }
}

static void device_interrupt(unsigned int vector)
{
    int irq = vector_irq(cpu_id(), (uint8_t)vector);
    struct irq_desc *desc = irq >= 0 ? irq_desc_find((unsigned int)irq) : NULL;

    if (!desc) {
        /* In service if it came through the local APIC; then it must be let go. */
        if (apic_read((enum apic_register)(APIC_ISR + (vector / 32) * 16)) >> (vector % 32) & 1)
            apic_eoi();
        else if (vector < VECTOR_8259 + 16)
            i8259_spurious(vector);
        if (strays++ < STRAYS_SHOWN)
            log_info("CPU %u: stray interrupt, vector %#x\n", cpu_id(), vector);
        return;
    }
    lock(&desc->lock);
    serve(desc);
    unlock(&desc->lock);
}

void irq_dispatch(unsigned int vector)
{
    unsigned int base = lock_check_interrupted();

    if (vector >= 0xf0 && own[vector - 0xf0])
        own[vector - 0xf0]();
    else
        device_interrupt(vector);
    lock_check_resumed(base);
}
