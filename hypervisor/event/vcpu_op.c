/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu_op and set_timer_op (xen/vcpu.h): bringing vcpus up and down, the areas they share with us, their timers. It stands behind event/ because timers end
 * in VIRQ_TIMER and a moved vcpu_info must show what is pending.
 */
#include "core/vcpu_op.h"
#include "arch/x86/apic/apic.h"
#include "core/p2m.h"
#include "core/vcpu_time.h"
#include "event/event.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "sched/sched.h"

#define PERIOD_MIN (1 * NS_PER_MS) /* what the interface promises: vcpu.h */
#define PERIOD_MAX (8 * 365 * 86400LL * NS_PER_S)

static void periodic_fired(void *data)
{
    struct vcpu *v = data;
    s_time_t now = time_now();

    event_send_virq(v, VIRQ_TIMER);
    v->periodic_last += v->periodic_period;
    if (v->periodic_last + v->periodic_period < now) /* fell behind: skip what was missed */
        v->periodic_last = now - (now - v->periodic_last) % v->periodic_period;
    if (v->periodic_period)
        timer_set(&v->periodic_timer, v->periodic_last + v->periodic_period);
}

static void singleshot_fired(void *data)
{
    struct vcpu *v = data;

    v->singleshot_deadline = 0;
    event_send_virq(v, VIRQ_TIMER);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->periodic_timer, periodic_fired, v, v->cpu);
    timer_init(&v->singleshot_timer, singleshot_fired, v, v->cpu);
}

void vcpu_timers_kill(struct vcpu *v)
{
    timer_kill(&v->periodic_timer);
    timer_kill(&v->singleshot_timer);
}

static void arm_singleshot(struct vcpu *v, s_time_t deadline)
{
    v->singleshot_deadline = deadline;
    if (v->singleshot_timer.cpu != v->cpu)
        timer_migrate(&v->singleshot_timer, v->cpu);
    timer_set(&v->singleshot_timer, deadline);
}

/* Deadlines in the past fire at once; so do those absurdly far away, since old guests compute them with a wrapped counter (xen.h: set_timer_op). */
long do_set_timer_op(struct hypercall *hc)
{
    s_time_t deadline = (s_time_t)hc->arg[0], now;

    if (!deadline) {
        hc->vcpu->singleshot_deadline = 0;
        timer_stop(&hc->vcpu->singleshot_timer);
        return 0;
    }
    if (unlikely(deadline < 0)) {
        now = time_now();
        deadline = now + 100 * NS_PER_MS;
    }
    arm_singleshot(hc->vcpu, deadline);
    return 0;
}

static long set_periodic(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_periodic_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if (set.period_ns < (uint64_t)PERIOD_MIN || set.period_ns > (uint64_t)PERIOD_MAX)
        return -EINVAL;
    v->periodic_period = (s_time_t)set.period_ns;
    v->periodic_last = time_now();
    timer_set(&v->periodic_timer, v->periodic_last + v->periodic_period);
    return 0;
}

static long stop_periodic(struct vcpu *v)
{
    v->periodic_period = 0;
    timer_stop(&v->periodic_timer);
    return 0;
}

static long set_singleshot(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (copy_from_guest(&set, arg, sizeof(set)))
        return -EFAULT;
    if ((set.flags & VCPU_SSHOTTMR_future) && (s_time_t)set.timeout_abs_ns < time_now())
        return -ETIME;
    arm_singleshot(v, (s_time_t)min(set.timeout_abs_ns, (uint64_t)INT64_MAX));
    return 0;
}

static long initialise(struct hypercall *hc, struct vcpu *v)
{
    struct domain *d = v->domain;
    struct vcpu_guest_context *context;
    long rc;

    if (v->info_is_dummy)
        return -EINVAL;
    context = hv_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    rc = copy_from_guest(context, hypercall_ptr(hc, 2), sizeof(*context));
    if (!rc) {
        lock(&d->control_lock);
        rc = v->is_initialised ? -EEXIST : d->kind->set_context(v, context);
        if (!rc)
            v->is_initialised = true;
        unlock(&d->control_lock);
    }
    hv_free(context);
    return rc;
}

static long bring_up(struct vcpu *v)
{
    struct domain *d = v->domain;
    bool wake = false;
    long rc = 0;

    lock(&d->control_lock);
    if (!v->is_initialised)
        rc = -EINVAL;
    else
        wake = __atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_DOWN, __ATOMIC_SEQ_CST) & VCPU_DOWN;
    unlock(&d->control_lock);
    if (wake)
        sched_wake(v);
    return rc;
}

