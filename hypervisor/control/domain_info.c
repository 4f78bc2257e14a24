/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control/domain_info.h"
#include "arch/x86/cpu_policy.h"
#include "hv/frame.h"
#include "hv/string.h"
#include "hv/time.h"
#include "sched/sched.h"

#define NO_SHUTDOWN_CODE 0xffffu

/* Blocked: every vcpu that is up waits; running: one is on a processor. */
static void add_vcpus(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool blocked = true, running = false;
    s_time_t now = time_now();
    struct vcpu *v;

    info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
    for_each_vcpu (v, d) {
        uint32_t why = READ_ONCE(v->pause_flags);

        info->max_vcpu_id = v->id;
        info->cpu_time += (uint64_t)vcpu_runtime(v, now);
        if (why & VCPU_DOWN)
            continue;
        info->nr_online_vcpus++;
        blocked &= (why & VCPU_BLOCKED) != 0;
        running |= READ_ONCE(v->is_running);
    }
    info->flags |= (blocked ? XEN_DOMINF_blocked : 0) | (running ? XEN_DOMINF_running : 0);
}

void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
    bool shut_down = READ_ONCE(d->is_shut_down);

    memset(info, 0, sizeof(*info));
    info->domain = d->id;
    info->flags = (shut_down ? (uint32_t)d->shutdown_code : NO_SHUTDOWN_CODE) << XEN_DOMINF_shutdownshift;
    info->flags |= (d->state == DOMAIN_ALIVE ? 0 : XEN_DOMINF_dying) | (shut_down ? XEN_DOMINF_shutdown : 0);
    /* One who has shut down is stopped by that. */
    if (READ_ONCE(d->pause_count) > (shut_down ? 1 : 0))
        info->flags |= XEN_DOMINF_paused;
    info->tot_pages = READ_ONCE(d->tot_pages);
    info->max_pages = min(d->max_pages, (uint64_t)UINT32_MAX);
    info->outstanding_pages = READ_ONCE(d->outstanding_claim);
    info->shared_info_frame = va_to_mfn(d->shared_info).n;
    add_vcpus(d, info);
    memcpy(info->handle, d->handle, sizeof(info->handle));
    info->gpaddr_bits = (uint8_t)host_policy.extended[8].a;
    info->arch_config.emulation_flags = d->is_hardware ? XEN_X86_EMU_PIT : 0;
}
