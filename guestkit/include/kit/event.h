/* SPDX-License-Identifier: MIT */
/* Event channels over the 2-level form, and the upcall. */
#ifndef KIT_EVENT_H
#define KIT_EVENT_H

#include <kit/types.h>

extern volatile struct shared_info *kit_shared;

typedef void (*kit_event_fn)(evtchn_port_t port);

/* Handler of a port; one table for all vcpus. Ports without one are cleared and counted only. */
void kit_event_handle(evtchn_port_t port, kit_event_fn fn);

/* How often the upcall saw the port pending. */
uint32_t kit_event_count(evtchn_port_t port);
void kit_event_count_reset(evtchn_port_t port);

void kit_event_mask(evtchn_port_t port);
void kit_event_unmask(evtchn_port_t port); /* by EVTCHNOP_unmask */
bool kit_event_pending(evtchn_port_t port);
bool kit_event_clear(evtchn_port_t port); /* returns whether it was pending */

/* The vcpu's upcall mask. Enabling takes what became pending meanwhile, by an upcall. */
void kit_events_enable(void);
void kit_events_disable(void);

/* Replace what the upcall does; NULL for the kit's own scan. */
void kit_event_upcall_hook(void (*fn)(void));

/* Called on the event vector. */
void kit_event_upcall(void);

/* Shorthands; negative errno, or the port. */
int kit_event_bind_virq(unsigned virq, unsigned vcpu);
int kit_event_bind_ipi(unsigned vcpu);
int kit_event_close(evtchn_port_t port);
int kit_event_send(evtchn_port_t port);
int kit_event_alloc_unbound(domid_t remote);

#endif