static long take_down(struct vcpu *v)
{
    struct domain *d = v->domain;
    struct vcpu *other;
    bool last = true;

    lock(&d->control_lock);
    for_each_vcpu (other, d)
        if (other != v && !(READ_ONCE(other->pause_flags) & VCPU_DOWN))
            last = false;
    if (!last)
        __atomic_fetch_or(&v->pause_flags, VCPU_DOWN, __ATOMIC_SEQ_CST);
    unlock(&d->control_lock);
    if (last)
        domain_shutdown(d, SHUTDOWN_poweroff);
    else
        sched_sleep_nosync(v);
    return 0;
}

static long register_info(struct vcpu *v, struct vcpu *caller, guest_ptr_t arg)
{
    struct vcpu_register_vcpu_info reg;
    struct frame *f;
    vcpu_info_t *new;
    int rc;

    if (copy_from_guest(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (reg.offset > PAGE_SIZE - sizeof(vcpu_info_t))
        return -EINVAL;
    if (v->info_frame)
        return -EINVAL;
    if (v != caller && !(READ_ONCE(v->pause_flags) & VCPU_DOWN))
        return -EINVAL;
    rc = frame_get_writable(v->domain, GFN(reg.mfn), &f);
    if (rc)
        return -EINVAL;
    new = (vcpu_info_t *)((uint8_t *)frame_to_va(f) + reg.offset);
    if (v->info_is_dummy) {
        memset(new, 0, sizeof(*new));
        new->evtchn_upcall_mask = 1;
    } else {
        memcpy(new, v->info, sizeof(*new));
    }
    v->info_frame = f;
    v->info_is_dummy = false;
    __atomic_store_n(&v->info, new, __ATOMIC_SEQ_CST);
    event_vcpu_info_moved(v);
    return 0;
}

static long register_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_runstate_memory_area area;
    struct vcpu_runstate_info now;

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    vcpu_runstate_get(v, &now);
    if (copy_to_guest(GUEST_PTR(area.addr.p), &now, sizeof(now)))
        return -EFAULT;
    v->runstate_area = GUEST_PTR(area.addr.p);
    return 0;
}

static long register_time(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_register_time_memory_area area;

    if (copy_from_guest(&area, arg, sizeof(area)))
        return -EFAULT;
    if (copy_to_guest(GUEST_PTR(area.addr.p), &v->info->time, sizeof(v->info->time)))
        return -EFAULT;
    v->time_area = GUEST_PTR(area.addr.p);
    return 0;
}

static long get_runstate(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_runstate_info info;

    vcpu_runstate_get(v, &info);
    return copy_to_guest(arg, &info, sizeof(info));
}

static long get_physid(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_get_physid id = {0};

    if (!v->domain->is_hardware)
        return -EINVAL;
    id.phys_id = (uint64_t)cpu_apic_id[v->cpu] | (uint64_t)v->cpu << 32;
    return copy_to_guest(arg, &id, sizeof(id));
}

long do_vcpu_op(struct hypercall *hc)
{
    struct vcpu *caller = hc->vcpu, *v;
    guest_ptr_t arg = hypercall_ptr(hc, 2);

    v = hc->arg[1] < MAX_VCPUS ? domain_vcpu(caller->domain, (unsigned int)hc->arg[1]) : NULL;
    if (!v)
        return -ENOENT;
    switch (hc->arg[0]) {
    case VCPUOP_initialise: return initialise(hc, v);
    case VCPUOP_up: return bring_up(v);
    case VCPUOP_down: return take_down(v);
    case VCPUOP_is_up: return !(READ_ONCE(v->pause_flags) & VCPU_DOWN);
    case VCPUOP_get_runstate_info: return get_runstate(v, arg);
    case VCPUOP_set_periodic_timer: return set_periodic(v, arg);
    case VCPUOP_stop_periodic_timer: return stop_periodic(v);
    case VCPUOP_set_singleshot_timer: return v == caller ? set_singleshot(v, arg) : -EINVAL;
    case VCPUOP_stop_singleshot_timer:
        if (v != caller)
            return -EINVAL;
        v->singleshot_deadline = 0;
        timer_stop(&v->singleshot_timer);
        return 0;
    case VCPUOP_register_runstate_memory_area: return register_runstate(v, arg);
    case VCPUOP_register_vcpu_info: return register_info(v, caller, arg);
    case VCPUOP_register_vcpu_time_memory_area: return register_time(v, arg);
    case VCPUOP_get_physid: return get_physid(v, arg);
    case VCPUOP_send_nmi:
        v->nmi_pending = true;
        sched_kick(v);
        return 0;
    default: return -ENOSYS;
    }
}
