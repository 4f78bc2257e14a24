/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event channels and the consoles' pages, through Debian's libraries. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <xen/grant_table.h>
#include <xen/xen.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include "toolstack/xenconsoled/daemon.h"

static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static xenforeignmemory_handle *foreign;

int hv_open(void)
{
    evtchn = xenevtchn_open(NULL, 0);
    gnttab = xengnttab_open(NULL, 0);
    foreign = xenforeignmemory_open(NULL, 0);
    if (!evtchn || (!gnttab && !foreign))
        return -ENODEV;
    fcntl(xenevtchn_fd(evtchn), F_SETFL, O_NONBLOCK);
    return 0;
}

int hv_events_fd(void)
{
    return xenevtchn_fd(evtchn);
}

int hv_pending(void)
{
    return xenevtchn_pending(evtchn);
}

void hv_unmask(int port)
{
    xenevtchn_unmask(evtchn, (evtchn_port_t)port);
}

void hv_notify(int port)
{
    xenevtchn_notify(evtchn, (evtchn_port_t)port);
}

int hv_bind(unsigned int domid, uint32_t port)
{
    return xenevtchn_bind_interdomain(evtchn, domid, port);
}

void hv_unbind(int port)
{
    xenevtchn_unbind(evtchn, (evtchn_port_t)port);
}

void *hv_map(unsigned int domid, uint64_t gfn, bool *granted)
{
    xen_pfn_t pfn = gfn;
    void *page = NULL;
    int error = 0;

    *granted = false;
    if (gnttab)
        page = xengnttab_map_grant_ref(gnttab, domid, GNTTAB_RESERVED_CONSOLE, PROT_READ | PROT_WRITE);
    if (page) {
        *granted = true;
        return page;
    }
    if (foreign)
        page = xenforeignmemory_map(foreign, domid, PROT_READ | PROT_WRITE, 1, &pfn, &error);
    return error ? NULL : page;
}

void hv_unmap(void *page, bool granted)
{
    if (granted)
        xengnttab_unmap(gnttab, page, 1);
    else
        xenforeignmemory_unmap(foreign, page, 1);
}
