/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The default policy, and the place where another one goes. */
#include "core/authority.h"
#include "hv/errno.h"

static const struct authority_policy default_policy = {.name = "default", .decide = authority_default};

static struct {
    const struct authority_policy *policy; /* atomic; a policy, once set, stays in memory */
} authority = {.policy = &default_policy};

int authority_default(const struct domain *subject, const struct domain *object, enum authority_op op)
{
    bool allowed = subject->privileged;

    switch (authority_default_class[op]) {
    case AUTHORITY_CLASS_HARDWARE:
        allowed = subject->is_hardware;
        break;
    case AUTHORITY_CLASS_PRIVILEGED:
        break;
    case AUTHORITY_CLASS_SELF:
        allowed |= subject == object;
        break;
    case AUTHORITY_CLASS_TARGET:
        allowed |= subject == object || (object && subject->target == object);
        break;
    case AUTHORITY_CLASS_DEVICE_MODEL:
        allowed |= object && subject->target == object;
        break;
    }
    return allowed ? 0 : -EPERM;
}

int authority_ask(const struct domain *subject, const struct domain *object, enum authority_op op)
{
    return __atomic_load_n(&authority.policy, __ATOMIC_ACQUIRE)->decide(subject, object, op);
}

void authority_set_policy(const struct authority_policy *policy)
{
    __atomic_store_n(&authority.policy, policy ? policy : &default_policy, __ATOMIC_RELEASE);
}
