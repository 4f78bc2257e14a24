/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The PV kind of guest: making and unmaking what a PV domain and vcpu have beyond the common part. */
#include "arch/x86/fpu.h"
#include "arch/x86/hostmap.h"
#include "arch/x86/layout.h"
#include "arch/x86/spec.h"
#include "core/heap.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "pv/context.h"
#include "pv/ports.h"
#include "pv/msr.h"
#include "pv/pv.h"

#define VCPUS_PER_L1 (512 / PV_VCPU_AREA_PAGES)
#define L1_COUNT     DIV_ROUND_UP(MAX_VCPUS, VCPUS_PER_L1)
_Static_assert(L1_COUNT <= 512, "one L2 holds them all");

/* The per-domain area (arch/x86/layout.h): one L3, one L2, and an L1 for each 16 vcpus, made when the first of them is. */
static int pv_domain_init(struct domain *d)
{
    struct pv_domain *pd = pv_domain(d);
    uint64_t *l2;

    pd->perdomain_l3 = hv_alloc_page();
    pd->perdomain_l1 = hv_new_array(uint64_t *, L1_COUNT);
    l2 = hv_alloc_page();
    if (!pd->perdomain_l3 || !pd->perdomain_l1 || !l2) {
        hv_free_page(pd->perdomain_l3);
        hv_free(pd->perdomain_l1);
        hv_free_page(l2);
        return -ENOMEM;
    }
    pd->split_root = spec_applies(&spec_policy.split_root, d->id);
    pd->l1tf_rule = spec_applies(&spec_policy.l1tf_rule, d->id);
    pd->perdomain_l3[0] = mfn_to_paddr(va_to_mfn(l2)) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    pd->perdomain_l2 = l2;
    return 0;
}

static void pv_domain_free(struct domain *d)
{
    struct pv_domain *pd = pv_domain(d);

    for (unsigned int i = 0; i < L1_COUNT; i++)
        hv_free_page(pd->perdomain_l1[i]);
    hv_free(pd->perdomain_l1);
    hv_free_page(pd->perdomain_l2);
    hv_free_page(pd->perdomain_l3);
}

static uint64_t area_index(const struct vcpu *v)
{
    return (uint64_t)v->id * PV_VCPU_AREA_PAGES;
}

uint64_t *pv_gdt_pte(struct vcpu *v, unsigned int page)
{
    return &pv_domain(v->domain)->perdomain_l1[v->id / VCPUS_PER_L1][area_index(v) % 512 + page];
}

uint64_t *pv_ldt_pte(struct vcpu *v, unsigned int page)
{
    return pv_gdt_pte(v, PV_GDT_PAGES + page);
}

uint64_t pv_gdt_va(const struct vcpu *v)
{
    return PERDOMAIN_START + area_index(v) * PAGE_SIZE;
}

uint64_t pv_ldt_va(const struct vcpu *v)
{
    return pv_gdt_va(v) + PV_GDT_PAGES * PAGE_SIZE;
}

uint64_t pv_perdomain_entry(struct domain *d)
{
    return mfn_to_paddr(va_to_mfn(pv_domain(d)->perdomain_l3)) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
}

void pv_root_changed(struct domain *d)
{
    static uint64_t last_generation;

    /* The change was stored before; who sees the new number copies what includes it. */
    __atomic_store_n(&pv_domain(d)->root_generation,
                     __atomic_add_fetch(&last_generation, 1, __ATOMIC_SEQ_CST), __ATOMIC_RELEASE);
}

void pv_show_m2p(struct domain *d, uint64_t *l4, bool shown)
{
    uint64_t entry = shown ? hostmap_m2p_entry() : 0;

    if (READ_ONCE(l4[HYPERVISOR_SLOT]) == entry)
        return;
    WRITE_ONCE(l4[HYPERVISOR_SLOT], entry);
    pv_root_changed(d);
}

void pv_fill_root_slots(uint64_t *l4, struct domain *d)
{
    hostmap_fill_root(l4, pv_perdomain_entry(d));
    /* Otherwise when the guest's kernel first runs on it. */
    pv_show_m2p(d, l4, d->vm_assist & BIT(VMASST_TYPE_m2p_strict));
    pv_root_changed(d);
}

static int pv_vcpu_init(struct vcpu *v)
{
    struct pv_vcpu *p = pv_vcpu(v);
    struct pv_domain *pd = pv_domain(v->domain);
    unsigned int slot = v->id / VCPUS_PER_L1;

    if (!pd->perdomain_l1[slot]) {
        pd->perdomain_l1[slot] = hv_alloc_page();
        if (!pd->perdomain_l1[slot])
            return -ENOMEM;
        pd->perdomain_l2[slot] =
            mfn_to_paddr(va_to_mfn(pd->perdomain_l1[slot])) | PTE_PRESENT | PTE_WRITE | PTE_ACCESSED;
    }
    p->fpu = fpu_alloc();
    if (!p->fpu)
        return -ENOMEM;
    p->kernel_mode = true;
    pv_port_rights_changed(p);
    p->dr6 = DR6_FIXED_ONE;
    p->dr7 = DR7_FIXED_ONE;
    p->cr0_guest = CR0_PG | CR0_AM | CR0_WP | CR0_NE | CR0_ET | CR0_MP | CR0_PE;
    p->cr4_guest = 0;
    p->mcg_cap = PV_MC_BANKS;
    lock_init(&p->ldt_lock, RANK_LEAF);
    return 0;
}

static void pv_vcpu_free(struct vcpu *v)
{
    hv_free(pv_vcpu(v)->fpu);
}

const struct guest_kind pv_kind = {
    .name = "PV",
    .domain_size = sizeof(struct pv_domain),
    .vcpu_size = sizeof(struct pv_vcpu),
    .domain_init = pv_domain_init,
    .domain_free = pv_domain_free,
    .relinquish = pv_relinquish,
    .vcpu_init = pv_vcpu_init,
    .vcpu_free = pv_vcpu_free,
    .switch_from = pv_switch_from,
    .switch_to = pv_switch_to,
    .set_context = pv_set_context,
};
