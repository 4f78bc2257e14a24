/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What guests read without asking: the time record in each vcpu's shared area and in the one it registered,
 * its runstate area, and the wall clock in the domain's shared page. Registered areas are addresses of the
 * guest kernel's: they are written while its page tables are loaded, and what cannot be written now is marked
 * stale and written when the vcpu enters its kernel (vcpu.areas_stale).
 */
#ifndef CORE_VCPU_AREA_H
#define CORE_VCPU_AREA_H

#include "core/domain.h"

/* The vcpu has just been put on this processor: its time record may be another's now, its runstate has changed. */
void vcpu_areas_update(struct vcpu *v, bool in_kernel);
/* Writes the registered areas; the guest kernel's page tables are loaded. */
void vcpu_areas_publish(struct vcpu *v);
/* Nanoseconds from 1970 to system time 0 have changed (settime), the domain's own offset has, or it is about to run: writes wc_*. Takes its control_lock. */
void domain_wallclock_publish(struct domain *d);

#endif
