/* SPDX-License-Identifier: MIT */
/*
 * sysctl as a toolstack calls it: what it tells of the machine, and which error says that something is not there.
 * GUEST-GROUP: smp=2 mem=512 dom0=128M
 */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/time.h>
#include <xen/physdev.h>
#include <xen/sysctl.h>

#define BAD_POINTER ((void *)0x1000)
#define POISON      0xcccccccc

static struct xen_sysctl op, before;
static uint32_t out[4096];

static long call(unsigned cmd)
{
    op.cmd = cmd;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    before = op;
    return kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op);
}

static void reset(void)
{
    memset(&op, 0, sizeof(op));
    memset(out, 0xcc, sizeof(out));
}

static bool unchanged(void)
{
    return !memcmp(&op, &before, sizeof(op));
}

KIT_TEST(door)
{
    reset();
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, 0x1000), -XEN_EFAULT);
    op.cmd = XEN_SYSCTL_physinfo;
    op.interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1;
    CHECK_RC(kit_hypercall1(__HYPERVISOR_sysctl, (uintptr_t)&op), -XEN_EACCES);
    static const unsigned absent[] = {0, 5, 13, 15, 24, 28, 30, 35, 0xffffffff};

    for (unsigned i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        CHECK_RC(call(absent[i]), -XEN_ENOSYS);
        CHECK(unchanged());
    }
}

KIT_TEST(physinfo)
{
    const struct xen_sysctl_physinfo *pi = &op.u.physinfo;

    memset(&op, 0xcc, sizeof(op));
    CHECK_RC(call(XEN_SYSCTL_physinfo), 0);
    CHECK_EQ(pi->nr_cpus, 2);
    CHECK_EQ(pi->max_cpu_id, 1);
    CHECK_EQ(pi->threads_per_core, 1);
    CHECK_EQ(pi->cores_per_socket, 2);
    CHECK_EQ(pi->nr_nodes, 1);
    CHECK(pi->cpu_khz > 100000 && pi->cpu_khz < 10000000);
    CHECK(pi->capabilities & XEN_SYSCTL_PHYSCAP_pv);
    CHECK(!(pi->capabilities & (XEN_SYSCTL_PHYSCAP_directio | XEN_SYSCTL_PHYSCAP_vmtrace)));
    CHECK(pi->capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v1 && pi->capabilities & XEN_SYSCTL_PHYSCAP_gnttab_v2);
    CHECK(pi->arch_capabilities == 0);
    CHECK(pi->total_pages > 500UL << 8 && pi->total_pages < 512UL << 8);
    CHECK(pi->free_pages < pi->total_pages - (120UL << 8) && pi->free_pages > 300UL << 8);
    CHECK_EQ(pi->outstanding_pages, 0);
    CHECK(pi->max_mfn < 512UL << 8);
    CHECK_EQ(pi->hw_cap[2], 0x20100800); /* NX, SYSCALL, LM: what AMD repeats of leaf 1 is not here */
}

KIT_TEST(processors)
{
    struct xen_sysctl_cputopo *topo = (void *)out;

    reset();
    CHECK_RC(call(XEN_SYSCTL_cputopoinfo), 0);
    CHECK_EQ(op.u.cputopoinfo.num_cpus, 2);
    for (unsigned n = 0; n < 4; n++) {
        reset();
        op.u.cputopoinfo.num_cpus = n;
        set_xen_guest_handle(op.u.cputopoinfo.cputopo, topo);
        CHECK_RC(call(XEN_SYSCTL_cputopoinfo), 0);
        CHECK_EQ(op.u.cputopoinfo.num_cpus, n < 2 ? n : 2);
        for (unsigned i = 0; i < 3; i++)
            if (i < n && i < 2)
                CHECK(topo[i].core == i && topo[i].socket == 0 && topo[i].node == 0);
            else
                CHECK_EQ(topo[i].core, POISON);
    }
    set_xen_guest_handle(op.u.cputopoinfo.cputopo, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_cputopoinfo), -XEN_EFAULT);
    CHECK(unchanged());

    reset();
    op.u.getcpuinfo.max_cpus = 3;
    set_xen_guest_handle(op.u.getcpuinfo.info, (void *)out);
    CHECK_RC(call(XEN_SYSCTL_getcpuinfo), 0);
    CHECK_EQ(op.u.getcpuinfo.nr_cpus, 2);
    CHECK(out[0] != POISON && out[2] != POISON && out[4] == POISON);
    set_xen_guest_handle(op.u.getcpuinfo.info, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_getcpuinfo), -XEN_EFAULT);
    op.u.getcpuinfo.max_cpus = 0;
    CHECK_RC(call(XEN_SYSCTL_getcpuinfo), 0);
    CHECK_EQ(op.u.getcpuinfo.nr_cpus, 0);
}

