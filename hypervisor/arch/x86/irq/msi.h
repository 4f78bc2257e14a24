/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Message-signalled interrupts: the hypervisor writes address and data into the device itself, into the MSI capability (PCI 3.0, 6.8.1) or
 * the MSI-X table (6.8.2). One struct msi belongs to one interrupt number; msi_new() makes both, masked.
 */
#ifndef ARCH_X86_IRQ_MSI_H
#define ARCH_X86_IRQ_MSI_H

#include "drivers/pci/device.h"

struct msi {
    struct list link; /* of all MSIs; the lock in msi.c */
    struct pci_device *device;
    bool is_msix;
    uint16_t entry;      /* MSI-X: index in the table */
    uint16_t cap;        /* offset of the capability */
    bool wide, maskable; /* MSI: 64-bit address, per-vector masking */
    unsigned int irq;
    volatile uint8_t *slot; /* MSI-X: 16 bytes in the device's memory */
};

/*
 * Sets up MSI, or MSI-X entry `entry`, of a known device; returns the interrupt number (>= 0). The source is masked (if it can be) and
 * already carries a valid message. -ENODEV: no such device or capability; -EINVAL: no such entry; -EEXIST: in use; -ENXIO: the
 * device's memory is switched off; -ENOSPC, -ENOMEM.
 */
int msi_new(struct pci_address a, bool is_msix, unsigned int entry) __must_check;
/* Undoes it: the message is taken out of the device. The interrupt has no guests any more. */
void msi_free(unsigned int irq);
/* Writes every message of the device again, after a reset or a sleep. -ENODEV: not known. */
int msi_restore(struct pci_address a) __must_check;
/*
 * PHYSDEVOP_prepare_msix and release. Between them, and while entries are in use, domain 0 has the table and
 * the pending bits read-only. -ENODEV: not known or has no MSI-X; -EBUSY: prepared already, or entries are in
 * use; -ENXIO: the device's memory is switched off.
 */
int msi_prepare(struct pci_address a, bool prepare) __must_check;

#endif
