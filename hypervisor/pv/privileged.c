/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Privileged instructions of a PV guest: the general protection fault is decoded with the emulator's library, and what the instruction asks of the machine is answered from the
 * vcpu's own control state, the domain's CPU policy, or the devices it may use. Only the guest's kernel is served, but for CPUID and the port bitmap.
 */
#include "arch/x86/cpu.h"
#include "arch/x86/extable.h"
#include "arch/x86/layout.h"
#include "emulate/exec.h"
#include "emulate/quick_system.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "pv/bounce.h"
#include "pv/calls.h"
#include "pv/fixups.h"
#include "pv/gpr.h"
#include "pv/msr.h"
#include "pv/ports.h"
#include "sched/sched.h"

#define CLASSES                                                                                              \
    (EMU_CLASS_IO | EMU_CLASS_CPUID | EMU_CLASS_MSR | EMU_CLASS_CR | EMU_CLASS_DR | EMU_CLASS_TSC |          \
     EMU_CLASS_CACHE | EMU_CLASS_XCR)
#define USER_CLASSES (EMU_CLASS_IO | EMU_CLASS_CPUID | EMU_CLASS_TSC)
#define REP_LIMIT    64

#define CR4_SHOWN_OFF (CR4_PGE | CR4_VMXE | CR4_SMEP | CR4_SMAP) /* the hypervisor's business */
#define FLAGS_MERGED  (EFLAGS_STATUS | EFLAGS_DF)

static struct pv_vcpu *vcpu_of(struct emu *emu)
{
    return emu->opaque;
}

static enum emu_result read_memory(struct emu *emu, uint64_t linear, void *buffer, unsigned length,
                                   enum emu_access access)
{
    (void)access;
    return copy_from_guest(buffer, GUEST_PTR(linear), length) ? emu_raise_page_fault(emu, linear, 0) : EMU_OK;
}

static enum emu_result write_memory(struct emu *emu, uint64_t linear, const void *buffer, unsigned length)
{
    return copy_to_guest(GUEST_PTR(linear), buffer, length) ? emu_raise_page_fault(emu, linear, PF_WRITE)
                                                            : EMU_OK;
}

static enum emu_result read_segment(struct emu *emu, enum insn_seg seg, struct emu_segment *out)
{
    *out = (struct emu_segment){.limit = ~0U, .attributes = EMU_SEGMENT_PRESENT | EMU_SEGMENT_S | 3};
    if (seg == INSN_SEG_FS)
        out->base = rdmsr(MSR_FS_BASE);
    if (seg == INSN_SEG_GS)
        out->base = rdmsr(MSR_GS_BASE);
    (void)emu;
    return EMU_OK;
}

static enum emu_result check_port(struct emu *emu, uint16_t port, unsigned size)
{
    return pv_port_allowed(vcpu_of(emu), port, size) ? EMU_OK : emu_raise(emu, VECTOR_GP, 0);
}

static enum emu_result port_read(struct emu *emu, uint16_t port, unsigned size, uint32_t *value)
{
    *value = pv_port_read(vcpu_of(emu), port, size);
    return EMU_OK;
}

static enum emu_result port_write(struct emu *emu, uint16_t port, unsigned size, uint32_t value)
{
    pv_port_write(vcpu_of(emu), port, size, value);
    return EMU_OK;
}

static enum emu_result read_cr(struct emu *emu, unsigned cr, uint64_t *value)
{
    struct pv_vcpu *p = vcpu_of(emu);

    switch (cr) {
    case 0:
        *value = p->cr0_guest;
        return EMU_OK;
    case 2:
        *value = p->cr2;
        return EMU_OK;
    case 3:
        *value = p->cr3_kernel;
        return EMU_OK;
    case 4:
        *value = (pv_real_cr4(p) & ~(CR4_SHOWN_OFF | CR4_TSD)) | (p->cr4_guest & CR4_TSD);
        return EMU_OK;
    default:
        return emu_raise(emu, VECTOR_GP, 0);
    }
}

static enum emu_result set_cr0(struct emu *emu, struct pv_vcpu *p, uint64_t value)
{
    if ((value ^ p->cr0_guest) & ~CR0_TS)
        return emu_raise(emu, VECTOR_GP, 0);
    pv_set_fpu_ts(p, value & CR0_TS);
    return EMU_OK;
}

static enum emu_result write_cr3_by(struct emu *emu, struct pv_vcpu *p, uint64_t value)
{
    int rc = pv_write_cr3(p, value);

    return !rc ? EMU_OK : rc == -ERESTART ? EMU_RETRY : emu_raise(emu, VECTOR_GP, 0);
}

