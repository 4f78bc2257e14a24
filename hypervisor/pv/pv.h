/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Paravirtualised guests: what a PV domain and a PV vcpu have beyond the common part. Both structures start with the common one.
 */
#ifndef PV_PV_H
#define PV_PV_H

#include "core/domain.h"
#include "hv/frame.h"

extern const struct guest_kind pv_kind;

#define PV_GDT_FRAMES                                                                                        \
    14 /* of the guest; pages 14 and 15 of the GDT are the hypervisor's (xen.h: FIRST_RESERVED_GDT_PAGE) */
#define PV_GDT_PAGES 16
#define PV_LDT_PAGES 16
/* The per-domain area: each vcpu has 32 pages of descriptor tables, GDT first. */
#define PV_VCPU_AREA_PAGES (PV_GDT_PAGES + PV_LDT_PAGES)

struct pv_domain {
    struct domain d;
    uint64_t *perdomain_l3; /* page: slot PERDOMAIN_SLOT of every L4 of the domain points here */
    uint64_t *perdomain_l2;
    uint64_t **perdomain_l1; /* one page for each 16 vcpus: 16 * 32 entries */
    bool split_root; /* its vcpus run on copies of their roots (arch/x86/split_root.h); set at creation */
    uint64_t root_generation; /* another number, never used before, after each change of an L4 */
    bool l1tf_rule;           /* its not-present entries may not name memory (pv/pte.h); set at creation */
    uint32_t pci_index;       /* CF8 as the domain wrote it */
    uint8_t cmos_index;       /* port 70 likewise */
    /* How far pv_relinquish() has come: the step, and in the first the vcpu. */
    uint8_t relinquish_step;
    uint16_t relinquish_vcpu;
};

enum pv_callback_kind {
    PV_CB_EVENT,
    PV_CB_FAILSAFE,
    PV_CB_SYSCALL,
    PV_CB_SYSCALL32,
    PV_CB_SYSENTER,
    PV_CB_NMI,
    PV_CB_COUNT
};

struct pv_callback {
    uint64_t address;
    uint16_t cs;
    bool mask_events; /* CALLBACKF_mask_events: upcalls are masked on entry */
    bool valid;
};

struct pv_trap {
    uint64_t address;
    uint16_t cs; /* 0: no handler */
    uint8_t dpl; /* TI_GET_DPL: who may use it by INT n */
    bool mask_events;
};

struct pv_vcpu {
    struct vcpu v;

    /* Read by entry code; offsets in arch/x86/entry/offsets.c. */
    bool
        kernel_mode; /* the guest's kernel runs, as against its user mode: decides what SYSCALL and page tables mean */
    uint64_t kernel_sp; /* stack_switch */
    uint16_t kernel_ss;
    uint64_t cr3_kernel; /* physical addresses of the L4s, as loaded into CR3; cr3_user 0: none */
    uint64_t cr3_user;
    struct pv_callback callback[PV_CB_COUNT];
    struct pv_trap traps[256];

    /* Page table roots: each holds a reference and a type reference while installed. */
    struct frame *root_kernel;
    struct frame *root_user;
    /* A page table whose last type reference this vcpu dropped, not wholly devalidated yet (pv/mmu.h); the frame may have become anything since. */
    struct frame *unfinished;
    domid_id_t unfinished_owner;

    /* Control state as the guest sees it. */
    uint64_t cr0_guest, cr2, cr4_guest;
    uint64_t dr[4], dr6,
        dr7; /* debug registers; dr7 active bits are what the processor has while the vcpu runs */
    uint64_t fs_base, gs_base_kernel, gs_base_user; /* saved while not running */
    uint16_t ds, es, fs, gs;                        /* saved while not running */
    uint8_t iopl;
    uint16_t port_map[2];        /* for use_port_map(): in user mode, in kernel mode */
    bool honours_iopl;           /* VMASST_TYPE_architectural_iopl: iret and frames carry the IOPL */
    guest_ptr_t guest_io_bitmap; /* PHYSDEVOP_set_iobitmap */
    uint32_t guest_io_bitmap_ports;

