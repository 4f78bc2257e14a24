/* SPDX-License-Identifier: MIT */
/* platform_op as Linux uses it, and the calls that only tools make: versions and privileges. */
#include <kit/args.h>
#include <kit/audit.h>
#include <kit/domain.h>
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/print.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <kit/vcpu.h>

#include <xen/sysctl.h>
#include <xen/domctl.h>
#include <xen/arch-x86/xen-mca.h>

static long pf(unsigned cmd, struct xen_platform_op *op)
{
    op->cmd = cmd;
    op->interface_version = XENPF_INTERFACE_VERSION;
    return hcall_platform_op(op);
}

/* Numbers that nobody has: next to those that are used, above the table, and those whose low bits are a call's. */
KIT_TEST(unknown_numbers)
{
    static const uint64_t numbers[] = {11,
                                       55,
                                       56,
                                       63,
                                       64,
                                       1024,
                                       0xffff,
                                       0x10000 + __HYPERVISOR_xen_version,
                                       0x100000000 + __HYPERVISOR_xen_version,
                                       1ULL << 63 | __HYPERVISOR_xen_version,
                                       -1};
    multicall_entry_t entry;

    for (unsigned i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        if (numbers[i] < 128) /* the page of stubs has so many */
            CHECK_RC(kit_hypercall1((unsigned)numbers[i], 0), -XEN_ENOSYS);
        entry = (multicall_entry_t){.op = numbers[i]};
        CHECK_RC(hcall_multicall(&entry, 1), 0);
        CHECK_RC((long)entry.result, -XEN_ENOSYS);
    }
}

KIT_TEST(platform_versions)
{
    struct xen_platform_op op = {.cmd = XENPF_get_cpuinfo, .interface_version = 1};

    CHECK_RC(hcall_platform_op(&op), -XEN_EACCES);
    CHECK_RC(pf(999, &op), -XEN_ENOSYS);
}

KIT_TEST(platform_cpuinfo)
{
    struct xen_platform_op op;
    unsigned n = (unsigned)kit_arg_number("smp", 2);

    for (unsigned cpu = 0; cpu < n + 2; cpu++) {
        memset(&op, 0, sizeof(op));
        op.u.pcpu_info.xen_cpuid = cpu;
        CHECK_RC(pf(XENPF_get_cpuinfo, &op), 0);
        CHECK_EQ(op.u.pcpu_info.max_present, n - 1);
        if (cpu < n) {
            CHECK_EQ(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE);
            CHECK_EQ(op.u.pcpu_info.apic_id, cpu);
            CHECK_EQ(op.u.pcpu_info.acpi_id, cpu);
        } else {
            CHECK_EQ(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_INVALID);
        }
    }
}

KIT_TEST(platform_cpu_version)
{
    struct xen_platform_op op;
    struct kit_cpuid vendor = kit_cpuid_native(0, 0);

    memset(&op, 0, sizeof(op));
    CHECK_RC(pf(XENPF_get_cpu_version, &op), 0);
    CHECK(!memcmp(op.u.pcpu_version.vendor_id, &vendor.b, 4) &&
          !memcmp(op.u.pcpu_version.vendor_id + 4, &vendor.d, 4));
    CHECK_EQ(op.u.pcpu_version.stepping, kit_cpuid_native(1, 0).a & 15);
}

/* The wall clock record holds the time at which system time was zero. */
KIT_TEST(platform_settime)
{
    struct xen_platform_op op;
    uint32_t version = kit_shared->wc_version;

    memset(&op, 0, sizeof(op));
    op.u.settime64.secs = 2000000000;
    op.u.settime64.nsecs = 5;
    op.u.settime64.system_time = 3 * KIT_S;
    CHECK_RC(pf(XENPF_settime64, &op), 0);
    CHECK_EQ(kit_shared->wc_sec, 2000000000 - 3);
    CHECK_EQ(kit_shared->wc_nsec, 5);
    CHECK_EQ(kit_shared->wc_sec_hi, 0);
    CHECK(kit_shared->wc_version > version && !(kit_shared->wc_version & 1));
    op.u.settime64.mbz = 1;
    CHECK_RC(pf(XENPF_settime64, &op), -XEN_EINVAL);
}

static uint64_t puppet_wall_clock(struct kit_puppet *p)
{
    const unsigned long shared = KIT_PUPPET_VA(KIT_PUPPET_SHARED);

    CHECK_EQ((uint32_t)kit_puppet_peek(p, shared + offsetof(struct shared_info, wc_version)) & 1, 0);
    return kit_puppet_peek(p, shared + offsetof(struct shared_info, wc_sec_hi)) << 32 |
           (uint32_t)kit_puppet_peek(p, shared + offsetof(struct shared_info, wc_sec));
}

