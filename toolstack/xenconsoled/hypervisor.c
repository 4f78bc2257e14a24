/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Event channels, the consoles' pages, the hypervisor's log: through Debian's libraries. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sysctl.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include "toolstack/xenconsoled/daemon.h"

static xenevtchn_handle *evtchn;
static xengnttab_handle *gnttab;
static xenforeignmemory_handle *foreign;
static xencall_handle *call;

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

int hv_bind_con_ring(void)
{
    return xenevtchn_bind_virq(evtchn, VIRQ_CON_RING);
}

void hv_unbind(int port)
{
    xenevtchn_unbind(evtchn, (evtchn_port_t)port);
}

void *hv_map(unsigned int domid, uint64_t ref, bool first, bool *granted)
{
    uint32_t grant = first ? GNTTAB_RESERVED_CONSOLE : (uint32_t)ref;
    xen_pfn_t pfn = ref;
    void *page = NULL;
    int error = 0;

    *granted = false;
    if (gnttab)
        page = xengnttab_map_grant_ref(gnttab, domid, grant, PROT_READ | PROT_WRITE);
    if (page) {
        *granted = true;
        return page;
    }
    if (foreign && first)
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

int hv_read_log(char *out, unsigned int max, uint32_t *index)
{
    struct xen_sysctl *op;
    char *text;
    int rc = -ENOMEM;

    if (!call)
        call = xencall_open(NULL, 0);
    if (!call)
        return -ENODEV;
    op = xencall_alloc_buffer(call, sizeof(*op));
    text = xencall_alloc_buffer(call, max);
    if (op && text) {
        memset(op, 0, sizeof(*op));
        op->cmd = XEN_SYSCTL_readconsole;
        op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        op->u.readconsole.incremental = 1;
        op->u.readconsole.index = *index;
        op->u.readconsole.count = max;
        set_xen_guest_handle_raw(op->u.readconsole.buffer, text);
        rc = xencall1(call, __HYPERVISOR_sysctl, (uintptr_t)op) < 0 ? -errno : (int)op->u.readconsole.count;
        if (rc > 0) {
            memcpy(out, text, (size_t)rc);
            *index = op->u.readconsole.index;
        }
    }
    xencall_free_buffer(call, text);
    xencall_free_buffer(call, op);
    return rc;
}
