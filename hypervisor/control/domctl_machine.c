/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: what a domain's machine is like: memory limit, width, clock, the page that calls us. */
#include "arch/x86/clock/clock.h"
#include "control/domctl.h"
#include "core/frame_ref.h"
#include "core/p2m.h"
#include "core/vcpu_area.h"
#include "pv/pv.h"

/* xen-tscmode: the guest's TSC is the machine's. Emulating it (1) is not there. */
#define TSC_ALWAYS 1
#define TSC_NEVER  2

long domctl_max_mem(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    uint64_t pages = op->u.max_mem.max_memkb >> (PAGE_SHIFT - 10);

    (void)hc;
    lock(&d->page_lock);
    d->max_pages = min(pages, (uint64_t)UINT32_MAX);
    unlock(&d->page_lock);
    return 0;
}

long domctl_hypercall_init(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    gfn_t gfn = GFN(op->u.hypercall_init.gmfn);
    struct p2m_frame ram;
    struct frame *f;

    (void)hc;
    if (p2m_get(d, gfn, P2M_READ, &ram))
        return -EINVAL;
    p2m_put(&ram);
    if (ram.type != P2M_RAM)
        return -EINVAL;
    if (frame_get_writable(d, gfn, &f)) /* a page table, say */
        return -EPERM;
    pv_write_hypercall_page(frame_to_va(f));
    frame_put_writable(f);
    return 0;
}

long domctl_set_address_size(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc, (void)d;
    if (op->u.address_size.size == 32)
        return -EOPNOTSUPP;
    return op->u.address_size.size == 64 ? 0 : -EINVAL;
}

long domctl_get_address_size(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    (void)hc;
    op->u.address_size.size = d->width32 ? 32 : 64;
    return 0;
}

long domctl_settscinfo(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *info = &op->u.tsc_info;

    if (d == hc->vcpu->domain || info->tsc_mode > TSC_NEVER)
        return -EINVAL;
    if (info->tsc_mode == TSC_ALWAYS)
        return -EOPNOTSUPP;
    d->tsc_mode = (uint8_t)info->tsc_mode;
    d->tsc_incarnation = info->incarnation;
    return 0;
}

long domctl_gettscinfo(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_tsc_info *info = &op->u.tsc_info;

    if (d == hc->vcpu->domain)
        return -EINVAL;
    *info = (struct xen_domctl_tsc_info){
        .tsc_mode = d->tsc_mode,
        .incarnation = d->tsc_incarnation,
        .gtsc_khz = d->tsc_mode == TSC_NEVER ? 0 : (uint32_t)(clock_tsc_hz() / 1000),
        .elapsed_nsec = d->tsc_mode == TSC_NEVER ? 0 : (uint64_t)time_now(),
    };
    return 0;
}

long domctl_settimeoffset(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    int64_t seconds = op->u.settimeoffset.time_offset_seconds;

    (void)hc;
    lock(&d->control_lock);
    d->time_offset_seconds = seconds;
    unlock(&d->control_lock);
    domain_wallclock_publish(d);
    return 0;
}
