/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Debug registers of a PV guest. Breakpoints may be set anywhere but in the hypervisor's range; DR7's reserved bits and GD are refused or fixed; I/O breakpoints
 * need CR4.DE in the guest's eyes. The registers are the processor's while the vcpu runs, if any breakpoint is on.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/layout.h"
#include "arch/x86/stack.h"
#include "hv/errno.h"
#include "pv/calls.h"

#define DR7_FIXED_ZERO 0xd800UL /* RTM among them: no guest has transactions */
#define DR6_WRITABLE   (DR6_B | DR6_BD | DR6_BS | DR6_BT)

static void load_register(struct pv_vcpu *p, unsigned int reg, uint64_t value)
{
    if (&p->v != current_vcpu())
        return;
    switch (reg) {
    case 0:
        write_dr0(value);
        break;
    case 1:
        write_dr1(value);
        break;
    case 2:
        write_dr2(value);
        break;
    case 3:
        write_dr3(value);
        break;
    case 6:
        write_dr6(value);
        break;
    default:
        break;
    }
}

/* Of any of the four, be it on or not, as on Xen. */
static bool has_io_breakpoint(uint64_t dr7)
{
    for (unsigned int i = 0; i < 4; i++)
        if ((dr7 >> (16 + 4 * i) & 3) == 2)
            return true;
    return false;
}

static long set_dr7(struct pv_vcpu *p, uint64_t value)
{
    if (value >> 32)
        return -EINVAL;
    value = (value & ~DR7_FIXED_ZERO) | DR7_FIXED_ONE;
    if (value & DR7_GD)
        return -EPERM;
    if (value & DR7_ENABLE && has_io_breakpoint(value) && !(p->cr4_guest & CR4_DE))
        return -EPERM;
    p->dr7 = value;
    if (&p->v == current_vcpu()) {
        write_dr0(p->dr[0]);
        write_dr1(p->dr[1]);
        write_dr2(p->dr[2]);
        write_dr3(p->dr[3]);
        write_dr7(value);
    }
    return 0;
}

long pv_set_debugreg(struct pv_vcpu *p, unsigned int reg, uint64_t value)
{
    switch (reg) {
    case 0:
    case 1:
    case 2:
    case 3:
        if (!is_canonical(value) || (value >= HYPERVISOR_START && value < HYPERVISOR_END))
            return -EPERM;
        p->dr[array_index_clamp(reg, ARRAY_SIZE(p->dr))] = value;
        load_register(p, reg, value);
        return 0;
    case 4:
    case 6:
        if (reg == 4 && (p->cr4_guest & CR4_DE))
            return -ENODEV;
        if (value >> 32)
            return -EINVAL;
        p->dr6 = (value & DR6_WRITABLE) | DR6_FIXED_ONE;
        load_register(p, 6, p->dr6);
        return 0;
    case 5:
    case 7:
        if (reg == 5 && (p->cr4_guest & CR4_DE))
            return -ENODEV;
        return set_dr7(p, value);
    default:
        return -ENODEV;
    }
}

long do_set_debugreg(struct hypercall *hc)
{
    return pv_set_debugreg(pv_vcpu(hc->vcpu), (uint32_t)hc->arg[0], hc->arg[1]);
}

long do_get_debugreg(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);

    switch ((uint32_t)hc->arg[0]) {
    case 0:
    case 1:
    case 2:
    case 3:
        return (long)p->dr[array_index_clamp((uint32_t)hc->arg[0], ARRAY_SIZE(p->dr))];
    case 4:
    case 6:
        return (uint32_t)hc->arg[0] == 4 && (p->cr4_guest & CR4_DE) ? -ENODEV : (long)p->dr6;
    case 5:
    case 7:
        return (uint32_t)hc->arg[0] == 5 && (p->cr4_guest & CR4_DE) ? -ENODEV : (long)p->dr7;
    default:
        return -ENODEV;
    }
}
