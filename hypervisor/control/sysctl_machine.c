/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sysctl: processors, memory and devices of the machine, as the toolstack asks for them. Answers and errors
 * as Debian's Xen's (tests/guest/sysctl).
 */
#include "arch/x86/apic/apic.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu_policy.h"
#include "arch/x86/topology.h"
#include "control/sysctl.h"
#include "core/heap.h"
#include "core/memory_claim.h"
#include "drivers/pci/device.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "hv/time.h"
#include "sched/policy.h"
#include <xen/physdev.h>

/* Bits of the extended leaf that AMD's processors repeat from leaf 1 are not repeated here (xl info shows the words). */
#define REPEATED_FEATURES 0x0183f3ffu

long sysctl_physinfo(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_physinfo *pi = &sysctl->u.physinfo;
    const struct cpu_topology *t = topology();

    (void)hc;
    memset(pi, 0, sizeof(*pi));
    pi->threads_per_core = t->threads_per_core;
    pi->cores_per_socket = t->cores_per_socket;
    pi->nr_cpus = cpumask_weight(&cpu_online_mask);
    pi->max_cpu_id = cpu_count - 1;
    pi->nr_nodes = numa.nodes;
    pi->max_node_id = NUMA_MAX_NODES - 1;
    pi->cpu_khz = (uint32_t)(clock_tsc_hz() / 1000);
    pi->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1 | XEN_SYSCTL_PHYSCAP_gnttab_v2;
    pi->total_pages = heap_total_frames();
    pi->free_pages = heap_free_frames();
    pi->outstanding_pages = memory_claims_outstanding();
    pi->max_mfn = max_mfn - 1;
    for (unsigned int word = 0; word < ARRAY_SIZE(pi->hw_cap); word++)
        pi->hw_cap[word] = cpu_policy_word(&host_policy, word) & ~(word == 2 ? REPEATED_FEATURES : 0);
    return 0;
}

long sysctl_cputopoinfo(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_cputopoinfo *op = &sysctl->u.cputopoinfo;
    const struct cpu_topology *t = topology();
    uint32_t count = op->cputopo.p ? min(op->num_cpus, cpu_count) : cpu_count;

    (void)hc;
    for (uint32_t cpu = 0; op->cputopo.p && cpu < count; cpu++) {
        struct xen_sysctl_cputopo topo = {XEN_INVALID_CORE_ID, XEN_INVALID_SOCKET_ID, XEN_INVALID_NODE_ID};

        if (cpumask_test(cpu, &cpu_online_mask))
            topo = (struct xen_sysctl_cputopo){.core = topology_core(t, cpu_apic_id[cpu]),
                                               .socket = topology_socket(t, cpu_apic_id[cpu]),
                                               .node = numa.cpu_node[cpu]};
        if (copy_to_guest(GUEST_PTR((uint64_t)op->cputopo.p + cpu * sizeof(topo)), &topo, sizeof(topo)))
            return -EFAULT;
    }
    op->num_cpus = count;
    return 0;
}

static int tell_memory(const struct xen_sysctl_numainfo *op, unsigned int node)
{
    struct xen_sysctl_meminfo memory = {.memsize = (numa.span[node].end - numa.span[node].start)
                                                   << PAGE_SHIFT,
                                        .memfree = heap_free_frames_between(0, 0, node) << PAGE_SHIFT};

    return copy_to_guest(GUEST_PTR((uint64_t)op->meminfo.p + node * sizeof(memory)), &memory, sizeof(memory));
}

/* A row of so many distances. */
static int tell_distances(const struct xen_sysctl_numainfo *op, unsigned int node, unsigned int count)
{
    uint32_t row[NUMA_MAX_NODES];

    for (unsigned int i = 0; i < count; i++)
        row[i] = numa.distance[node][i];
    return copy_to_guest(GUEST_PTR((uint64_t)op->distance.p + (uint64_t)node * count * sizeof(*row)), row,
                         count * sizeof(*row));
}

/* The size of a node is from its first to its last frame of RAM, as Xen has it. */
long sysctl_numainfo(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_numainfo *op = &sysctl->u.numainfo;
    uint32_t count = op->meminfo.p || op->distance.p ? min(op->num_nodes, numa.nodes) : numa.nodes;

    (void)hc;
    for (uint32_t node = 0; node < count; node++)
        if ((op->meminfo.p && tell_memory(op, node)) || (op->distance.p && tell_distances(op, node, count)))
            return -EFAULT;
    op->num_nodes = count;
    return 0;
}

long sysctl_availheap(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_availheap *op = &sysctl->u.availheap;
    uint64_t frames = 0;

    (void)hc;
    if (op->node == -1 || (op->node >= 0 && (uint32_t)op->node < numa.nodes))
        frames = heap_free_frames_between(op->min_bitwidth, op->max_bitwidth,
                                          op->node == -1 ? HEAP_ANY_NODE : (unsigned int)op->node);
    op->avail_bytes = frames << PAGE_SHIFT;
    return 0;
}

long sysctl_getcpuinfo(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_getcpuinfo *op = &sysctl->u.getcpuinfo;
    uint32_t count = min(op->max_cpus, cpu_count);

    (void)hc;
    for (uint32_t cpu = 0; cpu < count; cpu++) {
        struct vcpu *idle = per_cpu(runqueue, cpu).idle;
        struct xen_sysctl_cpuinfo info = {0};

        if (idle)
            info.idletime = (uint64_t)vcpu_runtime(idle, time_now());
        if (copy_to_guest(GUEST_PTR((uint64_t)op->info.p + cpu * sizeof(info)), &info, sizeof(info)))
            return -EFAULT;
    }
    op->nr_cpus = count;
    return 0;
}

/* On return num_devs says how many were looked at: all, unless it was time for something else, when the caller comes again for the rest. */
long sysctl_pcitopoinfo(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    struct xen_sysctl_pcitopoinfo *op = &sysctl->u.pcitopoinfo;
    uint32_t i = 0;

    if (!op->devs.p || !op->nodes.p)
        return -EINVAL;
    while (i < op->num_devs) {
        struct physdev_pci_device dev;
        uint32_t node;

        if (copy_from_guest(&dev, GUEST_PTR((uint64_t)op->devs.p + i * sizeof(dev)), sizeof(dev)))
            return -EFAULT;
        node = pci_device_find(PCI_ADDRESS(dev.seg, dev.bus, dev.devfn)) ? 0 : XEN_INVALID_DEV;
        if (copy_to_guest(GUEST_PTR((uint64_t)op->nodes.p + i * sizeof(node)), &node, sizeof(node)))
            return -EFAULT;
        i++;
        if (hypercall_preempt(hc))
            break;
    }
    op->num_devs = i;
    return 0;
}

/* Processors do not come and go at run time. */
long sysctl_cpu_hotplug(struct hypercall *hc, struct xen_sysctl *sysctl)
{
    const struct xen_sysctl_cpu_hotplug *op = &sysctl->u.cpu_hotplug;

    (void)hc;
    switch (op->op) {
    case XEN_SYSCTL_CPU_HOTPLUG_ONLINE:
        if (op->cpu >= cpu_count)
            return -EINVAL;
        return cpumask_test(op->cpu, &cpu_online_mask) ? -EEXIST : -EOPNOTSUPP;
    case XEN_SYSCTL_CPU_HOTPLUG_OFFLINE:
        return op->cpu == 0 || op->cpu >= cpu_count ? -EINVAL : -EOPNOTSUPP;
    default:
        return -EOPNOTSUPP;
    }
}