KIT_TEST(hotplug)
{
    static const struct {
        uint32_t op, cpu;
        int rc;
    } cases[] = {{0, 1, -XEN_EEXIST},    {0, 99, -XEN_EINVAL},    {1, 0, -XEN_EINVAL},
                 {1, 99, -XEN_EINVAL},   {2, 0, -XEN_EOPNOTSUPP}, {3, 0, -XEN_EOPNOTSUPP},
                 {9, 0, -XEN_EOPNOTSUPP}};

    for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        reset();
        op.u.cpu_hotplug.op = cases[i].op;
        op.u.cpu_hotplug.cpu = cases[i].cpu;
        CHECK_RC(call(XEN_SYSCTL_cpu_hotplug), cases[i].rc);
    }
}

KIT_TEST(nodes)
{
    struct xen_sysctl_meminfo *memory = (void *)out;
    uint32_t *distance = out + 64;

    reset();
    CHECK_RC(call(XEN_SYSCTL_numainfo), 0);
    CHECK_EQ(op.u.numainfo.num_nodes, 1);
    for (unsigned n = 0; n < 3; n++) {
        reset();
        op.u.numainfo.num_nodes = n;
        set_xen_guest_handle(op.u.numainfo.meminfo, memory);
        set_xen_guest_handle(op.u.numainfo.distance, distance);
        CHECK_RC(call(XEN_SYSCTL_numainfo), 0);
        CHECK_EQ(op.u.numainfo.num_nodes, n ? 1 : 0);
        CHECK(n ? memory->memsize > 500UL << 20 && memory->memsize <= 512UL << 20 : out[0] == POISON);
        CHECK(n ? memory->memfree < memory->memsize && memory->memfree > 300UL << 20 : out[2] == POISON);
        CHECK_EQ(distance[0], n ? 10 : POISON);
        CHECK_EQ(distance[1], POISON);
    }
    set_xen_guest_handle(op.u.numainfo.distance, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_numainfo), -XEN_EFAULT);
}

static uint64_t available(uint32_t min_width, uint32_t max_width, int32_t node)
{
    reset();
    op.u.availheap.min_bitwidth = min_width;
    op.u.availheap.max_bitwidth = max_width;
    op.u.availheap.node = node;
    CHECK_RC(call(XEN_SYSCTL_availheap), 0);
    return op.u.availheap.avail_bytes;
}

KIT_TEST(available_heap)
{
    uint64_t all = available(0, 0, -1);

    CHECK(all > 300UL << 20 && all < 400UL << 20);
    CHECK_EQ(available(0, 0, 0), all);
    CHECK_EQ(available(0, 0, 1), 0);
    CHECK_EQ(available(0, 0, -2), 0);
    CHECK_EQ(available(0, 32, -1), all);
    CHECK_EQ(available(32, 0, -1), 0);
    CHECK_EQ(available(64, 64, -1), 0);
    /* Widths name powers of two: [2^(min - 1), 2^max). */
    CHECK_EQ(available(0, 28, -1) + available(29, 0, -1), all);
    CHECK_EQ(available(28, 0, -1), available(28, 28, -1) + available(29, 0, -1));
}

