/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The scheduling policies. The first is the default; `sched=NAME` selects another. */
#include "sched/policy.h"

extern const struct sched_policy credit_policy, rr_policy;

const struct sched_policy *const sched_policies[] = {
    &credit_policy,
    &rr_policy,
    NULL,
};
