/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a PV guest wants to be called: trap table, callbacks, NMI; and the assists that change how. */
#include "pv/calls.h"
#include "core/guest_abi.h"
#include "pv/ports.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include <xen/callback.h>
#include <xen/nmi.h>

/* The list in guest memory ends with an entry whose address is 0; a NULL list empties the table. */
long do_set_trap_table(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);
    struct trap_info info;

    if (!hc->arg[0]) {
        for (unsigned int i = 0; i < ARRAY_SIZE(p->traps); i++)
            p->traps[i] = (struct pv_trap){0};
        return 0;
    }
    for (;;) {
        if (abi_read(hc, trap_info, &info, hypercall_ptr(hc, 0)))
            return -EFAULT;
        if (!info.address)
            return 0;
        if (!is_canonical(info.address))
            return -EINVAL;
        p->traps[info.vector] = (struct pv_trap){
            .address = info.address,
            .cs = (uint16_t)(info.cs | 3),
            .dpl = TI_GET_DPL(&info),
            .mask_events = TI_GET_IF(&info),
        };
        hc->arg[0] += abi_size(hc, trap_info);
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
}

static void set_callback(struct pv_vcpu *p, enum pv_callback_kind kind, uint64_t address, bool mask_events)
{
    p->callback[kind] = (struct pv_callback){.address = address, .mask_events = mask_events, .valid = true};
}

long do_set_callbacks(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);

    /* Unlike callback_op, this call does not complain of a bad address: it does not take it. */
    if (is_canonical(hc->arg[0]))
        set_callback(p, PV_CB_EVENT, hc->arg[0], true);
    if (is_canonical(hc->arg[1]))
        set_callback(p, PV_CB_FAILSAFE, hc->arg[1], p->callback[PV_CB_FAILSAFE].mask_events);
    if (is_canonical(hc->arg[2]))
        set_callback(p, PV_CB_SYSCALL, hc->arg[2], p->callback[PV_CB_SYSCALL].mask_events);
    return 0;
}

static int kind_of(uint16_t type, enum pv_callback_kind *kind)
{
    switch (type) {
    case CALLBACKTYPE_event:
        *kind = PV_CB_EVENT;
        return 0;
    case CALLBACKTYPE_failsafe:
        *kind = PV_CB_FAILSAFE;
        return 0;
    case CALLBACKTYPE_syscall:
        *kind = PV_CB_SYSCALL;
        return 0;
    case CALLBACKTYPE_syscall32:
        *kind = PV_CB_SYSCALL32;
        return 0;
    case CALLBACKTYPE_sysenter:
        *kind = PV_CB_SYSENTER;
        return 0;
    case CALLBACKTYPE_nmi:
        *kind = PV_CB_NMI;
        return 0;
    default:
        return -ENOSYS;
    }
}

static long register_callback(struct hypercall *hc, guest_ptr_t arg)
{
    abi_callback_register_t reg;
    enum pv_callback_kind kind;

    if (abi_read(hc, callback_register, &reg, arg))
        return -EFAULT;
    if (!is_canonical(reg.address))
        return -EINVAL;
    if (kind_of(reg.type, &kind))
        return -ENOSYS;
    set_callback(pv_vcpu(hc->vcpu), kind, reg.address, reg.flags & CALLBACKF_mask_events);
    return 0;
}

static long unregister_callback(struct pv_vcpu *p, guest_ptr_t arg)
{
    struct callback_unregister unreg;
    enum pv_callback_kind kind;

    if (copy_from_guest(&unreg, arg, sizeof(unreg)))
        return -EFAULT;
    if (kind_of(unreg.type, &kind))
        return -ENOSYS;
    if (kind != PV_CB_NMI)
        return -EINVAL;
    p->callback[kind] = (struct pv_callback){0};
    return 0;
}

long do_callback_op(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);

    switch ((uint32_t)hc->arg[0]) {
    case CALLBACKOP_register:
        return register_callback(hc, hypercall_ptr(hc, 1));
    case CALLBACKOP_unregister:
        return unregister_callback(p, hypercall_ptr(hc, 1));
    default:
        return -ENOSYS;
    }
}

long do_nmi_op(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);
    struct xennmi_callback cb;

    switch ((uint32_t)hc->arg[0]) {
    case XENNMI_register_callback:
        if (p->v.id)
            return -EINVAL; /* NMIs go to vcpu 0 */
        if (abi_read(hc, xennmi_callback, &cb, hypercall_ptr(hc, 1)))
            return -EFAULT;
        if (!is_canonical(cb.handler_address))
            return -EINVAL;
        set_callback(p, PV_CB_NMI, cb.handler_address, true);
        return 0;
    case XENNMI_unregister_callback:
        p->callback[PV_CB_NMI] = (struct pv_callback){0};
        return 0;
    default:
        return -ENOSYS;
    }
}

/* Assists that a PV guest may ask for. Writable page tables are what we do anyway; those of 32-bit guests change nothing for a 64-bit one. */
#define VALID_ASSISTS                                                                                        \
    (BIT(VMASST_TYPE_4gb_segments) | BIT(VMASST_TYPE_4gb_segments_notify) |                                  \
     BIT(VMASST_TYPE_writable_pagetables) | BIT(VMASST_TYPE_pae_extended_cr3) |                              \
     BIT(VMASST_TYPE_architectural_iopl) | BIT(VMASST_TYPE_runstate_update_flag) |                           \
     BIT(VMASST_TYPE_m2p_strict))

long do_vm_assist(struct hypercall *hc)
{
    struct domain *d = hc->vcpu->domain;
    unsigned int type = (unsigned int)hc->arg[1];
    struct vcpu *v;

    if (type >= 64 || !(VALID_ASSISTS & BIT(type)))
        return -EINVAL;
    if ((uint32_t)hc->arg[0] == VMASST_CMD_enable)
        __atomic_fetch_or(&d->vm_assist, BIT(type), __ATOMIC_SEQ_CST);
    else if ((uint32_t)hc->arg[0] == VMASST_CMD_disable)
        __atomic_fetch_and(&d->vm_assist, ~BIT(type), __ATOMIC_SEQ_CST);
    else
        return -ENOSYS;
    for_each_vcpu (v, d) {
        pv_vcpu(v)->honours_iopl = d->vm_assist & BIT(VMASST_TYPE_architectural_iopl);
        pv_port_rights_changed(pv_vcpu(v));
    }
    return 0;
}