KIT_TEST(devices)
{
    static struct physdev_pci_device list[2] = {{0, 5, 0xf8}, {3, 5, 0}};

    reset();
    op.u.pcitopoinfo.num_devs = 2;
    CHECK_RC(call(XEN_SYSCTL_pcitopoinfo), -XEN_EINVAL);
    set_xen_guest_handle(op.u.pcitopoinfo.devs, list);
    CHECK_RC(call(XEN_SYSCTL_pcitopoinfo), -XEN_EINVAL);
    set_xen_guest_handle(op.u.pcitopoinfo.nodes, out);
    CHECK_RC(call(XEN_SYSCTL_pcitopoinfo), 0);
    CHECK(op.u.pcitopoinfo.num_devs == 2 && out[0] == XEN_INVALID_DEV && out[1] == XEN_INVALID_DEV);
    set_xen_guest_handle(op.u.pcitopoinfo.nodes, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_pcitopoinfo), -XEN_EFAULT);
}

static long domains(uint32_t first, uint32_t count)
{
    reset();
    op.u.getdomaininfolist.first_domain = (domid_t)first;
    op.u.getdomaininfolist.max_domains = count;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, (void *)out);
    return call(XEN_SYSCTL_getdomaininfolist);
}

KIT_TEST(domain_list)
{
    const struct xen_domctl_getdomaininfo *d = (void *)out;

    for (unsigned n = 0; n < 3; n++) {
        CHECK_RC(domains(0, n), 0);
        CHECK_EQ(op.u.getdomaininfolist.num_domains, n ? 1 : 0);
        if (!n) {
            CHECK_EQ(out[0], POISON);
            continue;
        }
        CHECK_EQ(d->domain, 0);
        CHECK_EQ(d->flags, 0xffff0000 | XEN_DOMINF_running);
        CHECK(d->tot_pages == kit_start_info->nr_pages && d->max_pages == 0xffffffff &&
              !d->outstanding_pages);
        CHECK(!d->shr_pages && !d->paged_pages && d->shared_info_frame == kit_start_info->shared_info >> 12);
        CHECK(d->cpu_time > 0 && d->cpu_time < 60000000000UL);
        CHECK(d->nr_online_vcpus == 1 && d->max_vcpu_id == 1 && d->ssidref == 0 && d->cpupool == 0);
        CHECK(d->gpaddr_bits == 40 && d->arch_config.emulation_flags == XEN_X86_EMU_PIT);
        CHECK_EQ(out[sizeof(*d) / 4], POISON);
    }
    CHECK_RC(domains(1, 2), 0);
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 0);
    CHECK_RC(domains(DOMID_SELF, 2), 0);
    CHECK_EQ(op.u.getdomaininfolist.num_domains, 0);
    reset();
    op.u.getdomaininfolist.max_domains = 1;
    set_xen_guest_handle(op.u.getdomaininfolist.buffer, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_getdomaininfolist), -XEN_EFAULT);
}

static long scheduler(uint32_t pool, uint32_t id, uint32_t cmd)
{
    reset();
    op.u.scheduler_op.cpupool_id = pool;
    op.u.scheduler_op.sched_id = id;
    op.u.scheduler_op.cmd = cmd;
    return call(XEN_SYSCTL_scheduler_op);
}

