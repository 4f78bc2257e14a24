/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Disk and network of a Linux guest, for `make bench`: the only process of two machines. In domain 0 it starts the store's daemon, makes the guest with libxenguest, and is the other end of its
 * network; disk and network are Linux's xen-blkback (on a RAM disk) and xen-netback. In the guest it moves data between the marks that the plugin watches. Iterations are kilobytes.
 *
 * Linked at an address that no other program here uses.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xenctrl.h>
#include <xenguest.h>
#include <xenstore.h>
#include "program.h"

#define MEMORY_MB 96
#define BLOCK     65536
#define WARM      (1 << 20)
#define AMOUNT    (4 << 20) /* bytes a measurement */
#define PORT      7
#define MAC       "00:16:3e:00:00:01"

MARK(bench_begin_disk_read)
MARK(bench_end_disk_read)
MARK(bench_begin_disk_write)
MARK(bench_end_disk_write)
MARK(bench_begin_net_send)
MARK(bench_end_net_send)
MARK(bench_begin_net_receive)
MARK(bench_end_net_receive)

static char *block;

static void load_module(const char *name, const char *arguments)
{
    char path[64];
    int fd;

    snprintf(path, sizeof(path), "/lib/%s.ko", name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || (syscall(SYS_finit_module, fd, arguments, 0) && errno != EEXIST))
        end(name);
    close(fd);
}

static void set_up(void)
{
    mkdir("/dev", 0755);
    mkdir("/proc", 0755);
    mkdir("/run", 0755);
    if (mount("dev", "/dev", "devtmpfs", 0, NULL) && errno != EBUSY)
        end("/dev");
    if (mount("proc", "/proc", "proc", 0, NULL) || mount("run", "/run", "tmpfs", 0, NULL))
        end("mount");
    block = aligned_alloc(4096, BLOCK);
    if (!block)
        end("memory");
    memset(block, 0x5a, BLOCK);
}

/* A guest that fails goes away, and with it what domain 0 waits for. */
static void too_long(int number)
{
    (void)number;
    errno = ETIMEDOUT;
    end("the guest");
}

static void wait_a_moment(unsigned int *tries, const char *what)
{
    if (++*tries > 3000)
        end(what);
    usleep(10000);
}

/* Waits for the interface and gives it 10.0.0.`last`. */
static void network_up(const char *name, unsigned int last)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x0a000000 + last)},
                       mask = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xffffff00)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    unsigned int tries = 0;
    struct ifreq request = {0};

    snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", name);
    while (ioctl(fd, SIOCGIFINDEX, &request))
        wait_a_moment(&tries, name);
    memcpy(&request.ifr_addr, &address, sizeof(address));
    if (ioctl(fd, SIOCSIFADDR, &request))
        end("SIOCSIFADDR");
    memcpy(&request.ifr_netmask, &mask, sizeof(mask));
    ioctl(fd, SIOCSIFNETMASK, &request);
    request.ifr_flags = IFF_UP | IFF_RUNNING;
    if (ioctl(fd, SIOCSIFFLAGS, &request))
        end("SIOCSIFFLAGS");
    close(fd);
}

static void move(int fd, size_t bytes, int out)
{
    while (bytes) {
        ssize_t n = out ? write(fd, block, bytes < BLOCK ? bytes : BLOCK)
                        : read(fd, block, bytes < BLOCK ? bytes : BLOCK);

        if (n <= 0)
            end(out ? "write" : "read");
        bytes -= (size_t)n;
    }
}

/* What was sent has arrived when the other end says so, by one byte. */
static void network(int fd, size_t bytes, int out)
{
    move(fd, bytes, out);
    move(fd, 1, !out);
}

static struct sockaddr_in server(unsigned int last)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(PORT), .sin_addr.s_addr = htonl(0x0a000000 + last)};
}

static void guest_disk(void)
{
    unsigned int tries = 0;
    int fd;

    while ((fd = open("/dev/xvda", O_RDWR | O_DIRECT | O_CLOEXEC)) < 0)
        wait_a_moment(&tries, "xvda");
    move(fd, WARM, 0);
    bench_begin_disk_read();
    move(fd, AMOUNT, 0);
    bench_end_disk_read();
    lseek(fd, 0, SEEK_SET);
    move(fd, WARM, 1);
    bench_begin_disk_write();
    move(fd, AMOUNT, 1);
    bench_end_disk_write();
    close(fd);
}

