/* SPDX-License-Identifier: MIT */
/*
 * Domain 0's machine: interrupt lines as event channels, up to a real interrupt of the real-time clock.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#define RTC_GSI   8
#define SPARE_GSI 20 /* this one and the next: no device in use */

static long setup_gsi(int gsi, uint8_t triggering, uint8_t polarity)
{
    struct physdev_setup_gsi s = {.gsi = gsi, .triggering = triggering, .polarity = polarity};

    return hcall_physdev_op(PHYSDEVOP_setup_gsi, &s);
}

static int map_gsi(int gsi, int pirq)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = gsi, .pirq = pirq};
    long rc = hcall_physdev_op(PHYSDEVOP_map_pirq, &m);

    return rc ? (int)rc : m.pirq;
}

static long unmap(int pirq)
{
    struct physdev_unmap_pirq u = {.domid = DOMID_SELF, .pirq = pirq};

    return hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u);
}

static int bind(int pirq, uint32_t flags)
{
    struct evtchn_bind_pirq b = {.pirq = (uint32_t)pirq, .flags = flags};
    long rc = hcall_event_channel_op(EVTCHNOP_bind_pirq, &b);

    return rc ? (int)rc : (int)b.port;
}

static long status(int pirq, uint32_t *flags)
{
    struct physdev_irq_status_query q = {.irq = (uint32_t)pirq, .flags = 99};
    long rc = hcall_physdev_op(PHYSDEVOP_irq_status_query, &q);

    *flags = q.flags;
    return rc;
}

static long eoi(int pirq)
{
    struct physdev_eoi e = {.irq = (uint32_t)pirq};

    return hcall_physdev_op(PHYSDEVOP_eoi, &e);
}

static void set_iopl(uint32_t level)
{
    struct physdev_set_iopl op = {.iopl = level};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &op), 0);
}

static uint8_t rtc_read(uint8_t reg)
{
    kit_outb(PORT_RTC_INDEX, reg);
    return kit_inb(PORT_RTC_DATA);
}

static void rtc_write(uint8_t reg, uint8_t value)
{
    kit_outb(PORT_RTC_INDEX, reg);
    kit_outb(PORT_RTC_DATA, value);
}

static volatile unsigned interrupts;
static int rtc_pirq;

static void on_rtc(evtchn_port_t port)
{
    (void)port;
    interrupts++;
    rtc_read(0x0c);
    eoi(rtc_pirq);
}

KIT_TEST(gsi_setup)
{
    static const int none[] = {24, 1000, -1};

    CHECK_RC(setup_gsi(RTC_GSI, 0, 0), 0);
    CHECK_RC(setup_gsi(RTC_GSI, 0, 0), -XEN_EEXIST); /* once, whatever the second says */
    CHECK_RC(setup_gsi(RTC_GSI, 1, 1), -XEN_EEXIST);
    CHECK_RC(setup_gsi(23, 1, 1), 0);
    for (unsigned i = 0; i < ARRAY_SIZE(none); i++)
        CHECK_RC(setup_gsi(none[i], 0, 0), -XEN_EINVAL);
}

KIT_TEST(pirq_map)
{
    struct physdev_map_pirq m = {.domid = 77, .type = MAP_PIRQ_TYPE_GSI, .index = RTC_GSI, .pirq = RTC_GSI};
    uint32_t flags;

    CHECK_EQ(map_gsi(RTC_GSI, RTC_GSI), RTC_GSI);
    CHECK_EQ(map_gsi(RTC_GSI, RTC_GSI), RTC_GSI);
    CHECK_RC(map_gsi(RTC_GSI, 9), -XEN_EEXIST); /* it has a number */
    CHECK_RC(map_gsi(0, 0), -XEN_EPERM);        /* the hypervisor's timer */
    CHECK_RC(map_gsi(1000, -1), -XEN_EINVAL);
    CHECK_RC(map_gsi(-1, -1), -XEN_EINVAL);
    CHECK_RC(map_gsi(5, 100000), -XEN_EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), -XEN_ESRCH);
    CHECK_RC(status(RTC_GSI, &flags), 0);
    CHECK_EQ(flags, XENIRQSTAT_needs_eoi); /* bound or not */
    CHECK_RC(status(100000, &flags), -XEN_EINVAL);
}

/* Unmapping takes the right to the line away: it cannot be mapped again. */
KIT_TEST(pirq_unmap)
{
    CHECK_RC(setup_gsi(SPARE_GSI, 1, 1), 0);
    CHECK_EQ(map_gsi(SPARE_GSI, SPARE_GSI), SPARE_GSI);
    CHECK_RC(unmap(SPARE_GSI), 0);
    CHECK_RC(unmap(SPARE_GSI), -XEN_EINVAL);
    CHECK_RC(unmap(100000), -XEN_EINVAL);
    CHECK_RC(map_gsi(SPARE_GSI, SPARE_GSI), -XEN_EPERM);
}

