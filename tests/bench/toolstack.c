/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The first and only process of a domain 0 for `make bench`: makes domains of 32 MiB with the domain builder of libxenguest, up to their first instructions, and
 * destroys them, between marks as in workload.c.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>
#include "program.h"

#define DOMAINS   4
#define MEMORY_MB 32

MARK(bench_begin_libxenctrl_create)
MARK(bench_end_libxenctrl_create)
MARK(bench_begin_libxenctrl_destroy)
MARK(bench_end_libxenctrl_destroy)

static xc_interface *xen;
static uint32_t made[DOMAINS];

static void load_module(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
        end(path);
    close(fd);
}

static void build(uint32_t domid)
{
    struct xc_dom_image *image = xc_dom_allocate(xen, "", NULL);
    int store = xc_evtchn_alloc_unbound(xen, domid, 0), console = xc_evtchn_alloc_unbound(xen, domid, 0);

    if (!image || store < 0 || console < 0)
        end("domain");
    image->xenstore_evtchn = (unsigned)store;
    image->console_evtchn = (unsigned)console;
    image->container_type = XC_DOM_PV_CONTAINER;
    if (xc_dom_kernel_file(image, "/sleeper") || xc_dom_boot_xen_init(image, xen, domid) ||
        xc_dom_parse_image(image) || xc_dom_mem_init(image, MEMORY_MB) || xc_dom_boot_mem_init(image) ||
        xc_dom_build_image(image) || xc_dom_boot_image(image) || xc_dom_gnttab_init(image))
        end("builder");
    xc_dom_release(image);
}

static void create(uint32_t *domid)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = -1,
        .max_grant_frames = 4,
        .max_maptrack_frames = 16,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };

    *domid = 0;
    if (xc_domain_create(xen, domid, &config) || xc_domain_max_vcpus(xen, *domid, 1) ||
        xc_domain_setmaxmem(xen, *domid, (MEMORY_MB + 1) << 10))
        end("create");
    build(*domid);
    if (xc_domain_unpause(xen, *domid))
        end("unpause");
    usleep(1000); /* it runs, and goes to sleep */
}

static void create_all(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++)
        create(&made[i]);
}

static uint64_t free_bytes(void)
{
    xc_physinfo_t info = {0};

    if (xc_physinfo(xen, &info))
        end("physinfo");
    return info.free_pages * 4096;
}

/* What the machine has less for each domain, beyond the domain's own memory. */
static void tell_overhead(uint64_t before)
{
    uint64_t taken = before - free_bytes();

    for (unsigned int i = 0; i < DOMAINS; i++) {
        xc_dominfo_t info;

        if (xc_domain_getinfo(xen, made[i], 1, &info) != 1 || info.domid != made[i])
            end("getinfo");
        taken -= info.nr_pages * 4096UL;
    }
    printf("VALUE libxenctrl_memory_per_domain %lu bytes\n", (unsigned long)(taken / DOMAINS));
}

static void destroy_all(void)
{
    for (unsigned int i = 0; i < DOMAINS; i++)
        if (xc_domain_destroy(xen, made[i]))
            end("destroy");
    usleep(100000); /* what is left to do for them */
}

int main(void)
{
    uint64_t before;

    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    if (mount("devtmpfs", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
        end("/dev");
    mount("proc", "/proc", "proc", 0, NULL);
    load_module("/xen-privcmd.ko");
    load_module("/xen-evtchn.ko");
    xen = xc_interface_open(NULL, NULL, 0);
    if (!xen)
        end("libxenctrl");
    create_all(); /* to warm up */
    destroy_all();
    before = free_bytes();
    bench_begin_libxenctrl_create();
    create_all();
    bench_end_libxenctrl_create();
    tell_overhead(before);
    bench_begin_libxenctrl_destroy();
    destroy_all();
    bench_end_libxenctrl_destroy();
    printf("BENCH libxenctrl_create %u\nBENCH libxenctrl_destroy %u\nBENCH-END\n", DOMAINS, DOMAINS);
    end(NULL);
}
