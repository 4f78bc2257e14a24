/* SPDX-License-Identifier: MIT */
/*
 * Makes the hypervisor allocate in every part that can, once, and as little else as possible: tests/guest/fail_alloc.py boots it with each allocation failing in turn. A step that fails then is left; the next ones run.
 * GUEST-GROUP: smp=1 mem=256 dom0=64M xen=dom0_max_vcpus=2 qemu=-device;edu
 */
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>
#include <xen/grant_table.h>
#include <xen/physdev.h>
#include <xen/arch-x86/xen-mca.h>

static long event_op(int cmd, void *arg)
{
    return hcall_event_channel_op(cmd, arg);
}

static void reset_events(void)
{
    struct evtchn_reset r = {.dom = DOMID_SELF};

    CHECK_RC(event_op(EVTCHNOP_reset, &r), 0);
}

/* Four times as many as one allocation holds, and one of each kind. */
KIT_TEST(channels)
{
    struct evtchn_bind_interdomain b = {.remote_dom = DOMID_SELF};
    int port = 0;

    for (unsigned i = 0; i < 260 && port >= 0; i++)
        port = kit_event_alloc_unbound(DOMID_SELF);
    CHECK(port > 0);
    b.remote_port = (evtchn_port_t)port;
    CHECK_RC(event_op(EVTCHNOP_bind_interdomain, &b), 0);
    CHECK(kit_event_bind_virq(VIRQ_DEBUG, 0) > 0);
    CHECK(kit_event_bind_ipi(0) > 0);
    reset_events();
}

KIT_TEST(fifo)
{
    struct evtchn_init_control c = {.vcpu = 0};
    struct evtchn_expand_array e;

    kit_events_disable();
    for (c.vcpu = 0; c.vcpu < 2; c.vcpu++) {
        c.control_gfn = kit_mfn_of(kit_page_alloc());
        CHECK_RC(event_op(EVTCHNOP_init_control, &c), 0);
    }
    for (unsigned i = 0; i < 3; i++) {
        e.array_gfn = kit_mfn_of(kit_page_alloc());
        CHECK_RC(event_op(EVTCHNOP_expand_array, &e), 0);
    }
    CHECK(kit_event_alloc_unbound(DOMID_SELF) > 0);
    reset_events();
}

static volatile unsigned ran;

static void count(void *arg)
{
    ran++;
}

/* A vcpu comes up, with timers of its own and its areas registered. */
KIT_TEST(vcpus_and_timers)
{
    struct vcpu_set_periodic_timer p = {.period_ns = 10 * KIT_MS};
    struct vcpu_register_vcpu_info info = {.mfn = kit_mfn_of(kit_page_alloc())};
    struct sched_poll poll = {.timeout = kit_time_ns() + 2 * KIT_MS};

    CHECK_RC(hcall_vcpu_op(VCPUOP_register_vcpu_info, 1, &info), 0);
    CHECK_RC(kit_vcpu_run(1, count, NULL), 0);
    CHECK(kit_vcpu_join(1, KIT_S));
    CHECK_RC(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, &p), 0);
    CHECK_RC(hcall_set_timer_op(kit_time_ns() + KIT_MS), 0);
    CHECK_RC(hcall_sched_op(SCHEDOP_poll, &poll), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
}

static long grant_op(unsigned cmd, void *op)
{
    return hcall_grant_table_op(cmd, op, 1);
}

/* The table grows; more mappings than one page of handles holds; the second version. */
KIT_TEST(grants)
{
    static struct gnttab_map_grant_ref m[400];
    static struct gnttab_unmap_grant_ref u[400];
    static uint64_t list[8];
    struct gnttab_setup_table s = {.dom = DOMID_SELF, .nr_frames = 8, .status = 99};
    struct gnttab_set_version v = {.version = 2};
    volatile struct grant_entry_v1 *table = kit_page_alloc();
    char *page = kit_page_alloc(), *window = kit_page_alloc();
    unsigned n = 0;

    set_xen_guest_handle(s.frame_list, list);
    CHECK_RC(grant_op(GNTTABOP_setup_table, &s), 0);
    CHECK_EQ(s.status, GNTST_okay);
    if (!s.status && !kit_remap(table, list[0] << 12 | PTE_RW) && !kit_unmap(window)) {
        for (unsigned i = 20; i < 24; i++) {
            table[i].domid = 0;
            table[i].frame = (uint32_t)kit_mfn_of(page);
            table[i].flags = GTF_permit_access;
        }
        for (; n < 400; n++) {
            m[n] = (struct gnttab_map_grant_ref){.ref = 20 + n % 4, .flags = GNTMAP_device_map};
            if (grant_op(GNTTABOP_map_grant_ref, &m[n]) || m[n].status)
                break;
        }
        CHECK_EQ(n, 400);
        while (n-- > 0) {
            u[n] = (struct gnttab_unmap_grant_ref){.dev_bus_addr = m[n].dev_bus_addr, .handle = m[n].handle};
            CHECK_RC(grant_op(GNTTABOP_unmap_grant_ref, &u[n]), 0);
            CHECK_EQ(u[n].status, GNTST_okay);
        }
        CHECK_RC(kit_remap(table, 0), 0);
    }
    CHECK_RC(grant_op(GNTTABOP_set_version, &v), 0);
    v.version = 1;
    CHECK_RC(grant_op(GNTTABOP_set_version, &v), 0);
}

