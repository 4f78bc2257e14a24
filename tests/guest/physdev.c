/* SPDX-License-Identifier: MIT */
/*
 * What the platform tells a kernel: CPUID by the forced-emulation prefix, and physdev_op. The answers are those of Debian's Xen 4.17.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/arch/cpu.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <xen/physdev.h>
#include <xen/arch-x86/xen-mca.h>

#define EPERM      1
#define ESRCH      3
#define EACCES     13
#define EFAULT     14
#define EBUSY      16
#define EEXIST     17
#define ENODEV     19
#define EINVAL     22
#define ENOSYS     38
#define EOPNOTSUPP 95

KIT_TEST(cpuid_hypervisor_leaves)
{
    struct kit_cpuid r = kit_cpuid(0x40000000, 0);

    CHECK_EQ(r.a, 0x40000005);
    CHECK(!memcmp(&r.b, "XenVMMXenVMM", 12));
    r = kit_cpuid(0x40000001, 0);
    CHECK_EQ(r.a, 4 << 16 | 17);
    r = kit_cpuid(0x40000002, 0);
    CHECK_EQ(r.a, 1);
    CHECK_EQ(r.b, 0x40000000);
    CHECK_EQ(r.c & 1, 1);
    r = kit_cpuid(0x40000003, 2);
    CHECK(r.a > 100000);
    r = kit_cpuid(0x40000005, 0);
    CHECK_EQ(r.b, 29); /* 512 MiB */
    r = kit_cpuid(0x40000006, 0);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
}

KIT_TEST(cpuid_features)
{
    struct kit_cpuid r = kit_cpuid(1, 0), native = kit_cpuid_native(1, 0);

    CHECK_EQ(r.a, native.a);
    CHECK(r.c >> 31);                        /* a hypervisor is there */
    CHECK_EQ(r.d & (1u << 3 | 1u << 13), 0); /* no PSE, no PGE */
    CHECK_EQ(r.c & (1u << 21), 0);           /* no x2APIC */
    CHECK_EQ(r.d & ~native.d, 0);
    r = kit_cpuid(0x80000001, 0);
    CHECK_EQ(r.c & 4, 0); /* no SVM */
    CHECK(r.d >> 29 & 1);
    r = kit_cpuid(0x8000000a, 0);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
    r = kit_cpuid(0xb, 1);
    CHECK_EQ(r.a | r.b | r.c | r.d, 0);
}

static long setup_gsi(int gsi, int triggering, int polarity)
{
    struct physdev_setup_gsi op = {
        .gsi = gsi, .triggering = (uint8_t)triggering, .polarity = (uint8_t)polarity};

    return hcall_physdev_op(PHYSDEVOP_setup_gsi, &op);
}

static long map_gsi(unsigned domid, int gsi, int *pirq)
{
    struct physdev_map_pirq op = {
        .domid = (domid_t)domid, .type = MAP_PIRQ_TYPE_GSI, .index = gsi, .pirq = *pirq};
    long rc = hcall_physdev_op(PHYSDEVOP_map_pirq, &op);

    *pirq = op.pirq;
    return rc;
}

static long unmap(unsigned domid, int pirq)
{
    struct physdev_unmap_pirq op = {.domid = (domid_t)domid, .pirq = pirq};

    return hcall_physdev_op(PHYSDEVOP_unmap_pirq, &op);
}

static long bind(unsigned pirq, uint32_t flags, evtchn_port_t *port)
{
    struct evtchn_bind_pirq op = {.pirq = pirq, .flags = flags};
    long rc = hcall_event_channel_op(EVTCHNOP_bind_pirq, &op);

    *port = op.port;
    return rc;
}

static long close_port(evtchn_port_t port)
{
    struct evtchn_close op = {.port = port};

    return hcall_event_channel_op(EVTCHNOP_close, &op);
}

static long status(unsigned irq, uint32_t *flags)
{
    struct physdev_irq_status_query op = {.irq = irq};
    long rc = hcall_physdev_op(PHYSDEVOP_irq_status_query, &op);

    *flags = op.flags;
    return rc;
}

