/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The end of a PV domain's memory, in steps that may stop anywhere: what vcpus hold, pins, tables left half done, and at last the pages themselves. The
 * domain is dying: its vcpus do not run, nothing new is allocated to it.
 */
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

    *root = NULL;
    /* What is left of it is found again as a PARTIAL frame of the page list. */
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

/* Pins go, and tables that are half done. Both may start devalidation of others, which needs no second look: it is finished or PARTIAL, and comes up here. */
static int drop_tables_of(struct domain *d, struct frame *f, struct hypercall *hc)
{
    if (fw_pinned(READ_ONCE(f->word)) && frame_unpin(f, d, hc) == -ERESTART)
        return -ERESTART;
    return frame_resume(f, d, hc);
}

/* Walks the page list from its head; `visit` may make the frame leave it. */
static int each_page(struct domain *d, struct hypercall *hc,
                     int (*visit)(struct domain *d, struct frame *f, struct hypercall *hc))
{
    uint32_t n = d->page_list;

    while (n != FRAME_LIST_END) {
        struct frame *f = mfn_to_frame(MFN(n));

        n = f->next;
        if (visit(d, f, hc) || hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

static int give_up(struct domain *d, struct frame *f, struct hypercall *hc)
{
    (void)hc;
    (void)!domain_give_up_frame(d, f);
    return 0;
}

int pv_relinquish(struct domain *d)
{
    struct hypercall hc = {.budget = HYPERCALL_BUDGET};
    struct vcpu *v;

    memory_claim_drop(d);
    for_each_vcpu (v, d)
        if (drop_vcpu(v, &hc))
            return -ERESTART;
    if (each_page(d, &hc, drop_tables_of))
        return -ERESTART;
    /* Pages that others map stay with them until they let go. */
    return each_page(d, &hc, give_up);
}
