/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Port accesses of a PV guest, trapped. PCI configuration space and the CMOS clock are reached through an index register that we use as well: the guest has its own copy
 * of the index, and an access goes through our functions, under their locks.
 */
#include "pv/ports.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/pc_ports.h"
#include "core/frame_ref.h"
#include "core/io_access.h"
#include "drivers/pci/config.h"
#include "drivers/serial.h"
#include "hv/guest.h"
#include "pv/walk.h"

/*
 * A byte of the guest kernel's memory, whichever root is loaded: the user's need not map it, or may map there what user mode chose. Memory of other domains and of devices is nobody's bitmap.
 */
static bool read_kernel_byte(struct pv_vcpu *p, uint64_t va, uint8_t *byte)
{
    uint64_t entry = guest_may_name(va) ? pv_leaf_of(p, va) : 0;
    mfn_t mfn = pte_mfn(entry);

    if (!(entry & PTE_PRESENT) || !mfn_valid_from_guest(&mfn) || !frame_get(mfn_to_frame(mfn), p->v.domain))
        return false;
    *byte = READ_ONCE(*((const uint8_t *)mfn_to_va(mfn) + (va & (PAGE_SIZE - 1))));
    frame_put(mfn_to_frame(mfn));
    return true;
}

/* The bitmap is the kernel's, also where user mode is asked about. */
bool pv_port_allowed(struct pv_vcpu *p, uint16_t port, unsigned int size)
{
    uint8_t bits[2] = {0xff, 0xff};
    uint32_t last = (uint32_t)port + size - 1;

    if (p->iopl >= pv_virtual_level(p))
        return true;
    if (last >= p->guest_io_bitmap_ports)
        return false;
    for (uint32_t i = port / 8; i <= last / 8; i++)
        if (!read_kernel_byte(p, p->guest_io_bitmap.addr + i, &bits[i - port / 8]))
            return false;
    return !((bits[0] | (uint32_t)bits[1] << 8) >> (port % 8) & ((1U << size) - 1));
}

/*
 * The processor asks the domain's bitmap instead of us where the guest's own rights are the IOPL alone. Ports that PHYSDEVOP_set_iobitmap opens to user mode are still trapped: that bitmap
 * lies in the guest's memory and changes without notice.
 */
void pv_port_rights_changed(struct pv_vcpu *p)
{
    bool owns_ports = p->v.domain->is_hardware;

    p->port_map[true] = owns_ports && p->iopl >= pv_kernel_level(p) ? PORT_MAP_HARDWARE : PORT_MAP_NONE;
    p->port_map[false] = owns_ports && p->iopl >= 3 ? PORT_MAP_HARDWARE : PORT_MAP_NONE;
    if (&p->v == current_vcpu())
        use_port_map(p->port_map[p->kernel_mode]);
}

static uint32_t all_ones(unsigned int size)
{
    return size == 4 ? ~0U : (1U << (8 * size)) - 1;
}

static uint32_t raw_in(uint16_t port, unsigned int size)
{
    return size == 1 ? inb(port) : size == 2 ? inw(port) : inl(port);
}

static void raw_out(uint16_t port, unsigned int size, uint32_t value)
{
    if (size == 1)
        outb((uint8_t)value, port);
    else if (size == 2)
        outw((uint16_t)value, port);
    else
        outl(value, port);
}

static bool is_config_data(uint16_t port, unsigned int size)
{
    return port >= PORT_PCI_DATA && port + size <= PORT_PCI_DATA + 4;
}

/* The device and register that the guest's copy of the index names. */
static struct pci_address config_target(const struct pv_domain *pd, uint16_t port, unsigned int *reg)
{
    *reg = (pd->pci_index & 0xfc) + (port & 3);
    return (struct pci_address){.bus = (uint8_t)(pd->pci_index >> 16),
                                .devfn = (uint8_t)(pd->pci_index >> 8)};
}

uint32_t pv_port_read(struct pv_vcpu *p, uint16_t port, unsigned int size)
{
    struct domain *d = p->v.domain;
    struct pv_domain *pd = pv_domain(d);
    unsigned int reg;

    if (d->is_hardware && port == PORT_PCI_ADDRESS && size == 4)
        return pd->pci_index;
    if (d->is_hardware && is_config_data(port, size)) {
        if (!(pd->pci_index & PCI_ADDRESS_ENABLE))
            return all_ones(size);
        struct pci_address a = config_target(pd, port, &reg);

        return pci_read(a, (uint16_t)reg, size);
    }
    if (d->is_hardware && port == PORT_RTC_INDEX && size == 1)
        return pd->cmos_index;
    if (d->is_hardware && port == PORT_RTC_DATA && size == 1)
        return cmos_read(pd->cmos_index & 0x7f);
    if (!domain_may_use_port(d, port, size))
        return all_ones(size);
    return raw_in(port, size);
}

void pv_port_write(struct pv_vcpu *p, uint16_t port, unsigned int size, uint32_t value)
{
    struct domain *d = p->v.domain;
    struct pv_domain *pd = pv_domain(d);
    unsigned int reg;

    if (d->is_hardware && port == PORT_PCI_ADDRESS && size == 4) {
        pd->pci_index = value;
    } else if (d->is_hardware && is_config_data(port, size)) {
        struct pci_address a = config_target(pd, port, &reg);

        if (pd->pci_index & PCI_ADDRESS_ENABLE)
            (void)pci_write(a, (uint16_t)reg, size, value);
    } else if (d->is_hardware && port == PORT_RTC_INDEX && size == 1) {
        pd->cmos_index = (uint8_t)value;
    } else if (d->is_hardware && port == PORT_RTC_DATA && size == 1) {
        cmos_write(pd->cmos_index & 0x7f, (uint8_t)value);
    } else if (port == PORT_PIT_CONTROL && size == 1) {
        /* The mode register serves all three channels: commands to channel 2 go through where that is the domain's. */
        if (value >> 6 == 2 && domain_may_use_port(d, PORT_PIT_COUNTER + 2, 1))
            outb((uint8_t)value, PORT_PIT_CONTROL);
    } else if (domain_may_use_port(d, port, size)) {
        raw_out(port, size, value);
    }
}