/* Every domain has the time, from its start on and whenever domain 0 sets it; its own offset is added. */
KIT_TEST(wall_clock_of_others)
{
    struct xen_platform_op op;
    struct xen_domctl ctl;
    struct kit_puppet p;

    memset(&op, 0, sizeof(op));
    op.u.settime64.secs = 3000000000;
    CHECK_RC(pf(XENPF_settime64, &op), 0);
    CHECK_OR_RETURN(!kit_puppet_make(&p));
    CHECK_EQ(puppet_wall_clock(&p), 3000000000);
    op.u.settime64.secs = 2000000000;
    CHECK_RC(pf(XENPF_settime64, &op), 0);
    CHECK_EQ(puppet_wall_clock(&p), 2000000000);
    memset(&ctl, 0, sizeof(ctl));
    ctl.u.settimeoffset.time_offset_seconds = -3600;
    CHECK_RC(kit_domctl(XEN_DOMCTL_settimeoffset, p.id, &ctl), 0);
    CHECK_EQ(puppet_wall_clock(&p), 2000000000 - 3600);
    op.u.settime64.secs = 10000000000;
    CHECK_RC(pf(XENPF_settime64, &op), 0);
    CHECK_EQ(puppet_wall_clock(&p), 10000000000 - 3600);
    CHECK(kit_puppet_end(&p));
}

/* Booted by QEMU itself: nobody asked a BIOS for disks, and there is no EFI. */
KIT_TEST(platform_firmware)
{
    static const int want[] = {-XEN_EINVAL, -XEN_ESRCH, -XEN_ESRCH,  -XEN_ESRCH,
                               -XEN_ENOSYS, 0,          -XEN_EINVAL, -XEN_EINVAL};
    struct xen_platform_op op;

    for (unsigned type = 0; type < ARRAY_SIZE(want); type++) {
        memset(&op, 0, sizeof(op));
        op.u.firmware_info.type = type;
        CHECK_RC(pf(XENPF_firmware_info, &op), want[type]);
    }
    memset(&op, 0, sizeof(op));
    CHECK_RC(pf(XENPF_efi_runtime_call, &op), -XEN_ENOSYS);
}

static long pdc(struct xen_platform_op *op, uint32_t type, uint32_t id, void *buffer)
{
    memset(op, 0, sizeof(*op));
    op->u.set_pminfo.type = type;
    op->u.set_pminfo.id = id;
    set_xen_guest_handle(op->u.set_pminfo.u.pdc, buffer);
    return pf(XENPF_set_processor_pminfo, op);
}

/* What domain 0 would tell the firmware of itself, less what the hypervisor does in its place. Xen drives C- and P-states, we do not. */
KIT_TEST(platform_pdc)
{
    struct xen_platform_op op;
    uint32_t words[4] = {1, 1, 0x3ff, 0x77};

    CHECK_RC(pdc(&op, XEN_PM_PDC, 0, words), 0);
    CHECK(words[0] == 1 && words[1] == 1 && words[3] == 0x77);
    CHECK_EQ(words[2], kit_on_xenios() ? 0 : 0x9e);
    words[1] = 0;
    CHECK_RC(pdc(&op, XEN_PM_PDC, 0, words), -XEN_EINVAL);
    words[0] = 2;
    words[1] = 1;
    CHECK_RC(pdc(&op, XEN_PM_PDC, 0, words), -XEN_EINVAL);
    words[0] = 1;
    CHECK_RC(pdc(&op, XEN_PM_PDC, 77, words), -XEN_EINVAL); /* no such processor */
    CHECK_RC(pdc(&op, XEN_PM_PDC, 0, (void *)HYPERVISOR_VIRT_START), -XEN_EFAULT);
    CHECK_RC(pdc(&op, XEN_PM_TX, 0, words), -XEN_ENOSYS);
    CHECK_RC(pdc(&op, 9, 0, words), -XEN_EINVAL);
}

KIT_TEST(platform_symbols)
{
    struct xen_platform_op op;
    char name[128];
    uint64_t last = 0;

    memset(&op, 0, sizeof(op));
    for (unsigned i = 0; i < 20; i++) {
        memset(name, 0, sizeof(name));
        op.u.symdata.namelen = sizeof(name);
        set_xen_guest_handle(op.u.symdata.name, name);
        CHECK_RC(pf(XENPF_get_symbol, &op), 0);
        CHECK_EQ(op.u.symdata.symnum, i + 1); /* where to go on */
        CHECK(op.u.symdata.address >= last && op.u.symdata.address >= HYPERVISOR_VIRT_START);
        CHECK(name[0] != 0);
        last = op.u.symdata.address;
    }
}