KIT_TEST(pirq_map_types)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF, .index = -1, .pirq = -1, .bus = 7, .devfn = 99};
    static const int want[] = {-XEN_ENODEV, -XEN_EINVAL, -XEN_EINVAL, -XEN_ENODEV, -XEN_EDOM, -XEN_EINVAL};

    for (int type = 0; type < (int)ARRAY_SIZE(want); type++) { /* messages: of a device that is not there */
        m.type = type;
        m.index = m.pirq = -1;
        CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), want[type]);
    }
}

/* Numbers for messages come from the top, those for lines from above the lines. */
KIT_TEST(pirq_free_numbers)
{
    struct physdev_get_free_pirq a = {.type = MAP_PIRQ_TYPE_MSI}, b = a, g = {.type = MAP_PIRQ_TYPE_GSI};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_get_free_pirq, &a), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_get_free_pirq, &b), 0);
    CHECK_EQ(b.pirq, a.pirq - 1);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_get_free_pirq, &g), 0);
    CHECK(g.pirq >= 16 && g.pirq < b.pirq);
}

KIT_TEST(pirq_bind)
{
    struct evtchn_status s = {.dom = DOMID_SELF};
    int port;

    CHECK_EQ(map_gsi(RTC_GSI, RTC_GSI), RTC_GSI);
    port = bind(RTC_GSI, 0);
    CHECK_OR_RETURN(port > 0);
    CHECK_RC(bind(RTC_GSI, 0), -XEN_EEXIST);
    CHECK_RC(bind(100000, 0), -XEN_EINVAL);
    s.port = (unsigned)port;
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_status, &s), 0);
    CHECK_EQ(s.status, EVTCHNSTAT_pirq);
    CHECK_EQ(s.u.pirq, RTC_GSI);
    CHECK_RC(kit_event_send((unsigned)port), -XEN_EINVAL);
    CHECK_RC(eoi(RTC_GSI), 0);
    CHECK_RC(eoi(100000), -XEN_EINVAL);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

/* Unmapping a bound one is allowed; the port stays as it is, deaf. */
KIT_TEST(pirq_unmap_bound)
{
    struct evtchn_status s = {.dom = DOMID_SELF};
    int port;

    CHECK_RC(setup_gsi(SPARE_GSI + 1, 1, 1), 0);
    CHECK_EQ(map_gsi(SPARE_GSI + 1, SPARE_GSI + 1), SPARE_GSI + 1);
    port = bind(SPARE_GSI + 1, 0);
    CHECK_OR_RETURN(port > 0);
    s.port = (unsigned)port;
    CHECK_RC(unmap(SPARE_GSI + 1), 0);
    CHECK_RC(hcall_event_channel_op(EVTCHNOP_status, &s), 0);
    CHECK_EQ(s.status, EVTCHNSTAT_pirq);
    CHECK_RC(kit_event_close((unsigned)port), 0);
    CHECK_RC(unmap(SPARE_GSI + 1), -XEN_EINVAL);
}

/* A real interrupt: the clock's update-ended line, once a second. */
KIT_TEST(pirq_interrupt)
{
    uint32_t flags = 0;
    int port;

    rtc_pirq = map_gsi(RTC_GSI, RTC_GSI);
    CHECK_EQ(rtc_pirq, RTC_GSI);
    port = bind(RTC_GSI, 0);
    CHECK_OR_RETURN(port > 0);
    CHECK_RC(status(RTC_GSI, &flags), 0);
    CHECK_EQ(flags, XENIRQSTAT_needs_eoi); /* an edge too */
    kit_event_handle((unsigned)port, on_rtc);
    kit_event_unmask((unsigned)port);
    kit_events_enable();
    set_iopl(1);
    rtc_read(0x0c);
    rtc_write(0x0b, (uint8_t)(rtc_read(0x0b) | 0x10));
    interrupts = 0;
    for (uint64_t end = kit_time_ns() + 10 * KIT_S; interrupts < 3 && kit_time_ns() < end;)
        kit_pause();
    CHECK(interrupts >= 3);
    rtc_write(0x0b, (uint8_t)(rtc_read(0x0b) & ~0x10));
    rtc_read(0x0c);
    kit_events_disable();
    set_iopl(0);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

KIT_TEST(eoi_page)
{
    uint64_t *page = kit_page_alloc();
    struct physdev_pirq_eoi_gmfn g = {.gmfn = 0x100};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &g), -XEN_EINVAL);
    g.gmfn = kit_mfn_of(page);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &g), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v2, &g), -XEN_EBUSY);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pirq_eoi_gmfn_v1, &g), -XEN_EBUSY);
    CHECK_RC(kit_set_ro(page), 0);
    CHECK_RC(kit_pin(1, kit_mfn_of(page)), -XEN_EINVAL); /* in use */
    CHECK_RC(kit_set_rw(page), 0);
}

KIT_TEST(pci_devices)
{
    struct physdev_pci_device_add add = {.bus = 0, .devfn = 0};
    struct physdev_manage_pci isa = {.bus = 0, .devfn = 8};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, &add), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_manage_pci_add, &isa), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_IRQ_UNMASK_NOTIFY, NULL), 0);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_pci_device_add, (void *)0x1000), -XEN_EFAULT);
}
