/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The audit of frames. It recomputes both counts of every frame from the table of holders, for one window of the frame table at a time, so that it needs little memory
 * on any machine. Everybody is paused: what is read does not change.
 */
#include "core/frame_audit.h"
#include "core/frame_ref.h"
#include "core/orphan.h"
#include "grant/grant.h"
#include "hv/log.h"
#include "hv/string.h"
#include "pv/pte.h"
#include "pv/pv.h"

#define WINDOW_ORDER 9
#define SHOWN        10

struct counts {
    uint32_t types, generals;
};
#define WINDOW_FRAMES ((PAGE_SIZE << WINDOW_ORDER) / sizeof(struct counts))

struct audit {
    struct counts *count; /* of frames [first, first + WINDOW_FRAMES) */
    uint64_t first;
    unsigned int violations;
};

static void complain(struct audit *a, const struct frame *f, const char *what, struct counts c)
{
    if (a->violations++ < SHOWN)
        log_err(
            "audit: frame %#lx of d%u: %s; word %#lx (types %lu, generals %lu), held %u and %u, flags %#x\n",
            (unsigned long)frame_to_mfn(f).n, f->owner, what, (unsigned long)f->word,
            (unsigned long)fw_types(f->word), (unsigned long)fw_general(f->word), c.types, c.generals,
            f->flags);
}

static void hold(void *context, const struct frame *f, unsigned int types, unsigned int generals)
{
    struct audit *a = context;
    uint64_t index = frame_to_mfn(f).n - a->first;

    if (index >= WINDOW_FRAMES)
        return;
    a->count[index].types += types;
    a->count[index].generals += generals;
}

static void hold_entries(struct audit *a, const struct frame *f, enum frame_type type)
{
    unsigned int end = fw_phase(f->word) == FW_PARTIAL ? f->data & TD_PROGRESS_MASK : PT_ENTRIES;
    const uint64_t *table = frame_to_va(f);

    for (unsigned int i = 0; i < end; i++) {
        uint64_t pte = READ_ONCE(table[i]);
        const struct frame *target = mfn_to_frame(pte_mfn(pte));

        if (!(pte & PTE_PRESENT) || pte_slot_is_ours(type, i) || !mfn_valid(pte_mfn(pte)) ||
            target->owner == DOMID_IO)
            continue;
        if (type == FT_L1)
            hold(a, target, pte & PTE_WRITE ? 1 : 0, 1);
        else if (target != f)
            hold(a, target, 1, 1);
    }
}

/* What a frame itself says that it holds: of itself, and of others through its entries. */
static void hold_by_frame(struct audit *a, const struct frame *f)
{
    enum fw_phase phase = fw_phase(f->word);

    if ((f->flags & (FRAME_XENHEAP | FRAME_GIVEN_UP)) == FRAME_XENHEAP)
        hold(a, f, 1, 1); /* the hypervisor's own use */
    if ((f->flags & (FRAME_ON_LIST | FRAME_GIVEN_UP)) == FRAME_ON_LIST)
        hold(a, f, 0, 1);
    if (fw_pinned(f->word))
        hold(a, f, 1, 1);
    if (phase == FW_PARTIAL)
        hold(a, f, 0, 1);
    if (ft_is_table(fw_type(f->word)) && (phase == FW_VALID || phase == FW_PARTIAL))
        hold_entries(a, f, fw_type(f->word));
}

void pv_name_holdings(struct domain *d, frame_holding_fn *fn, void *context)
{
    struct vcpu *v;

    for_each_vcpu (v, d) {
        const struct pv_vcpu *pv = pv_vcpu(v);

        if (v->info_frame)
            fn(context, v->info_frame, 1, 1);
        if (pv->root_kernel)
            fn(context, pv->root_kernel, 1, 1);
        if (pv->root_user)
            fn(context, pv->root_user, 1, 1);
        for (unsigned int i = 0; i < PV_GDT_FRAMES; i++)
            if (pv->gdt_frame[i])
                fn(context, pv->gdt_frame[i], 1, 1);
        for (unsigned int i = 0; i < PV_LDT_PAGES; i++)
            if (pv->ldt_mapped >> i & 1)
                fn(context, mfn_to_frame(pte_mfn(*pv_ldt_pte(v, i))), 1, 1);
    }
}