KIT_TEST(sysctl)
{
    static struct xen_sysctl op;

    long rc;

    op.cmd = XEN_SYSCTL_physinfo;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op), -XEN_EACCES);
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    rc = kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op);
    if (rc == -XEN_ENOSYS) {
        kit_skip("no physinfo yet");
        return;
    }
    CHECK_RC(rc, 0);
    CHECK_EQ(op.u.physinfo.nr_cpus, kit_arg_number("smp", 2));
    CHECK_EQ(op.u.physinfo.max_cpu_id, kit_arg_number("smp", 2) - 1);
    CHECK_EQ(op.u.physinfo.nr_nodes, 1);
    CHECK(op.u.physinfo.total_pages > 500UL << 8 && op.u.physinfo.total_pages <= 512UL << 8);
    CHECK(op.u.physinfo.free_pages < op.u.physinfo.total_pages - kit_start_info->nr_pages);
    op.cmd = 999;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op), -XEN_ENOSYS);
}

KIT_TEST(domctl)
{
    static struct xen_domctl op;

    long rc;

    op.cmd = XEN_DOMCTL_getdomaininfo;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&op), -XEN_EACCES);
    op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    rc = kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&op);
    if (rc == -XEN_ENOSYS) {
        kit_skip("no getdomaininfo yet");
        return;
    }
    CHECK_RC(rc, 0);
    CHECK_EQ(op.u.getdomaininfo.domain, 0);
    CHECK_EQ(op.u.getdomaininfo.flags & 0xffff, XEN_DOMINF_running);
    CHECK_EQ(op.u.getdomaininfo.tot_pages, kit_start_info->nr_pages);
    CHECK_EQ(op.u.getdomaininfo.nr_online_vcpus, 1);
    CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, kit_arg_number("smp", 2) - 1);
    CHECK_EQ(op.u.getdomaininfo.shared_info_frame, kit_start_info->shared_info >> 12);
    op.domain = 5;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&op), -XEN_ESRCH);
    op.domain = 0;
    op.cmd = 999;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_domctl, (uintptr_t)&op), -XEN_ENOSYS);
}

KIT_TEST(machine_check)
{
    static struct xen_mc op;

    op.cmd = XEN_MC_fetch;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_arch_0, (uintptr_t)&op), -XEN_EACCES);
    op.interface_version = XEN_MCA_INTERFACE_VERSION;
    op.u.mc_fetch.flags = XEN_MC_URGENT;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_arch_0, (uintptr_t)&op), -XEN_EINVAL); /* no place for the data */
    memset(&op.u, 0, sizeof(op.u));
    op.cmd = XEN_MC_physcpuinfo;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_arch_0, (uintptr_t)&op), 0);
    CHECK_EQ(op.u.mc_physcpuinfo.ncpus, kit_arg_number("smp", 2));
}

KIT_TEST(not_built)
{
    CHECK_RC(kit_hypercall5(__HYPERVISOR_argo_op, 0, 0, 0, 0, 0), -XEN_ENOSYS);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_xsm_op, 0x1000), -XEN_ENOSYS);
    CHECK_RC(kit_hypercall2(__HYPERVISOR_xenpmu_op, 0, 0x1000), -XEN_EOPNOTSUPP);
}

/* Grant tables: whole, or -ENOSYS throughout (a guest takes a mixture for a fatal error). */
KIT_TEST(grant_table_basics)
{
    struct {
        domid_t dom;
        uint32_t nr, max;
        int16_t status;
    } query = {.dom = DOMID_SELF};
    unsigned long frames[2] = {0};
    struct {
        domid_t dom;
        uint32_t nr;
        int16_t status;
        void *list;
    } setup = {.dom = DOMID_SELF, .nr = 1, .status = 99, .list = frames};
    struct {
        domid_t dom;
        uint16_t pad;
        uint32_t version;
    } get = {.dom = DOMID_SELF};
    uint32_t version = 1;

    if (hcall_grant_table_op(6, &query, 1) == -XEN_ENOSYS) {
        CHECK_RC(hcall_grant_table_op(2, &setup, 1), -XEN_ENOSYS);
        CHECK_RC(hcall_grant_table_op(8, &version, 1), -XEN_ENOSYS);
        CHECK_RC(hcall_grant_table_op(10, &get, 1), -XEN_ENOSYS);
        return;
    }
    CHECK_EQ(query.status, 0);
    CHECK(query.nr >= 1 && query.max >= query.nr);
    CHECK_RC(hcall_grant_table_op(2, &setup, 1), 0);
    CHECK_EQ(setup.status, 0);
    CHECK(frames[0] != 0 && !frames[1]);
    CHECK_RC(hcall_grant_table_op(8, &version, 1), 0);
    CHECK_EQ(version, 1);
    CHECK_RC(hcall_grant_table_op(10, &get, 1), 0);
    CHECK_EQ(get.version, 1);
    CHECK_RC(hcall_grant_table_op(99, &get, 1), -XEN_ENOSYS);
}

