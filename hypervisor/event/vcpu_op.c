/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vcpu_op and set_timer_op (xen/vcpu.h): bringing vcpus up and down, the areas they share with us, their
 * timers. It stands behind event/ because timers end in VIRQ_TIMER and a moved vcpu_info must show what is
 * pending.
 */
#include "core/vcpu_op.h"
#include "core/authority.h"
#include "core/guest_abi.h"
#include "arch/x86/apic/apic.h"
#include "core/p2m.h"
#include "core/vcpu_area.h"
#include "event/event.h"
#include "hv/alloc.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/string.h"
#include "sched/sched.h"

#define PERIOD_MIN       (1 * NS_PER_MS)  /* what the interface promises: vcpu.h */
#define FAR_FUTURE_SHIFT 50               /* 2^50 ns, 13 days */
#define INITIAL_PERIOD   (10 * NS_PER_MS) /* a vcpu starts with a periodic timer of 100 Hz */
#define PERIOD_MAX       (INT64_MAX >> 1) /* as Xen's: the sum of two times is a time */

/* Another vcpu may set or stop the period at any moment: it is read once. */
static void periodic_fired(void *data)
{
    struct vcpu *v = data;
    s_time_t period = READ_ONCE(v->periodic_period), now = time_now(), late;

    /* Who cannot run costs nothing: vcpu_start() goes on. */
    if (!period || READ_ONCE(v->domain->pause_count) > 0 || (READ_ONCE(v->pause_flags) & VCPU_DOWN))
        return;
    event_send_virq(v, VIRQ_TIMER);
    late = now - v->periodic_last;
    v->periodic_last += late > 0 ? late - late % period : 0; /* what was missed is skipped */
    timer_set(&v->periodic_timer, v->periodic_last + period);
}

static void singleshot_fired(void *data)
{
    struct vcpu *v = data;

    event_send_virq(v, VIRQ_TIMER);
}

void vcpu_timers_init(struct vcpu *v)
{
    timer_init(&v->periodic_timer, periodic_fired, v, v->cpu);
    timer_init(&v->singleshot_timer, singleshot_fired, v, v->cpu);
    v->periodic_period = INITIAL_PERIOD;
}

/* The period that was set, or the initial one, starts when the vcpu comes up, and again after a pause in which it fell due. */
static void start_periodic(struct vcpu *v)
{
    if (!v->periodic_period || timer_is_armed(&v->periodic_timer))
        return;
    v->periodic_last = time_now();
    timer_set(&v->periodic_timer, v->periodic_last + v->periodic_period);
}

void vcpu_start(struct vcpu *v)
{
    start_periodic(v);
    sched_wake(v);
}

void vcpu_timers_kill(struct vcpu *v)
{
    timer_kill(&v->periodic_timer);
    timer_kill(&v->singleshot_timer);
}

static void arm_singleshot(struct vcpu *v, s_time_t deadline)
{
    if (v->singleshot_timer.cpu != v->cpu)
        timer_migrate(&v->singleshot_timer, v->cpu);
    timer_set(&v->singleshot_timer, deadline);
}