static void guest_network(void)
{
    struct sockaddr_in to = server(1);
    unsigned int tries = 0;
    int fd;

    network_up("eth0", 2);
    for (;;) {
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (!connect(fd, (struct sockaddr *)&to, sizeof(to)))
            break;
        close(fd);
        wait_a_moment(&tries, "connect");
    }
    network(fd, WARM, 1);
    bench_begin_net_send();
    network(fd, AMOUNT, 1);
    bench_end_net_send();
    network(fd, WARM, 0);
    bench_begin_net_receive();
    network(fd, AMOUNT, 0);
    bench_end_net_receive();
    close(fd);
}

static void guest(void)
{
    load_module("xen-blkfront", "");
    load_module("xen-netfront", "");
    guest_disk();
    guest_network();
    for (;;)
        pause();
}

static xc_interface *xen;
static struct xs_handle *store;

static void start_store(void)
{
    unsigned int tries = 0;

    if (!fork()) {
        setenv("LD_LIBRARY_PATH", "/lib/x86_64-linux-gnu", 1);
        setenv("XENSTORED_ROOTDIR", "/run/xenstored", 1);
        execl("/bin/daemon", "xenstored", "-N", (char *)NULL);
        _exit(1);
    }
    while (!(store = xs_open(0)))
        wait_a_moment(&tries, "store");
}

static void put(uint32_t owner, uint32_t reader, const char *path, const char *format, ...)
{
    struct xs_permissions permissions[2] = {{owner, XS_PERM_NONE}, {reader, XS_PERM_READ}};
    char value[256];
    va_list list;

    va_start(list, format);
    vsnprintf(value, sizeof(value), format, list);
    va_end(list);
    if (!xs_write(store, 0, path, value, (unsigned int)strlen(value)) ||
        !xs_set_permissions(store, 0, path, permissions, 2))
        end(path);
}

/* The two ends of a device, which the drivers look at when they appear: state last, front end last. */
static void device(uint32_t id, const char *kind, unsigned int number, const char *const *back,
                   const char *const *front)
{
    char here[128], there[128], path[256];

    snprintf(there, sizeof(there), "/local/domain/0/backend/%s/%u/%u", kind, id, number);
    snprintf(here, sizeof(here), "/local/domain/%u/device/%s/%u", id, kind, number);
    put(0, id, there, "");
    put(id, 0, here, "");
    for (; *back; back += 2) {
        snprintf(path, sizeof(path), "%s/%s", there, back[0]);
        put(0, id, path, "%s", back[1]);
    }
    snprintf(path, sizeof(path), "%s/frontend", there);
    put(0, id, path, "%s", here);
    snprintf(path, sizeof(path), "%s/frontend-id", there);
    put(0, id, path, "%u", id);
    for (; *front; front += 2) {
        snprintf(path, sizeof(path), "%s/%s", here, front[0]);
        put(id, 0, path, "%s", front[1]);
    }
    snprintf(path, sizeof(path), "%s/backend", here);
    put(id, 0, path, "%s", there);
    snprintf(path, sizeof(path), "%s/backend-id", here);
    put(id, 0, path, "0");
    snprintf(path, sizeof(path), "%s/state", here);
    put(id, 0, path, "1");
    snprintf(path, sizeof(path), "%s/state", there);
    put(0, id, path, "1");
}

static void devices(uint32_t id)
{
    static const char *const disk_back[] = {"physical-device", "1:0",       "mode", "w",    "type",   "phy",
                                            "params",          "/dev/ram0", "dev",  "xvda", "online", "1",
                                            "removable",       "0",         NULL};
    static const char *const disk_front[] = {"virtual-device", "51712", "device-type", "disk", NULL};
    static const char *const net_back[] = {
        "handle", "0", "mac", MAC, "online", "1", "script", "none", "hotplug-status", "connected", NULL};
    static const char *const net_front[] = {"handle", "0", "mac", MAC, NULL};
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u", id);
    put(id, 0, path, "");
    snprintf(path, sizeof(path), "/local/domain/%u/device", id);
    put(id, 0, path, "");
    snprintf(path, sizeof(path), "/local/domain/%u/domid", id);
    put(id, 0, path, "%u", id);
    device(id, "vbd", 51712, disk_back, disk_front);
    device(id, "vif", 0, net_back, net_front);
}

