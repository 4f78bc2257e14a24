/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sched_op (xen/sched.h): giving up the processor, waiting for events, ending the domain, watchdogs. */
#include "event/sched_op.h"
#include "core/authority.h"
#include "event/event.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/log.h"
#include "sched/sched.h"

static long block(struct vcpu *v)
{
    v->info->evtchn_upcall_mask = 0;
    __atomic_fetch_or(&v->pause_flags, VCPU_BLOCKED, __ATOMIC_SEQ_CST);
    /* An event that came before the flag was set would not have ended it. */
    if (event_deliverable(v))
        __atomic_fetch_and(&v->pause_flags, ~(uint32_t)VCPU_BLOCKED, __ATOMIC_SEQ_CST);
    else
        sched_block(v);
    return 0;
}

static long shutdown(struct domain *d, guest_ptr_t arg)
{
    struct sched_shutdown s;

    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    domain_shutdown(d, s.reason);
    return 0;
}

static long shutdown_code(struct domain *d, guest_ptr_t arg)
{
    struct sched_shutdown s;

    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    d->is_shutting_down = true;
    d->shutdown_code = (uint8_t)s.reason;
    return 0;
}

static long remote_shutdown(struct vcpu *v, guest_ptr_t arg)
{
    struct sched_remote_shutdown s;
    struct domain *d;
    int rc;

    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    rc = domain_get_for(v->domain, s.domain_id, AUTHORITY_REMOTE_SHUTDOWN, &d);
    if (rc)
        return rc;
    domain_shutdown(d, (uint8_t)s.reason);
    domain_put(d);
    return 0;
}

static void watchdog_fired(void *data)
{
    struct domain *d = data;

    if (d->is_shutting_down || d->is_shut_down)
        return;
    printk("Domain %u: its watchdog was not fed in time\n", d->id);
    domain_shutdown(d, SHUTDOWN_watchdog);
}

/* id 0 with a timeout starts a new one and returns its id (1 or 2); an id with a timeout feeds it, with 0 stops it. */
static long watchdog(struct domain *d, guest_ptr_t arg)
{
    struct sched_watchdog w;
    unsigned int slot;
    long rc = 0;

    if (copy_from_guest(&w, arg, sizeof(w)))
        return -EFAULT;
    if (w.id > ARRAY_SIZE(d->watchdog))
        return -EINVAL;
    lock(&d->control_lock);
    if (!w.id) {
        slot = (unsigned int)__builtin_ctz(~d->watchdog_inuse);
        if (!w.timeout) {
            rc = -EINVAL;
        } else if (slot >= ARRAY_SIZE(d->watchdog)) {
            rc = (uint32_t)-ENOSPC; /* as Xen answers it: cut to 32 bits */
        } else {
            if (!d->watchdog[slot].function) /* once: the function of one that was stopped may still run */
                timer_init(&d->watchdog[slot], watchdog_fired, d, 0);
            d->watchdog_inuse |= 1U << slot;
            timer_set(&d->watchdog[slot], time_now() + w.timeout * NS_PER_S);
            rc = slot + 1;
        }
    } else if (!(d->watchdog_inuse & 1U << (w.id - 1))) {
        rc = -EINVAL;
    } else if (w.timeout) {
        timer_set(&d->watchdog[w.id - 1], time_now() + w.timeout * NS_PER_S);
    } else {
        timer_stop(&d->watchdog[w.id - 1]);
        d->watchdog_inuse &= ~(1U << (w.id - 1));
    }
    unlock(&d->control_lock);
    return rc;
}

static long pin_override(struct vcpu *v, guest_ptr_t arg)
{
    struct sched_pin_override s;

    if (authorise(v->domain, NULL, AUTHORITY_PIN_OVERRIDE))
        return -EPERM;
    if (copy_from_guest(&s, arg, sizeof(s)))
        return -EFAULT;
    return sched_pin_override(v, s.pcpu);
}

long do_sched_op(struct hypercall *hc)
{
    struct vcpu *v = hc->vcpu;
    guest_ptr_t arg = hypercall_ptr(hc, 1);

    switch ((uint32_t)hc->arg[0]) {
    case SCHEDOP_yield:
        sched_yield(v);
        return 0;
    case SCHEDOP_block:
        return block(v);
    case SCHEDOP_shutdown:
        return shutdown(v->domain, arg);
    case SCHEDOP_poll:
        return event_poll(hc, arg);
    case SCHEDOP_remote_shutdown:
        return remote_shutdown(v, arg);
    case SCHEDOP_shutdown_code:
        return shutdown_code(v->domain, arg);
    case SCHEDOP_watchdog:
        return watchdog(v->domain, arg);
    case SCHEDOP_pin_override:
        return pin_override(v, arg);
    default:
        return -ENOSYS;
    }
}

/* The old call: yield, block, and shutdown with the reason as a value. */
long do_sched_op_compat(struct hypercall *hc)
{
    switch ((uint32_t)hc->arg[0]) {
    case SCHEDOP_yield:
        sched_yield(hc->vcpu);
        return 0;
    case SCHEDOP_block:
        return block(hc->vcpu);
    case SCHEDOP_shutdown:
        domain_shutdown(hc->vcpu->domain, (uint8_t)hc->arg[1]);
        return 0;
    default:
        return -ENOSYS;
    }
}
