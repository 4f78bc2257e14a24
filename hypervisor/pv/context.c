/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Switching PV vcpus on a processor. While a vcpu runs, its segment registers, their bases, its debug registers and its FPU state are the processor's, also inside
 * the hypervisor, which uses none of them. The order on the way in: page tables (the descriptor tables lie in the per-domain area), GDT, LDT, segments.
 */
#include "arch/x86/tlb.h"
#include "arch/x86/cpu.h"
#include "arch/x86/cpu_features.h"
#include "arch/x86/desc.h"
#include "arch/x86/extable.h"
#include "arch/x86/fpu.h"
#include "arch/x86/segment_base.h"
#include "arch/x86/spec.h"
#include "hv/irqflags.h"
#include "hv/percpu.h"
#include "pv/bounce.h"
#include "pv/calls.h"
#include "pv/context.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"
#include "pv/msr.h"

#define SELECTOR_LDT    4
#define SELECTOR_OFFSET 0xfff8

/* Ids are not reused soon. Domain 0, at first: nothing was learnt before. */
static DEFINE_PERCPU(domid_id_t, predictors_of);
/* What MSR_TSC_AUX holds: 0 from the processor's start (cpu_features_apply()). */
static DEFINE_PERCPU(uint32_t, tsc_aux);

static void save_segments(struct pv_vcpu *p)
{
    uint64_t active, shadow;

    __asm__ volatile("mov %%ds, %0; mov %%es, %1; mov %%fs, %2; mov %%gs, %3"
                     : "=m"(p->ds), "=m"(p->es), "=m"(p->fs), "=m"(p->gs));
    read_segment_bases(&p->fs_base, &active, &shadow);
    p->gs_base_kernel = p->kernel_mode ? active : shadow;
    p->gs_base_user = p->kernel_mode ? shadow : active;
}

#define LOAD_SELECTOR(name, selector)                                                                        \
    ({                                                                                                       \
        bool loaded_ = true;                                                                                 \
        unsigned long selector_ = (selector);                                                                \
        __asm__ volatile("1: mov %w1, %%" name "\n\tjmp 3f\n"                                                \
                         "2: movb $0, %0\n\txorl %k1, %k1\n\tmov %w1, %%" name "\n"                          \
                         "3:\n" EXTABLE(1b, 2b)                                                              \
                         : "+q"(loaded_), "+r"(selector_)                                                    \
                         :                                                                                   \
                         : "memory");                                                                        \
        loaded_;                                                                                             \
    })

static bool load_segments(struct pv_vcpu *p)
{
    bool loaded = LOAD_SELECTOR("ds", p->ds);

    loaded &= LOAD_SELECTOR("es", p->es);
    loaded &= LOAD_SELECTOR("fs", p->fs);
    loaded &= LOAD_SELECTOR("gs", p->gs);
    /* Loading a selector may have changed the bases, which were saved as they were. */
    write_segment_bases(p->fs_base, p->kernel_mode ? p->gs_base_kernel : p->gs_base_user,
                        p->kernel_mode ? p->gs_base_user : p->gs_base_kernel);
    return loaded;
}

/* Page of the LDT, which is not there before its first use. */
static bool bring_ldt_page(struct pv_vcpu *p, uint16_t selector)
{
    return (selector & SELECTOR_LDT) && pv_ldt_fault(&p->v, selector & SELECTOR_OFFSET);
}

static bool load_user_gs(uint16_t selector)
{
    bool loaded;

    /* Called by the guest's kernel: the user's GS base is the shadow. */
    __asm__ volatile("cli; swapgs" ::: "memory");
    loaded = LOAD_SELECTOR("gs", selector);
    __asm__ volatile("mfence; swapgs; sti" ::: "memory");
    return loaded;
}

bool pv_load_user_gs(struct pv_vcpu *p, uint16_t selector)
{
    p->gs = selector;
    return load_user_gs(selector) || (bring_ldt_page(p, selector) && load_user_gs(selector));
}

