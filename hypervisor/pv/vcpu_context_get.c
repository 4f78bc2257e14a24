/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A vcpu's whole state as struct vcpu_guest_context, for a toolstack. */
#include "arch/x86/registers.h"
#include "hv/errno.h"
#include "hv/string.h"
#include "pv/pv.h"

static uint64_t callback(const struct pv_vcpu *p, enum pv_callback_kind kind)
{
    return p->callback[kind].valid ? p->callback[kind].address : 0;
}

static void get_traps(const struct pv_vcpu *p, struct vcpu_guest_context *out)
{
    for (unsigned int i = 0; i < ARRAY_SIZE(p->traps); i++) {
        struct trap_info *t = &out->trap_ctxt[i];

        t->vector = (uint8_t)i;
        t->address = p->traps[i].address;
        t->cs = p->traps[i].cs;
        TI_SET_DPL(t, p->traps[i].dpl);
        TI_SET_IF(t, p->traps[i].mask_events);
    }
}

static void get_flags(const struct pv_vcpu *p, struct vcpu_guest_context *out)
{
    out->flags = VGCF_i387_valid | (p->kernel_mode ? VGCF_in_kernel : 0);
    if (p->callback[PV_CB_FAILSAFE].mask_events)
        out->flags |= VGCF_failsafe_disables_events;
    if (p->callback[PV_CB_SYSCALL].mask_events)
        out->flags |= VGCF_syscall_disables_events;
    if (!(READ_ONCE(p->v.pause_flags) & VCPU_DOWN))
        out->flags |= VGCF_online;
}

static void get_tables(const struct pv_vcpu *p, struct vcpu_guest_context *out)
{
    for (unsigned int i = 0; i < PV_GDT_FRAMES; i++)
        if (p->gdt_frame[i])
            out->gdt_frames[i] = frame_to_mfn(p->gdt_frame[i]).n;
    out->gdt_ents = p->gdt_entries;
    out->ldt_base = p->ldt_base;
    out->ldt_ents = p->ldt_entries;
    out->ctrlreg[0] = p->cr0_guest;
    out->ctrlreg[1] = p->cr3_user ? xen_pfn_to_cr3(p->cr3_user >> PAGE_SHIFT) : 0;
    out->ctrlreg[3] = xen_pfn_to_cr3(p->cr3_kernel >> PAGE_SHIFT);
    out->ctrlreg[4] = p->cr4_guest;
}

void pv_get_context(struct vcpu *v, struct vcpu_guest_context *out)
{
    const struct pv_vcpu *p = pv_vcpu(v);

    memset(out, 0, sizeof(*out));
    out->user_regs = v->regs;
    out->user_regs.rflags = (v->regs.rflags & ~EFLAGS_IOPL) | (uint64_t)p->iopl << EFLAGS_IOPL_SHIFT;
    out->user_regs.ds = p->ds;
    out->user_regs.es = p->es;
    out->user_regs.fs = p->fs;
    out->user_regs.gs = p->gs;
    memcpy(&out->fpu_ctxt, p->fpu, sizeof(out->fpu_ctxt));
    get_flags(p, out);
    get_traps(p, out);
    get_tables(p, out);
    out->kernel_ss = p->kernel_ss;
    out->kernel_sp = p->kernel_sp;
    for (unsigned int i = 0; i < 4; i++)
        out->debugreg[i] = p->dr[i];
    out->debugreg[6] = p->dr6;
    out->debugreg[7] = p->dr7;
    out->event_callback_eip = callback(p, PV_CB_EVENT);
    out->failsafe_callback_eip = callback(p, PV_CB_FAILSAFE);
    out->syscall_callback_eip = callback(p, PV_CB_SYSCALL);
    out->vm_assist = v->domain->vm_assist;
    out->fs_base = p->fs_base;
    out->gs_base_kernel = p->gs_base_kernel;
    out->gs_base_user = p->gs_base_user;
}