static void compare(struct audit *a, const struct frame *f)
{
    struct counts c = a->count[frame_to_mfn(f).n - a->first];

    if (f->owner == DOMID_IO)
        return;
    if (!fw_consistent(f->word) || fw_phase(f->word) == FW_WORK)
        complain(a, f, "its word contradicts itself", c);
    else if (fw_types(f->word) != c.types || fw_general(f->word) != c.generals)
        complain(a, f, "counts differ from holders", c);
    else if (f->owner == FRAME_OWNER_NONE && !(f->flags & (FRAME_FREE | FRAME_HYPERVISOR | FRAME_BROKEN)))
        complain(a, f, "belongs to nobody", c);
    else if (f->owner < DOMID_FIRST_RESERVED && f->owner != FRAME_OWNER_NONE &&
             !(f->flags & (FRAME_ON_LIST | FRAME_XENHEAP)))
        complain(a, f, "is on no list of its owner", c);
}

static void audit_list(struct audit *a, struct domain *d)
{
    uint64_t count = 0;

    for (uint32_t n = d->page_list; n != FRAME_LIST_END && count <= d->tot_pages;
         n = mfn_to_frame(MFN(n))->next, count++)
        if (mfn_to_frame(MFN(n))->owner != d->id || !(mfn_to_frame(MFN(n))->flags & FRAME_ON_LIST))
            complain(a, mfn_to_frame(MFN(n)), "is on a list that is not its owner's", (struct counts){0});
    if (count == d->tot_pages)
        return;
    a->violations++;
    log_err("audit: d%u has %lu pages, but its list does not\n", d->id, (unsigned long)d->tot_pages);
}

static void audit_window(struct audit *a)
{
    memset(a->count, 0, PAGE_SIZE << WINDOW_ORDER);
    for (uint64_t mfn = 0; mfn < max_mfn; mfn++)
        if (mfn_valid(MFN(mfn)) && mfn_to_frame(MFN(mfn))->owner != DOMID_IO)
            hold_by_frame(a, mfn_to_frame(MFN(mfn)));
    for (struct domain *d = domain_first(); d; d = domain_next(d)) {
        event_name_holdings(d, hold, a);
        grant_name_holdings(d, hold, a);
        pirq_name_holdings(d, hold, a);
        if (d->kind == &pv_kind)
            pv_name_holdings(d, hold, a);
    }
    for (uint64_t mfn = a->first; mfn < min(max_mfn, a->first + WINDOW_FRAMES); mfn++)
        if (mfn_valid(MFN(mfn)))
            compare(a, mfn_to_frame(MFN(mfn)));
}

static void audit_orphans(struct audit *a)
{
    uint64_t count = 0;

    for (struct frame *f = orphan_first(); f && count <= orphan_count(); f = orphan_next(f), count++)
        if (f->owner != FRAME_OWNER_ORPHAN || !(f->flags & FRAME_ON_LIST))
            complain(a, f, "is on the list of dead domains' frames", (struct counts){0});
    if (count == orphan_count())
        return;
    a->violations++;
    log_err("audit: there are %lu frames of dead domains, but not on their list\n",
            (unsigned long)orphan_count());
}

unsigned int frame_audit(void)
{
    struct audit a = {.count = hv_alloc_pages(WINDOW_ORDER)};

    if (!a.count) {
        log_err("audit: no memory to count frames in\n");
        return 1;
    }
    for (; a.first < max_mfn; a.first += WINDOW_FRAMES)
        audit_window(&a);
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        audit_list(&a, d);
    audit_orphans(&a);
    hv_free_pages(a.count, WINDOW_ORDER);
    return a.violations;
}
