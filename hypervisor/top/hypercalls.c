/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The table of hypercalls: number, handler, who may call, and what they must be allowed to do (DESIGN 3).
 * What is not here answers -ENOSYS. One table of handlers a kind of caller is made of it when it is compiled,
 * so that looking a call up asks nothing: a handler for everyone stands there itself, any other behind its
 * question.
 */
#include "arch/x86/irq/physdev.h"
#include "arch/x86/mca/mca.h"
#include "control/control.h"
#include "core/authority.h"
#include "core/vcpu_op.h"
#include "event/event.h"
#include "event/sched_op.h"
#include "grant/grant.h"
#include "hv/errno.h"
#include "hv/speculation.h"
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

/* Who may call. */
#define PV64  (1U << CALLER_PV64)
#define PV    (PV64 | 1U << CALLER_PV32)
#define HVM   (1U << CALLER_HVM64 | 1U << CALLER_HVM32)
#define GUEST (PV | HVM)

/*
 * What the caller must be allowed: an authority_op on the machine, asked before the handler; or
 *   ANYONE        everything in it is the caller's own affair
 *   BY_OPERATION  differs between operations, or depends on whom they are done to: the handler asks core/authority.
 */
enum { ANYONE = -1, BY_OPERATION = -2 };

/* clang-format off */
#define HYPERCALLS(row)                                                                                       \
    row(set_trap_table,               do_set_trap_table,               PV,    ANYONE)                         \
    row(mmu_update,                   do_mmu_update,                   PV,    BY_OPERATION)                   \
    row(set_gdt,                      do_set_gdt,                      PV,    ANYONE)                         \
    row(stack_switch,                 do_stack_switch,                 PV,    ANYONE)                         \
    row(set_callbacks,                do_set_callbacks,                PV,    ANYONE)                         \
    row(fpu_taskswitch,               do_fpu_taskswitch,               PV,    ANYONE)                         \
    row(sched_op_compat,              do_sched_op_compat,              GUEST, ANYONE)                         \
    row(platform_op,                  do_platform_op,                  GUEST, AUTHORITY_PLATFORM)             \
    row(set_debugreg,                 do_set_debugreg,                 PV,    ANYONE)                         \
    row(get_debugreg,                 do_get_debugreg,                 PV,    ANYONE)                         \
    row(update_descriptor,            do_update_descriptor,            PV,    ANYONE)                         \
    row(memory_op,                    do_memory_op,                    GUEST, BY_OPERATION)                   \
    row(multicall,                    do_multicall,                    GUEST, ANYONE)                         \
    row(update_va_mapping,            do_update_va_mapping,            PV,    ANYONE)                         \
    row(set_timer_op,                 do_set_timer_op,                 GUEST, ANYONE)                         \
    row(event_channel_op_compat,      do_event_channel_op,             GUEST, BY_OPERATION)                   \
    row(xen_version,                  do_xen_version,                  GUEST, BY_OPERATION)                   \
    row(console_io,                   do_console_io,                   GUEST, BY_OPERATION)                   \
    row(physdev_op_compat,            do_physdev_op_compat,            PV,    BY_OPERATION)                   \
    row(grant_table_op,               do_grant_table_op,               GUEST, BY_OPERATION)                   \
    row(vm_assist,                    do_vm_assist,                    GUEST, ANYONE)                         \
    row(update_va_mapping_otherdomain, do_update_va_mapping_otherdomain, PV,  BY_OPERATION)                   \
    row(iret,                         do_iret,                         PV,    ANYONE)                         \
    row(vcpu_op,                      do_vcpu_op,                      GUEST, BY_OPERATION)                   \
    row(set_segment_base,             do_set_segment_base,             PV64,  ANYONE)                         \
    row(mmuext_op,                    do_mmuext_op,                    PV,    BY_OPERATION)                   \
    row(nmi_op,                       do_nmi_op,                       PV,    ANYONE)                         \
    row(sched_op,                     do_sched_op,                     GUEST, BY_OPERATION)                   \
    row(callback_op,                  do_callback_op,                  PV,    ANYONE)                         \
    row(xenpmu_op,                    not_supported,                   GUEST, ANYONE)                         \
    row(event_channel_op,             do_event_channel_op,             GUEST, BY_OPERATION)                   \
    row(physdev_op,                   do_physdev_op,                   GUEST, BY_OPERATION)                   \
    row(sysctl,                       do_sysctl,                       GUEST, BY_OPERATION)                   \
    row(domctl,                       do_domctl,                       GUEST, BY_OPERATION)                   \
    row(mca,                          do_mca,                          GUEST, AUTHORITY_MACHINE_CHECK)
/* clang-format on */

/* The handler behind its question; not there for rows without one. */
#define GUARDED(name, handler, callers, class)                                                               \
    static inline long guarded_##name(struct hypercall *hc)                                                  \
    {                                                                                                        \
        int rc = authorise(hc->vcpu->domain, NULL, (enum authority_op)((class) < 0 ? 0 : (class)));          \
                                                                                                             \
        return rc ? rc : handler(hc);                                                                        \
    }
HYPERCALLS(GUARDED)

#define ENTRY(kind, name, handler, callers, class)                                                           \
    [__HYPERVISOR_##name] = (callers) >> (kind)&1 ? (class) < 0 ? handler : guarded_##name : NULL,
#define ENTRY_PV64(name, handler, callers, class)  ENTRY(CALLER_PV64, name, handler, callers, class)
#define ENTRY_PV32(name, handler, callers, class)  ENTRY(CALLER_PV32, name, handler, callers, class)
#define ENTRY_HVM64(name, handler, callers, class) ENTRY(CALLER_HVM64, name, handler, callers, class)
#define ENTRY_HVM32(name, handler, callers, class) ENTRY(CALLER_HVM32, name, handler, callers, class)

static const hypercall_fn table[CALLER_KINDS][TABLE_SIZE] = {
    [CALLER_PV64] = {HYPERCALLS(ENTRY_PV64)},
    [CALLER_PV32] = {HYPERCALLS(ENTRY_PV32)},
    [CALLER_HVM64] = {HYPERCALLS(ENTRY_HVM64)},
    [CALLER_HVM32] = {HYPERCALLS(ENTRY_HVM32)},
};

static inline long dispatch(const hypercall_fn *of_kind, struct hypercall *hc)
{
    uint64_t number = hc->number;
    hypercall_fn fn;

    if (unlikely(number >= TABLE_SIZE))
        return -ENOSYS;
    fn = of_kind[array_index_clamp(number, TABLE_SIZE)];
    return likely(fn) ? fn(hc) : -ENOSYS;
}

long hypercall_dispatch_pv64(struct hypercall *hc)
{
    return dispatch(table[CALLER_PV64], hc);
}

long hypercall_dispatch(struct hypercall *hc)
{
    return dispatch(table[hc->caller], hc);
}
