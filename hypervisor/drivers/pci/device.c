/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The list of devices. A removed device's structure stays for when it comes back: pointers to it never dangle. */
#include "drivers/pci/device.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/lock_shown.h"
#include "hv/log.h"

static struct {
    lock_t lock;
    struct list present, absent;
    unsigned int count;
} devices = {
    .lock = LOCK_INIT(RANK_PIRQ), .present = LIST_INIT(devices.present), .absent = LIST_INIT(devices.absent)};
LOCK_SHOWN(devices, devices.lock, "PCI devices");

static struct pci_device *find_in(struct list *list, struct pci_address a)
{
    struct pci_device *d;

    list_for_each_entry (d, list, link)
        if (d->address.segment == a.segment && d->address.bus == a.bus && d->address.devfn == a.devfn)
            return d;
    return NULL;
}

struct pci_device *pci_device_find(struct pci_address a)
{
    uint64_t flags = lock_irqsave(&devices.lock);
    struct pci_device *d = find_in(&devices.present, a);

    unlock_irqrestore(&devices.lock, flags);
    return d;
}

static void look_at(struct pci_device *d)
{
    d->msi_cap = d->msix_cap = 0;
    if (!pci_present(d->address))
        return;
    d->msi_cap = pci_find_capability(d->address, PCI_CAP_MSI);
    d->msix_cap = pci_find_capability(d->address, PCI_CAP_MSIX);
}

int pci_device_add(struct pci_address a)
{
    struct pci_device *d = pci_device_find(a), *fresh;
    uint64_t flags;

    if (d)
        return 0;
    fresh = hv_new(struct pci_device);
    if (!fresh)
        return -ENOMEM;
    flags = lock_irqsave(&devices.lock);
    d = find_in(&devices.absent, a);
    if (d) {
        list_remove(&d->link);
    } else if (devices.count < PCI_DEVICES_MAX) {
        d = fresh;
        fresh = NULL;
        d->address = a;
        devices.count++;
    }
    if (d) {
        look_at(d);
        list_append(&devices.present, &d->link);
    }
    unlock_irqrestore(&devices.lock, flags);
    if (fresh)
        hv_free(fresh);
    return d ? 0 : -ENOMEM;
}

int pci_device_remove(struct pci_address a)
{
    uint64_t flags = lock_irqsave(&devices.lock);
    struct pci_device *d = find_in(&devices.present, a);
    int rc = d ? 0 : -ENODEV;

    if (d && d->interrupts)
        rc = -EBUSY;
    if (!rc) {
        list_remove(&d->link);
        list_append(&devices.absent, &d->link);
    }
    unlock_irqrestore(&devices.lock, flags);
    return rc;
}

void pci_device_dump(void)
{
    struct pci_device *d;

    list_for_each_entry (d, &devices.present, link)
        printk("  PCI " PCI_FORMAT ": MSI at %#x, MSI-X at %#x, %u interrupts in use\n", PCI_ARGS(d->address),
               d->msi_cap, d->msix_cap, d->interrupts);
}
