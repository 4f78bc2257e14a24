/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Time records and runstate areas. A record is written under an odd version, so that the guest tries again if
 * it read in between (xen.h, struct vcpu_time_info).
 */
#include "core/vcpu_area.h"
#include "arch/x86/clock/clock.h"
#include "core/guest_abi.h"
#include "hv/guest.h"

static void publish_time(struct vcpu *v)
{
    struct vcpu_time_info copy = v->info->time;
    guest_ptr_t area = v->time_area;
    uint32_t version = copy.version;

    copy.version = version - 1; /* odd: in work */
    if (copy_to_guest(area, &copy.version, sizeof(copy.version)))
        return; /* not mapped: nobody reads it */
    barrier();
    if (copy_to_guest(guest_ptr_add(area, sizeof(version)), (const char *)&copy + sizeof(version),
                      sizeof(copy) - sizeof(version)))
        return;
    barrier();
    if (copy_to_guest(area, &version, sizeof(version)))
        return;
}

/* With VMASST_TYPE_runstate_update_flag the guest sees in the entry time that an update is under way (xen/vcpu.h). */
static void publish_runstate(struct vcpu *v)
{
    struct vcpu_runstate_info info;
    const bool width32 = v->domain->width32;
    guest_ptr_t entry =
        guest_ptr_add(v->runstate_area, abi_offset_as(width32, vcpu_runstate_info, state_entry_time));
    uint64_t in_work;

    /*
     * The vcpu is current here, so nobody changes its record meanwhile. As it stands, without the present
     * run's time: the guest adds that from the entry time.
     */
    info = v->runstate;
    if (v->domain->vm_assist & BIT(VMASST_TYPE_runstate_update_flag)) {
        in_work = info.state_entry_time | XEN_RUNSTATE_UPDATE;
        if (copy_to_guest(entry, &in_work, sizeof(in_work)))
            return;
        barrier();
        info.state_entry_time |= XEN_RUNSTATE_UPDATE;
        if (abi_write_as(width32, vcpu_runstate_info, v->runstate_area, &info))
            return;
        barrier();
        in_work &= ~XEN_RUNSTATE_UPDATE;
        if (copy_to_guest(entry, &in_work, sizeof(in_work)))
            return;
    } else if (abi_write_as(width32, vcpu_runstate_info, v->runstate_area, &info)) {
        return;
    }
}

void vcpu_areas_publish(struct vcpu *v)
{
    v->areas_stale = false;
    if (!guest_ptr_is_null(v->time_area))
        publish_time(v);
    if (!guest_ptr_is_null(v->runstate_area))
        publish_runstate(v);
}

static bool is_current(const struct vcpu_time_info *t, const struct tsc_record *r)
{
    return t->tsc_timestamp == r->tsc && t->system_time == r->system_time && t->tsc_to_system_mul == r->mul &&
           t->tsc_shift == r->shift;
}

static void update_time(struct vcpu *v)
{
    struct vcpu_time_info *t = &v->info->time;
    struct tsc_record r;

    if (v->domain->tsc.emulated)
        r = v->domain->tsc.record;
    else
        clock_record_get(&r);
    if (is_current(t, &r))
        return;
    v->time_version += 2;
    WRITE_ONCE(t->version, v->time_version - 1);
    barrier();
    t->tsc_timestamp = r.tsc;
    t->system_time = r.system_time;
    t->tsc_to_system_mul = r.mul;
    t->tsc_shift = r.shift;
    t->flags = clock_tsc_is_stable() ? XEN_PVCLOCK_TSC_STABLE_BIT : 0;
    barrier();
    WRITE_ONCE(t->version, v->time_version);
}

void vcpu_areas_update(struct vcpu *v, bool in_kernel)
{
    update_time(v);
    if (guest_ptr_is_null(v->time_area) && guest_ptr_is_null(v->runstate_area))
        return;
    v->areas_stale = true;
    if (in_kernel)
        vcpu_areas_publish(v);
}

/* Where in shared_info the wall clock is. */
struct wallclock {
    uint32_t *version, *sec, *nsec, *sec_hi;
};

static struct wallclock wallclock_of(struct domain *d)
{
    struct abi32_shared_info *narrow = (struct abi32_shared_info *)d->shared_info;
    shared_info_t *wide = d->shared_info;

    if (d->width32)
        return (struct wallclock){&narrow->wc_version, &narrow->wc_sec, &narrow->wc_nsec,
                                  &narrow->arch.wc_sec_hi};
    return (struct wallclock){&wide->wc_version, &wide->wc_sec, &wide->wc_nsec, &wide->wc_sec_hi};
}

void domain_wallclock_publish(struct domain *d)
{
    struct wallclock w;
    uint64_t ns, seconds;

    lock(&d->control_lock);
    w = wallclock_of(d);
    ns = READ_ONCE(wallclock_at_boot_ns);
    seconds = ns / (uint64_t)NS_PER_S + (uint64_t)d->time_offset_seconds;
    *w.version = (*w.version | 1) + 2;
    barrier();
    *w.sec = (uint32_t)seconds;
    *w.sec_hi = (uint32_t)(seconds >> 32);
    *w.nsec = (uint32_t)(ns % (uint64_t)NS_PER_S);
    barrier();
    ++*w.version;
    unlock(&d->control_lock);
}
