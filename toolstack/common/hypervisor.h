/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What a daemon asks of the hypervisor and of domain 0's kernel, through Debian's libraries. Each device may be missing. Functions that return
 * an int give a negative errno where they fail.
 */
#ifndef TOOLSTACK_COMMON_HYPERVISOR_H
#define TOOLSTACK_COMMON_HYPERVISOR_H

#include <stdbool.h>
#include <stdint.h>

/* @evtchn_fd: inherited from the program before, with its bindings; or -1. -ENODEV: there are no event channels. */
int hv_open(int evtchn_fd);
bool hv_maps_grants(void);
bool hv_maps_frames(void);

/* ---- Event channels. A port below 0 is none. ---- */

int hv_events_fd(void); /* readable when there is an event; -1: none */
/* The ports with an event, at most @max, in one read; each is masked until hv_unmask(). */
unsigned int hv_pending(uint32_t *ports, unsigned int max);
void hv_unmask(int port);
void hv_notify(int port);
int hv_bind(unsigned int domid, uint32_t port); /* our port */
int hv_bind_virq(unsigned int virq);
void hv_unbind(int port);

/* ---- Pages of other domains ---- */

struct hv_page {
    void *at;     /* NULL: none */
    bool granted; /* mapped by grant, not as a frame */
};

#define HV_NO_FRAME UINT64_MAX

/* By the grant, or, where that is not to be had, as the frame (HV_NO_FRAME: not at all). False: neither; @page is none. */
bool hv_map(struct hv_page *page, unsigned int domid, uint32_t grant, uint64_t frame);
void hv_unmap(struct hv_page *page);

/* ---- Hypercalls: -ENODEV without the device for them ---- */

struct dominfo {
    uint16_t domid;
    bool shutdown, dying;
};
/* Domains from @first on, ascending; how many. */
int hv_list(unsigned int first, struct dominfo *info, unsigned int max);
bool hv_domain_exists(unsigned int domid); /* where nobody can be asked every domain does */
/* What the hypervisor printed after @index, which moves on; how many bytes. */
int hv_read_log(char *out, unsigned int max, uint32_t *index);

#endif
