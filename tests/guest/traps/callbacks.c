/* SPDX-License-Identifier: MIT */
/* Callbacks: events, NMI, failsafe; registering and unregistering. */
#include <kit/event.h>
#include <kit/hypercall.h>
#include <kit/mm.h>
#include <kit/string.h>
#include <kit/test.h>
#include <kit/vcpu.h>

static int reg(unsigned type, unsigned flags, unsigned long address)
{
    struct callback_register r = {.type = (uint16_t)type, .flags = (uint16_t)flags, .address = address};

    return (int)hcall_callback_op(CALLBACKOP_register, &r);
}

static int unreg(unsigned type)
{
    struct callback_unregister u = {.type = (uint16_t)type};

    return (int)hcall_callback_op(CALLBACKOP_unregister, &u);
}

KIT_TEST(callback_register_errors)
{
    unsigned long bad = 0x8000000000000000UL;

    CHECK_RC(reg(CALLBACKTYPE_event, 0, bad), -XEN_EINVAL);
    CHECK_RC(reg(CALLBACKTYPE_failsafe, 0, bad), -XEN_EINVAL);
    CHECK_RC(reg(CALLBACKTYPE_syscall, 0, bad), -XEN_EINVAL);
    CHECK_RC(reg(CALLBACKTYPE_nmi, 0, bad), -XEN_EINVAL);
    CHECK_RC(reg(CALLBACKTYPE_sysenter_deprecated, 0, bad), -XEN_EINVAL);
    CHECK_RC(reg(CALLBACKTYPE_sysenter_deprecated, 0, kit_trap_stub(KIT_VECTOR_SYSENTER, true)), -XEN_ENOSYS);
    CHECK_RC(reg(6, 0, kit_trap_stub(1, true)), -XEN_ENOSYS);
    CHECK_RC(reg(8, 0, kit_trap_stub(1, true)), -XEN_ENOSYS);
    CHECK_RC(reg(0xffff, 0, kit_trap_stub(1, true)), -XEN_ENOSYS);
    CHECK_RC(reg(CALLBACKTYPE_event, 0xfffe, kit_trap_stub(KIT_VECTOR_EVENT, true)),
             0); /* unknown flags pass */
    CHECK_RC(hcall_callback_op(CALLBACKOP_register, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_callback_op(CALLBACKOP_unregister, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_callback_op(2, (void *)0x1000), -XEN_ENOSYS);
    CHECK_RC(kit_callbacks_install(), 0);
}

KIT_TEST(callback_unregister)
{
    CHECK_RC(unreg(CALLBACKTYPE_event), -XEN_EINVAL);
    CHECK_RC(unreg(CALLBACKTYPE_failsafe), -XEN_EINVAL);
    CHECK_RC(unreg(CALLBACKTYPE_syscall), -XEN_EINVAL);
    CHECK_RC(unreg(CALLBACKTYPE_sysenter), -XEN_EINVAL);
    CHECK_RC(unreg(CALLBACKTYPE_syscall32), -XEN_EINVAL);
    CHECK_RC(unreg(CALLBACKTYPE_nmi), 0);
    CHECK_RC(unreg(99), -XEN_ENOSYS);
}

KIT_TEST(callback_syscall32_sysenter)
{
    CHECK_RC(reg(CALLBACKTYPE_syscall32, CALLBACKF_mask_events, kit_trap_stub(KIT_VECTOR_SYSCALL32, true)),
             0);
    CHECK_RC(reg(CALLBACKTYPE_sysenter, CALLBACKF_mask_events, kit_trap_stub(KIT_VECTOR_SYSENTER, true)), 0);
}

static struct kit_fault upcall;
static unsigned upcalls;

static bool record_upcall(struct kit_regs *regs)
{
    upcall.frame_mask = regs->upcall_mask;
    upcall.rflags = regs->rflags;
    upcall.cs = regs->cs;
    upcall.rip = regs->rip;
    upcall.rsp = regs->rsp;
    upcall.mask = kit_this()->info->evtchn_upcall_mask;
    upcalls++;
    return false; /* the kit's scan comes next */
}

KIT_TEST(event_upcall_frame)
{
    int port = kit_event_bind_ipi(0);

    CHECK_OR_RETURN(port > 0);
    kit_trap_hook(KIT_VECTOR_EVENT, record_upcall);
    upcalls = 0;
    kit_events_enable();
    kit_event_unmask((unsigned)port);
    CHECK_EQ(upcalls, 0);
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(upcalls, 1);
    CHECK_EQ(upcall.frame_mask, 0);
    CHECK_EQ(upcall.mask, 1);
    CHECK_EQ(upcall.rflags & EFLAGS_IF, EFLAGS_IF);
    CHECK_EQ(upcall.cs, FLAT_KERNEL_CS & ~3);
    CHECK_EQ(kit_this()->info->evtchn_upcall_mask, 0);
    CHECK_EQ(kit_event_count((unsigned)port), 1);

    /* Masked: pending is noted, nothing happens until unmasking. */
    kit_events_disable();
    CHECK_RC(kit_event_send((unsigned)port), 0);
    CHECK_EQ(upcalls, 1);
    CHECK_EQ(kit_this()->info->evtchn_upcall_pending, 1);
    kit_events_enable();
    CHECK_EQ(upcalls, 2);
    CHECK_EQ(kit_event_count((unsigned)port), 2);
    kit_events_disable();
    kit_trap_hook(KIT_VECTOR_EVENT, NULL);
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

/* An upcall that is pending when iret unmasks comes before the next instruction. */
static bool unmask_hook(struct kit_regs *regs)
{
    regs->rip += 2;
    regs->rflags |= EFLAGS_IF;
    return true;
}

KIT_TEST(event_on_iret)
{
    int port = kit_event_bind_ipi(0);
    uint64_t after = 0;

    CHECK_OR_RETURN(port > 0);
    kit_event_unmask((unsigned)port);
    kit_events_disable();
    kit_trap_hook(KIT_VECTOR_EVENT, record_upcall);
    kit_trap_hook(VECTOR_UD, unmask_hook);
    upcalls = 0;
    CHECK_RC(kit_event_send((unsigned)port), 0);
    __asm__ volatile("lea 1f(%%rip), %0; ud2; 1: nop" : "=r"(after)::"memory");
    CHECK_EQ(upcalls, 1);
    CHECK_EQ(upcall.rip, after);
    kit_trap_hook(VECTOR_UD, NULL);
    kit_trap_hook(KIT_VECTOR_EVENT, NULL);
    kit_events_disable();
    CHECK_RC(kit_event_close((unsigned)port), 0);
}

static struct {
    unsigned count;
    uint8_t mask, frame_mask;
    unsigned inside; /* NMIs that came while one was handled */
} nmi;

static bool nmi_hook(struct kit_regs *regs)
{
    nmi.count++;
    nmi.mask = kit_this()->info->evtchn_upcall_mask;
    nmi.frame_mask = regs->upcall_mask;
    if (nmi.count == 1) {
        hcall_vcpu_op(VCPUOP_send_nmi, 0, NULL);
        nmi.inside = nmi.count - 1;
    }
    return true;
}

/* An NMI is delivered although events are masked, masks them, and holds off the next until iret. */
KIT_TEST(nmi_callback)
{
    CHECK_RC(reg(CALLBACKTYPE_nmi, 0, kit_trap_stub(KIT_VECTOR_NMI, true)), 0);
    kit_trap_hook(KIT_VECTOR_NMI, nmi_hook);
    memset(&nmi, 0, sizeof(nmi));
    kit_events_disable();
    CHECK_RC(hcall_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    CHECK_EQ(nmi.count, 2);
    CHECK_EQ(nmi.inside, 0);
    CHECK_EQ(nmi.frame_mask, 1);
    CHECK_EQ(nmi.mask, 1);
    memset(&nmi, 0, sizeof(nmi));
    nmi.count = 1; /* do not nest */
    kit_events_enable();
    CHECK_RC(hcall_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    CHECK_EQ(nmi.count, 2);
    CHECK_EQ(nmi.frame_mask, 0);
    CHECK_EQ(nmi.mask, 1);
    CHECK_EQ(kit_this()->info->evtchn_upcall_mask, 0);
    kit_events_disable();
    kit_trap_hook(KIT_VECTOR_NMI, NULL);
    CHECK_RC(unreg(CALLBACKTYPE_nmi), 0);
}

KIT_TEST(nmi_op)
{
    struct xennmi_callback cb = {.handler_address = kit_trap_stub(KIT_VECTOR_NMI, true)};

    CHECK_RC(hcall_nmi_op(XENNMI_register_callback, (void *)0x1000), -XEN_EFAULT);
    CHECK_RC(hcall_nmi_op(7, NULL), -XEN_ENOSYS);
    CHECK_RC(hcall_nmi_op(XENNMI_register_callback, &cb), 0);
    kit_trap_hook(KIT_VECTOR_NMI, nmi_hook);
    memset(&nmi, 0, sizeof(nmi));
    nmi.count = 1;
    CHECK_RC(hcall_vcpu_op(VCPUOP_send_nmi, 0, NULL), 0);
    CHECK_EQ(nmi.count, 2);
    kit_trap_hook(KIT_VECTOR_NMI, NULL);
    cb.handler_address = 0x8000000000000000UL;
    CHECK_RC(hcall_nmi_op(XENNMI_register_callback, &cb), -XEN_EINVAL);
    CHECK_RC(hcall_nmi_op(XENNMI_unregister_callback, NULL), 0);
    CHECK_RC(hcall_nmi_op(XENNMI_unregister_callback, NULL), 0);
    CHECK_RC(hcall_vcpu_op(VCPUOP_send_nmi, 99, NULL), -XEN_ENOENT);
}

/* set_callbacks, the older way: it returns 0 even where it ignores an address that is not canonical. */
KIT_TEST(set_callbacks)
{
    CHECK_RC(kit_hypercall3(__HYPERVISOR_set_callbacks, kit_trap_stub(KIT_VECTOR_EVENT, true),
                            0x8000000000000000UL, 0),
             0);
    CHECK_RC(kit_hypercall3(__HYPERVISOR_set_callbacks, kit_trap_stub(KIT_VECTOR_EVENT, true),
                            kit_trap_stub(KIT_VECTOR_FAILSAFE, true),
                            kit_trap_stub(KIT_VECTOR_SYSCALL, true)),
             0);
    CHECK_RC(kit_callbacks_install(), 0);
}

KIT_TEST(stack_switch)
{
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE), 0);
    CHECK_RC(hcall_stack_switch(0, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE), 0);
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS & ~3, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE), 0);
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS, 0x8000000000000000UL), 0);
    CHECK_RC(hcall_stack_switch(FLAT_KERNEL_SS, (uintptr_t)kit_this()->trap_stack + KIT_STACK_SIZE), 0);
}
