/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit of everything: each part checks its own, with all domains paused. */
#include "debug/audit.h"
#include "core/domain.h"
#include "core/frame_audit.h"
#include "event/event.h"
#include "grant/grant.h"
#include "hv/log.h"
#include "hv/percpu.h"

/* The vcpu whose registers this processor's stack serves does not run while we do; waiting for it would be waiting for ourselves. */
static void pause_all(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (v, d) {
        if (v->is_running && v->cpu == cpu_id())
            vcpu_pause_nosync(v);
        else
            vcpu_pause_sync(v);
    }
}

static void unpause_all(struct domain *d)
{
    struct vcpu *v;

    for_each_vcpu (v, d)
        vcpu_unpause(v);
}

unsigned int audit_all(void)
{
    unsigned int violations = 0;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        pause_all(d);
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        violations += event_audit(d) + grant_audit(d);
    violations += frame_audit();
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        unpause_all(d);
    return violations;
}

void audit_report(void)
{
    unsigned int violations = audit_all();

    printk("Audit: %u violations\n", violations);
}