KIT_TEST(scheduler_parameters)
{
    uint32_t id;

    reset();
    CHECK_RC(call(XEN_SYSCTL_sched_id), 0);
    id = op.u.sched_id.sched_id;
    CHECK(id >= XEN_SCHEDULER_CREDIT && id <= XEN_SCHEDULER_NULL);
    CHECK_RC(scheduler(0, id, 2), -XEN_EINVAL);
    CHECK_RC(scheduler(1, id, 2), -XEN_EINVAL);
    CHECK_RC(scheduler(1, id, XEN_SYSCTL_SCHEDOP_getinfo), -XEN_ESRCH);
    CHECK_RC(scheduler(0, XEN_SCHEDULER_ARINC653, XEN_SYSCTL_SCHEDOP_getinfo), -XEN_EINVAL);
    if (id != XEN_SCHEDULER_CREDIT) {
        kit_skip("another scheduler than credit");
        return;
    }
    CHECK_RC(scheduler(0, id, XEN_SYSCTL_SCHEDOP_getinfo), 0);
    CHECK_EQ(op.u.scheduler_op.u.sched_credit.tslice_ms, 30);
    CHECK_EQ(op.u.scheduler_op.u.sched_credit.ratelimit_us, 1000);
    CHECK_RC(scheduler(0, id, XEN_SYSCTL_SCHEDOP_putinfo), -XEN_EINVAL); /* a slice of no length */
}

static long pool(uint32_t what, uint32_t id, uint32_t bits)
{
    reset();
    op.u.cpupool_op.op = what;
    op.u.cpupool_op.cpupool_id = id;
    op.u.cpupool_op.sched_id = 77;
    op.u.cpupool_op.domid = 77;
    op.u.cpupool_op.cpu = 99;
    op.u.cpupool_op.cpumap.nr_bits = bits;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, (void *)out);
    return call(XEN_SYSCTL_cpupool_op);
}

KIT_TEST(pools)
{
    uint32_t id;

    reset();
    CHECK_RC(call(XEN_SYSCTL_sched_id), 0);
    id = op.u.sched_id.sched_id;
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 64), 0);
    CHECK(op.u.cpupool_op.cpupool_id == 0 && op.u.cpupool_op.sched_id == id && op.u.cpupool_op.n_dom == 1);
    CHECK(out[0] == 3 && out[1] == 0 && out[2] == POISON);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 3), 0);
    CHECK_EQ(out[0], 0xcccccc03);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 0, 0), 0);
    CHECK_EQ(out[0], POISON);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, 7, 64), -XEN_ENOENT);
    CHECK(unchanged());
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_INFO, XEN_SYSCTL_CPUPOOL_PAR_ANY, 64), -XEN_ENOENT);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 7, 64), 0);
    CHECK(out[0] == 0 && out[1] == 0 && out[2] == POISON);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 0, 64), -XEN_EEXIST);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_CREATE, 7, 64), -XEN_ENOENT); /* no such scheduler */
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 0, 64), -XEN_EBUSY);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_DESTROY, 7, 64), -XEN_ENOENT);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 0, 64), -XEN_EINVAL);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_ADDCPU, 7, 64), -XEN_ENOENT);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 0, 64), -XEN_EINVAL);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_RMCPU, 7, 64), -XEN_ENOENT);
    CHECK_RC(pool(XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN, 0, 64), -XEN_ESRCH);
    CHECK_RC(pool(0, 0, 64), -XEN_ENOSYS);
    CHECK_RC(pool(8, 0, 64), -XEN_ENOSYS);
    reset();
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN; /* domain 0, by itself */
    CHECK_RC(call(XEN_SYSCTL_cpupool_op), -XEN_EPERM);
    reset();
    op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
    op.u.cpupool_op.cpumap.nr_bits = 64;
    set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_cpupool_op), -XEN_EFAULT);
}

static long featureset(uint32_t index, uint32_t room)
{
    reset();
    op.u.cpu_featureset.index = index;
    op.u.cpu_featureset.nr_features = room;
    set_xen_guest_handle(op.u.cpu_featureset.features, out);
    return call(XEN_SYSCTL_get_cpu_featureset);
}