bool pv_segments_failed(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);
    bool any;

    irq_enable(); /* a page may have to be validated, and other processors to flush */
    any = bring_ldt_page(p, p->ds);
    any |= bring_ldt_page(p, p->es);
    any |= bring_ldt_page(p, p->fs);
    any |= bring_ldt_page(p, p->gs);
    irq_disable();
    return !any || !load_segments(p);
}

/* States are saved and restored whole, whatever the guest has switched off: what it left in a component must neither get lost nor reach the next vcpu. */
static void use_xcr0(const struct pv_vcpu *p, uint64_t value)
{
    if (patch_on(PATCH_XSAVE) && pv_real_xcr0(p) != cpu_features.xcr0)
        xsetbv(0, value);
}

void pv_lend_fpu(struct vcpu *v)
{
    const uint32_t mxcsr = 0x1f80;

    use_xcr0(pv_vcpu(v), cpu_features.xcr0);
    fpu_save(pv_vcpu(v)->fpu);
    __asm__ volatile("fninit; ldmxcsr %0" ::"m"(mxcsr));
}

void pv_take_fpu_back(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);

    fpu_restore(p->fpu);
    use_xcr0(p, pv_real_xcr0(p));
    if (p->fpu_ts)
        write_cr0(read_cr0() | CR0_TS);
}

void pv_switch_from(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);

    save_segments(p);
    use_xcr0(p, cpu_features.xcr0);
    fpu_save(p->fpu);
    if (p->dr7 & DR7_ENABLE) {
        p->dr6 = read_dr6();
        write_dr7(DR7_FIXED_ONE);
    }
    load_host_gdt(); /* v's is not on the root that comes, and an NMI may come first */
}

/* What another domain taught the predictors is not to steer this one. */
static void forget_predictions(const struct domain *next)
{
    if (!spec_policy.ibpb || this_cpu(predictors_of) == next->id)
        return;
    this_cpu(predictors_of) = next->id;
    wrmsr(MSR_PRED_CMD, PRED_CMD_IBPB);
}

void pv_load_tsc_aux(uint32_t value)
{
    this_cpu(tsc_aux) = value;
    wrmsr(MSR_TSC_AUX, value);
}

void pv_switch_to(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);
    uint64_t cr4 = pv_real_cr4(p), cr4_to_load = cr4 | (patch_on(PATCH_FSGSBASE) ? CR4_FSGSBASE : 0);
    uint64_t ours = (hv_gdt_page_mfn() << PAGE_SHIFT) | MAP_DATA;
    uint64_t *pte = pv_gdt_pte(v, PV_GDT_FRAMES);

    forget_predictions(v->domain);
    if (*pte != (ours & ~PTE_GLOBAL))
        *pte = ours & ~PTE_GLOBAL;
    /* CR4 is written for the sake of the TLB anyway: with it come the instructions that load bases, for whom a guest has them or not. */
    tlb_load_root_and_cr4(p->kernel_mode ? p->cr3_kernel : p->cr3_user, cr4_to_load);
    load_gdt(pv_gdt_va(v));
    load_ldt(pv_ldt_va(v), p->ldt_entries);
    use_port_map(p->port_map[p->kernel_mode]);
    if (unlikely(this_cpu(tsc_aux) != p->tsc_aux))
        pv_load_tsc_aux(p->tsc_aux);
    if (!load_segments(p))
        v->segments_failed = true;
    if (cr4_to_load != cr4)
        write_cr4(cr4);
    fpu_restore(p->fpu);
    use_xcr0(p, pv_real_xcr0(p));
    if (p->fpu_ts)
        write_cr0(read_cr0() | CR0_TS);
    if (p->dr7 & DR7_ENABLE) {
        write_dr0(p->dr[0]);
        write_dr1(p->dr[1]);
        write_dr2(p->dr[2]);
        write_dr3(p->dr[3]);
        write_dr6(p->dr6);
        write_dr7(p->dr7);
    }
}

void pv_load_root(struct vcpu *v)
{
    tlb_load_root(pv_vcpu(v)->cr3_kernel);
}

void pv_load_ldt(struct vcpu *v)
{
    load_ldt(pv_ldt_va(v), pv_vcpu(v)->ldt_entries);
}
