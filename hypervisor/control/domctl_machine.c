/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domctl: what a domain's machine is like: memory limit, width, clock, the page that calls us. */
#include "arch/x86/clock/clock.h"
#include "arch/x86/cpu.h"
#include "control/domctl.h"
#include "core/frame_ref.h"
#include "core/p2m.h"
#include "core/vcpu_area.h"
#include "pv/pv.h"

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

static struct guest_tsc_host host_tsc(void)
{
    return (struct guest_tsc_host){
        .khz = (uint32_t)(clock_tsc_hz() / 1000), .tsc = rdtsc(), .now = time_now()};
}

int domain_tsc_set(struct domain *d, const struct guest_tsc_state *asked)
{
    struct guest_tsc_host host;
    int rc;

    domain_pause_sync(d); /* no processor holds its state: CR4 is loaded with that */
    lock(&d->control_lock);
    host = host_tsc();
    rc = guest_tsc_set(&d->tsc, asked, &host);
    unlock(&d->control_lock);
    domain_unpause(d);
    return rc;
}

long domctl_settscinfo(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    const struct xen_domctl_tsc_info *info = &op->u.tsc_info;
    const struct guest_tsc_state asked = {.mode = info->tsc_mode,
                                          .khz = info->gtsc_khz,
                                          .incarnation = info->incarnation,
                                          .elapsed = info->elapsed_nsec};

    if (d == hc->vcpu->domain || d->is_hardware)
        return -EINVAL;
    return domain_tsc_set(d, &asked);
}

long domctl_gettscinfo(struct hypercall *hc, struct domain *d, struct xen_domctl *op)
{
    struct xen_domctl_tsc_info *info = &op->u.tsc_info;
    const struct guest_tsc_host host = host_tsc();
    struct guest_tsc_state state;

    if (d == hc->vcpu->domain)
        return -EINVAL;
    lock(&d->control_lock);
    guest_tsc_get(&d->tsc, &host, &state);
    unlock(&d->control_lock);
    info->tsc_mode = state.mode;
    info->gtsc_khz = state.khz;
    info->incarnation = state.incarnation;
    info->elapsed_nsec = state.elapsed;
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
