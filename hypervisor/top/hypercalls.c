/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of hypercalls: number, handler, who may call. What is not here answers -ENOSYS. Which operations inside a call ask for privilege is the handler's
 * business.
 */
#include "arch/x86/irq/physdev.h"
#include "arch/x86/mca/mca.h"
#include "control/control.h"
#include "core/vcpu_op.h"
#include "event/event.h"
#include "event/sched_op.h"
#include "grant/grant.h"
#include "hv/errno.h"
#include "pv/calls.h"
#include "pv/mmu.h"
#include "top/calls.h"

#define TABLE_SIZE 64

/* Performance counters are not offered to guests, as on Xen without vpmu=. */
static long not_supported(struct hypercall *hc)
{
    (void)hc;
    return -EOPNOTSUPP;
}

static const hypercall_fn table[TABLE_SIZE] = {
    [__HYPERVISOR_set_trap_table] = do_set_trap_table,
    [__HYPERVISOR_mmu_update] = do_mmu_update,
    [__HYPERVISOR_set_gdt] = do_set_gdt,
    [__HYPERVISOR_stack_switch] = do_stack_switch,
    [__HYPERVISOR_set_callbacks] = do_set_callbacks,
    [__HYPERVISOR_fpu_taskswitch] = do_fpu_taskswitch,
    [__HYPERVISOR_sched_op_compat] = do_sched_op_compat,
    [__HYPERVISOR_platform_op] = do_platform_op,
    [__HYPERVISOR_set_debugreg] = do_set_debugreg,
    [__HYPERVISOR_get_debugreg] = do_get_debugreg,
    [__HYPERVISOR_update_descriptor] = do_update_descriptor,
    [__HYPERVISOR_memory_op] = do_memory_op,
    [__HYPERVISOR_multicall] = do_multicall,
    [__HYPERVISOR_update_va_mapping] = do_update_va_mapping,
    [__HYPERVISOR_set_timer_op] = do_set_timer_op,
    [__HYPERVISOR_xen_version] = do_xen_version,
    [__HYPERVISOR_console_io] = do_console_io,
    [__HYPERVISOR_grant_table_op] = do_grant_table_op,
    [__HYPERVISOR_vm_assist] = do_vm_assist,
    [__HYPERVISOR_update_va_mapping_otherdomain] = do_update_va_mapping_otherdomain,
    [__HYPERVISOR_iret] = do_iret,
    [__HYPERVISOR_vcpu_op] = do_vcpu_op,
    [__HYPERVISOR_set_segment_base] = do_set_segment_base,
    [__HYPERVISOR_mmuext_op] = do_mmuext_op,
    [__HYPERVISOR_nmi_op] = do_nmi_op,
    [__HYPERVISOR_sched_op] = do_sched_op,
    [__HYPERVISOR_callback_op] = do_callback_op,
    [__HYPERVISOR_event_channel_op_compat] = do_event_channel_op,
    [__HYPERVISOR_xenpmu_op] = not_supported,
    [__HYPERVISOR_sysctl] = do_sysctl,
    [__HYPERVISOR_domctl] = do_domctl,
    [__HYPERVISOR_event_channel_op] = do_event_channel_op,
    [__HYPERVISOR_physdev_op] = do_physdev_op,
    [__HYPERVISOR_physdev_op_compat] = do_physdev_op_compat,
    [__HYPERVISOR_mca] = do_mca,
};

long hypercall_dispatch(struct hypercall *hc)
{
    hypercall_fn fn = hc->number < TABLE_SIZE ? table[hc->number] : NULL;

    return likely(fn) ? fn(hc) : -ENOSYS;
}