/* Deadlines in the past fire at once; so do those absurdly far away, since old guests compute them with a wrapped counter (xen.h: set_timer_op). */
long do_set_timer_op(struct hypercall *hc)
{
    s_time_t deadline = (s_time_t)hc->arg[0], now;

    if (!deadline) {
        timer_stop(&hc->vcpu->singleshot_timer);
        return 0;
    }
    now = time_now();
    if (unlikely(deadline < 0 || (deadline > now && (deadline - now) >> FAR_FUTURE_SHIFT)))
        deadline = now + 100 * NS_PER_MS;
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

static long set_singleshot(struct hypercall *hc, guest_ptr_t arg)
{
    struct vcpu_set_singleshot_timer set;

    if (abi_read(hc, vcpu_set_singleshot_timer, &set, arg))
        return -EFAULT;
    /* VCPU_SSHOTTMR_future asks for -ETIME where the time has passed; Xen fires at once all the same, and so do we. */
    arm_singleshot(hc->vcpu, (s_time_t)min(set.timeout_abs_ns, (uint64_t)INT64_MAX));
    return 0;
}

/* Page tables are validated meanwhile: no lock is held, but nobody else initialises this vcpu. */
static long begin_initialising(struct vcpu *v)
{
    long rc = 0;

    lock(&v->domain->control_lock);
    if (v->is_initialised)
        rc = -EEXIST;
    else if (v->is_initialising)
        rc = -ERESTART;
    else
        v->is_initialising = true;
    unlock(&v->domain->control_lock);
    return rc;
}

static void end_initialising(struct vcpu *v, bool done)
{
    lock(&v->domain->control_lock);
    v->is_initialised = done;
    v->is_initialising = false;
    unlock(&v->domain->control_lock);
}

static long initialise(struct hypercall *hc, struct vcpu *v)
{
    struct vcpu_guest_context *context;
    long rc;

    if (v->info_is_dummy)
        return -EINVAL;
    context = hv_new(struct vcpu_guest_context);
    if (!context)
        return -ENOMEM;
    rc = abi_read(hc, vcpu_guest_context, context, hypercall_ptr(hc, 2));
    if (!rc)
        rc = begin_initialising(v);
    if (!rc) {
        rc = v->domain->kind->set_context(v, context, hc);
        end_initialising(v, rc == 0);
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
        vcpu_start(v);
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

/* Control lock held: two callers at once would each take a reference, and v must not be brought up meanwhile. */
static long move_info(struct vcpu *v, struct vcpu *caller, const struct vcpu_register_vcpu_info *reg)
{
    struct frame *f;
    vcpu_info_t *new;
    int rc;

    if (v->info_frame)
        return -EINVAL;
    if (v != caller && !(READ_ONCE(v->pause_flags) & VCPU_DOWN))
        return -EINVAL;
    rc = frame_get_writable(v->domain, GFN(reg->mfn), &f);
    if (rc)
        return -EINVAL;
    new = (vcpu_info_t *)((uint8_t *)frame_to_va(f) + reg->offset);
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

static long register_info(struct vcpu *v, struct vcpu *caller, guest_ptr_t arg)
{
    struct vcpu_register_vcpu_info reg;
    long rc;

    if (copy_from_guest(&reg, arg, sizeof(reg)))
        return -EFAULT;
    if (reg.offset > PAGE_SIZE - sizeof(vcpu_info_t) || reg.offset % _Alignof(vcpu_info_t))
        return -ENXIO;
    lock(&v->domain->control_lock);
    rc = move_info(v, caller, &reg);
    unlock(&v->domain->control_lock);
    return rc;
}

/* Where the guest's kernel wants something written again and again. It need not be mapped now. */
static long register_area(struct hypercall *hc, struct vcpu *v, guest_ptr_t *area, guest_ptr_t arg)
{
    abi_vcpu_register_time_memory_area_t reg; /* the runstate area's is the same */

    if (abi_read(hc, vcpu_register_time_memory_area, &reg, arg))
        return -EFAULT;
    if (!guest_may_name(reg.addr.addr))
        return -EFAULT;
    *area = reg.addr;
    if (v == hc->vcpu)
        vcpu_areas_publish(v);
    return 0;
}

static long get_runstate(struct hypercall *hc, struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_runstate_info info;

    vcpu_runstate_get(v, &info);
    return abi_write(hc, vcpu_runstate_info, arg, &info);
}

static bool is_pinned(const struct vcpu *v)
{
    unsigned int cpus = 0;

    for (unsigned int cpu = 0; cpu < cpu_count; cpu++)
        cpus += cpumask_test(cpu, &v->hard_affinity);
    return cpus == 1;
}

static long get_physid(struct vcpu *v, guest_ptr_t arg)
{
    struct vcpu_get_physid id = {0};

    if (authorise(v->domain, NULL, AUTHORITY_PROCESSOR_ID) || !is_pinned(v))
        return -EINVAL; /* it may run anywhere */
    /* Vcpu n is taken to be on processor n wherever it is pinned, as on Xen; of the rest nothing is known. */
    if (v->id < cpu_count)
        id.phys_id = (uint64_t)cpu_apic_id[v->id] | (uint64_t)cpu_acpi_id[v->id] << 32;
    else
        id.phys_id = ~0ULL;
    return copy_to_guest(arg, &id, sizeof(id));
}

long do_vcpu_op(struct hypercall *hc)
{
    struct vcpu *caller = hc->vcpu, *v;
    guest_ptr_t arg = hypercall_ptr(hc, 2);

    v = hc->arg[1] < MAX_VCPUS ? domain_vcpu(caller->domain, (unsigned int)hc->arg[1]) : NULL;
    if (!v)
        return -ENOENT;
    switch ((uint32_t)hc->arg[0]) {
    case VCPUOP_initialise:
        return initialise(hc, v);
    case VCPUOP_up:
        return bring_up(v);
    case VCPUOP_down:
        return take_down(v);
    case VCPUOP_is_up:
        return !(READ_ONCE(v->pause_flags) & VCPU_DOWN);
    case VCPUOP_get_runstate_info:
        return get_runstate(hc, v, arg);
    case VCPUOP_set_periodic_timer:
        return set_periodic(v, arg);
    case VCPUOP_stop_periodic_timer:
        return stop_periodic(v);
    case VCPUOP_set_singleshot_timer:
        return v == caller ? set_singleshot(hc, arg) : -EINVAL;
    case VCPUOP_stop_singleshot_timer:
        if (v != caller)
            return -EINVAL;
        timer_stop(&v->singleshot_timer);
        return 0;
    case VCPUOP_register_runstate_memory_area:
        return register_area(hc, v, &v->runstate_area, arg);
    case VCPUOP_register_vcpu_info:
        return register_info(v, caller, arg);
    case VCPUOP_register_vcpu_time_memory_area:
        return register_area(hc, v, &v->time_area, arg);
    case VCPUOP_get_physid:
        return get_physid(v, arg);
    case VCPUOP_send_nmi:
        if (!guest_ptr_is_null(arg))
            return -EINVAL;
        v->nmi_pending = true;
        sched_kick(v);
        return 0;
    default:
        return -ENOSYS;
    }
}
