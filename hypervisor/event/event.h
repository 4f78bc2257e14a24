/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Event channels: ports that join domains, virtual and physical interrupts and vcpus; two wire forms, 2-level
 * bitmaps and FIFO queues.
 */
#ifndef EVENT_EVENT_H
#define EVENT_EVENT_H

#include "core/domain.h"
#include "core/hypercall.h"
#include <xen/event_channel.h>

typedef uint32_t port_t;

int event_domain_init(struct domain *d, unsigned int max_ports) __must_check;
/* Closes every port and gives the guest's frames back; nothing can be bound any more. Resumable: -ERESTART.
 * Interrupts on. */
int event_domain_close_all(struct domain *d) __must_check;
/* After event_domain_close_all() has returned 0, or for a domain that never ran. */
void event_domain_free(struct domain *d);
/* The same in steps: frees some of the channels; true if more are left. Nobody can find the domain. */
bool event_domain_free_some(struct domain *d);
int event_vcpu_init(struct vcpu *v) __must_check;
void event_vcpu_free(struct vcpu *v);

/* Returns when no processor is in a send that began before the call. Interrupts on, no event lock held. */
void event_quiesce(void);

/* HYPERVISOR_event_channel_op(cmd, arg) and its old one-argument form. */
long do_event_channel_op(struct hypercall *hc);
/* EVTCHNOP_send, fused: the hot path. `self` is the vcpu that runs this, or NULL. Interrupts on or off.
 * -EINVAL. */
long event_send_from(struct domain *d, struct vcpu *self, port_t port);
static inline long event_send(struct domain *d, port_t port)
{
    return event_send_from(d, NULL, port);
}
/* EVTCHNOP_unmask, also for PHYSDEVOP_eoi of a port that unmasks itself. -EINVAL. */
long event_unmask(struct domain *d, struct vcpu *self, port_t port);

/* From the hypervisor. Any context, also interrupts off. */
void event_send_virq(struct vcpu *v, unsigned int virq); /* per-vcpu VIRQs */
void event_send_global_virq(unsigned int virq); /* to the domain that holds it (domain 0 by default) */
void event_send_pirq(struct domain *d, unsigned int pirq); /* a physical interrupt came in */

/* A vcpu has (or may have) deliverable events: its pending flag is set and upcalls are not masked. */
static inline bool event_deliverable(const struct vcpu *v)
{
    return READ_ONCE(v->info->evtchn_upcall_pending) && !READ_ONCE(v->info->evtchn_upcall_mask);
}

/* Where a global VIRQ goes from now on (XEN_DOMCTL_set_virq_handler). -EINVAL. */
int event_set_virq_handler(struct domain *d, unsigned int virq) __must_check;
/* The domain is dying: its global VIRQs go to the hardware domain again. Before its last reference is
 * dropped. */
void event_drop_virq_handler(struct domain *d);
/* The port that a PIRQ is bound to, 0 if none. Holds at the moment of the call only. */
port_t event_pirq_port(struct domain *d, unsigned int pirq);

/* SCHEDOP_poll. Blocks the caller until one of the ports is pending or the time has come. */
long event_poll(struct hypercall *hc, guest_ptr_t sched_poll);
/* VCPUOP_register_vcpu_info moved v->info: everything pending is shown again there. */
void event_vcpu_info_moved(struct vcpu *v);
/* Is the port pending, masked in the guest's view? False, true if there is no such port. Interrupts off, or
 * the domain is not running. */
bool event_is_pending(struct domain *d, port_t port);
bool event_is_masked(struct domain *d, port_t port);

/* Debug key 'e', and the audit: returns the number of broken cross-links found. */
void event_dump(struct domain *d);
void event_dump_locks(struct domain *d);
unsigned int event_audit(struct domain *d);

/* --- What event channels ask of PIRQs (arch irq code gives it; a test may). --- */
struct event_pirq_ops {
    int (*bind)(struct domain *d, unsigned int pirq, bool share)
        __must_check; /* -EINVAL, -EBUSY, -ENOENT, -EPERM */
    void (*unbind)(struct domain *d, unsigned int pirq);
    void (*eoi)(struct domain *d, unsigned int pirq); /* the guest unmasked the port or said EOI */
    unsigned int (*count)(struct domain *d);          /* number of PIRQs the domain may name */
    /* The domain ends, its ports are closed: nothing is mapped for it any more. And: nobody can find it any more, what is kept of it goes, too. */
    void (*end)(struct domain *d);
    void (*free)(struct domain *d);
    /* The port now notifies a vcpu that is on this processor: interrupt it rather than another. NULL: no matter. */
    void (*set_cpu)(struct domain *d, unsigned int pirq, unsigned int cpu);
    /* Gives `d` the right to bind the interrupt that the caller has under this number, or takes it: -EINVAL, -EPERM, -ENOMEM. */
    int (*permit)(struct domain *caller, struct domain *d, unsigned int pirq, bool allow) __must_check;
};
extern struct event_pirq_ops event_pirq_ops;

#endif
