/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "arch/x86/irq/msi.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/irq/irq.h"
#include "arch/x86/mmio_read_only.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"
#include "hv/percpu.h"

#define MSG_ADDRESS    0xfee00000u
#define MSG_DEST_SHIFT 12
/* MSI capability, offsets */
#define MSI_CONTROL      2
#define MSI_ADDRESS      4
#define MSI_ADDRESS_HIGH 8
#define MSI_ENABLE       0x0001u
#define MSI_QUEUE_MASK   0x0070u /* vectors enabled: one */
#define MSI_64BIT        0x0080u
#define MSI_MASKABLE     0x0100u
/* MSI-X capability and table */
#define MSIX_CONTROL   2
#define MSIX_TABLE     4
#define MSIX_PBA       8
#define MSIX_SIZE_MASK 0x07ffu
#define MSIX_BIR_MASK  7u
#define MSIX_SLOT_SIZE 16
#define SLOT_ADDRESS   0
#define SLOT_HIGH      4
#define SLOT_DATA      8
#define SLOT_CONTROL   12
#define SLOT_MASKED    1u

/* Guards the list, the devices' counts and the mapping of their tables. Taken outside of descriptors' locks. */
static struct {
    lock_t lock;
    struct list all;
} msis = {.lock = LOCK_INIT(RANK_PIRQ), .all = LIST_INIT(msis.all)};
LOCK_SHOWN(msis, msis.lock, "MSIs");

static uint16_t data_at(const struct msi *m)
{
    return (uint16_t)(m->cap + (m->wide ? 12 : 8));
}

static uint16_t mask_at(const struct msi *m)
{
    return (uint16_t)(m->cap + (m->wide ? 16 : 12));
}

static void set_enable(const struct msi *m, bool on)
{
    uint16_t at = (uint16_t)(m->cap + MSI_CONTROL);
    uint32_t control = pci_read(m->device->address, at, 2) & ~(MSI_ENABLE | MSI_QUEUE_MASK);

    (void)pci_write(m->device->address, at, 2, control | (on ? MSI_ENABLE : 0));
}

static void set_mask(struct irq_desc *desc, bool masked)
{
    struct msi *m = desc->msi;

    desc->flags = masked ? desc->flags | IRQ_MASKED : desc->flags & ~(uint32_t)IRQ_MASKED;
    if (m->is_msix) {
        mmio_write32(m->slot + SLOT_CONTROL, masked ? SLOT_MASKED : 0);
        (void)mmio_read32(m->slot + SLOT_CONTROL); /* posted writes are through before anybody counts on it */
    } else if (m->maskable) {
        (void)pci_write(m->device->address, mask_at(m), 4, masked ? 1 : 0);
    }
}

static void msi_mask(struct irq_desc *desc)
{
    set_mask(desc, true);
}

static void msi_unmask(struct irq_desc *desc)
{
    set_mask(desc, false);
}

/*
 * The message is more than one write wide. An entry that can be masked is, meanwhile; else address and vector differ in one register at a
 * time: vectors keep their number on the new processor where that is free, so that mostly only the address changes.
 */
static void msi_retarget(struct irq_desc *desc)
{
    struct msi *m = desc->msi;
    uint32_t address = MSG_ADDRESS | cpu_apic_id[desc->cpu] << MSG_DEST_SHIFT, data = desc->vector;
    bool masked = desc->flags & IRQ_MASKED;

    if (!masked)
        set_mask(desc, true);
    if (m->is_msix) {
        mmio_write32(m->slot + SLOT_ADDRESS, address);
        mmio_write32(m->slot + SLOT_HIGH, 0);
        mmio_write32(m->slot + SLOT_DATA, data);
    } else {
        struct pci_address a = m->device->address;

        (void)pci_write(a, (uint16_t)(m->cap + MSI_ADDRESS), 4, address);
        if (m->wide)
            (void)pci_write(a, (uint16_t)(m->cap + MSI_ADDRESS_HIGH), 4, 0);
        if (pci_read(a, data_at(m), 2) != data)
            (void)pci_write(a, data_at(m), 2, data);
    }
    if (!masked)
        set_mask(desc, false);
}

static const struct irq_controller msi_controller = {
    .name = "MSI", .mask = msi_mask, .unmask = msi_unmask, .retarget = msi_retarget};