static enum emu_result write_cr(struct emu *emu, unsigned cr, uint64_t value)
{
    struct pv_vcpu *p = vcpu_of(emu);

    switch (cr) {
    case 0:
        return set_cr0(emu, p, value);
    case 2:
        p->cr2 = p->v.info->arch.cr2 = value;
        return EMU_OK;
    case 3:
        return write_cr3_by(emu, p, value);
    case 4:
        p->cr4_guest = value & PV_CR4_CHANGEABLE;
        write_cr4(pv_real_cr4(p));
        return EMU_OK;
    default:
        return emu_raise(emu, VECTOR_GP, 0);
    }
}

static enum emu_result read_dr(struct emu *emu, unsigned dr, uint64_t *value)
{
    struct pv_vcpu *p = vcpu_of(emu);

    *value = dr < 4 ? p->dr[dr] : dr == 4 || dr == 6 ? p->dr6 : p->dr7;
    return EMU_OK;
}

static enum emu_result write_dr(struct emu *emu, unsigned dr, uint64_t value)
{
    return pv_set_debugreg(vcpu_of(emu), dr, value) ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result read_msr(struct emu *emu, uint32_t msr, uint64_t *value)
{
    return pv_msr_read(vcpu_of(emu), msr, value) ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result write_msr(struct emu *emu, uint32_t msr, uint64_t value)
{
    return pv_msr_write(vcpu_of(emu), msr, value) ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result run_cpuid(struct emu *emu, uint32_t leaf, uint32_t subleaf, uint32_t result[4])
{
    struct cpuid_regs r;

    pv_cpuid(&vcpu_of(emu)->v, leaf, subleaf, &r);
    result[0] = r.a;
    result[1] = r.b;
    result[2] = r.c;
    result[3] = r.d;
    return EMU_OK;
}

static enum emu_result write_xcr(struct emu *emu, uint32_t xcr, uint64_t value)
{
    return xcr || pv_set_xcr0(vcpu_of(emu), value) ? emu_raise(emu, VECTOR_GP, 0) : EMU_OK;
}

static enum emu_result flush_cache(struct emu *emu, enum emu_cache_op op, uint64_t linear)
{
    if (op == EMU_CACHE_INVD)
        return emu_raise(emu, VECTOR_GP, 0);
    (void)linear;
    if (READ_ONCE(vcpu_of(emu)->v.domain->has_devices)) /* who has no devices needs no coherence */
        __asm__ volatile("wbinvd" ::: "memory");
    return EMU_OK;
}

static const struct emu_ops ops = {
    .read = read_memory,
    .write = write_memory,
    .read_segment = read_segment,
    .check_port_permission = check_port,
    .io_read = port_read,
    .io_write = port_write,
    .cpuid = run_cpuid,
    .read_msr = read_msr,
    .write_msr = write_msr,
    .read_cr = read_cr,
    .write_cr = write_cr,
    .read_dr = read_dr,
    .write_dr = write_dr,
    .write_xcr = write_xcr,
    .cache = flush_cache,
};

/* Instructions that change nothing but the vcpu's idea of interrupts. True if it was one. */
static bool interrupt_flag_instruction(struct pv_vcpu *p, uint8_t opcode)
{
    if (p->iopl < pv_virtual_level(p) || (opcode != 0xfa && opcode != 0xfb))
        return false;
    p->v.regs
        .rip++; /* CLI, STI: whether events are masked is the shared area's business, and these do nothing */
    return true;
}

/* Any instruction, on a copy of the registers. String ports keep the iterations that are done, whatever ends them. */
static enum emu_result run_decoded(struct pv_vcpu *p, const struct insn *insn, struct emu *emu)
{
    struct cpu_user_regs *r = &p->v.regs;
    struct emu_regs regs;
    enum emu_result result;

    pv_copy_registers(&regs, r);
    emu->regs = &regs;
    result = emu_execute(emu, insn);
    pv_take_registers(r, &regs);
    r->rflags = (regs.rflags & FLAGS_MERGED) | (r->rflags & ~FLAGS_MERGED);
    return result;
}

/* The common instructions on the vcpu's own frame, the others by the long way. */
static enum emu_result run(struct pv_vcpu *p, const uint8_t *bytes, size_t n, struct emu *emu)
{
    const struct quick_regs where = {&p->v.regs, pv_gpr_offset};
    struct quick_system quick;
    enum emu_result result;
    struct insn insn;

    *emu = (struct emu){
        .ops = &ops,
        .opaque = p,
        .classes = p->kernel_mode ? CLASSES : USER_CLASSES,
        .rep_limit = REP_LIMIT,
        .mode = INSN_MODE_64,
        .cpl = p->kernel_mode ? 0 : 3,
    };
    if (likely(quick_system_decode(&quick, bytes, n))) {
        result = quick_system_execute(&quick, emu, &where);
        if (result == EMU_OK)
            p->v.regs.rip += quick.length;
        return result;
    }
    if (insn_decode(&insn, bytes, n, INSN_MODE_64) != INSN_OK || insn.op == INSN_OP_LMSW)
        return EMU_UNHANDLED;
    return run_decoded(p, &insn, emu);
}

/* Access rights of the selector in the guest's tables, which are loaded, as LAR gives them; 0: there is nothing. */
static uint64_t code_rights(uint16_t selector)
{
    uint64_t rights = 0;

    __asm__ volatile("1: larq %1, %0\n2:\n" EXTABLE(1b, 2b) : "+r"(rights) : "r"((uint64_t)selector) : "cc");
    return rights;
}

/* LAR, SDM 2A: the L bit is bit 21. */
static bool is_64bit_code(uint16_t selector)
{
    return likely(selector == GUEST_CS64) || code_rights(selector) & BIT(21);
}

/* Where the segment begins, by its descriptor: what the processor goes by was loaded from there. */
static uint32_t code_base(const struct vcpu *v)
{
    uint16_t selector = v->regs.cs;
    uint64_t descriptor = 0, at = (selector & 4 ? pv_ldt_va(v) : pv_gdt_va(v)) + (selector & 0xfff8);

    if (!code_rights(selector))
        return 0;
    __asm__ volatile("1: movq (%1), %0\n2:\n" EXTABLE(1b, 2b) : "+r"(descriptor) : "r"(at));
    return (uint32_t)(descriptor >> 16 & 0xffffff) | (uint32_t)(descriptor >> 32 & 0xff000000);
}

/* 32-bit code in a 64-bit guest is its user mode. It is given the time, where that is not the processor's own. */
static enum emu_result run_narrow(struct pv_vcpu *p, struct emu *emu)
{
    uint32_t base = code_base(&p->v);
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t n = pv_fetch(base + (uint32_t)p->v.regs.rip, bytes);
    struct insn insn;

    *emu = (struct emu){.ops = &ops, .opaque = p, .classes = EMU_CLASS_TSC, .mode = INSN_MODE_32, .cpl = 3};
    if (p->kernel_mode || !n || insn_decode(&insn, bytes, n, INSN_MODE_32) != INSN_OK)
        return EMU_UNHANDLED;
    return run_decoded(p, &insn, emu);
}

static enum emu_result run_wide(struct pv_vcpu *p, struct emu *emu)
{
    uint8_t bytes[INSN_MAX_LENGTH];
    size_t n = pv_fetch(p->v.regs.rip, bytes);

    if (!n)
        return EMU_UNHANDLED;
    return interrupt_flag_instruction(p, bytes[0]) ? EMU_OK : run(p, bytes, n, emu);
}

/* An instruction that was carried out for it is a step of the guest's, too. */
static void single_step(struct pv_vcpu *p)
{
    if (likely(!(p->v.regs.rflags & EFLAGS_TF)))
        return;
    p->dr6 |= DR6_BS;
    pv_inject(p, VECTOR_DB);
}

bool pv_emulate_privileged(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);
    struct emu emu;

    switch (likely(is_64bit_code(v->regs.cs)) ? run_wide(p, &emu) : run_narrow(p, &emu)) {
    case EMU_OK:
        single_step(p);
        return true;
    case EMU_RETRY:
        return true;
    case EMU_EXCEPTION:
        if (emu.exception.vector == VECTOR_PF)
            pv_inject_page_fault(p, emu.exception.cr2, emu.exception.error_code);
        else if (emu.exception.has_error_code)
            pv_inject_error(p, emu.exception.vector, emu.exception.error_code);
        else
            pv_inject(p, emu.exception.vector);
        return true;
    default:
        return false;
    }
}

bool pv_forced_emulation(struct vcpu *v)
{
    const uint64_t forced_cpuid = 0xa20f6e65780b0fULL; /* ud2; "xen"; cpuid, little endian */
    const unsigned int length = 7;
    uint64_t bytes = 0;
    struct cpuid_regs out;

    if (copy_from_guest(&bytes, GUEST_PTR(v->regs.rip), length) || bytes != forced_cpuid)
        return false;
    pv_cpuid(v, (uint32_t)v->regs.rax, (uint32_t)v->regs.rcx, &out);
    v->regs.rax = out.a;
    v->regs.rbx = out.b;
    v->regs.rcx = out.c;
    v->regs.rdx = out.d;
    v->regs.rip += length;
    return true;
}
