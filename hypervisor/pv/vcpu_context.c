/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vcpu's whole state at once: struct vcpu_guest_context, from the guest itself (VCPUOP_initialise) or from a toolstack. Everything is checked before anything is
 * taken; the GDT and the page tables, which take references, come last and are undone on failure.
 */
#include "arch/x86/layout.h"
#include "core/frame_ref.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/irqflags.h"
#include "hv/string.h"
#include "pv/calls.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"
#include "pv/msr.h"

#define RFLAGS_IOPL 0x3000UL
#define CR0_TS      8UL

static int check(const struct vcpu_guest_context *c)
{
    if (!is_canonical(c->user_regs.rip) || !is_canonical(c->fs_base) || !is_canonical(c->gs_base_kernel) ||
        !is_canonical(c->gs_base_user))
        return -EINVAL;
    if (c->event_callback_eip && !is_canonical(c->event_callback_eip))
        return -EINVAL;
    if (c->ldt_ents > 8192 || c->gdt_ents > PV_GDT_FRAMES * 512 || (c->ldt_base & (PAGE_SIZE - 1)))
        return -EINVAL;
    if (c->ldt_ents && !guest_may_name(c->ldt_base))
        return -EINVAL;
    if (!(c->flags & VGCF_in_kernel) && !c->ctrlreg[1])
        return -EINVAL; /* its user mode would run on no page tables at all */
    for (unsigned int i = 0; i < 256; i++)
        if (!is_canonical(c->trap_ctxt[i].address))
            return -EINVAL;
    return 0;
}

static void set_callback(struct pv_vcpu *p, enum pv_callback_kind kind, uint64_t address, bool mask_events)
{
    p->callback[kind] =
        (struct pv_callback){.address = address, .mask_events = mask_events, .valid = address != 0};
}

static void set_plain_state(struct pv_vcpu *p, const struct vcpu_guest_context *c)
{
    struct cpu_user_regs *r = &p->v.regs;

    *r = c->user_regs;
    r->cs |= 3;
    r->ss |= 3;
    r->rflags = (r->rflags & ~(RFLAGS_IOPL | 0x1a0000UL)) | RFLAGS_IF | 2;
    p->iopl = c->user_regs.rflags >> 12 & 3;
    p->ds = c->user_regs.ds;
    p->es = c->user_regs.es;
    p->fs = c->user_regs.fs;
    p->gs = c->user_regs.gs;
    p->fs_base = c->fs_base;
    p->gs_base_kernel = c->gs_base_kernel;
    p->gs_base_user = c->gs_base_user;
    p->kernel_mode = c->flags & VGCF_in_kernel;
    p->kernel_ss = (uint16_t)(c->kernel_ss | 3);
    p->kernel_sp = c->kernel_sp;
    for (unsigned int i = 0; i < ARRAY_SIZE(p->traps); i++) {
        const struct trap_info *t = &c->trap_ctxt[i];

        p->traps[i] = (struct pv_trap){.address = t->address,
                                       .cs = (uint16_t)(t->cs | 3),
                                       .dpl = TI_GET_DPL(t),
                                       .mask_events = TI_GET_IF(t)};
        if (!t->address)
            p->traps[i] = (struct pv_trap){0};
    }
    set_callback(p, PV_CB_EVENT, c->event_callback_eip, true);
    set_callback(p, PV_CB_FAILSAFE, c->failsafe_callback_eip, c->flags & VGCF_failsafe_disables_events);
    set_callback(p, PV_CB_SYSCALL, c->syscall_callback_eip, c->flags & VGCF_syscall_disables_events);
    p->fpu_ts = c->ctrlreg[0] & CR0_TS;
    p->cr0_guest = (p->cr0_guest & ~CR0_TS) | (c->ctrlreg[0] & CR0_TS);
    p->cr4_guest = c->ctrlreg[4] & PV_CR4_CHANGEABLE;
    if (c->flags & VGCF_i387_valid)
        memcpy(p->fpu, &c->fpu_ctxt, sizeof(c->fpu_ctxt));
    for (unsigned int i = 0; i < 4; i++)
        p->dr[i] = 0;
    p->dr7 = 0x400;
    for (unsigned int i = 0; i < 8; i++)
        if (i != 4 && i != 5 && c->debugreg[i])
            (void)pv_set_debugreg(p, i, c->debugreg[i]);
}

static int take_root(struct domain *d, uint64_t cr3, struct frame **out)
{
    mfn_t mfn = MFN(xen_cr3_to_pfn(cr3));

    *out = NULL;
    if (!mfn_valid_from_guest(&mfn))
        return -EINVAL;
    *out = mfn_to_frame(mfn);
    return frame_get_type(*out, d, FT_L4, NULL);
}

int pv_set_context(struct vcpu *v, const void *context)
{
    const struct vcpu_guest_context *c = context;
    struct pv_vcpu *p = pv_vcpu(v);
    struct frame *root, *user = NULL;
    int rc = check(c);

    if (rc)
        return rc;
    rc = take_root(v->domain, c->ctrlreg[3], &root);
    if (rc)
        return rc;
    if (c->ctrlreg[1]) {
        rc = take_root(v->domain, c->ctrlreg[1], &user);
        if (rc)
            goto out_root;
    }
    rc = pv_set_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents);
    if (rc)
        goto out_user;
    set_plain_state(p, c);
    p->ldt_base = c->ldt_base;
    p->ldt_entries = (unsigned int)c->ldt_ents;
    pv_show_m2p(frame_to_va(root), true);
    p->root_kernel = root;
    p->cr3_kernel = mfn_to_paddr(frame_to_mfn(root));
    p->root_user = user;
    p->cr3_user = user ? mfn_to_paddr(frame_to_mfn(user)) : 0;
    return 0;

out_user:
    if (user)
        frame_put_type(user, v->domain, FT_L4, NULL);
out_root:
    frame_put_type(root, v->domain, FT_L4, NULL);
    return rc;
}
