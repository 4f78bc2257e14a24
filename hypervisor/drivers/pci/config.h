/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * PCI configuration space: through the ports CF8/CFC for the first 256 bytes of segment 0, through ECAM where
 * MCFG gives a window for the rest. One lock guards the port pair; domain 0's own accesses to the ports come
 * through here, too (its CF8 is virtual).
 */
#ifndef DRIVERS_PCI_CONFIG_H
#define DRIVERS_PCI_CONFIG_H

#include "hv/types.h"

struct pci_address {
    uint16_t segment;
    uint8_t bus, devfn;
};
#define PCI_ADDRESS(s, b, df) ((struct pci_address){.segment = (s), .bus = (b), .devfn = (df)})
#define PCI_DEVICE(df)        ((df) >> 3)
#define PCI_FUNCTION(df)      ((df)&7)
#define PCI_FORMAT            "%04x:%02x:%02x.%u"
#define PCI_ARGS(a)           (a).segment, (a).bus, PCI_DEVICE((a).devfn), PCI_FUNCTION((a).devfn)

/* `bytes` 1, 2 or 4, `reg` aligned to it and below 4096. All ones if nothing answers or the register cannot
 * be reached. Any context. */
uint32_t pci_read(struct pci_address a, uint16_t reg, unsigned int bytes);
/* -ENODEV if the register cannot be reached. */
int pci_write(struct pci_address a, uint16_t reg, unsigned int bytes, uint32_t value);

static inline bool pci_present(struct pci_address a)
{
    uint32_t id = pci_read(a, 0, 4);

    return id != 0xffffffffu && id != 0;
}

/* Offset of the capability in the first 256 bytes, 0 if the device does not have it. At most 48 links are
 * followed. */
uint16_t pci_find_capability(struct pci_address a, uint8_t id);

/* Registers and capabilities that we use (PCI 3.0, 6.1, 6.8). */
#define PCI_REG_VENDOR      0x00
#define PCI_REG_COMMAND     0x04
#define PCI_REG_STATUS      0x06
#define PCI_REG_CLASS       0x08
#define PCI_REG_HEADER_TYPE 0x0e
#define PCI_REG_BAR0        0x10
#define PCI_REG_CAPABILITY  0x34
#define PCI_COMMAND_MEMORY  0x0002
#define PCI_COMMAND_NO_INTX 0x0400
#define PCI_STATUS_CAPS     0x0010
#define PCI_CAP_MSI         0x05
#define PCI_CAP_MSIX        0x11

/* Windows of ECAM that work: those of MCFG. Call after acpi_init(). */
void pci_config_init(void);
/* The window for the bus was found in the memory map or in the DSDT by domain 0: -ENOENT if MCFG does not
 * have it. */
int pci_ecam_confirm(paddr_t base, uint16_t segment, uint8_t start_bus, uint8_t end_bus, bool usable);

#endif