/* Behind the dump of key q, each vcpu is asked for its own. */
KIT_TEST(debug_virq)
{
    KIT_NEEDS_VCPUS(2);

    int port[2];

    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        port[vcpu] = kit_event_bind_virq(VIRQ_DEBUG, vcpu);
        CHECK_OR_RETURN(port[vcpu] > 0);
        kit_event_mask((evtchn_port_t)port[vcpu]);
        kit_event_clear((evtchn_port_t)port[vcpu]);
    }
    CHECK_RC(kit_debug_keys("q"), 0);
    for (uint64_t end = kit_time_ns() + 5 * KIT_S; kit_time_ns() < end;) {
        if (kit_event_pending((evtchn_port_t)port[0]) && kit_event_pending((evtchn_port_t)port[1]))
            break;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        CHECK(kit_event_pending((evtchn_port_t)port[vcpu]));
        CHECK_RC(kit_event_close((evtchn_port_t)port[vcpu]), 0);
    }
}

/* Several debug keys at once: each does its work, in order. */
KIT_TEST(debug_keys)
{
    static char text[16384];
    const char *queues, *timers;
    uint32_t index = 0;
    unsigned used = 0;
    long n;

    if (!kit_on_xenios()) {
        kit_skip("the letters and the dumps are Xenios' own");
        return;
    }
    while (kit_console_ring(text, sizeof(text) - 1, &index) > 0)
        ;
    CHECK_RC(kit_debug_keys("rarar"), 0);
    for (uint64_t end = kit_time_ns() + 5 * KIT_S; kit_time_ns() < end && used < sizeof(text) - 1;) {
        n = kit_console_ring(text + used, (unsigned)sizeof(text) - 1 - used, &index);
        CHECK_OR_RETURN(n >= 0);
        used += (unsigned)n;
        text[used] = '\0';
        queues = strstr(text, "Scheduler ");
        for (unsigned i = 0; queues && i < 2; i++) {
            timers = strstr(queues, "Timers at ");
            queues = timers ? strstr(timers, "Scheduler ") : NULL;
        }
        if (queues)
            return;
        hcall_sched_op(SCHEDOP_yield, NULL);
    }
    kit_fail_now("not all five dumps came");
}

/* What two vcpus do at once, to the domain's event channels and to the console's input. */
static void hammer_once(void)
{
    int port = kit_event_alloc_unbound(DOMID_SELF);
    char typed;

    if (port > 0)
        kit_event_close((evtchn_port_t)port);
    hcall_console_io(CONSOLEIO_read, 1, &typed);
}

static volatile uint32_t hammering;

static void hammer(void *unused __unused)
{
    while (hammering)
        hammer_once();
}

static bool somebody_waited_for(const char *text, const char *name)
{
    const char *at = strstr(text, name);

    for (at = at ? at + strlen(name) : ""; *at == ' ';)
        at++;
    return *at >= '1' && *at <= '9' && strstr(at, " times");
}

/* Key 'L' answers with the locks that were waited for: here at least one of the domain's and one of the hypervisor's, behind its prefix. */
KIT_TEST(locks)
{
    static char text[16384];
    bool seen = false;

    if (!kit_on_xenios())
        return kit_skip("Xen has no such key");
    KIT_NEEDS_VCPUS(2);
    hammering = 1;
    CHECK_OR_RETURN(kit_vcpu_run(1, hammer, NULL) == 0);
    for (uint64_t end = kit_time_ns() + 20 * KIT_S; !seen && kit_time_ns() < end;) {
        uint32_t index = 0;
        unsigned used = 0;
        long n;

        while (kit_console_ring(text, sizeof(text) - 1, &index) > 0)
            ;
        CHECK_RC(kit_debug_keys("Lh"), 0);
        /* The help comes when the dump is over. */
        for (text[0] = 0; !strstr(text, "Debug keys:") && kit_time_ns() < end; text[used] = 0) {
            for (unsigned i = 0; i < 500; i++)
                hammer_once();
            n = kit_console_ring(text + used, (unsigned)sizeof(text) - 1 - used, &index);
            CHECK_OR_RETURN(n >= 0);
            used += (unsigned)n;
        }
        seen = somebody_waited_for(text, "event channels") && somebody_waited_for(text, "(XEN)  console");
    }
    hammering = 0;
    CHECK(kit_vcpu_join(1, 5 * KIT_S));
    CHECK(strstr(text, "Locks that somebody had to wait for:\n"));
    CHECK(strstr(text, "Domain 0:\n"));
    CHECK(seen);
}
