/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Domains by the hundred, with the domain builder of libxenguest.
 *
 * cycles COUNT KERNEL [wait]: COUNT times, makes a PV domain of 32 MiB from KERNEL, starts it, with `wait` lets it end by itself, and destroys it. Prints the pages that are free before and
 * after, which must be equal, and the median cost of a cycle among the first and the last hundred, in ticks of the TSC: under QEMU's -icount these are instructions.
 *
 * cycles many COUNT KERNEL: makes COUNT of them that live at once (KERNEL is the guest `answer`, which sends back what it is sent, plus one), asks each twice, and destroys them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenevtchn.h>
#include <xenforeignmemory.h>
#include <xenguest.h>
#include <xen/io/console.h>
#include "free_pages.h"

#define HUNDRED 100

struct made {
    uint32_t domid;
    unsigned int console_port;
    xen_pfn_t console;
    struct xencons_interface *ring;
    int port;
};

static xc_interface *xen;
static xenforeignmemory_handle *memory;

static int build(struct made *made, const char *kernel, int mib)
{
    struct xc_dom_image *image = xc_dom_allocate(xen, "", NULL);
    const char *step = "allocate";

    if (!image)
        return -1;
    int port = xc_evtchn_alloc_unbound(xen, made->domid, 0);
    int console = xc_evtchn_alloc_unbound(xen, made->domid, 0);
    if (port < 0 || console < 0)
        return -1;
    image->xenstore_evtchn = (unsigned)port;
    image->console_evtchn = made->console_port = (unsigned)console;
    image->container_type = XC_DOM_PV_CONTAINER;
    image->flags = 0;

#define STEP(name, call)                                                                                     \
    if ((step = name, (call)))                                                                               \
    goto failed
    STEP("kernel", xc_dom_kernel_file(image, kernel));
    STEP("boot_xen_init", xc_dom_boot_xen_init(image, xen, made->domid));
    STEP("parse", xc_dom_parse_image(image));
    STEP("mem_init", xc_dom_mem_init(image, (unsigned)mib));
    STEP("boot_mem_init", xc_dom_boot_mem_init(image));
    STEP("build", xc_dom_build_image(image));
    STEP("boot", xc_dom_boot_image(image));
    STEP("gnttab", xc_dom_gnttab_init(image));
    made->console = xc_dom_p2m(image, image->console_pfn);
    xc_dom_release(image);
    return 0;
failed:
    fprintf(stderr, "%s: %s\n", step, strerror(errno));
    xc_dom_release(image);
    return -1;
}

static int make(struct made *made, const char *kernel, int mib)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = -1,
        .max_grant_frames = 4,
        .max_maptrack_frames = 16,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = {.emulation_flags = 0},
    };

    made->domid = 0;
    if (xc_domain_create(xen, &made->domid, &config)) {
        perror("create");
        return -1;
    }
    if (xc_domain_max_vcpus(xen, made->domid, 1) || xc_domain_setmaxmem(xen, made->domid, (mib + 1u) << 10) ||
        build(made, kernel, mib) || xc_domain_unpause(xen, made->domid)) {
        perror("build");
        xc_domain_destroy(xen, made->domid);
        return -1;
    }
    return 0;
}

static int wait_for_end(uint32_t domid)
{
    for (int tries = 0; tries < 3000; tries++) {
        xc_dominfo_t info;
        if (xc_domain_getinfo(xen, domid, 1, &info) != 1 || info.domid != domid || info.shutdown ||
            info.dying)
            return 0;
        usleep(10000);
    }
    fprintf(stderr, "domain %u does not end by itself\n", domid);
    return -1;
}

static int once(const char *kernel, int wait)
{
    struct made made;

    if (make(&made, kernel, 32))
        return -1;
    int ended = wait ? wait_for_end(made.domid) : 0;
    if (xc_domain_destroy(xen, made.domid)) {
        perror("destroy");
        return -1;
    }
    return ended;
}

static int by_size(const void *a, const void *b)
{
    const unsigned long long *x = a, *y = b;

    return *x < *y ? -1 : *x > *y;
}

static unsigned long long median(unsigned long long *cost, int count)
{
    qsort(cost, (size_t)count, sizeof(*cost), by_size);
    return cost[count / 2];
}

