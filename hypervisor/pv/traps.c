/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traps of a running PV guest: ours to handle (device interrupts, writes to page tables, lazily mapped LDT pages, privileged instructions) or the guest's, which gets
 * an exception frame. Called with interrupts off.
 */
#include "arch/x86/traps.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/layout.h"
#include "arch/x86/vectors.h"
#include "hv/guest.h"
#include "hv/irqflags.h"
#include "pv/bounce.h"
#include "pv/calls.h"
#include "pv/entry.h"
#include "pv/fixups.h"

static bool in_hypervisor_range(uint64_t address)
{
    return address >= HYPERVISOR_START && address < HYPERVISOR_END;
}

/*
 * The processor read a descriptor in the per-domain area for the guest and found no page: an LDT page to be mapped now, or a selector beyond the guest's GDT,
 * for which real hardware would have said #GP with the selector.
 */
static bool descriptor_fault(struct pv_vcpu *p, uint64_t address)
{
    uint64_t gdt = pv_gdt_va(&p->v), ldt = pv_ldt_va(&p->v);

    if (address >= ldt && address < ldt + PV_LDT_PAGES * PAGE_SIZE) {
        /* The guest sees the fault where it thinks its table is: recorded of Xen by tests/guest/mm. */
        if (!pv_ldt_fault(&p->v, (unsigned int)(address - ldt)))
            pv_inject_page_fault(p, p->ldt_base + (address - ldt), 0);
        return true;
    }
    if (address >= gdt && address < gdt + PV_GDT_PAGES * PAGE_SIZE) {
        pv_inject_error(p, VECTOR_GP, (uint32_t)(address - gdt) & 0xfff8);
        return true;
    }
    return false;
}

void pv_exit_fault(struct pv_vcpu *p, uint64_t cr2)
{
    struct cpu_user_regs *r = &p->v.regs;

    if (r->entry_vector == VECTOR_PF && descriptor_fault(p, cr2))
        return;
    pv_inject_error(p, r->entry_vector == VECTOR_PF ? VECTOR_GP : r->entry_vector, r->error_code);
}

static void page_fault(struct pv_vcpu *p, uint64_t address)
{
    uint32_t error = p->v.regs.error_code;

    if (unlikely(in_hypervisor_range(address)) && !(error & PF_USER) && descriptor_fault(p, address))
        return;
    if ((error & (PF_PRESENT | PF_WRITE | PF_RSVD)) == (PF_PRESENT | PF_WRITE) && p->kernel_mode &&
        !in_hypervisor_range(address) && pv_fixup_ro_pt_write(&p->v, address, error))
        return;
    pv_inject_page_fault(p, address, error);
}

/* INT n through a gate of ours that is not for guests: the guest's own table decides. The instruction is looked at, since TCG's error code lies (docs/decisions). */
static bool software_interrupt(struct pv_vcpu *p)
{
    struct cpu_user_regs *r = &p->v.regs;
    uint8_t bytes[2];

    if ((r->error_code & (ERROR_EXT | ERROR_IDT | ERROR_TI)) != ERROR_IDT ||
        copy_from_guest(bytes, GUEST_PTR(r->rip), 2) || bytes[0] != 0xcd)
        return false;
    if (p->traps[bytes[1]].dpl >= pv_virtual_level(p)) {
        r->rip += 2;
        pv_inject(p, bytes[1]);
    } else {
        pv_inject_error(p, VECTOR_GP, bytes[1] * 8U + ERROR_IDT);
    }
    return true;
}

static void general_protection(struct pv_vcpu *p)
{
    if (p->v.regs.error_code & ERROR_IDT) {
        if (!software_interrupt(p))
            pv_inject_error(p, VECTOR_GP, p->v.regs.error_code);
        return;
    }
    if (p->v.regs.error_code == 0 && pv_emulate_privileged(&p->v))
        return;
    pv_inject_error(p, VECTOR_GP, p->v.regs.error_code);
}

static void no_fpu(struct pv_vcpu *p)
{
    __asm__ volatile("clts");
    p->fpu_ts = false;
    if (p->cr0_guest & CR0_TS) {
        p->cr0_guest &= ~CR0_TS;
        pv_inject(p, VECTOR_NM);
    }
}

static void debug_exception(struct pv_vcpu *p, uint64_t dr6)
{
    p->dr6 = dr6;
    pv_inject(p, VECTOR_DB);
}

static void other_exception(struct pv_vcpu *p, unsigned int vector)
{
    if (vector < EXCEPTIONS && EXCEPTIONS_WITH_ERROR_CODE & BIT(vector))
        pv_inject_error(p, vector, p->v.regs.error_code);
    else
        pv_inject(p, vector);
}

void guest_trap(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);
    unsigned int vector = v->regs.entry_vector;
    uint64_t address, dr6;

    close_user_access(); /* interrupt gates leave the guest's EFLAGS.AC, which would switch SMAP off */
    if (vector == VECTOR_PF) {
        address = read_cr2();
        irq_enable();
        page_fault(p, address);
    } else if (vector == VECTOR_INT80) {
        irq_enable();
        if (likely(p->traps[VECTOR_INT80].address))
            pv_bounce(p, p->traps[VECTOR_INT80].address, p->traps[VECTOR_INT80].mask_events, NULL, 0);
        else
            pv_inject_error(p, VECTOR_GP, VECTOR_INT80 * 8 + ERROR_IDT);
    } else if (vector >= EXCEPTIONS) {
        irq_dispatch(vector);
    } else if (vector == VECTOR_DB) {
        dr6 = read_dr6();
        write_dr6(DR6_FIXED_ONE);
        irq_enable();
        debug_exception(p, dr6);
    } else {
        irq_enable();
        if (vector == VECTOR_GP)
            general_protection(p);
        else if (vector == VECTOR_NM)
            no_fpu(p);
        else if (vector == VECTOR_UD && pv_forced_emulation(v))
            return;
        else
            other_exception(p, vector);
    }
}
