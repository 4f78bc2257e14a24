/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Time records: written under an odd version, so that the guest tries again if it read in between (xen.h, struct vcpu_time_info). */
#include "core/vcpu_time.h"
#include "arch/x86/clock/clock.h"
#include "hv/guest.h"

static void fill(struct vcpu_time_info *t, const struct tsc_record *r)
{
    t->tsc_timestamp = r->tsc;
    t->system_time = r->system_time;
    t->tsc_to_system_mul = r->mul;
    t->tsc_shift = r->shift;
    t->flags = clock_tsc_is_stable() ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
}

static void publish_registered(struct vcpu *v, const struct vcpu_time_info *from)
{
    struct vcpu_time_info copy = *from;
    guest_ptr_t area = v->time_area;

    copy.version = (from->version & ~1U) - 1; /* odd: in work */
    if (copy_to_guest(area, &copy.version, sizeof(copy.version)))
        return; /* not mapped in this address space: next time */
    barrier();
    copy.version = from->version;
    if (copy_to_guest(guest_ptr_add(area, sizeof(copy.version)), (const char *)&copy + sizeof(copy.version), sizeof(copy) - sizeof(copy.version)))
        return;
    barrier();
    if (copy_to_guest(area, &copy.version, sizeof(copy.version)))
        return;
}

void vcpu_time_publish(struct vcpu *v)
{
    struct vcpu_time_info *t = &v->info->time;
    struct tsc_record r;

    clock_record_get(&r);
    if (t->tsc_timestamp == r.tsc && t->tsc_to_system_mul == r.mul && t->system_time == r.system_time && t->tsc_shift == r.shift)
        return;
    v->time_version += 2;
    WRITE_ONCE(t->version, v->time_version - 1);
    barrier();
    fill(t, &r);
    barrier();
    WRITE_ONCE(t->version, v->time_version);
    if (!guest_ptr_is_null(v->time_area))
        publish_registered(v, t);
}

void domain_wallclock_publish(struct domain *d)
{
    shared_info_t *s = d->shared_info;
    uint64_t ns = wallclock_at_boot_ns + (uint64_t)(d->time_offset_seconds * NS_PER_S), seconds = ns / (uint64_t)NS_PER_S;

    s->wc_version = (s->wc_version | 1) + 2;
    barrier();
    s->wc_sec = (uint32_t)seconds;
    s->wc_sec_hi = (uint32_t)(seconds >> 32);
    s->wc_nsec = (uint32_t)(ns % (uint64_t)NS_PER_S);
    barrier();
    s->wc_version++;
}
