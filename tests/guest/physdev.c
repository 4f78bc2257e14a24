/* SPDX-License-Identifier: MIT */
/*
 * physdev_op and machine checks: the answers are those of Debian's Xen 4.17. In a boot of its own, for what is said of a line is said once; machine/pirqs.c has interrupts.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/hypercall.h>
#include <kit/test.h>
#include <xen/physdev.h>
#include <xen/arch-x86/xen-mca.h>

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
    CHECK_RC(setup_gsi(0, 0, 0), -XEN_EEXIST);
    CHECK_RC(setup_gsi(3, 0, 0), 0);
    CHECK_RC(setup_gsi(3, 1, 1), -XEN_EEXIST);
    CHECK_RC(setup_gsi(20, 1, 1), 0);
    CHECK_RC(setup_gsi(20, 1, 1), -XEN_EEXIST);
    CHECK_RC(setup_gsi(24, 0, 0), -XEN_EINVAL);
    CHECK_RC(setup_gsi(-1, 0, 0), -XEN_EINVAL);
    CHECK_RC(setup_gsi(5000, 0, 0), -XEN_EINVAL);
}

KIT_TEST(map_and_unmap_gsi)
{
    evtchn_port_t port, other;
    uint32_t flags;
    int pirq = 0;

    CHECK_RC(map_gsi(DOMID_SELF, 0, &pirq), -XEN_EPERM);
    pirq = 5;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0); /* as it is */
    pirq = 30;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), -XEN_EEXIST);
    pirq = -1;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), 0);
    CHECK_EQ(pirq, 5);
    pirq = 24;
    CHECK_RC(map_gsi(DOMID_SELF, 24, &pirq), -XEN_EINVAL);
    pirq = 6;
    CHECK_RC(map_gsi(7, 6, &pirq), -XEN_ESRCH);

    CHECK_RC(bind(100, 0, &port), -XEN_EPERM); /* not mapped */
    CHECK_RC(bind(5000, 0, &port), -XEN_EINVAL);
    CHECK_RC(bind(5, BIND_PIRQ__WILL_SHARE, &port), 0);
    CHECK_RC(bind(5, BIND_PIRQ__WILL_SHARE, &other), -XEN_EEXIST);
    CHECK_RC(status(5, &flags), 0);
    CHECK_EQ(flags, XENIRQSTAT_needs_eoi);
    CHECK_RC(close_port(port), 0);
    CHECK_RC(bind(5, 0, &port), 0);
    CHECK_RC(close_port(port), 0);

    CHECK_RC(unmap(DOMID_SELF, 5), 0);
    CHECK_RC(unmap(DOMID_SELF, 5), -XEN_EINVAL);
    CHECK_RC(unmap(DOMID_SELF, -1), -XEN_EINVAL);
    CHECK_RC(unmap(DOMID_SELF, 5000), -XEN_EINVAL);
    CHECK_RC(unmap(7, 5), -XEN_ESRCH);
    pirq = 5;
    CHECK_RC(map_gsi(DOMID_SELF, 5, &pirq), -XEN_EPERM); /* given up for good */
    CHECK_RC(status(200, &flags), 0);
    CHECK_RC(status(5000, &flags), -XEN_EINVAL);
}

/* Numbers that are not their line's own. */
KIT_TEST(map_gsi_elsewhere)
{
    int pirq = 9;

    CHECK_RC(map_gsi(DOMID_SELF, 10, &pirq), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), 0); /* an index that is such a number means its line: 10 */
    pirq = 10;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), -XEN_EEXIST);
    pirq = 0x7fffffff;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), -XEN_EEXIST);
    pirq = -1;
    CHECK_RC(map_gsi(DOMID_SELF, 9, &pirq), 0);
    CHECK_EQ(pirq, 9);
    /* A number that has a line keeps it, and nobody says so. */
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), 0);
    pirq = 12;
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), 0);
    pirq = 9;
    CHECK_RC(map_gsi(DOMID_SELF, 12, &pirq), -XEN_EEXIST);
    pirq = 5000;
    CHECK_RC(map_gsi(DOMID_SELF, 11, &pirq), -XEN_EINVAL);
    CHECK_RC(unmap(DOMID_SELF, 9), 0);
    CHECK_RC(map_gsi(DOMID_SELF, 10, &pirq), -XEN_EPERM); /* that comes before the number is looked at */
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
    CHECK_RC(bind(4, 0, &port), -XEN_EBUSY);
    pirq = 2;
    CHECK_RC(map_gsi(DOMID_SELF, 2, &pirq), 0);
    CHECK_RC(bind(2, 0, &port), -XEN_EBUSY);
}

KIT_TEST(eoi)
{
    struct physdev_eoi op = {.irq = 7};
    int pirq = 7;

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), -XEN_EINVAL);
    CHECK_RC(map_gsi(DOMID_SELF, 7, &pirq), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), 0);
    op.irq = ~0u;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_eoi, &op), -XEN_EINVAL);
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

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &level), -XEN_EINVAL);
    level.iopl = 1;
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &level), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iobitmap, &ports), -XEN_EINVAL);
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
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_read, &op), -XEN_EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_apic_write, &op), -XEN_EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_alloc_irq_vector, &vector), 0);
    CHECK_EQ(vector.vector, 21);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_free_irq_vector, &vector), -XEN_ENOSYS);
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

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_restore_msi_ext, &none), -XEN_ENODEV);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_prepare_msix, &none), -XEN_ENODEV);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &none), -XEN_ENODEV);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MSI_SEG, 9, 9, 0, 0), -XEN_ENODEV);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MULTI_MSI, 0, 0, 2, 0), -XEN_EOPNOTSUPP);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_UNKNOWN, 0, 0, 0, 0), -XEN_EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(map_msi(MAP_PIRQ_TYPE_MSI, 0, 0, 0, 0), -XEN_ENODEV); /* the host bridge has none */
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_restore_msi_ext, &host), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &host), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &host), -XEN_ENODEV);
}

/* Without an argument: what exists says so. */
KIT_TEST(null_arguments)
{
    static const int known[] = {5,  6,  7,  8,  9,  10, 12, 13, 14, 15, 16, 17,
                                19, 20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31};
    static const int unknown[] = {0, 1, 2, 3, 11, 18, 22, 32, 100, -1};

    for (unsigned i = 0; i < sizeof(known) / sizeof(known[0]); i++)
        CHECK_RC(hcall_physdev_op(known[i], NULL), -XEN_EFAULT);
    for (unsigned i = 0; i < sizeof(unknown) / sizeof(unknown[0]); i++)
        CHECK_RC(hcall_physdev_op(unknown[i], NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, NULL), 0);
}

KIT_TEST(machine_checks)
{
    static struct mc_info record;
    struct xen_mc op = {.cmd = XEN_MC_physcpuinfo};

    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, 0), -XEN_EFAULT);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -XEN_EACCES);
    op.interface_version = XEN_MCA_INTERFACE_VERSION;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), 0);
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, 2);
    op.cmd = XEN_MC_fetch;
    op.u.mc_fetch.flags = XEN_MC_NONURGENT;
    *(void **)&op.u.mc_fetch.data = &record;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), 0);
    CHECK_EQ(op.u.mc_fetch.flags, XEN_MC_NODATA);
    op.u.mc_fetch.flags = XEN_MC_URGENT | XEN_MC_NONURGENT;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -XEN_EINVAL);
    op.cmd = 8;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_mca, (unsigned long)&op), -XEN_EINVAL);
}
