/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A vcpu's whole state at once: struct vcpu_guest_context, from the guest itself (VCPUOP_initialise) or from a toolstack. Everything is checked before anything is
 * taken; then the GDT and the page tables, which take references, and time: they may stop, and are undone on failure; what cannot fail comes last.
 */
#include "arch/x86/layout.h"
#include "arch/x86/registers.h"
#include "core/frame_ref.h"
#include "core/vcpu_state.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/irqflags.h"
#include "hv/string.h"
#include "pv/calls.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"
#include "pv/msr.h"
#include "pv/ports.h"

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
    r->rflags = (r->rflags & ~(EFLAGS_IOPL | EFLAGS_VM | EFLAGS_VIF | EFLAGS_VIP)) | EFLAGS_IF | EFLAGS_FIXED;
    p->iopl = c->user_regs.rflags >> EFLAGS_IOPL_SHIFT & 3;
    pv_port_rights_changed(p);
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
    p->dr7 = DR7_FIXED_ONE;
    for (unsigned int i = 0; i < 8; i++)
        if (i != 4 && i != 5 && c->debugreg[i])
            (void)pv_set_debugreg(p, i, c->debugreg[i]);
}

/* One of a vcpu's two roots: who holds the reference, and what is loaded. They change together, before the old one's reference goes: a vcpu may run between two tries. */
struct root_slot {
    struct frame **frame;
    uint64_t *cr3;
};

static void set_root(struct vcpu *v, const struct root_slot *slot, struct frame *f)
{
    if (f && slot->frame == &pv_vcpu(v)->root_kernel)
        pv_show_m2p(v->domain, frame_to_va(f), true);
    *slot->frame = f;
    *slot->cr3 = f ? mfn_to_paddr(frame_to_mfn(f)) : 0;
    /* Between two tries it may run on what there is: not in a user mode that has no tables. */
    if (!pv_vcpu(v)->cr3_user)
        pv_vcpu(v)->kernel_mode = true;
}

/*
 * A root of a vcpu that does not run. What was taken stays in the vcpu: a call that stops at the second root, or at its end, finds the first one there when it goes on, and one that never
 * goes on leaves no more behind than the domain's end finds.
 */
static int take_root(struct vcpu *v, const struct root_slot *slot, uint64_t cr3, struct hypercall *hc)
{
    mfn_t mfn = MFN(xen_cr3_to_pfn(cr3));
    struct frame *f = NULL, *old = *slot->frame;
    int rc;

    if (cr3) {
        if (!mfn_valid_from_guest(&mfn))
            return -EINVAL;
        f = mfn_to_frame(mfn);
    }
    if (f == old)
        return 0;
    rc = f ? frame_get_type(f, v->domain, FT_L4, hc) : 0;
    if (rc)
        return rc;
    set_root(v, slot, f);
    if (!old || !frame_put_type(old, v->domain, FT_L4, hc))
        return 0;
    pv_note_unfinished(hc, old, v->domain);
    return -ERESTART;
}

/* A root that is left half done, because another one is already, is finished when its frame is used next or its domain ends. */
static void forget_root(struct vcpu *v, const struct root_slot *slot, struct hypercall *hc)
{
    struct frame *f = *slot->frame;

    set_root(v, slot, NULL);
    if (f && frame_put_type(f, v->domain, FT_L4, hc) && !pv_has_pending(hc->vcpu))
        pv_note_unfinished(hc, f, v->domain);
}

/* What the context refers to, or nothing of it. */
static int take_tables(struct vcpu *v, const struct vcpu_guest_context *c, struct hypercall *hc)
{
    struct pv_vcpu *p = pv_vcpu(v);
    struct root_slot kernel = {&p->root_kernel, &p->cr3_kernel}, user = {&p->root_user, &p->cr3_user};
    int rc = 0;

    if (!xen_cr3_to_pfn(c->ctrlreg[3]))
        return -EINVAL;
    if (!pv_has_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents))
        rc = pv_set_gdt(v, c->gdt_frames, (unsigned int)c->gdt_ents);
    if (!rc)
        rc = take_root(v, &kernel, c->ctrlreg[3], hc);
    if (!rc)
        rc = take_root(v, &user, c->ctrlreg[1], hc);
    if (!rc || rc == -ERESTART || v->is_initialised)
        return rc;
    pv_drop_gdt(v);
    forget_root(v, &user, hc);
    forget_root(v, &kernel, hc);
    return rc;
}

int pv_set_context(struct vcpu *v, const void *context, struct hypercall *hc)
{
    const struct vcpu_guest_context *c = context;
    struct pv_vcpu *p = pv_vcpu(v);
    int rc = check(c);

    vcpu_sync_state(v);
    if (!rc)
        rc = pv_finish_pending(hc);
    if (!rc)
        rc = take_tables(v, c, hc);
    if (rc)
        return rc;
    set_plain_state(p, c);
    pv_drop_ldt(v);
    p->ldt_base = c->ldt_base;
    p->ldt_entries = (unsigned int)c->ldt_ents;
    return 0;
}
