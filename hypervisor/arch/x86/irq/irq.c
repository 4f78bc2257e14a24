/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors: making, starting, moving, stopping. What happens on arrival: dispatch.c. */
#include "arch/x86/irq/irq.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/platform.h"
#include "arch/x86/mca/mca.h"
#include "drivers/acpi/acpi.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/percpu.h"

#define MSIS_PER_CPU 196
#define IRQS_MAX     4096

unsigned int irq_gsis, irq_count;

static struct {
    lock_t lock; /* of the table's growth and of MSI numbers in use */
    struct irq_desc **desc;
    uint64_t msi_used[BITS_TO_LONGS(IRQS_MAX)];
} irqs = {.lock = LOCK_INIT(RANK_PIRQ)};
LOCK_SHOWN(irqs, irqs.lock, "table of interrupts");

void ioapic_set_defaults(void);

int irq_init(unsigned int cpus)
{
    if (ioapic_init())
        log_warn("No IO-APIC: devices can interrupt by MSI only\n");
    irq_gsis = max(irq_gsis, 16u);
    irq_count = min(irq_gsis + cpus * MSIS_PER_CPU, (unsigned int)IRQS_MAX);
    irqs.desc = hv_new_array(struct irq_desc *, irq_count);
    if (!irqs.desc)
        return -ENOMEM;
    ioapic_set_defaults();
    log_info("IRQ limits: %u GSI, %u MSI/MSI-X\n", irq_gsis, irq_count - irq_gsis);
    return 0;
}

struct irq_desc *irq_desc_find(unsigned int irq)
{
    return irq < irq_count && irqs.desc ? __atomic_load_n(&irqs.desc[irq], __ATOMIC_ACQUIRE) : NULL;
}

struct irq_desc *irq_desc_get(unsigned int irq)
{
    struct irq_desc *desc = irq_desc_find(irq), *expected = NULL;

