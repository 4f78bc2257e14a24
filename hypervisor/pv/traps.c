/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Traps of a running PV guest: ours to handle (device interrupts, writes to page tables, lazily mapped LDT pages, privileged instructions) or the guest's, which gets
 * an exception frame. Called with interrupts off.
 */
#include "arch/x86/traps.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/layout.h"
#include "hv/guest.h"
#include "hv/irqflags.h"
#include "pv/bounce.h"
#include "pv/calls.h"
#include "pv/entry.h"
#include "pv/fixups.h"

enum {
    TRAP_DE,
    TRAP_DB,
    TRAP_NMI,
    TRAP_BP,
    TRAP_OF,
    TRAP_BR,
    TRAP_UD,
    TRAP_NM,
    TRAP_DF,
    TRAP_TS = 10,
    TRAP_NP,
    TRAP_SS,
    TRAP_GP,
    TRAP_PF,
    TRAP_MF = 16,
    TRAP_AC,
    TRAP_MC,
    TRAP_XM,
    TRAP_CP = 21
};

#define PF_PRESENT 1
#define PF_WRITE   2
#define PF_USER    4
#define PF_RSVD    8
#define GP_IDT     2 /* the error code's selector names an IDT entry (SDM 3A 6.13) */
#define CR0_TS     8UL

/* Vectors whose frame carries an error code. */
#define HAS_ERROR_CODE                                                                                       \
    (BIT(TRAP_DF) | BIT(TRAP_TS) | BIT(TRAP_NP) | BIT(TRAP_SS) | BIT(TRAP_GP) | BIT(TRAP_PF) |               \
     BIT(TRAP_AC) | BIT(TRAP_CP))

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
        pv_inject_error(p, TRAP_GP, (uint32_t)(address - gdt) & 0xfff8);
        return true;
    }
    return false;
}

void pv_exit_fault(struct pv_vcpu *p, uint64_t cr2)
{
    struct cpu_user_regs *r = &p->v.regs;

    if (r->entry_vector == TRAP_PF && descriptor_fault(p, cr2))
        return;
    pv_inject_error(p, r->entry_vector == TRAP_PF ? TRAP_GP : r->entry_vector, r->error_code);
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

    if ((r->error_code & 7) != GP_IDT || copy_from_guest(bytes, GUEST_PTR(r->rip), 2) || bytes[0] != 0xcd)
        return false;
    if (p->traps[bytes[1]].dpl >= pv_virtual_level(p)) {
        r->rip += 2;
        pv_inject(p, bytes[1]);
    } else {
        pv_inject_error(p, TRAP_GP, bytes[1] * 8U + GP_IDT);
    }
    return true;
}

static void general_protection(struct pv_vcpu *p)
{
    if (p->v.regs.error_code & GP_IDT) {
        if (!software_interrupt(p))
            pv_inject_error(p, TRAP_GP, p->v.regs.error_code);
        return;
    }
    if (p->v.regs.error_code == 0 && pv_emulate_privileged(&p->v))
        return;
    pv_inject_error(p, TRAP_GP, p->v.regs.error_code);
}

static void no_fpu(struct pv_vcpu *p)
{
    __asm__ volatile("clts");
    p->fpu_ts = false;
    if (p->cr0_guest & CR0_TS) {
        p->cr0_guest &= ~CR0_TS;
        pv_inject(p, TRAP_NM);
    }
}

static void debug_exception(struct pv_vcpu *p, uint64_t dr6)
{
    p->dr6 = dr6;
    pv_inject(p, TRAP_DB);
}

static void other_exception(struct pv_vcpu *p, unsigned int vector)
{
    if (vector < 32 && HAS_ERROR_CODE & BIT(vector))
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
    if (vector == TRAP_PF) {
        address = read_cr2();
        irq_enable();
        page_fault(p, address);
    } else if (vector == 0x80) {
        irq_enable();
        if (likely(p->traps[0x80].address))
            pv_bounce(p, p->traps[0x80].address, p->traps[0x80].mask_events, NULL, 0);
        else
            pv_inject_error(p, TRAP_GP, 0x80 * 8 + GP_IDT);
    } else if (vector >= 32) {
        irq_dispatch(vector);
    } else if (vector == TRAP_DB) {
        dr6 = read_dr6();
        write_dr6(0xffff0ff0);
        irq_enable();
        debug_exception(p, dr6);
    } else {
        irq_enable();
        if (vector == TRAP_GP)
            general_protection(p);
        else if (vector == TRAP_NM)
            no_fpu(p);
        else if (vector == TRAP_UD && pv_forced_emulation(v))
            return;
        else
            other_exception(p, vector);
    }
}
