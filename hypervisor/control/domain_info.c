/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the toolstack is told of a domain. Where the header is silent the values are those that Debian's Xen gives (docs/design/domains.md). */
#include "control/domain_info.h"
#include "arch/x86/cpu_policy.h"
#include "hv/frame.h"
#include "hv/string.h"
#include "sched/sched.h"

static uint32_t add_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    uint32_t flags = XEN_DOMINF_blocked; /* as long as no vcpu that is up says otherwise */
    s_time_t now = time_now();
    struct vcpu *v;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (v, d) {
        uint32_t pause_flags = READ_ONCE(v->pause_flags);

        info->cpu_time += (uint64_t)vcpu_runtime(v, now);
        info->max_vcpu_id = v->id;
        if (pause_flags & VCPU_DOWN)
            continue;
        info->nr_online_vcpus++;
        if (!(pause_flags & VCPU_BLOCKED))
            flags &= ~XEN_DOMINF_blocked;
        if (READ_ONCE(v->is_running))
            flags |= XEN_DOMINF_running;
    }
    return info->nr_online_vcpus ? flags : 0;
}

static uint32_t own_flags(const struct domain *d)
{
    return (d->state == DOMAIN_ZOMBIE ? XEN_DOMINF_dying : 0) | (d->is_shut_down ? XEN_DOMINF_shutdown : 0) |
           (d->toolstack_pauses > 0 ? XEN_DOMINF_paused : 0) | (d->is_debugged ? XEN_DOMINF_debugged : 0) |
           (d->is_xenstore ? XEN_DOMINF_xs_domain : 0) |
           (d->shutdown_code == SHUTDOWN_CODE_NONE ? 0xffffu : d->shutdown_code) << XEN_DOMINF_shutdownshift;
}

void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *out)
{
    memset(out, 0, sizeof(*out));
    out->domain = d->id;
    out->flags = add_vcpus(d, out) | own_flags(d);
    out->tot_pages = d->tot_pages;
    out->max_pages = min(d->max_pages, (uint64_t)UINT32_MAX);
    out->outstanding_pages = d->outstanding_claim;
    out->shared_info_frame = va_to_mfn(d->shared_info).n;
    memcpy(out->handle, d->handle, sizeof(out->handle));
    out->gpaddr_bits = (uint8_t)host_policy.extended[8].a;
    out->arch_config.emulation_flags = d->is_hardware ? XEN_X86_EMU_PIT : 0;
}

struct domain *domain_get_from(unsigned int id)
{
    for (; (id = domain_id_next(id)) < DOMID_FIRST_RESERVED; id++) {
        struct domain *d = domain_get((domid_id_t)id);

        if (d)
            return d;
    }
    return NULL;
}
