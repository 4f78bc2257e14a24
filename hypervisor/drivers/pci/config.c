/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "drivers/pci/config.h"
#include "drivers/acpi/acpi.h"
#include "arch/x86/cpu.h"
#include "arch/x86/map.h"
#include "arch/x86/pc_ports.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

#define LINKS_MAX 48

static struct {
    lock_t lock;
    struct ecam_window {
        volatile uint8_t *base; /* of start_bus; NULL until it is needed */
        bool usable;
    } ecam[ACPI_MAX_ECAM];
} config = {.lock = LOCK_INIT(RANK_LEAF)};
LOCK_SHOWN(config, config.lock, "PCI configuration");

/* Windows are mapped whole, but only when a register is wanted that the ports cannot reach: page tables for
 * 256 MiB are not free. */
static volatile uint8_t *window_base(unsigned int i)
{
    const struct acpi_ecam *e = &acpi.ecam[i];
    volatile uint8_t *base = READ_ONCE(config.ecam[i].base);

    if (!base) {
        base = iomap(e->base + ((paddr_t)e->start_bus << 20), (size_t)(e->end_bus - e->start_bus + 1) << 20);
        WRITE_ONCE(config.ecam[i].base, base);
    }
    return base;
}

static volatile uint8_t *ecam_register(struct pci_address a, uint16_t reg)
{
    for (unsigned int i = 0; i < acpi.ecams; i++) {
        const struct acpi_ecam *e = &acpi.ecam[i];

        if (!config.ecam[i].usable || e->segment != a.segment || a.bus < e->start_bus || a.bus > e->end_bus)
            continue;
        return window_base(i) + ((size_t)(a.bus - e->start_bus) << 20 | (size_t)a.devfn << 12 | reg);
    }
    return NULL;
}

static uint32_t read_port(struct pci_address a, uint16_t reg, unsigned int bytes)
{
    uint64_t flags = lock_irqsave(&config.lock);
    uint32_t value;

    outl(PCI_ADDRESS_ENABLE | (uint32_t)a.bus << 16 | (uint32_t)a.devfn << 8 | (reg & 0xfcu),
         PORT_PCI_ADDRESS);
    if (bytes == 1)
        value = inb((uint16_t)(PORT_PCI_DATA + (reg & 3)));
    else if (bytes == 2)
        value = inw((uint16_t)(PORT_PCI_DATA + (reg & 2)));
    else
        value = inl(PORT_PCI_DATA);
    unlock_irqrestore(&config.lock, flags);
    return value;
}

static void write_port(struct pci_address a, uint16_t reg, unsigned int bytes, uint32_t value)
{
    uint64_t flags = lock_irqsave(&config.lock);

    outl(PCI_ADDRESS_ENABLE | (uint32_t)a.bus << 16 | (uint32_t)a.devfn << 8 | (reg & 0xfcu),
         PORT_PCI_ADDRESS);
    if (bytes == 1)
        outb((uint8_t)value, (uint16_t)(PORT_PCI_DATA + (reg & 3)));
    else if (bytes == 2)
        outw((uint16_t)value, (uint16_t)(PORT_PCI_DATA + (reg & 2)));
    else
        outl(value, PORT_PCI_DATA);
    unlock_irqrestore(&config.lock, flags);
}

static bool valid_access(uint16_t reg, unsigned int bytes)
{
    return (bytes == 1 || bytes == 2 || bytes == 4) && reg < 4096 && IS_ALIGNED(reg, bytes);
}

uint32_t pci_read(struct pci_address a, uint16_t reg, unsigned int bytes)
{
    const uint32_t ones = bytes == 4 ? 0xffffffffu : (1u << 8 * bytes) - 1;
    volatile uint8_t *p;

    if (!valid_access(reg, bytes))
        return ones;
    if (a.segment == 0 && reg < 256)
        return read_port(a, reg, bytes);
    p = ecam_register(a, reg);
    if (!p)
        return ones;
    return bytes == 1 ? *p : bytes == 2 ? *(volatile uint16_t *)p : *(volatile uint32_t *)p;
}

int pci_write(struct pci_address a, uint16_t reg, unsigned int bytes, uint32_t value)
{
    volatile uint8_t *p;

    if (!valid_access(reg, bytes))
        return -EINVAL;
    if (a.segment == 0 && reg < 256) {
        write_port(a, reg, bytes, value);
        return 0;
    }
    p = ecam_register(a, reg);
    if (!p)
        return -ENODEV;
    if (bytes == 1)
        *p = (uint8_t)value;
    else if (bytes == 2)
        *(volatile uint16_t *)p = (uint16_t)value;
    else
        *(volatile uint32_t *)p = value;
    return 0;
}

uint16_t pci_find_capability(struct pci_address a, uint8_t id)
{
    unsigned int at;

    if (!(pci_read(a, PCI_REG_STATUS, 2) & PCI_STATUS_CAPS))
        return 0;
    at = pci_read(a, PCI_REG_CAPABILITY, 1) & 0xfc;
    for (unsigned int links = 0; at >= 0x40 && links < LINKS_MAX; links++) {
        uint32_t header = pci_read(a, (uint16_t)at, 2);

        if ((header & 0xff) == 0xff)
            return 0;
        if ((header & 0xff) == id)
            return (uint16_t)at;
        at = header >> 8 & 0xfc;
    }
    return 0;
}

void pci_config_init(void)
{
    for (unsigned int i = 0; i < acpi.ecams; i++) {
        log_info("PCI: ECAM of segment %u, buses %u-%u at %#lx\n", acpi.ecam[i].segment,
                 acpi.ecam[i].start_bus, acpi.ecam[i].end_bus, acpi.ecam[i].base);
        config.ecam[i].usable = true;
    }
}

int pci_ecam_confirm(paddr_t base, uint16_t segment, uint8_t start_bus, uint8_t end_bus, bool usable)
{
    for (unsigned int i = 0; i < acpi.ecams; i++) {
        const struct acpi_ecam *e = &acpi.ecam[i];

        if (e->base != base || e->segment != segment || e->start_bus != start_bus || e->end_bus != end_bus)
            continue;
        config.ecam[i].usable = usable;
        return 0;
    }
    return -ENODEV;
}