static int cycles(int count, const char *kernel, int wait)
{
    unsigned long long *cost = calloc((size_t)count + 1, sizeof(*cost));
    int some = count < 2 * HUNDRED ? count / 2 : HUNDRED;

    /* The first of all may leave tables behind that later ones share. */
    if (!cost || once(kernel, wait))
        return 1;
    unsigned long long before = free_pages(xen);
    for (int n = 0; n < count; n++) {
        unsigned long long start = __builtin_ia32_rdtsc();
        if (once(kernel, wait)) {
            fprintf(stderr, "in cycle %d\n", n);
            return 1;
        }
        cost[n] = __builtin_ia32_rdtsc() - start;
    }
    unsigned long long after = free_pages(xen);
    unsigned long long first = median(cost, some), last = median(cost + count - some, some);
    printf("CYCLES %d free before %llu after %llu cost first %llu last %llu\n", count, before, after, first,
           last);
    free(cost);
    return before != after;
}

/* Its console ring, seen from here, and a port to ring its bell with. */
static int connect_to(struct made *made, xenevtchn_handle *events)
{
    made->ring = xenforeignmemory_map(memory, made->domid, PROT_READ | PROT_WRITE, 1, &made->console, NULL);
    if (!made->ring)
        return -1;
    made->port = xenevtchn_bind_interdomain(events, made->domid, made->console_port);
    return made->port < 0 ? -1 : 0;
}

static int ask(struct made *made, xenevtchn_handle *events, char question)
{
    volatile struct xencons_interface *ring = made->ring;
    XENCONS_RING_IDX at = ring->in_prod, answered = ring->out_prod;

    ring->in[MASK_XENCONS_IDX(at, ring->in)] = question;
    __atomic_store_n(&ring->in_prod, at + 1, __ATOMIC_SEQ_CST);
    if (xenevtchn_notify(events, made->port))
        return -1;
    for (int tries = 0; tries < 6000 && ring->out_prod == answered; tries++)
        usleep(10000);
    if (ring->out_prod != answered + 1 || ring->out[MASK_XENCONS_IDX(answered, ring->out)] != question + 1)
        return -1;
    __atomic_store_n(&ring->out_cons, answered + 1, __ATOMIC_SEQ_CST);
    return 0;
}

/* Domain 0 once has as many ports as it will need: what the hypervisor keeps of them stays domain 0's. */
static int had_ports(xenevtchn_handle *events, int count)
{
    int *port = calloc((size_t)count, sizeof(*port)), had = 0;

    while (port && had < count && (port[had] = xenevtchn_bind_unbound_port(events, 0)) >= 0)
        had++;
    for (int i = 0; i < had; i++)
        xenevtchn_unbind(events, (evtchn_port_t)port[i]);
    free(port);
    return had == count;
}

static int many(int count, const char *kernel)
{
    struct made *all = calloc((size_t)count, sizeof(*all));
    xenevtchn_handle *events = xenevtchn_open(NULL, 0);
    int alive = 0, answers = 0, destroyed = 0;

    memory = xenforeignmemory_open(NULL, 0);
    if (!all || !events || !memory || !had_ports(events, count) || once(kernel, 0))
        return 1;
    unsigned long long before = free_pages(xen);
    while (alive < count && !make(&all[alive], kernel, 32) && !connect_to(&all[alive], events))
        alive++;
    unsigned long long during = free_pages(xen);
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < alive; i++)
            answers += !ask(&all[i], events, (char)('a' + (i + round) % 20));
    for (int i = 0; i < alive; i++) {
        xenforeignmemory_unmap(memory, all[i].ring, 1);
        xenevtchn_unbind(events, (evtchn_port_t)all[i].port);
        destroyed += !xc_domain_destroy(xen, all[i].domid);
    }
    unsigned long long after = free_pages(xen);
    printf("MANY %d alive %d answers %d destroyed %d free before %llu during %llu after %llu\n", count, alive,
           answers, destroyed, before, during, after);
    xenevtchn_close(events);
    xenforeignmemory_close(memory);
    free(all);
    return alive != count || answers != 2 * count || destroyed != count || before != after;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    xen = xc_interface_open(NULL, NULL, 0);
    if (!xen)
        return 1;
    if (!strcmp(argv[1], "many"))
        return argc < 4 ? 2 : many(atoi(argv[2]), argv[3]);
    return cycles(atoi(argv[1]), argv[2], argc > 3);
}
