/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PCI functions that domain 0 has told us of: what MSI and pass-through may name. */
#ifndef DRIVERS_PCI_DEVICE_H
#define DRIVERS_PCI_DEVICE_H

#include "drivers/pci/config.h"
#include "hv/list.h"

#define PCI_DEVICES_MAX 4096

struct pci_device {
    struct list link;
    struct pci_address address;
    bool
        msix_prepared; /* PHYSDEVOP_prepare_msix: its table is ours until release_msix; msi.c's lock, as the next */
    struct pci_pages {
        paddr_t start;
        uint32_t pages;           /* 0: none */
    } msix_read_only[2];          /* what of its table and pending bits domain 0 may only read meanwhile */
    uint16_t msi_cap, msix_cap;   /* 0: it does not have it */
    unsigned int interrupts;      /* MSIs and MSI-X entries in use; msi.c's lock */
    volatile uint8_t *msix_table; /* mapped once, kept */
    paddr_t msix_table_pa;
};

/* 0 also if it is known already; -ENOMEM. Looks at the function's capabilities. */
int pci_device_add(struct pci_address a) __must_check;
/* -ENODEV: not known; -EBUSY: its interrupts are in use. */
int pci_device_remove(struct pci_address a) __must_check;
/* NULL if it is not known. Devices are never freed: what is found stays valid. */
struct pci_device *pci_device_find(struct pci_address a);
void pci_device_dump(void);

#endif
