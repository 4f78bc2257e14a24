/* SPDX-License-Identifier: MIT */
/*
 * Ports, device memory and interrupts of the machine, given to a domain and taken away: who may, with which errors; and that the domain reaches what it was given, and nothing else. The devices are
 * QEMU's: the configuration interface (ports), edu (memory), the real-time clock (an interrupt).
 */
#include <kit/arch/cpu.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <xen/physdev.h>

#define FW_CFG     0x510 /* selector; data at the next port */
#define EDU        0x11e81234u
#define EDU_SAYS   0x010000edu
#define RTC_GSI    8
#define HOLE       40 /* of the puppet: where a device's page is mapped */
#define DEVICE_PTE (PTE_RW | PTE_PCD)

static struct xen_domctl op;

static long ports(unsigned domain, uint32_t first, uint32_t count, bool allow)
{
    memset(&op, 0, sizeof(op));
    op.u.ioport_permission.first_port = first;
    op.u.ioport_permission.nr_ports = count;
    op.u.ioport_permission.allow_access = allow;
    return kit_domctl(XEN_DOMCTL_ioport_permission, domain, &op);
}

static long memory(unsigned domain, uint64_t first, uint64_t count, bool allow)
{
    memset(&op, 0, sizeof(op));
    op.u.iomem_permission.first_mfn = first;
    op.u.iomem_permission.nr_mfns = count;
    op.u.iomem_permission.allow_access = allow;
    return kit_domctl(XEN_DOMCTL_iomem_permission, domain, &op);
}

static long irq(unsigned domain, uint32_t pirq, bool allow)
{
    memset(&op, 0, sizeof(op));
    op.u.irq_permission.pirq = pirq;
    op.u.irq_permission.allow_access = allow;
    return kit_domctl(XEN_DOMCTL_irq_permission, domain, &op);
}

static uint32_t config(unsigned devfn, unsigned reg)
{
    uint32_t value;

    __asm__ volatile("outl %0, %w1" : : "a"(PCI_ADDRESS_ENABLE | devfn << 8 | reg), "d"(PORT_PCI_ADDRESS));
    __asm__ volatile("inl %w1, %0" : "=a"(value) : "d"(PORT_PCI_DATA));
    return value;
}

static void use_ports(uint32_t level)
{
    struct physdev_set_iopl iopl = {.iopl = level};

    CHECK_RC(hcall_physdev_op(PHYSDEVOP_set_iopl, &iopl), 0);
}

static uint64_t edu_frame(void)
{
    use_ports(1);
    for (unsigned devfn = 0; devfn < 256; devfn++)
        if (config(devfn, 0) == EDU)
            return config(devfn, 0x10) >> 12;
    return 0;
}

/* With either sense of the flag: what one may not give away, one may not take, either. */
KIT_TEST(port_errors)
{
    static const struct {
        uint32_t first, count;
        int rc;
    } cases[] = {
        {0, 0, -XEN_EINVAL},
        {0x300, 0, -XEN_EINVAL},
        {0x1000, 0xf000, 0},
        {0x1000, 0xf001, -XEN_EINVAL},
        {0x10000, 1, -XEN_EINVAL},
        {0xffff, 2, -XEN_EINVAL},
        {0xffffffff, 1, -XEN_EINVAL},
        {0xffffffff, 2, -XEN_EINVAL},
        {0x20, 1, -XEN_EPERM},
        {0x1e, 2, 0},
        {0x1f, 2, -XEN_EPERM},
        {0xa1, 1, -XEN_EPERM},
        {0x40, 1, -XEN_EPERM},
        {0x43, 1, -XEN_EPERM},
        {0x60, 1, 0},
        {0x64, 1, 0},
        {0x80, 1, 0},
        {0xcf9, 1, 0},
        {0xcfc, 4, -XEN_EPERM},
        {0x3f8, 8, -XEN_EPERM},
        {0, 65536, -XEN_EPERM},
        {0x608, 4, -XEN_EPERM},
        {0xffff, 1, 0},
    };
    domid_t id;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned allow = 0; allow < 2; allow++)
            kit_check_errno(ports(id, cases[i].first, cases[i].count, allow), cases[i].rc, __FILE__,
                            (int)cases[i].first, "ports from (the line)");
    CHECK_RC(ports(4321, 0x60, 1, true), -XEN_ESRCH);
    CHECK(kit_domain_gone(id));
}