    if (desc || irq >= irq_count || !irqs.desc)
        return desc;
    desc = hv_new(struct irq_desc);
    if (!desc)
        return NULL;
    lock_init(&desc->lock, RANK_IRQ);
    desc->number = irq;
    desc->cpu = desc->wanted_cpu = desc->old_cpu = IRQ_NO_CPU;
    if (!__atomic_compare_exchange_n(&irqs.desc[irq], &expected, desc, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        hv_free(desc);
        desc = expected;
    }
    return desc;
}

static bool range_free(unsigned int first, unsigned int count)
{
    for (unsigned int i = 0; i < count; i++)
        if (test_bit(first + i, irqs.msi_used))
            return false;
    return true;
}

int irq_msi_alloc(unsigned int count)
{
    uint64_t flags;
    int found = -ENOSPC;

    flags = lock_irqsave(&irqs.lock);
    for (unsigned int irq = irq_gsis; irq + count <= irq_count; irq++)
        if (range_free(irq, count)) {
            for (unsigned int i = 0; i < count; i++)
                set_bit(irq + i, irqs.msi_used);
            found = (int)irq;
            break;
        }
    unlock_irqrestore(&irqs.lock, flags);
    for (unsigned int i = 0; found >= 0 && i < count; i++)
        if (!irq_desc_get((unsigned int)found + i)) {
            for (unsigned int k = 0; k < count; k++)
                irq_msi_free((unsigned int)found + k);
            return -ENOMEM;
        }
    return found;
}

void irq_msi_free(unsigned int irq)
{
    uint64_t flags = lock_irqsave(&irqs.lock);

    clear_bit(irq, irqs.msi_used);
    unlock_irqrestore(&irqs.lock, flags);
}

unsigned int irq_of_isa(unsigned int isa)
{
    return acpi_isa_irq(&acpi, isa).gsi;
}

/* Without interrupt remapping, messages name a processor in 8 bits. */
static bool reachable(unsigned int cpu)
{
    return cpu < MAX_CPUS && cpumask_test(cpu, &cpu_online_mask) && cpu_apic_id[cpu] < 0xff;
}

static int assign(struct irq_desc *desc, unsigned int cpu)
{
    int vector = reachable(cpu) ? vector_alloc(cpu, desc->number, desc->vector) : -ENOSPC;

    if (vector >= 0) {
        desc->cpu = (uint16_t)cpu;
        desc->vector = (uint8_t)vector;
    }
    return vector < 0 ? vector : 0;
}

int irq_prepare(struct irq_desc *desc, unsigned int cpu)
{
    unsigned int other;

    if (desc->cpu == IRQ_NO_CPU) {
        int rc = assign(desc, cpu);

        for_each_online_cpu (other)
            if (rc)
                rc = assign(desc, other);
        if (rc)
            return rc;
    }
    desc->controller->retarget(desc);
    return 0;
}

int irq_startup(struct irq_desc *desc, unsigned int cpu)
{
    int rc = irq_prepare(desc, cpu);

    if (rc)
        return rc;
    desc->flags &= ~(uint32_t)IRQ_STORM;
    desc->unserved = 0;
    desc->controller->unmask(desc);
    return 0;
}

static void drop_old(struct irq_desc *desc)
{
    if (desc->old_cpu != IRQ_NO_CPU)
        vector_free(desc->old_cpu, desc->old_vector);
    desc->old_cpu = IRQ_NO_CPU;
}

void irq_release(struct irq_desc *desc)
{
    desc->controller->mask(desc);
    drop_old(desc);
    if (desc->cpu != IRQ_NO_CPU)
        vector_free(desc->cpu, desc->vector);
    desc->cpu = desc->wanted_cpu = IRQ_NO_CPU;
}

void irq_shutdown(struct irq_desc *desc)
{
    if (desc->msi)
        desc->controller->mask(desc);
    else
        irq_release(desc);
}

void irq_set_cpu(unsigned int irq, unsigned int cpu)
{
    struct irq_desc *desc = irq_desc_find(irq);

    /* A hint, read under the lock when the next interrupt arrives. */
    if (desc && reachable(cpu))
        WRITE_ONCE(desc->wanted_cpu, (uint16_t)(cpu == desc->cpu ? IRQ_NO_CPU : cpu));
}

/*
 * On the processor that the source interrupts now, descriptor locked, the interrupt acknowledged. The old
 * vector stays ours until an interrupt has come by the new one: a message may be under way.
 */
void irq_move_now(struct irq_desc *desc);
void irq_move_now(struct irq_desc *desc)
{
    unsigned int cpu = desc->wanted_cpu;
    uint8_t vector = desc->vector;
    uint16_t from = desc->cpu;

    desc->wanted_cpu = IRQ_NO_CPU;
    if (desc->old_cpu != IRQ_NO_CPU || cpu == from || assign(desc, cpu))
        return;
    desc->old_cpu = from;
    desc->old_vector = vector;
    desc->controller->retarget(desc);
}

void irq_arrived_new(struct irq_desc *desc);
void irq_arrived_new(struct irq_desc *desc)
{
    drop_old(desc);
}

int irq_request(unsigned int gsi, void (*handler)(void *data), void *data)
{
    struct irq_desc *desc = gsi < irq_gsis ? irq_desc_get(gsi) : NULL;
    uint64_t flags;
    int rc = -EBUSY;

    if (!desc || !desc->controller)
        return -EINVAL;
    flags = lock_irqsave(&desc->lock);
    if (!desc->handler && !desc->guests) {
        desc->handler = handler;
        desc->data = data;
        desc->flags |= IRQ_RESERVED;
        rc = irq_startup(desc, cpu_id());
        if (rc)
            desc->handler = NULL;
    }
    unlock_irqrestore(&desc->lock, flags);
    return rc;
}

void irq_dump(void)
{
    apic_dump();
    nmi_dump();
    mca_dump();
    for (unsigned int irq = 0; irq < irq_count; irq++) {
        struct irq_desc *desc = irq_desc_find(irq);

        if (!desc || !desc->controller || (desc->cpu == IRQ_NO_CPU && !desc->count))
            continue;
        printk("  IRQ %3u: %s vector %02x CPU %u flags %#x count %lu guests %u%s%s\n", irq,
               desc->controller->name, desc->vector, desc->cpu, desc->flags, desc->count, desc->guests,
               desc->handler ? " ours" : "", desc->flags & IRQ_STORM ? " STORM" : "");
    }
    ioapic_dump();
}
