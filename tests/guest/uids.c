/* SPDX-License-Identifier: MIT */
/*
 * Firmware's numbers of processors (UIDs) where they are not ours: the second of three slots is empty, so that processor 1 is
 * number 2. Debian's Xen does not get through its start on this machine.
 * GUEST-GROUP: on=xenios smp=2 dom0=64M xen=dom0_vcpus_pin qemu=-smp;1,maxcpus=3,sockets=3;-device;qemu64-x86_64-cpu,socket-id=2,core-id=0,thread-id=0
 */
#include <kit/hypercall.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

KIT_TEST(cpuinfo)
{
    struct xen_platform_op op;

    for (unsigned cpu = 0; cpu < 2; cpu++) {
        memset(&op, 0, sizeof(op));
        op.cmd = XENPF_get_cpuinfo;
        op.interface_version = XENPF_INTERFACE_VERSION;
        op.u.pcpu_info.xen_cpuid = cpu;
        CHECK_RC(hcall_platform_op(&op), 0);
        CHECK_EQ(op.u.pcpu_info.max_present, 1);
        CHECK_EQ(op.u.pcpu_info.flags, XEN_PCPU_FLAGS_ONLINE);
        CHECK_EQ(op.u.pcpu_info.apic_id, 2 * cpu);
        CHECK_EQ(op.u.pcpu_info.acpi_id, 2 * cpu);
    }
}

/* dom0_vcpus_pin: its vcpus are on the processors of their numbers, and may know these. */
KIT_TEST(physid)
{
    struct vcpu_get_physid p;

    for (unsigned vcpu = 0; vcpu < 2; vcpu++) {
        p.phys_id = ~0ULL;
        CHECK_RC(hcall_vcpu_op(VCPUOP_get_physid, vcpu, &p), 0);
        CHECK_EQ(xen_vcpu_physid_to_x86_apicid(p.phys_id), 2 * vcpu);
        CHECK_EQ(xen_vcpu_physid_to_x86_acpiid(p.phys_id), 2 * vcpu);
    }
}