KIT_TEST(memory_errors)
{
    static const struct {
        uint64_t first, count;
        int rc;
    } cases[] = {
        {0, 0, -XEN_EPERM},
        {0xa0, 0, -XEN_EINVAL},
        {0xa0, 32, 0},
        {0, 1, 0},
        {0x2000, 16, 0}, /* memory: who is given that still does not own it */
        {0xfd000, 256, 0},
        {0xfebff, 2, 0},
        {0xfec00, 1, 0},
        {0xfee00, 1, -XEN_EPERM},
        {0xfedff, 2, -XEN_EPERM},
        {1UL << 27, 1, 0},
        {1UL << 28, 1, -XEN_EPERM},
        {1UL << 36, 1, -XEN_EPERM},
        {~0UL, 1, -XEN_EPERM},
        {~0UL, 2, -XEN_EINVAL},
        {~0UL - 1, 2, -XEN_EPERM},
        {0, 1UL << 28, -XEN_EPERM},
    };
    domid_t id;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    for (unsigned i = 0; i < ARRAY_SIZE(cases); i++)
        for (unsigned allow = 0; allow < 2; allow++)
            kit_check_errno(memory(id, cases[i].first, cases[i].count, allow), cases[i].rc, __FILE__,
                            (int)cases[i].first, "frames from (the line)");
    CHECK(kit_domain_gone(id));
}

/* An interrupt is named by the number that the caller has for it. */
KIT_TEST(irq_errors)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 5, .pirq = 5};
    domid_t id;

    CHECK_OR_RETURN(!kit_domain_create(1, 16, &id));
    CHECK_RC(irq(id, 0, true), -XEN_EPERM);
    CHECK_RC(irq(id, 6, true), -XEN_EPERM); /* has no interrupt */
    CHECK_RC(irq(id, 100000, true), -XEN_EINVAL);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), 0);
    CHECK_RC(irq(id, 5, false), 0);
    CHECK_RC(irq(id, 5, true), 0);
    CHECK_RC(irq(id, 5, true), 0);
    CHECK_RC(irq(id, 5, false), 0);
    CHECK_RC(irq(4321, 5, false), -XEN_ESRCH);
    CHECK(kit_domain_gone(id));
}

/* Domain 0 may give up what it has. It does not get it back, and has nothing left to give. */
KIT_TEST(domain_0_gives_up)
{
    struct physdev_map_pirq m = {.domid = DOMID_SELF, .type = MAP_PIRQ_TYPE_GSI, .index = 7, .pirq = 7};
    void *page = kit_page_alloc();
    domid_t id;

    CHECK_OR_RETURN(page && !kit_domain_create(1, 16, &id));
    CHECK_RC(ports(0, 0x1234, 1, true), 0);
    CHECK_RC(ports(0, 0x1234, 1, false), 0);
    CHECK_RC(ports(0, 0x1234, 1, true), -XEN_EPERM);
    CHECK_RC(ports(id, 0x1233, 2, true), -XEN_EPERM);
    CHECK_RC(ports(id, 0x1235, 2, true), 0);
    CHECK_RC(hcall_update_va_mapping((uintptr_t)page, 0xfc000UL << 12 | DEVICE_PTE, UVMF_INVLPG), 0);
    CHECK_RC(memory(0, 0xfc000, 2, false), 0);
    CHECK_RC(memory(0, 0xfc000, 2, true), -XEN_EPERM);
    CHECK_RC(memory(id, 0xfbfff, 2, true), -XEN_EPERM);
    CHECK_RC(memory(id, 0xfc002, 2, true), 0);
    CHECK_RC(hcall_update_va_mapping((uintptr_t)page, 0xfc001UL << 12 | DEVICE_PTE, UVMF_INVLPG), -XEN_EPERM);
    CHECK_RC(hcall_update_va_mapping((uintptr_t)page, 0xfc002UL << 12 | DEVICE_PTE, UVMF_INVLPG), 0);
    CHECK_RC(kit_set_rw(page), 0);
    kit_page_free(page);
    CHECK_RC(hcall_physdev_op(PHYSDEVOP_map_pirq, &m), 0);
    CHECK_RC(irq(0, 7, true), 0);
    CHECK_RC(irq(0, 7, false), 0);
    CHECK_RC(irq(0, 7, true), -XEN_EPERM);
    CHECK_RC(irq(id, 7, true), -XEN_EPERM);
    CHECK(kit_domain_gone(id));
}

