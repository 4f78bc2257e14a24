/* SPDX-License-Identifier: GPL-2.0-or-later */
/* IO-APICs (Intel 82093AA; ICH9 13.5): one redirection entry per GSI. */
#include "arch/x86/mmio_read_only.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/apic/apic.h"
#include "drivers/acpi/acpi.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

#define SELECT       0x00
#define WINDOW       0x10
#define REG_VERSION  1
#define REG_ENTRY    0x10
#define ENTRY_LOW    BIT(13)
#define ENTRY_LEVEL  BIT(15)
#define ENTRY_MASKED BIT(16)
#define ENTRIES_MAX  240

struct ioapic {
    volatile uint8_t *base;
    paddr_t address;
    unsigned int gsi_base, entries;
    uint32_t version;
};

static struct {
    lock_t lock; /* of every select/window pair */
    unsigned int count;
    struct ioapic io[ACPI_MAX_IOAPICS];
} ioapics = {.lock = LOCK_INIT(RANK_LEAF)};
LOCK_SHOWN(ioapics, ioapics.lock, "IO-APICs");

static uint32_t read_raw(const struct ioapic *io, uint32_t reg)
{
    mmio_write32(io->base + SELECT, reg);
    return mmio_read32(io->base + WINDOW);
}

static void write_raw(const struct ioapic *io, uint32_t reg, uint32_t value)
{
    mmio_write32(io->base + SELECT, reg);
    mmio_write32(io->base + WINDOW, value);
}

static struct ioapic *of_gsi(unsigned int gsi)
{
    for (unsigned int i = 0; i < ioapics.count; i++)
        if (gsi >= ioapics.io[i].gsi_base && gsi - ioapics.io[i].gsi_base < ioapics.io[i].entries)
            return &ioapics.io[i];
    return NULL;
}

static uint32_t entry_low(const struct irq_desc *desc)
{
    return desc->vector | (desc->flags & IRQ_LOW ? (uint32_t)ENTRY_LOW : 0) |
           (desc->flags & IRQ_LEVEL ? (uint32_t)ENTRY_LEVEL : 0) |
           (desc->flags & IRQ_MASKED ? (uint32_t)ENTRY_MASKED : 0);
}

static void write_entry(struct irq_desc *desc, bool with_target)
{
    struct ioapic *io = of_gsi(desc->number);
    uint32_t reg = REG_ENTRY + 2 * (desc->number - io->gsi_base);
    uint64_t flags = lock_irqsave(&ioapics.lock);

    if (with_target) {
        /* The halves are separate registers: nothing may arrive in between. */
        write_raw(io, reg, entry_low(desc) | (uint32_t)ENTRY_MASKED);
        write_raw(io, reg + 1, cpu_apic_id[desc->cpu] << 24);
    }
    if (!with_target || !(desc->flags & IRQ_MASKED))
        write_raw(io, reg, entry_low(desc));
    unlock_irqrestore(&ioapics.lock, flags);
}

static void ioapic_mask(struct irq_desc *desc)
{
    desc->flags |= IRQ_MASKED;
    write_entry(desc, false);
}

static void ioapic_unmask(struct irq_desc *desc)
{
    desc->flags &= ~(uint32_t)IRQ_MASKED;
    write_entry(desc, false);
}

static void ioapic_retarget(struct irq_desc *desc)
{
    write_entry(desc, true);
}

const struct irq_controller ioapic_controller = {
    .name = "IO-APIC", .mask = ioapic_mask, .unmask = ioapic_unmask, .retarget = ioapic_retarget};

/*
 * PCI interrupts are level, active low; ISA's are what the overrides say. Domain 0 may say otherwise, once (ioapic_configure()), since it reads the
 * tables that are code.
 */
static void set_defaults(unsigned int gsi)
{
    struct irq_desc *desc = irq_desc_get(gsi);

    if (!desc)
        return;
    desc->controller = &ioapic_controller;
    desc->flags = IRQ_MASKED | IRQ_LEVEL | IRQ_LOW;
    for (unsigned int isa = 16; isa-- > 0;) {
        struct acpi_override o = acpi_isa_irq(&acpi, isa);

        if (o.gsi != gsi)
            continue;
        desc->flags = IRQ_MASKED | (o.trigger == ACPI_TRIGGER_LEVEL ? IRQ_LEVEL : 0u) |
                      (o.polarity == ACPI_POLARITY_LOW ? IRQ_LOW : 0u);
        if (isa == 0)
            desc->flags |= IRQ_RESERVED; /* the PIT's: no domain has one */
    }
    if (gsi == 0)
        desc->flags |= IRQ_RESERVED;
}

