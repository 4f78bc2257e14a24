/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the daemon asks of the hypervisor and of domain 0's kernel, through Debian's libraries. Each device may be
 * missing: without gntdev rings are mapped as foreign pages, without any of them there are only sockets.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/grant_table.h>
#include <xen/sysctl.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define PAGE 4096

static struct {
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *foreign;
    xencall_handle *call;
} hv;

/* @evtchn_fd: inherited from the daemon before a live update, with its bindings; or -1. */
int hv_open(int evtchn_fd)
{
    hv.evtchn = evtchn_fd >= 0 ? xenevtchn_fdopen(NULL, evtchn_fd, 0) : xenevtchn_open(NULL, 0);
    hv.gnttab = xengnttab_open(NULL, 0);
    hv.foreign = xenforeignmemory_open(NULL, 0);
    hv.call = xencall_open(NULL, 0);
    if (!hv.evtchn)
        return -ENODEV;
    if (!hv.gnttab)
        log_line("no gntdev: rings of domains are mapped as foreign pages");
    fcntl(xenevtchn_fd(hv.evtchn), F_SETFL, O_NONBLOCK);
    return 0;
}

int hv_evtchn_fd(void)
{
    return hv.evtchn ? xenevtchn_fd(hv.evtchn) : -1;
}

int hv_bind(unsigned int domid, uint32_t port)
{
    int rc = hv.evtchn ? xenevtchn_bind_interdomain(hv.evtchn, domid, port) : -1;

    return rc < 0 ? -(errno ? errno : ENODEV) : rc;
}

int hv_bind_dom_exc(void)
{
    int rc = hv.evtchn ? xenevtchn_bind_virq(hv.evtchn, VIRQ_DOM_EXC) : -1;

    return rc < 0 ? -(errno ? errno : ENODEV) : rc;
}

void hv_unbind(int port)
{
    if (hv.evtchn && port >= 0)
        xenevtchn_unbind(hv.evtchn, (evtchn_port_t)port);
}

void hv_notify(int port)
{
    if (hv.evtchn && port >= 0)
        xenevtchn_notify(hv.evtchn, (evtchn_port_t)port);
}

unsigned int hv_pending(uint32_t *ports, unsigned int max)
{
    ssize_t n = read(hv_evtchn_fd(), ports, max * sizeof(*ports));
    unsigned int count = n > 0 ? (unsigned int)n / sizeof(*ports) : 0, i;

    for (i = 0; i < count; i++)
        xenevtchn_unmask(hv.evtchn, ports[i]);
    return count;
}

/* ---- Rings. Which way a page was mapped is asked by trying: only one of the two knows it. ---- */

static struct mapping {
    struct mapping *next;
    void *page;
    bool granted;
} * mappings;

static void *remember(void *page, bool granted)
{
    struct mapping *m = malloc(sizeof(*m));

    if (!m) {
        if (granted)
            xengnttab_unmap(hv.gnttab, page, 1);
        else
            xenforeignmemory_unmap(hv.foreign, page, 1);
        return NULL;
    }
    *m = (struct mapping){mappings, page, granted};
    mappings = m;
    return page;
}

void *hv_map_ring(unsigned int domid, uint64_t gfn)
{
    xen_pfn_t pfn = gfn;
    void *page = NULL;
    int error = 0;

    if (hv.gnttab)
        page = xengnttab_map_grant_ref(hv.gnttab, domid, GNTTAB_RESERVED_XENSTORE, PROT_READ | PROT_WRITE);
    if (page)
        return remember(page, true);
    if (hv.foreign)
        page = xenforeignmemory_map(hv.foreign, domid, PROT_READ | PROT_WRITE, 1, &pfn, &error);
    return page && !error ? remember(page, false) : NULL;
}

void hv_unmap_ring(void *page)
{
    struct mapping **link, *m;

    for (link = &mappings; (m = *link) && m->page != page; link = &m->next)
        ;
    if (!m)
        return;
    if (m->granted)
        xengnttab_unmap(hv.gnttab, page, 1);
    else
        xenforeignmemory_unmap(hv.foreign, page, 1);
    *link = m->next;
    free(m);
}

/* Domain 0's ring and port, from its kernel's xenfs. */
void *hv_dom0_ring(uint32_t *port)
{
    char text[32] = "";
    ssize_t n = -1;
    void *page;
    int fd = open("/proc/xen/xsd_port", O_RDONLY | O_CLOEXEC);

    if (fd >= 0) {
        n = read(fd, text, sizeof(text) - 1);
        close(fd);
    }
    if (n <= 0)
        return NULL;
    *port = (uint32_t)strtoul(text, NULL, 10);
    fd = open("/proc/xen/xsd_kva", O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return page == MAP_FAILED ? NULL : page;
}

void hv_unmap_dom0_ring(void *page)
{
    munmap(page, PAGE);
}

/* ---- Domains ---- */

int hv_list(unsigned int first, struct dominfo *out, unsigned int max)
{
    struct xen_sysctl *op;
    xen_domctl_getdomaininfo_t *info;
    unsigned int i;
    int rc = -ENOMEM;

    if (!hv.call)
        return -ENODEV;
    op = xencall_alloc_buffer(hv.call, sizeof(*op));
    info = xencall_alloc_buffer(hv.call, max * sizeof(*info));
    if (op && info) {
        memset(op, 0, sizeof(*op));
        op->cmd = XEN_SYSCTL_getdomaininfolist;
        op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
        op->u.getdomaininfolist.first_domain = (domid_t)first;
        op->u.getdomaininfolist.max_domains = max;
        set_xen_guest_handle_raw(op->u.getdomaininfolist.buffer, info);
        rc = xencall1(hv.call, __HYPERVISOR_sysctl, (uintptr_t)op);
        rc = rc < 0 ? -errno : (int)op->u.getdomaininfolist.num_domains;
    }
    for (i = 0; rc > 0 && i < (unsigned int)rc; i++) {
        out[i].domid = info[i].domain;
        out[i].shutdown = info[i].flags & XEN_DOMINF_shutdown;
        out[i].dying = info[i].flags & XEN_DOMINF_dying;
    }
    xencall_free_buffer(hv.call, info);
    xencall_free_buffer(hv.call, op);
    return rc;
}

/* Where nobody can be asked every domain exists. */
bool hv_domain_exists(unsigned int domid)
{
    struct dominfo info;
    int n;

    if (!hv.call || !domid)
        return true;
    n = hv_list(domid, &info, 1);
    return n < 0 || (n == 1 && info.domid == domid);
}
