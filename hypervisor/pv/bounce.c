/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames for the guest kernel. The 64-bit kernel runs at privilege level 3 like its user mode, so what the guest sees as its levels is pretended: CS carries RPL 0
 * in a frame pushed for kernel mode, RFLAGS.IF carries the upcall mask, IOPL the virtual one (docs/design/pv-traps.md).
 */
#include "pv/bounce.h"
#include "arch/x86/cpu.h"
#include "arch/x86/desc.h"
#include "arch/x86/guest_word.h"
#include "arch/x86/layout.h"
#include "arch/x86/vectors.h"
#include "core/vcpu_area.h"
#include "hv/irqflags.h"

void pv_toggle_mode(struct pv_vcpu *p)
{
    p->kernel_mode = !p->kernel_mode;
    __asm__ volatile("swapgs" ::: "memory");
    write_cr3(p->kernel_mode ? p->cr3_kernel : p->cr3_user);
    use_port_map(p->port_map[p->kernel_mode]);
    if (unlikely(p->v.areas_stale) && p->kernel_mode)
        vcpu_areas_publish(&p->v);
}

/* Writes the frame at *sp, from the top down. False: the memory is not there. */
static bool push_frame(const struct pv_vcpu *p, uint64_t *sp, bool from_kernel, const uint64_t *extra,
                       unsigned int extra_count)
{
    const struct cpu_user_regs *r = &p->v.regs;
    uint64_t masked = p->v.info->evtchn_upcall_mask, *at = (uint64_t *)(*sp & ~15UL) - 7 - extra_count;
    uint64_t rflags = (r->rflags & ~(EFLAGS_IF | EFLAGS_IOPL)) | (masked ? 0 : EFLAGS_IF);

    if (p->honours_iopl)
        rflags |= (uint64_t)p->iopl << EFLAGS_IOPL_SHIFT;
    *sp = (uint64_t)at;
    if (unlikely(!guest_range_is_allowed(*sp, (7 + PV_BOUNCE_EXTRA) * 8)))
        return false;
    open_user_access();
    GUEST_STORE(at++, r->rcx, fault);
    GUEST_STORE(at++, r->r11, fault);
    for (unsigned int i = 0; i < extra_count; i++)
        GUEST_STORE(at++, extra[i], fault);
    GUEST_STORE(at++, r->rip, fault);
    GUEST_STORE(at++, (from_kernel ? r->cs & ~3UL : r->cs) | masked << 32, fault);
    GUEST_STORE(at++, rflags, fault);
    GUEST_STORE(at++, r->rsp, fault);
    GUEST_STORE(at, r->ss, fault);
    close_user_access();
    return true;
fault:
    close_user_access();
    return false;
}

void pv_bounce(struct pv_vcpu *p, uint64_t address, bool mask_events, const uint64_t *extra,
               unsigned int extra_count)
{
    struct cpu_user_regs *r = &p->v.regs;
    bool from_kernel = p->kernel_mode;
    uint64_t sp = r->rsp;

    if (!from_kernel) {
        pv_toggle_mode(p);
        sp = p->kernel_sp;
    }
    if (unlikely(!push_frame(p, &sp, from_kernel, extra, extra_count))) {
        domain_crash(&p->v, "its kernel stack at %#lx does not take an exception frame", sp);
        return;
    }
    if (mask_events)
        p->v.info->evtchn_upcall_mask = 1;
    r->rip = address;
    r->cs = GUEST_CS64;
    r->ss = GUEST_DS;
    r->rsp = sp;
    r->rflags &= ~(EFLAGS_TF | EFLAGS_NT | EFLAGS_RF | EFLAGS_VM | EFLAGS_AC);
}

static const struct pv_trap *handler_of(struct pv_vcpu *p, unsigned int vector)
{
    const struct pv_trap *t = &p->traps[vector];

    if (likely(t->cs || t->address))
        return t;
    domain_crash(&p->v, "exception %u at %#lx, for which its kernel has no handler", vector, p->v.regs.rip);
    return NULL;
}

void pv_inject(struct pv_vcpu *p, unsigned int vector)
{
    const struct pv_trap *t = handler_of(p, vector);

    if (t)
        pv_bounce(p, t->address, t->mask_events, NULL, 0);
}

void pv_inject_error(struct pv_vcpu *p, unsigned int vector, uint32_t error_code)
{
    const struct pv_trap *t = handler_of(p, vector);
    uint64_t extra = error_code;

    if (t)
        pv_bounce(p, t->address, t->mask_events, &extra, 1);
}

void pv_inject_page_fault(struct pv_vcpu *p, uint64_t address, uint32_t error_code)
{
    if (p->kernel_mode)
        error_code &= ~PF_USER; /* the guest's kernel is not its user, whatever the processor thinks */
    p->cr2 = address;
    p->v.info->arch.cr2 = address;
    pv_inject_error(p, VECTOR_PF, error_code);
}

void pv_failsafe(struct pv_vcpu *p)
{
    const struct pv_callback *cb = &p->callback[PV_CB_FAILSAFE];
    /* As they were saved: a selector that did not load reads as null by now. */
    const uint64_t extra[PV_BOUNCE_EXTRA] = {p->ds, p->es, p->fs, p->gs};

    pv_bounce(p, cb->address, cb->mask_events, extra, PV_BOUNCE_EXTRA);
}