static uint32_t make_guest(void)
{
    struct xen_domctl_createdomain config = {
        .max_vcpus = 1,
        .max_evtchn_port = -1,
        .max_grant_frames = 64,
        .max_maptrack_frames = 1024,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    struct xc_dom_image *image;
    uint32_t id = 0;
    int store_port, console_port;

    if (xc_domain_create(xen, &id, &config) || xc_domain_max_vcpus(xen, id, 1) ||
        xc_domain_setmaxmem(xen, id, (MEMORY_MB + 1) << 10))
        end("create");
    image = xc_dom_allocate(xen, "loglevel=1 quiet mitigations=off norandmaps -- guest", NULL);
    store_port = xc_evtchn_alloc_unbound(xen, id, 0);
    console_port = xc_evtchn_alloc_unbound(xen, id, 0);
    if (!image || store_port < 0 || console_port < 0)
        end("domain");
    image->xenstore_evtchn = (unsigned)store_port;
    image->console_evtchn = (unsigned)console_port;
    image->container_type = XC_DOM_PV_CONTAINER;
    if (xc_dom_kernel_file(image, "/kernel") || xc_dom_module_file(image, "/guest.cpio.gz", NULL) ||
        xc_dom_boot_xen_init(image, xen, id) || xc_dom_parse_image(image) ||
        xc_dom_mem_init(image, MEMORY_MB) || xc_dom_boot_mem_init(image) || xc_dom_build_image(image) ||
        xc_dom_boot_image(image) || xc_dom_gnttab_init(image))
        end("builder");
    if (!xs_introduce_domain(store, id, (unsigned int)xc_dom_p2m(image, image->xenstore_pfn),
                             (unsigned int)store_port))
        end("introduce");
    xc_dom_release(image);
    return id;
}

static void domain_0(void)
{
    struct sockaddr_in me = server(1);
    int listener, fd, one = 1;
    uint32_t id;

    mkdir("/run/xenstored", 0755);
    load_module("xen-privcmd", "");
    load_module("xen-evtchn", "");
    load_module("xen-gntdev", "");
    load_module("xenfs", "");
    if (mount("xenfs", "/proc/xen", "xenfs", 0, NULL))
        end("xenfs");
    load_module("brd", "rd_nr=1 rd_size=8192");
    start_store();
    load_module("xen-blkback", "");
    load_module("xen-netback", "");
    xen = xc_interface_open(NULL, NULL, 0);
    if (!xen)
        end("libxenctrl");
    id = make_guest();
    devices(id);
    if (xc_domain_unpause(xen, id))
        end("unpause");
    signal(SIGALRM, too_long);
    alarm(60);
    network_up("vif1.0", 1);
    listener = socket(AF_INET, SOCK_STREAM, 0);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, (struct sockaddr *)&me, sizeof(me)) || listen(listener, 1))
        end("listen");
    fd = accept(listener, NULL, NULL);
    if (fd < 0)
        end("accept");
    network(fd, WARM, 0);
    network(fd, AMOUNT, 0);
    network(fd, WARM, 1);
    network(fd, AMOUNT, 1);
    (void)!read(fd, block, 1); /* it closes, with the last mark behind it */
    for (unsigned int i = 0; i < 4; i++)
        printf("BENCH %s %u\n",
               (const char *const[]){"disk_read", "disk_write", "net_send", "net_receive"}[i], AMOUNT / 1024);
    printf("BENCH-END\n");
    end(NULL);
}

int main(int argc, char **argv)
{
    set_up();
    if (argc > 1 && !strcmp(argv[argc - 1], "guest"))
        guest();
    domain_0();
}