/* The signature of the configuration interface, as the ports give it: words 0 to 3; then "done". */
KIT_PROGRAM static void read_ports(unsigned long a, unsigned long b)
{
    struct physdev_set_iopl iopl = {.iopl = 1};

    kit_program_call(__HYPERVISOR_physdev_op, PHYSDEVOP_set_iopl, (uintptr_t)&iopl, 0, 0);
    __asm__ volatile("outw %w0, %w1" : : "a"(0), "d"(FW_CFG));
    for (unsigned i = 0; i < 4; i++) {
        uint8_t byte;

        __asm__ volatile("inb %w1, %b0" : "=a"(byte) : "d"(FW_CFG + 1));
        KIT_PUPPET_WORDS[i] = byte;
    }
}

KIT_PROGRAM static void read_memory(unsigned long va, unsigned long b)
{
    KIT_PUPPET_WORDS[0] = *(volatile uint32_t *)va;
}

static bool run(struct kit_puppet *p, kit_program program, unsigned long a1)
{
    uint64_t end = kit_time_ns() + 2 * KIT_S;

    kit_puppet_run(p, program, a1, 0);
    while (!kit_puppet_is_idle(p) && kit_time_ns() < end)
        hcall_sched_op(SCHEDOP_yield, NULL);
    return kit_puppet_is_idle(p);
}

static bool reads_signature(struct kit_puppet *p)
{
    static const char want[] = "QEMU";
    unsigned same = 0, nothing = 0;

    CHECK(run(p, read_ports, 0));
    for (unsigned i = 0; i < 4; i++) {
        same += kit_puppet_words(p)[i] == (uint8_t)want[i];
        nothing += kit_puppet_words(p)[i] == 0xff;
    }
    CHECK(same == 4 || nothing == 4);
    return same == 4;
}

static bool make(struct kit_puppet *p)
{
    bool ok = !kit_puppet_build(p) && !kit_puppet_load(p) && !kit_puppet_start(p);

    CHECK(ok);
    return ok;
}

KIT_TEST(ports_given_and_taken)
{
    struct kit_puppet p, other;

    CHECK_OR_RETURN(make(&p) && make(&other));
    CHECK(!reads_signature(&p));
    CHECK_RC(ports(p.id, FW_CFG, 2, true), 0);
    CHECK(reads_signature(&p));
    CHECK(!reads_signature(&other)); /* this one alone */
    CHECK_RC(ports(p.id, FW_CFG + 1, 1, false), 0);
    CHECK(!reads_signature(&p));
    CHECK_RC(ports(p.id, FW_CFG + 1, 1, true), 0);
    CHECK(reads_signature(&p));
    CHECK_RC(ports(p.id, 0x100, 0x800, false), -XEN_EPERM); /* 3f8 among them */
    CHECK_RC(ports(p.id, 0x500, 0x20, false), 0);
    CHECK(!reads_signature(&p));
    CHECK(kit_puppet_end(&p));
    CHECK(kit_puppet_end(&other));
}

static long map(struct kit_puppet *p, uint64_t frame, uint64_t bits)
{
    return kit_puppet_call(p, __HYPERVISOR_update_va_mapping, KIT_PUPPET_VA(HOLE), frame << 12 | bits,
                           UVMF_INVLPG, 0);
}

