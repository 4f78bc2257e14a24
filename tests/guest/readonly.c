/* SPDX-License-Identifier: MIT */
/*
 * Pages of devices that the hypervisor drives itself: domain 0 may map them, and has them read-only; what its kernel stores there is dropped. MSI-X tables are such from the first
 * interrupt (or PHYSDEVOP_prepare_msix) until PHYSDEVOP_release_msix. And what becomes of several MSIs at once.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M qemu=-machine;q35;-device;e1000e,addr=5;-device;nvme,serial=x,addr=6;-device;qemu-xhci,addr=7
 */
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/test.h>
#include <kit/trap.h>
#include <xen/physdev.h>

#define E1000E 0x28 /* table and pending bits are pages of their own */
#define NVME   0x30
#define XHCI   0x38 /* table and pending bits share a page */
#define AHCI   0xfa /* MSI, no MSI-X */

#define HARMLESS 0xb8 /* the VGA window, to let go of a mapping */

static uint32_t inl(uint16_t port)
{
    uint32_t value;

    __asm__ volatile("inl %1, %0" : "=a"(value) : "d"(port));
    return value;
}

static void outl(uint16_t port, uint32_t value)
{
    __asm__ volatile("outl %0, %1" : : "a"(value), "d"(port));
}

static uint32_t config(unsigned devfn, unsigned reg)
{
    outl(PORT_PCI_ADDRESS, PCI_ADDRESS_ENABLE | devfn << 8 | (reg & 0xfc));
    return inl(PORT_PCI_DATA) >> (reg & 3) * 8;
}

static void use_ports(void)
{
    struct physdev_set_iopl iopl = {.iopl = 1};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

static unsigned capability(unsigned devfn, unsigned id)
{
    unsigned at = config(devfn, 0x34) & 0xfc;

    for (unsigned n = 0; at && n < 48 && (config(devfn, at) & 0xff) != id; n++)
        at = config(devfn, at) >> 8 & 0xfc;
    return at;
}

/* What a pointer of the MSI-X capability leads to, and the start of the BAR that it is in. */
static uint64_t pointed(unsigned devfn, unsigned reg, uint64_t *bar)
{
    uint32_t where = config(devfn, capability(devfn, 0x11) + reg);
    unsigned at = 0x10 + 4 * (where & 7);

    *bar = config(devfn, at);
    if ((*bar & 6) == 4)
        *bar |= (uint64_t)config(devfn, at + 4) << 32;
    *bar &= ~0xfUL;
    return *bar + (where & ~7u);
}

/* Is what is mapped there writable? -1: refused. The page is let go of before, since an entry that stays what it is is not looked at. */
static int maps_writable(volatile uint32_t *page, uint64_t address)
{
    uintptr_t va = (uintptr_t)page;

    CHECK_RC(hcall_update_va_mapping(va, (uint64_t)HARMLESS << 12 | PTE_RW, UVMF_INVLPG), 0);
    if (hcall_update_va_mapping(va, (address & PTE_ADDR) | PTE_RW | PTE_PCD, UVMF_INVLPG))
        return -1;
    CHECK_EQ(kit_pte_of(va) & (PTE_ADDR | PTE_P), (address & PTE_ADDR) | PTE_P);
    return (kit_pte_of(va) & PTE_W) != 0;
}

/* A plain store is dropped; what would have to read first is the kernel's own page fault. */
static void check_stores_dropped(volatile uint32_t *at)
{
    uint32_t before = *at;

    CHECK_NO_FAULT(KIT_PROBE("movl %[v], (%[p])", : [v] "r"(before ^ 5), [p] "r"(at) : "memory"));
    CHECK_NO_FAULT(KIT_PROBE("movb $0x55, (%[p])", : [p] "r"(at) : "memory"));
    CHECK_NO_FAULT(KIT_PROBE("movq $0x55, 8(%[p])", : [p] "r"(at) : "memory"));
    CHECK_FAULT(KIT_PROBE("orl $0x55, (%[p])", : [p] "r"(at) : "memory"), VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_FAULT(KIT_PROBE("xchgl %[v], (%[p])",
                          : [v] "r"(before ^ 5), [p] "r"(at)
                          : "memory"),
                VECTOR_PF, PF_PRESENT | PF_WRITE);
    CHECK_EQ(*at, before);
}

KIT_TEST(pages_of_the_hypervisor)
{
    volatile uint32_t *page = kit_page_alloc();

    CHECK_EQ(maps_writable(page, 0xfec00000), 0); /* IO-APIC */
    check_stores_dropped(page);
    CHECK_EQ(maps_writable(page, 0xfed00000), 0); /* HPET */
    check_stores_dropped(page);
    CHECK_EQ(page[4] & 2, 0); /* its configuration: no legacy interrupts */
    CHECK_NO_FAULT(KIT_PROBE("movl $0, 0x10(%[p])", : [p] "r"(page) : "memory"));
    CHECK_EQ(page[4] & 1, 1);                      /* still counting */
    CHECK_EQ(maps_writable(page, 0xfee00000), -1); /* local APIC */
    CHECK_EQ(maps_writable(page, 0xfed40000), 1);  /* nobody's */
    CHECK_RC(kit_set_rw((void *)page), 0);
    kit_page_free((void *)page);
}

static int map_msi(int type, unsigned devfn, int entry, uint64_t table)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF,
                                 .type = type,
                                 .index = -1,
                                 .pirq = -1,
                                 .devfn = (int)devfn,
                                 .entry_nr = entry,
                                 .table_base = table};
    long rc = hcall_physdev_op(PHYSDEVOP_map_pirq, &m);

    return rc ? (int)rc : m.pirq;
}