static const struct irq_controller msix_controller = {
    .name = "MSI-X", .mask = msi_mask, .unmask = msi_unmask, .retarget = msi_retarget};

/* Physical address of a BAR's memory; 0 if it is not memory or not set. */
static paddr_t bar_address(struct pci_address a, unsigned int bar)
{
    uint16_t at = (uint16_t)(PCI_REG_BAR0 + 4 * bar);
    uint32_t low = pci_read(a, at, 4);
    paddr_t address = low & ~0xfu;

    if (bar > 5 || (low & 1))
        return 0;
    if ((low & 6) == 4 && bar < 5)
        address |= (paddr_t)pci_read(a, (uint16_t)(at + 4), 4) << 32;
    return address;
}

static unsigned int msix_entries(const struct pci_device *d)
{
    return (pci_read(d->address, (uint16_t)(d->msix_cap + MSIX_CONTROL), 2) & MSIX_SIZE_MASK) + 1;
}

/* Where one of the capability's two pointers leads; 0: nowhere. */
static paddr_t msix_address(const struct pci_device *d, uint16_t pointer)
{
    uint32_t where = pci_read(d->address, (uint16_t)(d->msix_cap + pointer), 4);
    paddr_t bar = bar_address(d->address, where & MSIX_BIR_MASK);

    return bar ? bar + (where & ~MSIX_BIR_MASK) : 0;
}

static void unprotect(struct pci_device *d)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(d->msix_read_only); i++) {
        struct pci_pages *p = &d->msix_read_only[i];

        if (p->pages)
            mmio_make_writable(paddr_to_mfn(p->start), p->pages);
        p->pages = 0;
    }
}

static void protect_pages(struct pci_pages *p, paddr_t at, size_t bytes)
{
    p->start = at & PAGE_MASK;
    p->pages = (uint32_t)DIV_ROUND_UP(at + bytes - p->start, PAGE_SIZE);
    if (mmio_make_read_only(paddr_to_mfn(p->start), p->pages)) {
        log_warn("MSI-X at %#lx: too many read-only pages, domain 0 could write to it\n", at);
        p->pages = 0;
    }
}

/* Messages are ours to write, and with the table goes the array of pending bits. Linux maps both only to read them, or not at all. */
static void protect(struct pci_device *d)
{
    paddr_t table = msix_address(d, MSIX_TABLE), pending = msix_address(d, MSIX_PBA);
    unsigned int entries = msix_entries(d);

    if (d->msix_read_only[0].pages)
        return;
    protect_pages(&d->msix_read_only[0], table, (size_t)entries * MSIX_SLOT_SIZE);
    if (pending)
        protect_pages(&d->msix_read_only[1], pending, DIV_ROUND_UP(entries, 64) * 8UL);
}

static bool table_is_there(const struct pci_device *d)
{
    return (pci_read(d->address, PCI_REG_COMMAND, 2) & PCI_COMMAND_MEMORY) && msix_address(d, MSIX_TABLE);
}

/* The table is where the device says, whatever the guest says. Mapped when first wanted and again if the BAR was moved. */
static int map_table(struct pci_device *d)
{
    paddr_t pa = msix_address(d, MSIX_TABLE);

    if (!table_is_there(d))
        return -ENXIO;
    if (d->msix_table && d->msix_table_pa == pa)
        return 0;
    if (d->interrupts)
        return -EBUSY;
    unprotect(d); /* prepared before it was moved */
    d->msix_table = iomap(pa, (size_t)msix_entries(d) * MSIX_SLOT_SIZE);
    d->msix_table_pa = pa;
    return d->msix_table ? 0 : -ENOMEM;
}

static bool in_use(const struct pci_device *d, bool is_msix, unsigned int entry)
{
    struct msi *m;

    list_for_each_entry (m, &msis.all, link)
        if (m->device == d && (m->is_msix != is_msix || m->entry == entry))
            return true;
    return false;
}

