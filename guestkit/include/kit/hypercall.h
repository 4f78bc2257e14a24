/* SPDX-License-Identifier: MIT */
/*
 * Hypercalls: one raw call and a typed wrapper for each that PV guests use. All return what the
 * hypervisor returned: negative errno, or a result. Pointers are the guest's virtual addresses and
 * deliberately untyped where tests pass bad ones.
 */
#ifndef KIT_HYPERCALL_H
#define KIT_HYPERCALL_H

#include <kit/arch/hypercall.h>

static inline long hcall_set_trap_table(const void *traps)
{
    return kit_hypercall1(__HYPERVISOR_set_trap_table, (uintptr_t)traps);
}

static inline long hcall_mmu_update(const void *reqs, unsigned count, unsigned *done, unsigned dom)
{
    return kit_hypercall4(__HYPERVISOR_mmu_update, (uintptr_t)reqs, count, (uintptr_t)done, dom);
}

static inline long hcall_set_gdt(const void *frames, unsigned entries)
{
    return kit_hypercall2(__HYPERVISOR_set_gdt, (uintptr_t)frames, entries);
}

static inline long hcall_stack_switch(unsigned long ss, unsigned long sp)
{
    return kit_hypercall2(__HYPERVISOR_stack_switch, ss, sp);
}

static inline long hcall_fpu_taskswitch(int set)
{
    return kit_hypercall1(__HYPERVISOR_fpu_taskswitch, (unsigned long)(long)set);
}

static inline long hcall_platform_op(void *op)
{
    return kit_hypercall1(__HYPERVISOR_platform_op, (uintptr_t)op);
}

static inline long hcall_set_debugreg(int reg, unsigned long value)
{
    return kit_hypercall2(__HYPERVISOR_set_debugreg, (unsigned long)(long)reg, value);
}

static inline long hcall_get_debugreg(int reg)
{
    return kit_hypercall1(__HYPERVISOR_get_debugreg, (unsigned long)(long)reg);
}

static inline long hcall_update_descriptor(uint64_t maddr, uint64_t descriptor)
{
    return kit_hypercall2(__HYPERVISOR_update_descriptor, maddr, descriptor);
}

static inline long hcall_memory_op(unsigned long cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_memory_op, cmd, (uintptr_t)arg);
}

static inline long hcall_multicall(void *list, unsigned long count)
{
    return kit_hypercall2(__HYPERVISOR_multicall, (uintptr_t)list, count);
}

static inline long hcall_update_va_mapping(unsigned long va, uint64_t pte, unsigned long flags)
{
    return kit_hypercall3(__HYPERVISOR_update_va_mapping, va, pte, flags);
}

static inline long hcall_update_va_mapping_otherdomain(unsigned long va, uint64_t pte, unsigned long flags,
                                                       unsigned dom)
{
    return kit_hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, va, pte, flags, dom);
}

static inline long hcall_set_timer_op(uint64_t timeout_ns)
{
    return kit_hypercall1(__HYPERVISOR_set_timer_op, timeout_ns);
}

static inline long hcall_xen_version(int cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_xen_version, (unsigned long)(long)cmd, (uintptr_t)arg);
}

static inline long hcall_console_io(int cmd, unsigned count, void *buffer)
{
    return kit_hypercall3(__HYPERVISOR_console_io, (unsigned long)(long)cmd, count, (uintptr_t)buffer);
}

static inline long hcall_grant_table_op(unsigned cmd, void *op, unsigned count)
{
    return kit_hypercall3(__HYPERVISOR_grant_table_op, cmd, (uintptr_t)op, count);
}

static inline long hcall_vm_assist(unsigned cmd, unsigned type)
{
    return kit_hypercall2(__HYPERVISOR_vm_assist, cmd, type);
}

static inline long hcall_vcpu_op(int cmd, unsigned vcpu, void *arg)
{
    return kit_hypercall3(__HYPERVISOR_vcpu_op, (unsigned long)(long)cmd, vcpu, (uintptr_t)arg);
}

static inline long hcall_set_segment_base(unsigned which, unsigned long base)
{
    return kit_hypercall2(__HYPERVISOR_set_segment_base, which, base);
}

static inline long hcall_mmuext_op(void *ops, unsigned count, unsigned *done, unsigned dom)
{
    return kit_hypercall4(__HYPERVISOR_mmuext_op, (uintptr_t)ops, count, (uintptr_t)done, dom);
}

static inline long hcall_nmi_op(unsigned cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_nmi_op, cmd, (uintptr_t)arg);
}

static inline long hcall_sched_op(int cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_sched_op, (unsigned long)(long)cmd, (uintptr_t)arg);
}

static inline long hcall_callback_op(int cmd, const void *arg)
{
    return kit_hypercall2(__HYPERVISOR_callback_op, (unsigned long)(long)cmd, (uintptr_t)arg);
}

static inline long hcall_event_channel_op(int cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_event_channel_op, (unsigned long)(long)cmd, (uintptr_t)arg);
}

static inline long hcall_physdev_op(int cmd, void *arg)
{
    return kit_hypercall2(__HYPERVISOR_physdev_op, (unsigned long)(long)cmd, (uintptr_t)arg);
}

#endif
