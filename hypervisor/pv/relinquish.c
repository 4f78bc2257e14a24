/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a PV domain's memory, in steps that may stop anywhere and go on there: what vcpus hold, pins and tables left half done, and at last the pages themselves. The
 * domain is dying: its vcpus do not run, nothing new is allocated to it.
 */
#include "arch/x86/tlb.h"
#include "core/frame_ref.h"
#include "core/memory_claim.h"
#include "core/memory_op.h"
#include "core/p2m.h"
#include "event/event.h"
#include "pv/descriptors.h"
#include "pv/mmu.h"
#include "pv/pv.h"

static int drop_root(struct vcpu *v, struct frame **root, struct hypercall *hc)
{
    struct frame *f = *root;

    *root = NULL; /* what is left of it is found again among the pages, half done */
    return f ? frame_put_type(f, v->domain, FT_L4, hc) : 0;
}

static int drop_vcpu(struct vcpu *v, struct hypercall *hc)
{
    struct pv_vcpu *pv = pv_vcpu(v);

    pv_drop_gdt(v);
    pv_drop_ldt(v);
    pv->unfinished = NULL;
    pv->cr3_kernel = pv->cr3_user = 0;
    if (drop_root(v, &pv->root_user, hc) || drop_root(v, &pv->root_kernel, hc))
        return -ERESTART;
    return 0;
}

static int drop_vcpus(struct domain *d, struct hypercall *hc)
{
    struct pv_domain *pd = pv_domain(d);

    while (pd->relinquish_vcpu < d->max_vcpus) {
        struct vcpu *v = d->vcpu[pd->relinquish_vcpu];

        if (v && drop_vcpu(v, hc))
            return -ERESTART;
        pd->relinquish_vcpu++;
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

/*
 * Visits every page. `visit` says -ERESTART if it is not done with this one, and may make it leave the list. Nothing is visited twice for the sake of a stop: with a walk that begins anew, a
 * domain of many pages would never end, when more comes up in the time of a walk than a call does.
 */
static int each_page(struct domain *d, struct hypercall *hc,
                     int (*visit)(struct domain *d, struct frame *f, struct hypercall *hc))
{
    struct frame *f;

    while ((f = domain_pages_current(d)) != NULL) {
        if (visit(d, f, hc))
            return -ERESTART;
        domain_pages_advance(d, f);
        if (hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

/*
 * Pins go, and tables that are half done. The walk stays at a table until nothing of it is left half done; so what its end stopped at below it is finished with it, though the walk may have
 * passed there before. No reference is taken for it: a guest may have brought the count of one to its limit, by mapping it.
 */
static int drop_table(struct domain *d, struct frame *f, struct hypercall *hc)
{
    uint64_t w = READ_ONCE(f->word);

    if (likely(!fw_pinned(w) && (fw_phase(w) == FW_IDLE || fw_phase(w) == FW_VALID)))
        return 0;
    if (fw_phase(w) == FW_WORK) /* for somebody else, just now: it may be left half done */
        return -ERESTART;
    if (fw_pinned(w) && frame_unpin(f, d, hc) == -ERESTART)
        return -ERESTART;
    return frame_resume(f, d, hc);
}

static int drop_tables(struct domain *d, struct hypercall *hc)
{
    return each_page(d, hc, drop_table);
}

/* One flush for all its pages: what was mapped may be scrubbed then. */
static int flush_all(struct domain *d, struct hypercall *hc)
{
    cpumask_t all = cpu_online_mask;

    (void)hc;
    if (d->tot_pages)
        tlb_flush_mask(&all, TLB_FLUSH | TLB_FLUSH_GLOBAL);
    return 0;
}

static int give_up_page(struct domain *d, struct frame *f, struct hypercall *hc)
{
    (void)hc;
    if (!domain_reclaim_frame(d, f))
        (void)!domain_give_up_frame(d, f);
    return 0;
}

/* Pages that others map stay with them until they let go. */
static int give_up_pages(struct domain *d, struct hypercall *hc)
{
    return each_page(d, hc, give_up_page);
}

static int (*const steps[])(struct domain *d, struct hypercall *hc) = {drop_vcpus, drop_tables, flush_all,
                                                                       give_up_pages};

int pv_relinquish(struct domain *d)
{
    struct hypercall hc = {.budget = HYPERCALL_BUDGET};
    struct pv_domain *pd = pv_domain(d);

    memory_claim_drop(d);
    if (memory_extent_drop(d) || memory_exchange_drop(d, &hc))
        return -ERESTART;
    for (; pd->relinquish_step < ARRAY_SIZE(steps); pd->relinquish_step++) {
        if (steps[pd->relinquish_step](d, &hc))
            return -ERESTART;
        domain_pages_rewind(d);
    }
    pd->relinquish_step = 0;
    pd->relinquish_vcpu = 0;
    return 0;
}
