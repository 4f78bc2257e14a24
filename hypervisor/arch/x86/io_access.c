/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What of the machine's I/O domain 0 may touch (core/io_access.h asks): all but what the hypervisor drives
 * itself, and what it gave up. Other domains have what they were given (core/io_grants.c).
 */
#include "arch/x86/cpu.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/io_access_init.h"
#include "arch/x86/pc_ports.h"
#include "arch/x86/irq/irq.h"
#include "core/io_access.h"
#include "drivers/acpi/acpi.h"
#include "drivers/serial.h"
#include "hv/bitops.h"

static unsigned int address_bits; /* of physical addresses: beyond is reserved in page table entries */
uint64_t denied_ports[3 * PAGE_SIZE / 8] __aligned(PAGE_SIZE);

void io_deny_ports(unsigned int first, unsigned int count)
{
    for (unsigned int port = first; port < min(first + count, (unsigned int)PORTS); port++)
        atomic_set_bit(port, denied_ports); /* domain 0 may run, where it gives them up */
}

void io_access_init(void)
{
    address_bits = cpuid(0x80000000).a >= 0x80000008 ? cpuid(0x80000008).a & 0xff : 36; /* SDM 3A 4.1.4 */
    denied_ports[PORTS / 64] = ~0UL;
    for (unsigned int port = 0; port < PORTS; port++)
        if (serial_owns_port((uint16_t)port))
            io_deny_ports(port, 1);
    io_deny_ports(PORT_PIC_MASTER, 2);
    io_deny_ports(PORT_PIC_SLAVE, 2);
    io_deny_ports(PORT_IMCR, 2);
    /* Counter 2 with the speaker's gate is domain 0's, whose kernel measures the TSC by it (pv/ports.c filters the control words). */
    io_deny_ports(PORT_PIT_COUNTER, 2);
    io_deny_ports(PORT_PIT_CONTROL, 1);
    if (clock_uses_pit()) {
        io_deny_ports(PORT_PIT_COUNTER + 2, 1);
        io_deny_ports(PORT_NMI_SC, 1);
    }
    io_deny_ports(PORT_RTC_INDEX, 2); /* reached through cmos_read() and cmos_write() */
    /* Configuration space: through pci_read() and pci_write(). The reset register lies in between. */
    io_deny_ports(PORT_PCI_ADDRESS, 1);
    io_deny_ports(PORT_RST_CNT + 1, 6);
    if (acpi.pm_timer.space == ACPI_SPACE_IO && acpi.pm_timer.address)
        io_deny_ports((unsigned int)acpi.pm_timer.address, 4); /* as Xen: domain 0 has no PM timer */
}

bool domain_may_use_port(const struct domain *d, uint32_t port, unsigned int size)
{
    if (port >= PORTS || size > PORTS - port)
        return false;
    if (!d->is_hardware)
        return io_given(d, IO_PORTS, port, port + size - 1);
    return find_next_bit(denied_ports, port + size, port) == port + size;
}

bool io_is_possible(uint64_t last)
{
    return last >> (address_bits - PAGE_SHIFT) == 0;
}

bool io_is_for_guests(enum io_space space, uint64_t first, uint64_t last)
{
    if (space == IO_PORTS)
        return last < PORTS && find_next_bit(denied_ports, last + 1, first) == last + 1;
    return io_is_possible(last) && !irq_has_interrupt_controller(first << PAGE_SHIFT, last << PAGE_SHIFT);
}

bool domain_may_map_mmio(struct domain *d, mfn_t mfn)
{
    if (d->is_hardware ? io_given_up(d, IO_MEMORY, mfn.n, mfn.n) : !io_given(d, IO_MEMORY, mfn.n, mfn.n))
        return false;
    /*
     * The first MiB is firmware's: its tables and data, the VGA window; none of it is in the heap. Kernels
     * search all of it; our start-up page there is read-only.
     */
    if (mfn.n < MiB(1) >> PAGE_SHIFT)
        return true;
    return mfn.n >> (address_bits - PAGE_SHIFT) == 0 && !is_ram(mfn) &&
           !irq_is_interrupt_controller(mfn_to_paddr(mfn));
}