    /* Descriptor tables. */
    struct frame *gdt_frame[PV_GDT_FRAMES]; /* each with a descriptor-type reference */
    unsigned int gdt_entries;
    uint64_t ldt_base;
    unsigned int ldt_entries;
    uint32_t
        ldt_mapped; /* bit for each LDT page that was faulted in; each holds a descriptor-type reference */
    lock_t ldt_lock;

    bool in_nmi; /* the NMI callback runs: until the next iret hypercall no other is delivered */

    /* FPU state: one XSAVE area, kept eagerly (arch/x86/fpu.h). */
    void *fpu;
    bool fpu_ts; /* the guest set CR0.TS by fpu_taskswitch */

    uint32_t tsc_aux;         /* in the processor while the vcpu runs, and after it until another's differs */
    uint64_t xcr0, xcr0_used; /* 0: never set; and all components that it ever had on */
    uint64_t mcg_cap, mcg_ext_ctl,
        mci_ctl2[2]; /* machine check registers that a toolstack may carry from another machine */
};

static inline struct pv_domain *pv_domain(struct domain *d)
{
    return container_of(d, struct pv_domain, d);
}

static inline struct pv_vcpu *pv_vcpu(struct vcpu *v)
{
    return container_of(v, struct pv_vcpu, v);
}

/* The privilege level that the guest's code counts as, against gates and the virtual IOPL: its kernel is at 1, or at 0 with architectural_iopl. */
static inline unsigned int pv_kernel_level(const struct pv_vcpu *p)
{
    return p->honours_iopl ? 0 : 1;
}

static inline unsigned int pv_virtual_level(const struct pv_vcpu *p)
{
    return p->kernel_mode ? pv_kernel_level(p) : 3;
}

/* PTE of the GDT/LDT pages of a vcpu in the per-domain area. */
uint64_t *pv_gdt_pte(struct vcpu *v, unsigned int page);
uint64_t *pv_ldt_pte(struct vcpu *v, unsigned int page);
/* Virtual address of the vcpu's GDT / LDT there. */
uint64_t pv_gdt_va(const struct vcpu *v);
uint64_t pv_ldt_va(const struct vcpu *v);

/* The L4 entry of the per-domain area. */
uint64_t pv_perdomain_entry(struct domain *d);
/* Our slots of an L4 page of the domain's. */
void pv_fill_root_slots(uint64_t *l4, struct domain *d);
/*
 * The M2P's slot of a root: filled when the guest's kernel first runs on it, so that a root for user mode alone does not have it (as on Xen); with m2p_strict also emptied
 * when a root becomes the user's.
 */
void pv_show_m2p(struct domain *d, uint64_t *l4, bool shown);
/* An L4 of the domain has another content: copies of it (arch/x86/split_root.h) are made anew before its vcpus next run. */
void pv_root_changed(struct domain *d);
/*
 * VCPUOP_initialise, domctl setvcpucontext: struct vcpu_guest_context, decoded. -EINVAL; -ERESTART: call again with the same context; hc->vcpu's processor has something else to do first. The vcpu does not run and
 * nobody else sets its context meanwhile; no lock is held.
 */
int pv_set_context(struct vcpu *v, const void *vcpu_guest_context, struct hypercall *hc) __must_check;
/* domctl getvcpucontext: of a vcpu that is off its processor, in the form that pv_set_context() takes. */
void pv_get_context(struct vcpu *v, struct vcpu_guest_context *out);
/*
 * Page tables, descriptors, pages: gives back what the domain holds. -ERESTART: call again, it goes on where it stopped; some 64 units of work a call when something is pending. 0: done, but for
 * pages that others still map; called again, it looks at what is left from the beginning. One caller at a time. The domain's vcpus do not run and it gets no new pages. Not given back here: a
 * registered vcpu_info (vcpu.info_frame), which others may still write events into.
 */
int pv_relinquish(struct domain *d) __must_check;

/* The numbers of the L1TF rule (pv/pte.h), from the processor; once, before the first domain. */
void pv_l1tf_init(void);

/* Fills a page with the stubs that guests call us through (pv/dom0/build.c). */
void pv_write_hypercall_page(void *page);

#endif