static long unmap(int pirq)
{
    struct physdev_unmap_pirq u = {.domid = DOMID_SELF, .pirq = pirq};

    return hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u);
}

static void check_device(unsigned devfn, bool apart)
{
    struct physdev_pci_device_add add = {.devfn = (uint8_t)devfn};
    struct physdev_pci_device dev = {.devfn = (uint8_t)devfn};
    volatile uint32_t *page = kit_page_alloc(), *before = kit_page_alloc();
    uint64_t bar, pending, table;
    int first, second;

    use_ports();
    CHECK_OR_RETURN(capability(devfn, 0x11));
    pending = pointed(devfn, 8, &bar);
    table = pointed(devfn, 4, &bar);
    CHECK_EQ((table ^ pending) >> 12 != 0, apart);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_EQ(maps_writable(before, table), 1);
    /* Prepared, by a back end that hands the device on. */
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &dev), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &dev), -XEN_EBUSY);
    CHECK_EQ(maps_writable(page, table), 0);
    CHECK_EQ(maps_writable(page, pending), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_release_msix, &dev), 0);
    CHECK_EQ(maps_writable(page, table), 1);
    CHECK_EQ(maps_writable(page, pending), 1);
    /* Used. */
    first = map_msi(MAP_PIRQ_TYPE_MSI, devfn, 0, bar);
    second = map_msi(MAP_PIRQ_TYPE_MSI, devfn, 2, bar);
    CHECK(first > 0 && second > 0);
    CHECK_EQ(maps_writable(page, pending), 0);
    CHECK_EQ(maps_writable(page, table), 0);
    check_stores_dropped(page + (table & 0xfff) / 4 + 8);   /* the third entry */
    CHECK_EQ(kit_pte_of((uintptr_t)before) & PTE_W, PTE_W); /* what was mapped before stays */
    CHECK_RC(unmap(first), 0);
    CHECK_EQ(maps_writable(page, table), 0);
    CHECK_RC(unmap(second), 0);
    CHECK_EQ(maps_writable(page, table), 1);
    CHECK_EQ(maps_writable(page, pending), 1);
    /* Both. */
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &dev), 0);
    first = map_msi(MAP_PIRQ_TYPE_MSI, devfn, 0, bar);
    CHECK(first > 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_release_msix, &dev), -XEN_EBUSY);
    CHECK_EQ(maps_writable(page, table), 0);
    CHECK_RC(unmap(first), 0);
    CHECK_EQ(maps_writable(page, table), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &dev), -XEN_EBUSY);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_release_msix, &dev), 0);
    CHECK_EQ(maps_writable(page, table), 1);
    CHECK_EQ(maps_writable(page, pending), 1);
    first = map_msi(MAP_PIRQ_TYPE_MSI, devfn, 0, bar);
    CHECK(first > 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &dev), -XEN_EBUSY);
    CHECK_RC(unmap(first), 0);
    CHECK_RC(kit_set_rw((void *)page), 0);
    CHECK_RC(kit_set_rw((void *)before), 0);
    kit_page_free((void *)page);
    kit_page_free((void *)before);
}

KIT_TEST(msix_pages_apart)
{
    check_device(E1000E, true);
}

KIT_TEST(msix_pages_in_a_larger_bar)
{
    check_device(NVME, true);
}

KIT_TEST(msix_shared_page)
{
    check_device(XHCI, false);
}

/* Without interrupt remapping: one is one, several are too many. */
KIT_TEST(several_msis)
{
    static const struct {
        int count, answer;
    } cases[] = {{-1, -XEN_EDOM},       {0, -XEN_EDOM},        {2, -XEN_EOPNOTSUPP}, {4, -XEN_EOPNOTSUPP},
                 {31, -XEN_EOPNOTSUPP}, {32, -XEN_EOPNOTSUPP}, {33, -XEN_EDOM}};
    struct physdev_pci_device_add add = {.devfn = AHCI};
    int pirq;

    use_ports();
    CHECK_OR_RETURN(capability(AHCI, 5));
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        CHECK_RC(map_msi(MAP_PIRQ_TYPE_MULTI_MSI, AHCI, cases[i].count, 0), cases[i].answer);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MULTI_MSI, AHCI, 1, 0x1000), -XEN_EINVAL);
    pirq = map_msi(MAP_PIRQ_TYPE_MULTI_MSI, AHCI, 1, 0);
    CHECK_OR_RETURN(pirq > 0);
    CHECK_RC(unmap(pirq), 0);
}