static void add(const struct acpi_ioapic *from)
{
    struct ioapic *io = &ioapics.io[ioapics.count];

    *io = (struct ioapic){
        .base = iomap(from->address, PAGE_SIZE), .address = from->address, .gsi_base = from->gsi_base};
    io->version = read_raw(io, REG_VERSION);
    if (io->version == 0xffffffff) {
        log_warn("IO-APIC at %#lx does not answer, ignored\n", from->address);
        return;
    }
    if (mmio_make_read_only(paddr_to_mfn(from->address), 1))
        log_warn("IO-APIC at %#lx: too many read-only pages, domain 0 could write to it\n", from->address);
    io->entries = min((io->version >> 16 & 0xff) + 1, (uint32_t)ENTRIES_MAX);
    for (unsigned int i = 0; i < io->entries; i++)
        write_raw(io, REG_ENTRY + 2 * i, (uint32_t)ENTRY_MASKED);
    irq_gsis = max(irq_gsis, io->gsi_base + io->entries);
    ioapics.count++;
    log_info("IO-APIC: version %#x at %#lx, GSI %u-%u\n", io->version & 0xff, io->address, io->gsi_base,
             io->gsi_base + io->entries - 1);
}

int ioapic_init(void)
{
    for (unsigned int i = 0; i < acpi.ioapics; i++)
        if (acpi.ioapic[i].gsi_base < 4096)
            add(&acpi.ioapic[i]);
    return ioapics.count ? 0 : -ENODEV;
}

/* Second step, when descriptors can be made. */
void ioapic_set_defaults(void);
void ioapic_set_defaults(void)
{
    for (unsigned int gsi = 0; gsi < irq_gsis; gsi++)
        if (of_gsi(gsi))
            set_defaults(gsi);
}

int ioapic_configure(unsigned int gsi, bool level, bool low)
{
    struct irq_desc *desc = gsi < irq_gsis && of_gsi(gsi) ? irq_desc_get(gsi) : NULL;
    uint32_t want = (level ? IRQ_LEVEL : 0u) | (low ? IRQ_LOW : 0u);
    uint64_t flags;
    int rc = 0;

    if (!desc)
        return -EINVAL;
    flags = lock_irqsave(&desc->lock);
    if (gsi == 0 || desc->flags & IRQ_CONFIGURED || desc->cpu != IRQ_NO_CPU)
        rc = -EEXIST;
    else
        desc->flags = (desc->flags & ~(uint32_t)(IRQ_LEVEL | IRQ_LOW)) | want | IRQ_CONFIGURED;
    unlock_irqrestore(&desc->lock, flags);
    return rc;
}

int ioapic_send_nmi(unsigned int gsi, uint32_t apic_id)
{
    struct ioapic *io = of_gsi(gsi);
    uint64_t flags;
    uint32_t reg;

    if (!io || apic_id > 0xff)
        return -EINVAL;
    reg = REG_ENTRY + 2 * (gsi - io->gsi_base);
    flags = lock_irqsave(&ioapics.lock);
    write_raw(io, reg, (uint32_t)ENTRY_MASKED);
    write_raw(io, reg + 1, apic_id << 24);
    write_raw(io, reg, APIC_DELIVERY_NMI); /* edge, physical; the vector means nothing */
    unlock_irqrestore(&ioapics.lock, flags);
    return 0;
}

int ioapic_read_register(paddr_t address, uint32_t reg, uint32_t *value)
{
    for (unsigned int i = 0; i < ioapics.count; i++) {
        const struct ioapic *io = &ioapics.io[i];
        uint64_t flags;

        if (io->address != address)
            continue;
        if (reg > 0xff)
            return -EINVAL;
        flags = lock_irqsave(&ioapics.lock);
        *value = read_raw(io, reg);
        unlock_irqrestore(&ioapics.lock, flags);
        return 0;
    }
    return -EINVAL;
}

bool irq_is_interrupt_controller(paddr_t pa)
{
    return irq_has_interrupt_controller(pa, pa);
}

bool irq_has_interrupt_controller(paddr_t first, paddr_t last)
{
    /* All messages go to the megabyte at 0xfee00000 (SDM 3A 10.11.1). */
    paddr_t apic_page = apic.address & PAGE_MASK;

    return (first <= 0xfeefffff && last >= 0xfee00000) ||
           ((first & PAGE_MASK) <= apic_page && last >= apic_page);
}

void ioapic_dump(void)
{
    for (unsigned int i = 0; i < ioapics.count; i++) {
        const struct ioapic *io = &ioapics.io[i];

        for (unsigned int pin = 0; pin < io->entries; pin++) {
            uint64_t flags = lock_irqsave(&ioapics.lock);
            uint32_t low = read_raw(io, REG_ENTRY + 2 * pin), high = read_raw(io, REG_ENTRY + 2 * pin + 1);

            unlock_irqrestore(&ioapics.lock, flags);
            if (low & 0xff)
                printk("  GSI %3u: vector %02x APIC %u %s %s%s%s\n", io->gsi_base + pin, low & 0xff,
                       high >> 24, low & ENTRY_LEVEL ? "level" : "edge", low & ENTRY_LOW ? "low" : "high",
                       low & ENTRY_MASKED ? " masked" : "", low & BIT(14) ? " IRR" : "");
        }
    }
}