static struct xen_memory_reservation res(unsigned long *list, unsigned long n, unsigned order)
{
    struct xen_memory_reservation r = {.nr_extents = n, .extent_order = order, .domid = DOMID_SELF};

    set_xen_guest_handle(r.extent_start, list);
    return r;
}

/* Small extents, a large one, an exchange for one piece, and all of it back. */
KIT_TEST(memory)
{
    static unsigned long list[16], large = 0x200000, one[16], piece = 0x300000;
    struct xen_memory_reservation r = res(list, 8, 0), l = res(&large, 1, 10), some = res(one, 16, 0);
    struct xen_memory_exchange x = {.in = res(one, 16, 0), .out = res(&piece, 1, 4)};
    long n;

    for (unsigned i = 0; i < 16; i++)
        list[i] = 0x100000 + i, one[i] = 0x110000 + i;
    n = hcall_memory_op(XENMEM_populate_physmap, &r);
    CHECK_EQ(n, 8);
    r.nr_extents = (unsigned long)n;
    CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &r), n);
    if (hcall_memory_op(XENMEM_populate_physmap, &l) == 1)
        CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &l), 1);
    n = hcall_memory_op(XENMEM_populate_physmap, &some);
    CHECK_EQ(n, 16);
    if (n == 16 && hcall_memory_op(XENMEM_exchange, &x) == 0)
        some = res(&piece, 1, 4), n = 1;
    some.nr_extents = (unsigned long)n;
    CHECK_EQ(hcall_memory_op(XENMEM_decrease_reservation, &some), n);
}

/* Page tables at places where there are none, an LDT's page, a GDT. */
KIT_TEST(tables)
{
    void *page = kit_page_alloc();
    uint64_t *gdt = kit_table_alloc();
    unsigned long frame = kit_mfn_of(gdt);

    CHECK_RC(kit_map(kit_root_mfn, 0x123456000UL, kit_maddr_of(page) | PTE_RW), 0);
    CHECK_RC(kit_map(kit_root_mfn, 0x123456000UL, 0), 0);
    CHECK_RC(hcall_set_gdt(&frame, 512), 0);
    CHECK_RC(hcall_set_gdt(NULL, 0), 0);
}

/* An interrupt by its pin, and one by message of QEMU's device for exercises, the first that is no part of the board. */
KIT_TEST(interrupts)
{
    struct physdev_pci_device_add add = {.devfn = 2 << 3};
    struct physdev_map_pirq pin = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 10, .pirq = 10},
                            msi = {.domid = DOMID_SELF,
                                   .type = MAP_PIRQ_TYPE_MSI_SEG,
                                   .index = -1,
                                   .pirq = -1,
                                   .devfn = 2 << 3};
    struct evtchn_bind_pirq b = {.pirq = 10};
    struct physdev_unmap_pirq u = {.domid = DOMID_SELF};
    struct physdev_pci_device gone = {.devfn = 2 << 3};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &pin), 0);
    if (!event_op(EVTCHNOP_bind_pirq, &b))
        CHECK_RC(kit_event_close(b.port), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &msi), 0);
    b.pirq = (uint32_t)msi.pirq;
    if (msi.pirq >= 0 && !event_op(EVTCHNOP_bind_pirq, &b))
        CHECK_RC(kit_event_close(b.port), 0);
    u.pirq = msi.pirq;
    if (msi.pirq >= 0)
        CHECK_RC(hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_remove, &gone), 0);
}

/* Calls that need memory for as long as they last. */
KIT_TEST(passing)
{
    static struct xen_mc mc = {.cmd = XEN_MC_physcpuinfo, .interface_version = XEN_MCA_INTERFACE_VERSION};
    static struct {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) entry = {0, 0x4000000, 1}, back;
    struct xen_foreign_memory_map set = {.domid = DOMID_SELF, .map = {.nr_entries = 1}};
    struct xen_memory_map get = {.nr_entries = 1};

    CHECK_RC(kit_hypercall1(__HYPERVISOR_arch_0, (uintptr_t)&mc), 0);
    set_xen_guest_handle(set.map.buffer, &entry);
    CHECK_RC(hcall_memory_op(XENMEM_set_memory_map, &set), 0);
    set_xen_guest_handle(get.buffer, &back);
    CHECK_RC(hcall_memory_op(XENMEM_memory_map, &get), 0);
    CHECK_EQ(back.size, 0x4000000);
}

/* Another domain, made, asked for something and ended. Whatever failed on the way, nothing of it is left. */
KIT_TEST(another_domain)
{
    uint64_t before = kit_free_pages();
    struct kit_puppet p;

    if (!kit_puppet_make(&p)) {
        kit_puppet_call(&p, __HYPERVISOR_vcpu_op, VCPUOP_stop_periodic_timer, 0, 0, 0);
        CHECK(kit_puppet_end(&p));
    }
    CHECK_EQ(kit_free_pages(), before);
}