KIT_TEST(setup_gsi)
{
    CHECK_RC(setup_gsi(0, 0, 0), -EEXIST);
    CHECK_RC(setup_gsi(3, 0, 0), 0);
    CHECK_RC(setup_gsi(3, 1, 1), -EEXIST);
    CHECK_RC(setup_gsi(20, 1, 1), 0);
    CHECK_RC(setup_gsi(20, 1, 1), -EEXIST);
    CHECK_RC(setup_gsi(24, 0, 0), -EINVAL);
    CHECK_RC(setup_gsi(-1, 0, 0), -EINVAL);
    CHECK_RC(setup_gsi(5000, 0, 0), -EINVAL);
}

KIT_TEST(map_and_unmap_gsi)
{
    evtchn_port_t port, other;
    uint32_t flags;
    int pirq = 0;

    CHECK_RC(map_gsi(DOMID_SELF, 0, &pirq), -EPERM);
    pirq = 5;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0); /* as it is */
    pirq = 30;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), -EEXIST);
    pirq = -1;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0);
    CHECK_EQ(pirq, 5);
    pirq = 24;
    CHECK_RC(map_gsi(DOMID_SELF, 24, &pirq), -EINVAL);
    pirq = 6;
    CHECK_RC(map_gsi(7, 6, &pirq), -ESRCH);

    CHECK_RC(bind(100, 0, &port), -EPERM); /* not mapped */
    CHECK_RC(bind(5000, 0, &port), -EINVAL);
    CHECK_RC(bind(5, BIND_PIRQ__WILL_SHARE, &port), 0);
    CHECK_RC(bind(5, BIND_PIRQ__WILL_SHARE, &other), -EEXIST);
    CHECK_RC(status(5, &flags), 0);
    CHECK_EQ(flags, XENIRQSTAT_needs_eoi);
    CHECK_RC(close_port(port), 0);
    CHECK_RC(bind(5, 0, &port), 0);
    CHECK_RC(close_port(port), 0);

    CHECK_RC(unmap(DOMID_SELF, 5), 0);
    CHECK_RC(unmap(DOMID_SELF, 5), -EINVAL);
    CHECK_RC(unmap(DOMID_SELF, -1), -EINVAL);
    CHECK_RC(unmap(DOMID_SELF, 5000), -EINVAL);
    CHECK_RC(unmap(7, 5), -ESRCH);
    pirq = 5;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), -EPERM); /* given up for good */
    CHECK_RC(status(200, &flags), 0);
    CHECK_RC(status(5000, &flags), -EINVAL);
}

/* Numbers that are not their line's own. */
KIT_TEST(map_gsi_elsewhere)
{
    int pirq = 9;

    CHECK_RC(map_gsi(DOMID_SELF, 10, &pirq), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), 0); /* an index that is such a number means its line: 10 */
    pirq = 10;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), -EEXIST);
    pirq = 0x7fffffff;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), -EEXIST);
    pirq = -1;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), 0);
    CHECK_EQ(pirq, 9);
    /* A number that has a line keeps it, and nobody says so. */
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), 0);
    pirq = 12;
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), 0);
    pirq = 9;
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), -EEXIST);
    pirq = 5000;
    CHECK_RC(map_gsi(DOMID_SELF, 11, &pirq), -EINVAL);
    CHECK_RC(unmap(DOMID_SELF, 9), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 10, &pirq), -EPERM); /* that comes before the number is looked at */
    pirq = -1;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), 0); /* 9 again */
    CHECK_EQ(pirq, 16);
    CHECK_RC(unmap(DOMID_SELF, 12), 0);
}

/* The console's interrupt and the hypervisor's timer stay the hypervisor's. */
KIT_TEST(interrupts_of_the_hypervisor)
{
    evtchn_port_t port;
    int pirq = 4;

    CHECK_RC(map_gsi(DOMID_SELF, 4, &pirq), 0);
    CHECK_RC(bind(4, 0, &port), -EBUSY);
    pirq = 2;
    CHECK_RC(map_gsi(DOMID_SELF, 2, &pirq), 0);
    CHECK_RC(bind(2, 0, &port), -EBUSY);
}

KIT_TEST(eoi)
{
    struct physdev_eoi op = {.irq = 7};
    int pirq = 7;

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), -EINVAL);
    CHECK_RC(map_gsi(DOMID_SELF, 7, &pirq), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), 0);
    op.irq = ~0u;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), -EINVAL);
}

