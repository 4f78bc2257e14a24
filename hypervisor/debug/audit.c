/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The audit of everything: each part checks its own, with all domains paused. */
#include "debug/audit.h"
#include "core/domain.h"
#include "event/event.h"
#include "hv/log.h"

unsigned int audit_all(void)
{
    unsigned int violations = 0;

    for (struct domain *d = domain_first(); d; d = domain_next(d))
        domain_pause_sync(d);
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        violations += event_audit(d);
    for (struct domain *d = domain_first(); d; d = domain_next(d))
        domain_unpause(d);
    return violations;
}

void audit_report(void)
{
    unsigned int violations = audit_all();

    printk("Audit: %u violations\n", violations);
}
