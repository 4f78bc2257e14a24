/* SPDX-License-Identifier: GPL-2.0-or-later */
/* platform_op (xen/platform.h): what domain 0 does to the machine as its owner. */
#include "top/calls.h"
#include "arch/x86/clock/clock.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu.h"
#include "arch/x86/smp.h"
#include "core/guest_abi.h"
#include "core/vcpu_area.h"
#include "drivers/acpi/acpi.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/log.h"
#include "hv/string.h"
#include "top/platform.h"

static long settime(uint64_t seconds, uint32_t nanoseconds, uint64_t system_time)
{
    if (nanoseconds >= 1000000000)
        return -EINVAL;
    WRITE_ONCE(wallclock_at_boot_ns, seconds * 1000000000ULL + nanoseconds - system_time);
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        domain_wallclock_publish(d);
    return 0;
}

/* All that can be refused is, before the point from which there is no way back. */
static long enter_sleep(const struct xenpf_enter_acpi_sleep *op)
{
    struct acpi_sleep s = {.a = op->val_a,
                           .b = op->val_b,
                           .state = op->sleep_state,
                           .extended = op->flags & XENPF_ACPI_SLEEP_EXTENDED};
    int rc = acpi_check_sleep(&acpi, &s);

    if (rc)
        return rc;
    if (op->flags & ~XENPF_ACPI_SLEEP_EXTENDED)
        return -EINVAL;
    if (s.state != 5)
        return -EOPNOTSUPP; /* suspend to RAM is not there yet */
    printk("Domain 0 powers the machine off\n");
    machine_power_off(&s);
}

static long cpuinfo(struct xenpf_pcpuinfo *info)
{
    unsigned int last = 0, cpu;

    for_each_online_cpu (cpu)
        last = cpu;
    info->max_present = last;
    if (info->xen_cpuid >= MAX_CPUS || !cpumask_test(info->xen_cpuid, &cpu_online_mask)) {
        info->flags = XEN_PCPU_FLAGS_INVALID;
        return 0;
    }
    info->flags = XEN_PCPU_FLAGS_ONLINE;
    info->apic_id = cpu_apic_id[info->xen_cpuid];
    info->acpi_id = cpu_acpi_id[info->xen_cpuid];
    return 0;
}

/* CPUID leaf 1, SDM 2A: family and model with their extensions. All processors are taken to be alike. */
static long cpu_version(struct xenpf_pcpu_version *v)
{
    struct cpuid_regs vendor = cpuid(0), one = cpuid(1);
    struct xenpf_pcpuinfo info = {.xen_cpuid = v->xen_cpuid};

    cpuinfo(&info);
    v->max_present = info.max_present;
    if (info.flags & XEN_PCPU_FLAGS_INVALID || !(info.flags & XEN_PCPU_FLAGS_ONLINE))
        return 0; /* nothing is known of one that is not there */
    memcpy(v->vendor_id, &vendor.b, 4);
    memcpy(v->vendor_id + 4, &vendor.d, 4);
    memcpy(v->vendor_id + 8, &vendor.c, 4);
    v->family = one.a >> 8 & 15;
    v->model = one.a >> 4 & 15;
    if (v->family == 6 || v->family == 15)
        v->model |= one.a >> 12 & 0xf0;
    if (v->family == 15)
        v->family += one.a >> 20 & 0xff;
    v->stepping = one.a & 15;
    return 0;
}

long do_platform_op(struct hypercall *hc)
{
    abi_xen_platform_op_t op;
    long rc;

    if (abi_read(hc, xen_platform_op, &op, hypercall_ptr(hc, 0)))
        return -EFAULT;
    if (op.interface_version != XENPF_INTERFACE_VERSION)
        return -EACCES;
    switch (op.cmd) {
    case XENPF_settime32:
        return settime(op.u.settime32.secs, op.u.settime32.nsecs, op.u.settime32.system_time);
    case XENPF_settime64:
        return op.u.settime64.mbz
                   ? -EINVAL
                   : settime(op.u.settime64.secs, op.u.settime64.nsecs, op.u.settime64.system_time);
    case XENPF_enter_acpi_sleep:
        return enter_sleep(&op.u.enter_acpi_sleep);
    case XENPF_get_cpuinfo:
        rc = cpuinfo(&op.u.pcpu_info);
        break;
    case XENPF_get_cpu_version:
        rc = cpu_version(&op.u.pcpu_version);
        break;
    case XENPF_set_processor_pminfo:
        return platform_processor_power(&op.u.set_pminfo);
    case XENPF_firmware_info:
        rc = platform_firmware_info(&op.u.firmware_info);
        break;
    case XENPF_efi_runtime_call:
        rc = platform_efi_call(hc->vcpu, &op.u.efi_runtime_call);
        break;
    case XENPF_get_symbol:
        rc = platform_get_symbol(&op.u.symdata);
        break;
    default:
        return -ENOSYS;
    }
    return rc ? rc : abi_write(hc, xen_platform_op, hypercall_ptr(hc, 0), &op);
}