KIT_TEST(featuresets)
{
    for (uint32_t i = 0; i < 3; i++) {
        CHECK_RC(featureset(i, 19), 0);
        CHECK(op.u.cpu_featureset.nr_features == 19 && out[0] & 1 && out[2] & 1u << 29 && out[19] == POISON);
        CHECK_RC(featureset(i, 30), 0);
        CHECK_EQ(op.u.cpu_featureset.nr_features, 19);
        CHECK_RC(featureset(i, 10), -XEN_ENOBUFS);
        CHECK(unchanged() && out[9] != POISON && out[10] == POISON); /* as many as there was room for */
    }
    CHECK_RC(featureset(6, 19), -XEN_EINVAL);
    reset();
    op.u.cpu_featureset.index = 9; /* nobody looks */
    CHECK_RC(call(XEN_SYSCTL_get_cpu_featureset), 0);
    CHECK_EQ(op.u.cpu_featureset.nr_features, 19);
    set_xen_guest_handle(op.u.cpu_featureset.features, BAD_POINTER);
    op.u.cpu_featureset.index = 0;
    CHECK_RC(call(XEN_SYSCTL_get_cpu_featureset), -XEN_EFAULT);
    reset();
    CHECK_RC(call(XEN_SYSCTL_get_cpu_levelling_caps), 0);
}

static long policy(uint32_t index, uint32_t leaves, uint32_t msrs)
{
    reset();
    op.u.cpu_policy.index = index;
    op.u.cpu_policy.nr_leaves = leaves;
    op.u.cpu_policy.nr_msrs = msrs;
    set_xen_guest_handle(op.u.cpu_policy.leaves, (void *)out);
    set_xen_guest_handle(op.u.cpu_policy.msrs, (void *)(out + 2048));
    return call(XEN_SYSCTL_get_cpu_policy);
}

/* In ascending order, and with those that the tools look for. */
static void check_leaves(const xen_cpuid_leaf_t *l, unsigned count)
{
    unsigned found = 0;

    for (unsigned i = 0; i < count; i++) {
        if (i)
            CHECK(l[i].leaf > l[i - 1].leaf ||
                  (l[i].leaf == l[i - 1].leaf && l[i].subleaf == l[i - 1].subleaf + 1) || l[i].leaf == 0xd);
        found += l[i].leaf == 0 && l[i].subleaf == XEN_CPUID_NO_SUBLEAF && l[i].a >= 4;
        found += l[i].leaf == 4 && l[i].subleaf == 0;
        found += l[i].leaf == 0x40000000 && l[i].subleaf == XEN_CPUID_NO_SUBLEAF;
        found += l[i].leaf == 0x40000100 && l[i].subleaf == XEN_CPUID_NO_SUBLEAF;
        found += l[i].leaf == 0x80000000 && l[i].a >= 0x80000008;
        found += l[i].leaf == 0x80000008;
    }
    CHECK_EQ(found, 6);
    CHECK_EQ(l[count].leaf, POISON);
}

KIT_TEST(cpu_policies)
{
    static const uint32_t pv[] = {XEN_SYSCTL_cpu_policy_raw, XEN_SYSCTL_cpu_policy_host,
                                  XEN_SYSCTL_cpu_policy_pv_max, XEN_SYSCTL_cpu_policy_pv_default};
    uint32_t most;

    for (unsigned i = 0; i < sizeof(pv) / sizeof(pv[0]); i++) {
        reset();
        op.u.cpu_policy.index = pv[i];
        CHECK_RC(call(XEN_SYSCTL_get_cpu_policy), 0);
        most = op.u.cpu_policy.nr_leaves;
        CHECK(most > 40 && op.u.cpu_policy.nr_msrs == 2);
        CHECK_RC(policy(pv[i], most, 2), 0);
        CHECK(op.u.cpu_policy.nr_leaves <= most && op.u.cpu_policy.nr_msrs == 2);
        check_leaves((void *)out, op.u.cpu_policy.nr_leaves);
        CHECK(out[2048] == 0xce && out[2052] == 0x10a && out[2049] == 0);
        CHECK_RC(policy(pv[i], 10, 2), -XEN_ENOBUFS);
        CHECK(unchanged());
        CHECK_RC(policy(pv[i], most, 1), -XEN_ENOBUFS);
        CHECK(op.u.cpu_policy.nr_leaves < most && op.u.cpu_policy.nr_msrs == 1);
    }
    CHECK_RC(policy(6, 10, 2), -XEN_EINVAL);
    reset();
    op.u.cpu_policy._rsvd = 1;
    CHECK_RC(call(XEN_SYSCTL_get_cpu_policy), -XEN_EINVAL);
    reset();
    op.u.cpu_policy.nr_leaves = 200;
    set_xen_guest_handle(op.u.cpu_policy.leaves, BAD_POINTER);
    CHECK_RC(call(XEN_SYSCTL_get_cpu_policy), -XEN_EFAULT);
}

