/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/sysctl.h>
#include <xencall.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xengnttab.h>
#include "toolstack/common/hypervisor.h"

static struct {
    xenevtchn_handle *evtchn;
    xengnttab_handle *gnttab;
    xenforeignmemory_handle *foreign;
    xencall_handle *call;
} hv;

int hv_open(int evtchn_fd)
{
    hv.evtchn = evtchn_fd >= 0 ? xenevtchn_fdopen(NULL, evtchn_fd, 0) : xenevtchn_open(NULL, 0);
    hv.gnttab = xengnttab_open(NULL, 0);
    hv.foreign = xenforeignmemory_open(NULL, 0);
    hv.call = xencall_open(NULL, 0);
    if (!hv.evtchn)
        return -ENODEV;
    fcntl(xenevtchn_fd(hv.evtchn), F_SETFL, O_NONBLOCK);
    return 0;
}

bool hv_maps_grants(void)
{
    return hv.gnttab;
}

bool hv_maps_frames(void)
{
    return hv.foreign;
}

/* ---- Event channels ---- */

int hv_events_fd(void)
{
    return hv.evtchn ? xenevtchn_fd(hv.evtchn) : -1;
}

unsigned int hv_pending(uint32_t *ports, unsigned int max)
{
    ssize_t n = read(hv_events_fd(), ports, max * sizeof(*ports));

    return n > 0 ? (unsigned int)n / sizeof(*ports) : 0;
}

void hv_unmask(int port)
{
    if (hv.evtchn && port >= 0)
        xenevtchn_unmask(hv.evtchn, (evtchn_port_t)port);
}

void hv_notify(int port)
{
    if (hv.evtchn && port >= 0)
        xenevtchn_notify(hv.evtchn, (evtchn_port_t)port);
}

/* A bound port, or why there is none. */
static int bound(int rc)
{
    return rc < 0 ? -(errno ? errno : ENODEV) : rc;
}

int hv_bind(unsigned int domid, uint32_t port)
{
    return hv.evtchn ? bound(xenevtchn_bind_interdomain(hv.evtchn, domid, port)) : -ENODEV;
}

int hv_bind_virq(unsigned int virq)
{
    return hv.evtchn ? bound(xenevtchn_bind_virq(hv.evtchn, virq)) : -ENODEV;
}

void hv_unbind(int port)
{
    if (hv.evtchn && port >= 0)
        xenevtchn_unbind(hv.evtchn, (evtchn_port_t)port);
}

/* ---- Pages ---- */

bool hv_map(struct hv_page *page, unsigned int domid, uint32_t grant, uint64_t frame)
{
    xen_pfn_t pfn = frame;
    int error = 0;

    page->at = NULL;
    if (hv.gnttab)
        page->at = xengnttab_map_grant_ref(hv.gnttab, domid, grant, PROT_READ | PROT_WRITE);
    page->granted = page->at;
    if (!page->at && hv.foreign && frame != HV_NO_FRAME)
        page->at = xenforeignmemory_map(hv.foreign, domid, PROT_READ | PROT_WRITE, 1, &pfn, &error);
    if (error)
        hv_unmap(page);
    return page->at;
}

void hv_unmap(struct hv_page *page)
{
    if (page->at && page->granted)
        xengnttab_unmap(hv.gnttab, page->at, 1);
    else if (page->at)
        xenforeignmemory_unmap(hv.foreign, page->at, 1);
    page->at = NULL;
}

/* ---- Hypercalls: a sysctl, and room for what it answers ---- */

struct question {
    struct xen_sysctl *op;
    void *answer;
};

static void end(struct question *q)
{
    xencall_free_buffer(hv.call, q->answer);
    xencall_free_buffer(hv.call, q->op);
}

static int begin(struct question *q, uint32_t cmd, size_t answer)
{
    if (!hv.call)
        return -ENODEV;
    q->op = xencall_alloc_buffer(hv.call, sizeof(*q->op));
    q->answer = xencall_alloc_buffer(hv.call, answer);
    if (!q->op || !q->answer) {
        end(q);
        return -ENOMEM;
    }
    memset(q->op, 0, sizeof(*q->op));
    q->op->cmd = cmd;
    q->op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return 0;
}

static int ask(const struct question *q)
{
    return xencall1(hv.call, __HYPERVISOR_sysctl, (uintptr_t)q->op) < 0 ? -errno : 0;
}

int hv_list(unsigned int first, struct dominfo *out, unsigned int max)
{
    struct xen_sysctl_getdomaininfolist *list;
    const xen_domctl_getdomaininfo_t *info;
    struct question q;
    int rc = begin(&q, XEN_SYSCTL_getdomaininfolist, max * sizeof(*info)), i;

    if (rc)
        return rc;
    list = &q.op->u.getdomaininfolist;
    list->first_domain = (domid_t)first;
    list->max_domains = max;
    set_xen_guest_handle_raw(list->buffer, q.answer);
    rc = ask(&q);
    if (!rc)
        rc = (int)list->num_domains;
    for (i = 0, info = q.answer; i < rc; i++, info++)
        out[i] =
            (struct dominfo){info->domain, info->flags & XEN_DOMINF_shutdown, info->flags & XEN_DOMINF_dying};
    end(&q);
    return rc;
}

bool hv_domain_exists(unsigned int domid)
{
    struct dominfo info;
    int n;

    if (!hv.call || !domid)
        return true;
    n = hv_list(domid, &info, 1);
    return n < 0 || (n == 1 && info.domid == domid);
}

int hv_read_log(char *out, unsigned int max, uint32_t *index)
{
    struct xen_sysctl_readconsole *log;
    struct question q;
    int rc = begin(&q, XEN_SYSCTL_readconsole, max);

    if (rc)
        return rc;
    log = &q.op->u.readconsole;
    log->incremental = 1;
    log->index = *index;
    log->count = max;
    set_xen_guest_handle_raw(log->buffer, q.answer);
    rc = ask(&q);
    if (!rc)
        rc = (int)log->count;
    if (rc > 0) {
        memcpy(out, q.answer, (size_t)rc);
        *index = log->index;
    }
    end(&q);
    return rc;
}
