/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cycles COUNT KERNEL [wait]: COUNT times, makes a PV domain of 32 MiB from KERNEL with the domain builder of libxenguest, starts it, with `wait`
 * lets it end by itself, and destroys it. Prints the pages that are free before and after, which must be equal.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>

static xc_interface *xen;

static unsigned long long free_pages(void)
{
    unsigned long long last = ~0ull;
    int same = 0;

    for (int tries = 0; tries < 300 && same < 5; tries++) {
        xc_physinfo_t info = {0};
        if (xc_physinfo(xen, &info))
            return 0;
        same = info.free_pages == last && !info.scrub_pages ? same + 1 : 0;
        last = info.free_pages;
        usleep(100000);
    }
    return last;
}

static int build(uint32_t domid, const char *kernel)
{
    struct xc_dom_image *image = xc_dom_allocate(xen, "", NULL);
    const char *step = "allocate";

    if (!image)
        return -1;
    int port = xc_evtchn_alloc_unbound(xen, domid, 0);
    int console = xc_evtchn_alloc_unbound(xen, domid, 0);
    if (port < 0 || console < 0)
        return -1;
    image->xenstore_evtchn = (unsigned)port;
    image->console_evtchn = (unsigned)console;
    image->container_type = XC_DOM_PV_CONTAINER;
    image->flags = 0;

#define STEP(name, call)                                                                                     \
    if ((step = name, (call)))                                                                               \
    goto failed
    STEP("kernel", xc_dom_kernel_file(image, kernel));
    STEP("boot_xen_init", xc_dom_boot_xen_init(image, xen, domid));
    STEP("parse", xc_dom_parse_image(image));
    STEP("mem_init", xc_dom_mem_init(image, 32));
    STEP("boot_mem_init", xc_dom_boot_mem_init(image));
    STEP("build", xc_dom_build_image(image));
    STEP("boot", xc_dom_boot_image(image));
    STEP("gnttab", xc_dom_gnttab_init(image));
    xc_dom_release(image);
    return 0;
failed:
    fprintf(stderr, "%s: %s\n", step, strerror(errno));
    xc_dom_release(image);
    return -1;
}

static int once(const char *kernel, int wait)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = -1,
        .max_grant_frames = 4,
        .max_maptrack_frames = 16,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch = {.emulation_flags = 0},
    };
    uint32_t domid = 0;

    if (xc_domain_create(xen, &domid, &config)) {
        perror("create");
        return -1;
    }
    int failed = xc_domain_max_vcpus(xen, domid, 1) || xc_domain_setmaxmem(xen, domid, 33 << 10) ||
                 build(domid, kernel) || xc_domain_unpause(xen, domid);
    if (failed)
        perror("build");
    for (int tries = 0; wait && !failed && tries < 3000; tries++) {
        xc_dominfo_t info;
        if (xc_domain_getinfo(xen, domid, 1, &info) != 1 || info.domid != domid || info.shutdown ||
            info.dying)
            break;
        usleep(10000);
    }
    if (xc_domain_destroy(xen, domid)) {
        perror("destroy");
        failed = 1;
    }
    return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
    if (argc < 3)
        return 2;
    int count = atoi(argv[1]);
    xen = xc_interface_open(NULL, NULL, 0);
    if (!xen)
        return 1;
    /* The first of all may leave tables behind that later ones share. */
    if (once(argv[2], argc > 3))
        return 1;
    unsigned long long before = free_pages();
    for (int n = 0; n < count; n++) {
        if (once(argv[2], argc > 3)) {
            fprintf(stderr, "in cycle %d\n", n);
            return 1;
        }
    }
    unsigned long long after = free_pages();
    printf("CYCLES %d free before %llu after %llu\n", count, before, after);
    return before != after;
}
