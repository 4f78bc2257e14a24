/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The time that guests read without asking: the record in each vcpu's shared area, and the wall clock in the domain's. */
#ifndef CORE_VCPU_TIME_H
#define CORE_VCPU_TIME_H

#include "core/domain.h"

/* Writes the running processor's record into v's areas if it differs from what stands there. v is the vcpu that will run here; its address space is loaded. */
void vcpu_time_publish(struct vcpu *v);
/* Nanoseconds from 1970 to system time 0 have changed (settime), or the domain is new: writes wc_*. */
void domain_wallclock_publish(struct domain *d);

#endif