KIT_TEST(memory_given_and_taken)
{
    uint64_t device = edu_frame();
    struct kit_puppet p, other;

    CHECK_OR_RETURN(device && make(&p) && make(&other));
    /* Who has no device may not say how memory is cached. */
    CHECK_RC(map(&p, device, DEVICE_PTE), -XEN_EINVAL);
    CHECK_RC(map(&p, device, PTE_RW), -XEN_EPERM);
    CHECK_RC(map(&p, p.mfn[HOLE], DEVICE_PTE), -XEN_EINVAL);
    CHECK_RC(memory(p.id, device, 2, true), 0);
    CHECK_RC(map(&p, p.mfn[HOLE], DEVICE_PTE), 0);
    CHECK_RC(map(&other, device, DEVICE_PTE), -XEN_EINVAL); /* not to everybody */
    CHECK_RC(map(&other, device, PTE_RW), -XEN_EPERM);
    CHECK_RC(map(&p, device + 2, DEVICE_PTE), -XEN_EPERM); /* not more than was given */
    CHECK_RC(map(&p, device - 1, DEVICE_PTE), -XEN_EPERM);
    CHECK_RC(map(&p, device, DEVICE_PTE), 0);
    CHECK(run(&p, read_memory, KIT_PUPPET_VA(HOLE)));
    CHECK_EQ((uint32_t)kit_puppet_words(&p)[0], EDU_SAYS);
    CHECK_RC(map(&p, device + 1, DEVICE_PTE), 0);
    /* What is mapped stays so; from now on nothing is mapped any more. */
    CHECK_RC(memory(p.id, device, 1, false), 0);
    CHECK_RC(map(&p, device, DEVICE_PTE), -XEN_EPERM);
    CHECK_RC(map(&p, p.mfn[HOLE], PTE_RW), 0);
    CHECK_RC(map(&p, device + 1, DEVICE_PTE), 0);
    CHECK_RC(memory(p.id, device - 16, 256, false), 0);
    CHECK_RC(map(&p, device + 1, PTE_RW), -XEN_EPERM);
    /* Frames of others' memory are not to be had this way. */
    CHECK_RC(memory(p.id, 0x2000, 1, true), 0);
    CHECK_RC(map(&p, 0x2000, PTE_RO), -XEN_EBUSY);
    CHECK_RC(memory(p.id, other.mfn[HOLE], 1, true), 0);
    CHECK_RC(map(&p, other.mfn[HOLE], PTE_RO), -XEN_EBUSY);
    CHECK(kit_puppet_end(&p));
    CHECK(kit_puppet_end(&other));
}

/* Many small pieces: remembered, or refused; in no case is more allowed than was. */
KIT_TEST(many_pieces)
{
    struct kit_puppet p;
    unsigned given = 0;

    CHECK_OR_RETURN(make(&p));
    for (unsigned i = 0; i < 200; i++)
        given += !memory(p.id, 0xf0000 + 2 * i, 1, true);
    CHECK(given >= 32);
    CHECK_RC(map(&p, 0xf0000, DEVICE_PTE), 0);
    CHECK_RC(map(&p, 0xf0001, DEVICE_PTE), -XEN_EPERM);
    CHECK_RC(map(&p, 0xf0000 + 2 * given - 2, DEVICE_PTE), 0);
    CHECK_RC(map(&p, 0xf0000 + 2 * 200, DEVICE_PTE), -XEN_EPERM);
    CHECK_RC(memory(p.id, 0xf0000, 400, true), 0);
    CHECK_RC(map(&p, 0xf0001, DEVICE_PTE), 0);
    CHECK_RC(memory(p.id, 0xf0000, 400, false), 0);
    CHECK_RC(map(&p, 0xf0000, PTE_RW), -XEN_EPERM);
    CHECK_RC(map(&p, 0xf0000, DEVICE_PTE), -XEN_EINVAL);
    CHECK(kit_puppet_end(&p));
}

static uint8_t rtc(uint8_t reg)
{
    kit_outb(PORT_RTC_INDEX, reg);
    return kit_inb(PORT_RTC_DATA);
}

