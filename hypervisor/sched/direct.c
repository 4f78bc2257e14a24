/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The policy is chosen once, at boot: what is asked of it often is called directly from then on (arch/x86/patch.h). */
#include "sched/internal.h"
#ifdef UNIT_HOSTED
void sched_policy_direct(void)
{
}
#else
#include "arch/x86/patch.h"

PATCH_SLOT(policy_do_schedule);
PATCH_SLOT(policy_wake);
PATCH_SLOT(policy_sleep);
PATCH_SLOT(policy_pick_cpu);

void sched_policy_direct(void)
{
    patch_slot(policy_do_schedule, sched_policy->do_schedule);
    patch_slot(policy_wake, sched_policy->wake);
    patch_slot(policy_sleep, sched_policy->sleep);
    patch_slot(policy_pick_cpu, sched_policy->pick_cpu);
}
#endif