/* What neither has on this machine: callers know by the error. */
KIT_TEST(absent)
{
    reset();
    CHECK_RC(call(XEN_SYSCTL_coverage_op), -XEN_EOPNOTSUPP);
    CHECK_RC(call(XEN_SYSCTL_psr_cmt_op), -XEN_ENODEV);
    for (unsigned cmd = 0; cmd < 5; cmd++) {
        reset();
        op.u.psr_alloc.cmd = cmd;
        CHECK_RC(call(XEN_SYSCTL_psr_alloc), cmd < 3 ? -XEN_ENODEV : -XEN_EOPNOTSUPP);
    }
    reset();
    op.u.get_pmstat.type = PMSTAT_get_max_px;
    CHECK_RC(call(XEN_SYSCTL_get_pmstat), -XEN_ENODEV);
    op.u.get_pmstat.cpuid = 2;
    CHECK_RC(call(XEN_SYSCTL_get_pmstat), -XEN_EINVAL);
    reset();
    op.u.pm_op.cmd = GET_CPUFREQ_PARA;
    CHECK_RC(call(XEN_SYSCTL_pm_op), -XEN_EINVAL);
    op.u.pm_op.cmd = XEN_SYSCTL_pm_op_get_max_cstate;
    CHECK_RC(call(XEN_SYSCTL_pm_op), 0);
    CHECK_EQ(op.u.pm_op.u.get_max_cstate, 1);
    op.u.pm_op.cpuid = 9;
    CHECK_RC(call(XEN_SYSCTL_pm_op), -XEN_EINVAL);
    CHECK_RC(kit_hypercall1(__HYPERVISOR_xsm_op, (uintptr_t)&op), -XEN_ENOSYS);
}

/* Who reads the console's ring is told that there is more. What domain 0 writes is not in it. */
KIT_TEST(console_ring_virq)
{
    static char key[] = "h", text[] = "  note: not in the ring\n", seen[16384];
    int port = kit_event_bind_virq(VIRQ_CON_RING, 0);

    CHECK_OR_RETURN(port > 0);
    kit_event_mask((unsigned)port);
    reset();
    op.u.debug_keys.nr_keys = 1;
    set_xen_guest_handle(op.u.debug_keys.keys, key);
    CHECK_RC(call(XEN_SYSCTL_debug_keys), 0);
    for (uint64_t end = kit_time_ns() + 5 * KIT_S; !kit_event_pending((unsigned)port) && kit_time_ns() < end;)
        hcall_sched_op(SCHEDOP_yield, NULL);
    CHECK(kit_event_pending((unsigned)port));
    kit_event_clear((unsigned)port);
    kit_event_unmask((unsigned)port);
    CHECK_RC(kit_event_close((unsigned)port), 0);

    CHECK_RC(hcall_console_io(CONSOLEIO_write, sizeof(text) - 1, text), 0);
    reset();
    op.u.readconsole.count = sizeof(seen) - 1;
    set_xen_guest_handle(op.u.readconsole.buffer, seen);
    CHECK_RC(call(XEN_SYSCTL_readconsole), 0);
    for (unsigned i = 0; i + 15 < op.u.readconsole.count; i++)
        CHECK(memcmp(seen + i, "not in the ring", 15));
}
