/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * HYPERVISOR_mca (xen/arch-x86/xen-mca.h), for domain 0's mcelog. Injecting errors is not offered (-EINVAL,
 * as Xen answers commands it does not know).
 */
#include "arch/x86/mca/mca.h"
#include "arch/x86/apic/apic.h"
#include "arch/x86/cpu_policy.h"
#include "core/guest_abi.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"

#define VENDOR_NUMBER_INTEL 0 /* Linux's X86_VENDOR_*, which the field holds */
#define VENDOR_NUMBER_AMD   2

static long op_fetch(abi_xen_mc_fetch_t *f)
{
    struct mc_info *info;
    long rc = 0;

    switch (f->flags) {
    case XEN_MC_NONURGENT | XEN_MC_ACK:
    case XEN_MC_URGENT | XEN_MC_ACK:
        (void)mca_acknowledge(f->fetch_id); /* one that is gone is gone */
        return 0;
    case XEN_MC_NONURGENT:
    case XEN_MC_URGENT:
        break;
    default:
        return -EINVAL;
    }
    if (guest_ptr_is_null(f->data))
        return -EINVAL;
    info = hv_new(struct mc_info);
    if (!info)
        return -ENOMEM;
    f->fetch_id = mca_fetch(f->flags & XEN_MC_URGENT, info);
    f->flags = f->fetch_id ? XEN_MC_OK : XEN_MC_NODATA;
    if (f->fetch_id && copy_to_guest(f->data, info, sizeof(*info)))
        rc = -EFAULT;
    hv_free(info);
    return rc;
}

static void describe_cpu(struct mcinfo_logical_cpu *c, unsigned int cpu)
{
    const struct cpu_policy *p = &raw_policy;
    uint32_t signature = p->basic[1].a, family = signature >> 8 & 15, model = signature >> 4 & 15;

    memset(c, 0, sizeof(*c));
    if (family == 15)
        family += signature >> 20 & 255;
    if (family >= 6)
        model |= (signature >> 16 & 15) << 4;
    c->mc_cpunr = cpu;
    c->mc_coreid = (uint16_t)cpu;
    c->mc_apicid = cpu_apic_id[cpu];
    c->mc_clusterid = cpu_apic_id[cpu];
    c->mc_ncores = c->mc_ncores_active = cpumask_weight(&cpu_online_mask);
    c->mc_nthreads = 1;
    c->mc_cpuid_level = (int32_t)p->basic[0].a;
    c->mc_family = family;
    c->mc_model = model;
    c->mc_step = signature & 15;
    c->mc_vendor = p->vendor == VENDOR_AMD ? VENDOR_NUMBER_AMD : VENDOR_NUMBER_INTEL;
    memcpy(c->mc_vendorid, &p->basic[0].b, 4);
    memcpy(c->mc_vendorid + 4, &p->basic[0].d, 4);
    memcpy(c->mc_vendorid + 8, &p->basic[0].c, 4);
    for (unsigned int i = 0; i < 3; i++)
        memcpy(c->mc_brandid + 16 * i, &p->extended[2 + i], 16);
    c->mc_cpu_caps[MC_CAPS_STD_EDX] = p->basic[1].d;
    c->mc_cpu_caps[MC_CAPS_STD_ECX] = p->basic[1].c;
    c->mc_cpu_caps[MC_CAPS_AMD_EDX] = p->extended[1].d;
    c->mc_cpu_caps[MC_CAPS_AMD_ECX] = p->extended[1].c;
    c->mc_cache_size = -1u;
    c->mc_cache_alignment = (p->basic[1].b >> 8 & 255) * 8;
    c->mc_nmsrvals = 1;
    c->mc_msrvalues[0].reg = MSR_MCG_CAP;
    if (rdmsr_safe(MSR_MCG_CAP, &c->mc_msrvalues[0].value))
        c->mc_nmsrvals = 0;
}

/* Without a buffer: how many there are. Else as many as fit. */
static long op_cpu_info(struct hypercall *hc, abi_xen_mc_physcpuinfo_t *info)
{
    uint32_t room = info->ncpus;
    unsigned int cpu, n = 0;

    info->ncpus = cpumask_weight(&cpu_online_mask);
    if (guest_ptr_is_null(info->info))
        return 0;
    for_each_online_cpu (cpu) {
        struct mcinfo_logical_cpu c;
        guest_ptr_t at;

        if (n == room)
            break;
        describe_cpu(&c, cpu);
        if (guest_array_at(info->info, n++, abi_size(hc, mcinfo_logical_cpu), &at) ||
            abi_write(hc, mcinfo_logical_cpu, at, &c))
            return -EFAULT;
    }
    info->ncpus = n;
    return 0;
}

long do_mca(struct hypercall *hc)
{
    guest_ptr_t at = hypercall_ptr(hc, 0);
    abi_xen_mc_t *mc;
    long rc;

    mc = hv_new(abi_xen_mc_t);
    if (!mc)
        return -ENOMEM;
    rc = abi_read(hc, xen_mc, mc, at) ? -EFAULT : 0;
    if (!rc && mc->interface_version != XEN_MCA_INTERFACE_VERSION)
        rc = -EACCES;
    if (!rc) {
        if (mc->cmd == XEN_MC_fetch)
            rc = op_fetch(&mc->u.mc_fetch);
        else if (mc->cmd == XEN_MC_physcpuinfo)
            rc = op_cpu_info(hc, &mc->u.mc_physcpuinfo);
        else
            rc = -EINVAL;
        if (!rc && abi_write(hc, xen_mc, at, mc))
            rc = -EFAULT;
        if (rc == -EFAULT && mc->cmd == XEN_MC_fetch)
            mca_return(mc->u.mc_fetch.fetch_id);
    }
    hv_free(mc);
    return rc;
}