static int bind(struct kit_puppet *p, unsigned pirq)
{
    volatile struct evtchn_bind_pirq *b = (volatile void *)(kit_puppet_words(p) + 8);
    long rc;

    b->pirq = pirq;
    b->flags = 0;
    rc = kit_puppet_call(p, __HYPERVISOR_event_channel_op, EVTCHNOP_bind_pirq,
                         (uintptr_t)(KIT_PUPPET_WORDS + 8), 0, 0);
    return rc ? (int)rc : (int)b->port;
}

static long close(struct kit_puppet *p, int port)
{
    kit_puppet_words(p)[8] = (uint64_t)port;
    return kit_puppet_call(p, __HYPERVISOR_event_channel_op, EVTCHNOP_close,
                           (uintptr_t)(KIT_PUPPET_WORDS + 8), 0, 0);
}

static bool clock_rings(struct kit_puppet *p, int port)
{
    unsigned long at = KIT_PUPPET_VA(KIT_PUPPET_SHARED) + offsetof(struct shared_info, evtchn_pending);
    uint8_t control = rtc(0x0b);
    bool pending = false;

    rtc(0x0c);
    kit_outb(PORT_RTC_INDEX, 0x0b);
    kit_outb(PORT_RTC_DATA, control | 0x10); /* once a second */
    for (uint64_t end = kit_time_ns() + 5 * KIT_S; !pending && kit_time_ns() < end;)
        pending = kit_puppet_peek(p, at) >> port & 1;
    kit_outb(PORT_RTC_INDEX, 0x0b);
    kit_outb(PORT_RTC_DATA, control);
    rtc(0x0c);
    return pending;
}

static int map_for(domid_t domain)
{
    struct physdev_map_pirq m = {
        .domid = domain, .type = MAP_PIRQ_TYPE_GSI, .index = RTC_GSI, .pirq = RTC_GSI};

    return (int)hcall_physdev_op(PHYSDEVOP_map_pirq, &m);
}

static int unmap_for(domid_t domain)
{
    struct physdev_unmap_pirq u = {.domid = domain, .pirq = RTC_GSI};

    return (int)hcall_physdev_op(PHYSDEVOP_unmap_pirq, &u);
}

/* What is bound needs both: a number for the interrupt, and the right to it, which comes with the number and may be taken. */
KIT_TEST(irq_given_and_taken)
{
    struct kit_puppet p;
    int port;

    use_ports(1);
    CHECK_OR_RETURN(make(&p));
    CHECK_RC(bind(&p, RTC_GSI), -XEN_EPERM);
    CHECK_RC(map_for(DOMID_SELF), 0);
    CHECK_RC(irq(p.id, RTC_GSI, true), 0);
    CHECK_RC(bind(&p, RTC_GSI), -XEN_EPERM);
    CHECK_RC(irq(p.id, RTC_GSI, false), 0);
    CHECK_RC(map_for(p.id), 0);
    port = bind(&p, RTC_GSI);
    CHECK_OR_RETURN(port > 0);
    CHECK_RC(close(&p, port), 0);
    CHECK_RC(irq(p.id, RTC_GSI, false), 0);
    CHECK_RC(bind(&p, RTC_GSI), -XEN_EPERM);
    CHECK_RC(irq(p.id, RTC_GSI, true), 0);
    port = bind(&p, RTC_GSI);
    CHECK_OR_RETURN(port > 0);
    CHECK(clock_rings(&p, port));
    CHECK(kit_puppet_end(&p));
    /* Its end left the interrupt free for the next. */
    CHECK_OR_RETURN(make(&p));
    CHECK_RC(map_for(p.id), 0);
    CHECK_RC(unmap_for(p.id), 0);
    CHECK_RC(bind(&p, RTC_GSI), -XEN_EPERM);
    CHECK_RC(map_for(p.id), 0);
    port = bind(&p, RTC_GSI);
    CHECK_OR_RETURN(port > 0);
    CHECK(clock_rings(&p, port));
    CHECK(kit_puppet_end(&p));
}
