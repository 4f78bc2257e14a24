/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The iret hypercall, stack_switch, and other calls that a guest kernel makes on its hot paths about itself. */
#include "core/hypercall.h"
#include "arch/x86/segment_base.h"
#include "arch/x86/guest_word.h"
#include "arch/x86/layout.h"
#include "hv/errno.h"
#include "hv/irqflags.h"
#include "pv/bounce.h"
#include "pv/calls.h"
#include "pv/msr.h"
#include "pv/ports.h"

/* What the guest's kernel leaves on its stack: xen/arch-x86/xen-x86_64.h, struct iret_context. False: it cannot be read. */
static bool read_context(uint64_t sp, struct iret_context *c)
{
    const struct iret_context *at = (const struct iret_context *)sp;
    bool faulted;

    if (unlikely(!guest_range_is_allowed(sp, sizeof(*at))))
        return false;
    open_user_access();
    __asm__ volatile(GUEST_LOAD_BEGIN GUEST_LOAD_WORD(0, 1) GUEST_LOAD_WORD(1, 2) GUEST_LOAD_WORD(2, 3)
                         GUEST_LOAD_WORD(3, 4) GUEST_LOAD_WORD(4, 5) GUEST_LOAD_WORD(5, 6)
                             GUEST_LOAD_WORD(6, 7) GUEST_LOAD_WORD(7, 8) GUEST_LOAD_WORD(8, 9) GUEST_LOAD_END
                     : "=@ccc"(faulted), "=&r"(c->rax), "=&r"(c->r11), "=&r"(c->rcx), "=&r"(c->flags),
                       "=&r"(c->rip), "=&r"(c->cs), "=&r"(c->rflags), "=&r"(c->rsp), "=&r"(c->ss)
                     : [from] "r"(at)
                     : "memory");
    close_user_access();
    return !faulted;
}

long do_iret(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);
    struct cpu_user_regs *r = &p->v.regs;
    struct iret_context c;

    hc->keeps_registers = true;
    if (unlikely(!read_context(r->rsp, &c))) {
        domain_crash(&p->v, "iret from a stack at %#lx that cannot be read", r->rsp);
        return 0;
    }
    if ((c.cs & 3) == 3) {
        if (unlikely(!p->cr3_user)) {
            domain_crash(&p->v, "iret to user mode without user page tables");
            return 0;
        }
        pv_toggle_mode(p);
    }
    if (unlikely(p->honours_iopl)) {
        p->iopl = c.rflags >> EFLAGS_IOPL_SHIFT & 3;
        pv_port_rights_changed(p);
    }
    r->rip = c.rip;
    r->cs = (uint16_t)(c.cs | 3);
    r->rflags = (c.rflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)) | EFLAGS_IF | EFLAGS_FIXED;
    r->rsp = c.rsp;
    r->ss = (uint16_t)(c.ss | 3);
    r->rax = c.rax;
    if (c.flags & VGCF_in_syscall) { /* as SYSRET would: flat selectors, and the registers that it uses */
        r->cs = GUEST_CS64;
        r->ss = GUEST_DS;
        r->rcx = r->rip;
        r->r11 = r->rflags;
    } else {
        r->rcx = c.rcx;
        r->r11 = c.r11;
    }
    p->v.info->evtchn_upcall_mask = !(c.rflags & EFLAGS_IF);
    p->in_nmi = false;
    return 0;
}

long do_stack_switch(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);

    p->kernel_ss = (uint16_t)(hc->arg[0] | 3);
    p->kernel_sp = hc->arg[1];
    return 0;
}

long do_fpu_taskswitch(struct hypercall *hc)
{
    pv_set_fpu_ts(pv_vcpu(hc->vcpu), (uint32_t)hc->arg[0] != 0);
    return 0;
}

long do_set_segment_base(struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(hc->vcpu);
    uint64_t base = hc->arg[1];

    switch ((uint32_t)hc->arg[0]) {
    case SEGBASE_FS:
        if (!is_canonical(base))
            return -EINVAL;
        write_fs_base(base);
        return 0;
    case SEGBASE_GS_USER: /* the guest's kernel calls: its own GS base is the active one */
        if (!is_canonical(base))
            return -EINVAL;
        write_hidden_gs_base(base);
        return 0;
    case SEGBASE_GS_KERNEL:
        if (!is_canonical(base))
            return -EINVAL;
        write_gs_base(base);
        return 0;
    case SEGBASE_GS_USER_SEL:
        /* One that cannot be loaded leaves the null selector, which nobody is told. */
        (void)pv_load_user_gs(p, (uint16_t)base);
        return 0;
    default:
        return -EINVAL;
    }
}