KIT_TEST(free_pirqs)
{
    struct physdev_get_free_pirq first = {.type = MAP_PIRQ_TYPE_MSI}, second = {.type = 5};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_get_free_pirq, &first), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_get_free_pirq, &second), 0);
    CHECK_EQ(second.pirq + 1, first.pirq);
}

KIT_TEST(privilege_level_and_ports)
{
    struct physdev_set_iopl level = {.iopl = 4};
    struct physdev_set_iobitmap ports = {.nr_ports = 65537};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &level), -EINVAL);
    level.iopl = 1;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &level), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &ports), -EINVAL);
    ports.nr_ports = 65536;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &ports), 0);
    ports.nr_ports = 0;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &ports), 0);
}

KIT_TEST(io_apic)
{
    struct physdev_apic op = {.apic_physbase = 0xfec00000, .reg = 1};
    struct physdev_irq vector = {.irq = 21};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_read, &op), 0);
    CHECK_EQ(op.value, 0x170020);
    op.reg = 0x34;
    op.value = 0x10000;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_write, &op), 0);
    op.apic_physbase = 0xfec01000;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_read, &op), -EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_write, &op), -EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_alloc_irq_vector, &vector), 0);
    CHECK_EQ(vector.vector, 21);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_free_irq_vector, &vector), -ENOSYS);
}

static long map_msi(int type, int bus, int devfn, int entries, uint64_t table)
{
    struct physdev_map_pirq op = {.domid = DOMID_SELF,
                                  .type = type,
                                  .index = -1,
                                  .pirq = -1,
                                  .bus = bus,
                                  .devfn = devfn,
                                  .entry_nr = entries,
                                  .table_base = table};

    return hcall_physdev_op(PHYSDEVOP_map_pirq, &op);
}

KIT_TEST(msi_of_nothing)
{
    struct physdev_pci_device host = {.devfn = 0}, none = {.bus = 9, .devfn = 9};
    struct physdev_pci_device_add add = {.devfn = 0};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_restore_msi_ext, &none), -ENODEV);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &none), -ENODEV);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &none), -ENODEV);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MSI_SEG, 9, 9, 0, 0), -ENODEV);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MULTI_MSI, 0, 0, 2, 0), -EOPNOTSUPP);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_UNKNOWN, 0, 0, 0, 0), -EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MSI, 0, 0, 0, 0), -ENODEV); /* the host bridge has none */
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_restore_msi_ext, &host), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &host), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &host), -ENODEV);
}

KIT_TEST(eoi_page)
{
    static uint8_t page[KIT_PAGE_SIZE] __attribute__((aligned(KIT_PAGE_SIZE)));
    struct physdev_pirq_eoi_gmfn op = {.gmfn = 0x12345678};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -EINVAL);
    op.gmfn = kit_mfn_of(page);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &op), -EBUSY);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &op), -EBUSY);
}

/* Without an argument: what exists says so. */
KIT_TEST(null_arguments)
{
    static const int known[] = {5,  6,  7,  8,  9,  10, 12, 13, 14, 15, 16, 17,
                                19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    static const int unknown[] = {0, 1, 2, 3, 11, 18, 22, 32, 100, -1};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        CHECK_RC(hcall_physdev_op(known[i], NULL), -EFAULT);
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        CHECK_RC(hcall_physdev_op(unknown[i], NULL), -ENOSYS);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, NULL), 0);
}

KIT_TEST(machine_checks)
{
    static struct mc_info record;
    struct xen_mc op = {.cmd = XEN_MC_physcpuinfo};

    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, 0), -EFAULT);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -EACCES);
    op.interface_version = XEN_MCA_INTERFACE_VERSION;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), 0);
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, 2);
    op.cmd = XEN_MC_fetch;
    op.u.mc_fetch.flags = XEN_MC_NONURGENT;
    *(void **)&op.u.mc_fetch.data = &record;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), 0);
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
    op.u.mc_fetch.flags = XEN_MC_URGENT | XEN_MC_NONURGENT;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -EINVAL);
    op.cmd = 8;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -EINVAL);
}