/* Fills in where the message goes. Lock held. */
static int locate(struct msi *m, struct pci_device *d, bool is_msix, unsigned int entry)
{
    uint32_t control;
    int rc;

    *m = (struct msi){
        .device = d, .is_msix = is_msix, .entry = (uint16_t)entry, .cap = is_msix ? d->msix_cap : d->msi_cap};
    if (!m->cap)
        return -ENODEV;
    if (in_use(d, is_msix, entry))
        return -EEXIST;
    if (!is_msix) {
        control = pci_read(d->address, (uint16_t)(m->cap + MSI_CONTROL), 2);
        m->wide = control & MSI_64BIT;
        m->maskable = control & MSI_MASKABLE;
        return entry ? -EINVAL : 0;
    }
    if (entry >= msix_entries(d))
        return -EINVAL;
    rc = map_table(d);
    if (!rc)
        protect(d);
    m->slot = d->msix_table + (size_t)entry * MSIX_SLOT_SIZE;
    return rc;
}

static int start(struct msi *m, unsigned int irq)
{
    struct irq_desc *desc = irq_desc_get(irq);
    uint64_t flags = lock_irqsave(&desc->lock);
    int rc;

    m->irq = irq;
    desc->msi = m;
    desc->controller = m->is_msix ? &msix_controller : &msi_controller;
    desc->flags = 0;
    set_mask(desc, true);
    rc = irq_prepare(desc, cpu_id());
    if (rc) {
        desc->controller = NULL;
        desc->msi = NULL;
    } else if (!m->is_msix) {
        set_enable(m, true);
    }
    unlock_irqrestore(&desc->lock, flags);
    return rc;
}

int msi_new(struct pci_address a, bool is_msix, unsigned int entry)
{
    struct pci_device *d = pci_device_find(a);
    struct msi *m = d ? hv_new(struct msi) : NULL;
    int irq, rc;

    if (!m)
        return d ? -ENOMEM : -ENODEV;
    irq = irq_msi_alloc(1);
    if (irq < 0) {
        hv_free(m);
        return irq;
    }
    lock(&msis.lock);
    rc = locate(m, d, is_msix, entry);
    if (!rc)
        rc = start(m, (unsigned int)irq);
    if (!rc) {
        list_append(&msis.all, &m->link);
        d->interrupts++;
    }
    unlock(&msis.lock);
    if (rc) {
        irq_msi_free((unsigned int)irq);
        hv_free(m);
        return rc;
    }
    return irq;
}

void msi_free(unsigned int irq)
{
    struct irq_desc *desc = irq_desc_find(irq);
    struct msi *m = desc ? desc->msi : NULL;
    uint64_t flags;

    if (!m)
        return;
    lock(&msis.lock);
    flags = lock_irqsave(&desc->lock);
    irq_release(desc);
    if (!m->is_msix)
        set_enable(m, false);
    desc->controller = NULL;
    desc->msi = NULL;
    desc->flags = 0;
    unlock_irqrestore(&desc->lock, flags);
    list_remove(&m->link);
    if (--m->device->interrupts == 0 && !m->device->msix_prepared)
        unprotect(m->device);
    unlock(&msis.lock);
    irq_msi_free(irq);
    hv_free(m);
}

int msi_restore(struct pci_address a)
{
    struct pci_device *d = pci_device_find(a);
    struct msi *m;

    if (!d)
        return -ENODEV;
    lock(&msis.lock);
    list_for_each_entry (m, &msis.all, link) {
        struct irq_desc *desc = irq_desc_find(m->irq);
        uint64_t flags;

        if (m->device != d || !desc)
            continue;
        flags = lock_irqsave(&desc->lock);
        desc->controller->retarget(desc);
        set_mask(desc, desc->flags & IRQ_MASKED);
        if (!m->is_msix)
            set_enable(m, true);
        unlock_irqrestore(&desc->lock, flags);
    }
    unlock(&msis.lock);
    return 0;
}

int msi_prepare(struct pci_address a, bool prepare)
{
    struct pci_device *d = pci_device_find(a);
    int rc = 0;

    if (!d || !d->msix_cap)
        return -ENODEV;
    lock(&msis.lock);
    if (d->interrupts || (prepare && d->msix_prepared)) {
        rc = -EBUSY;
    } else if (!prepare) {
        unprotect(d);
        d->msix_prepared = false;
    } else if (table_is_there(d)) {
        protect(d);
        d->msix_prepared = true;
    } else {
        rc = -ENXIO;
    }
    unlock(&msis.lock);
    return rc;
}
