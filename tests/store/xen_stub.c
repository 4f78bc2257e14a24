/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Preloaded into a xenstored, ours or Debian's, to run it without a hypervisor: domains' rings are files in
 * $STUB_DIR (ring-N), event channels a FIFO there from which ports are read as 32-bit numbers, and every domain
 * exists, or those in the file domains there, each a line with its number and its flags. The ports and pages that
 * a process holds are counted in held-PID. With a file full there, no file gets more room; with one mute, there is no
 * list of domains. Only what the daemons call is here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define PORT_OF(domid) (100 + (domid))
#define FURTHER_PORT   99 /* of a guest's second console */
#define NO_PORT        98 /* cannot be bound */

static int handle, events = -1;

static const char *in_dir(char out[300], const char *name)
{
    const char *dir = getenv("STUB_DIR");

    snprintf(out, 300, "%s/%s", dir ? dir : ".", name);
    return out;
}

static int32_t *held;

/* Channels bound to domains, and pages mapped, now. */
static void count(unsigned int what, int change)
{
    char name[32], path[300];
    int fd;

    if (!held) {
        snprintf(name, sizeof(name), "held-%d", (int)getpid());
        fd = open(in_dir(path, name), O_RDWR | O_CREAT, 0600);
        held = fd < 0 || ftruncate(fd, 4096) ? MAP_FAILED
                                             : mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        close(fd);
    }
    if (held != MAP_FAILED)
        held[what] += change;
}

enum { PORTS, PAGES, NO_EPOLL }; /* the last one is set by the test */

void *xenevtchn_open(void *logger, unsigned int flags)
{
    char path[300];

    events = open(in_dir(path, "events"), O_RDWR | O_NONBLOCK);
    return &handle;
}

void *xenevtchn_fdopen(void *logger, int fd, unsigned int flags)
{
    events = fd;
    return &handle;
}

int xenevtchn_close(void *h)
{
    return 0;
}

int xenevtchn_fd(void *h)
{
    return events;
}

int xenevtchn_bind_virq(void *h, unsigned int virq)
{
    return 1;
}

int xenevtchn_bind_interdomain(void *h, uint32_t domid, uint32_t port)
{
    if (port == NO_PORT) {
        errno = EINVAL;
        return -1;
    }
    count(PORTS, 1);
    return port == FURTHER_PORT ? FURTHER_PORT : (int)PORT_OF(domid);
}

int xenevtchn_notify(void *h, uint32_t port)
{
    return 0;
}

int xenevtchn_unbind(void *h, uint32_t port)
{
    count(PORTS, -1);
    return 0;
}

int xenevtchn_pending(void *h)
{
    uint32_t port;

    return read(events, &port, sizeof(port)) == sizeof(port) ? (int)port : -1;
}

int xenevtchn_unmask(void *h, uint32_t port)
{
    return 0;
}

void *xengnttab_open(void *logger, unsigned int flags)
{
    return &handle;
}

int xengnttab_close(void *h)
{
    return 0;
}

int xengnttab_set_max_grants(void *h, uint32_t n)
{
    return 0;
}

void *xengnttab_map_grant_ref(void *h, uint32_t domid, uint32_t ref, int prot)
{
    char name[32], path[300];
    void *page;
    int fd;

    if (ref <= 1)
        snprintf(name, sizeof(name), "%s-%u", ref ? "ring" : "console", domid);
    else
        snprintf(name, sizeof(name), "console-%u-%u", domid, ref);
    fd = open(in_dir(path, name), O_RDWR);
    if (fd < 0)
        return NULL;
    page = mmap(NULL, 4096, prot, MAP_SHARED, fd, 0);
    close(fd);
    count(PAGES, page != MAP_FAILED);
    return page == MAP_FAILED ? NULL : page;
}

int xengnttab_unmap(void *h, void *page, uint32_t pages)
{
    count(PAGES, -1);
    return munmap(page, 4096);
}

void *xc_interface_open(void *logger, void *dom_logger, unsigned int flags)
{
    return &handle;
}

int xc_interface_close(void *h)
{
    return 0;
}

/*
 * The result's first field is the domain's number; the flags behind it: neither dying nor shut down. xenstored asks for one that it knows;
 * xenconsoled for the next one: with the file `console` there is domain 3, and no more.
 */
int xc_domain_getinfo(void *h, uint32_t first, unsigned int max, void *info)
{
    char path[300];
    bool one = !access(in_dir(path, "console"), F_OK);

    memset(info, 0, 24);
    *(uint32_t *)info = one ? 3 : first;
    return !one || first <= 3;
}

void *xencall_open(void *logger, unsigned int flags)
{
    char path[300];

    return access(in_dir(path, "domains"), R_OK) ? NULL : &handle;
}

void *xencall_alloc_buffer(void *h, size_t size)
{
    return calloc(1, size);
}

void xencall_free_buffer(void *h, void *p)
{
    free(p);
}

/* The list of domains, the one hypercall that is made. */
int xencall1(void *h, unsigned int op, uint64_t argument)
{
    struct xen_sysctl_getdomaininfolist *list =
        &((struct xen_sysctl *)(uintptr_t)argument)->u.getdomaininfolist;
    unsigned int domid, flags;
    char path[300];
    FILE *f = fopen(in_dir(path, "domains"), "r");

    if (!f)
        return -1;
    if (!access(in_dir(path, "mute"), F_OK)) {
        fclose(f);
        errno = ENOMEM;
        return -1;
    }
    while (list->num_domains < list->max_domains && fscanf(f, "%u %u", &domid, &flags) == 2)
        if (domid >= list->first_domain) {
            list->buffer.p[list->num_domains].domain = (uint16_t)domid;
            list->buffer.p[list->num_domains++].flags = flags;
        }
    fclose(f);
    return 0;
}

/* xenconsoled asks for an event channel's state. */
int xencall2(void *h, unsigned int op, uint64_t first, uint64_t second)
{
    return 0;
}

/* Debian's xenconsoled does not start without, and never uses it: there are grants. */
void *xenforeignmemory_open(void *logger, unsigned int flags)
{
    char path[300];

    return access(in_dir(path, "console"), F_OK) ? NULL : &handle;
}

/* ---- What oxenstored calls besides ---- */

/* It wants all descriptors that the kernel could give, which only root of the first user namespace may have. */
int setrlimit(int resource, const void *limit)
{
    return 0;
}

void *xc_map_foreign_range(void *h, uint32_t domid, int size, int prot, unsigned long frame)
{
    return xengnttab_map_grant_ref(h, domid, 1, prot);
}

/* As in xc_domain_getinfo; domain 0 is not asked for. */
int xc_domain_getinfolist(void *h, uint32_t first, unsigned int max, void *info)
{
    memset(info, 0, sizeof(xen_domctl_getdomaininfo_t));
    ((xen_domctl_getdomaininfo_t *)info)->domain = (uint16_t)first;
    return 1;
}

/* The folders that are compiled into oxenstored, and xenfs: what is opened there is in our folder, by its last name. */
static const char *redirect(char out[300], const char *path)
{
    static const char *const folders[] = {"/proc/xen/xsd_", "/var/run/xenstored/", "/var/run/xen/",
                                          "/var/log/xen/"};
    unsigned int i;

    for (i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        if (!strncmp(path, folders[i], strlen(folders[i])))
            return in_dir(out, strrchr(path, '/') + 1);
    return path;
}

int unlink(const char *path)
{
    static int (*real)(const char *);
    char other[300];

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "unlink");
    return real(redirect(other, path));
}

int mkdir(const char *path, mode_t mode)
{
    static int (*real)(const char *, mode_t);

    if (!strncmp(path, "/var/", 5)) {
        errno = EEXIST;
        return -1;
    }
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "mkdir");
    return real(path, mode);
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    static int (*real)(int, const struct sockaddr *, socklen_t);
    const struct sockaddr_un *from = (const struct sockaddr_un *)address;
    struct sockaddr_un to = {.sun_family = AF_UNIX};
    char other[300];

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "bind");
    if (address->sa_family != AF_UNIX || redirect(other, from->sun_path) == from->sun_path)
        return real(fd, address, len);
    strncpy(to.sun_path, other, sizeof(to.sun_path) - 1);
    return real(fd, (struct sockaddr *)&to, sizeof(to));
}

int open(const char *path, int flags, ...)
{
    static int (*real)(const char *, int, ...);
    char other[300];
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = va_arg(ap, int);
    va_end(ap);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "open");
    return real(redirect(other, path), flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list ap;
    int mode;

    va_start(ap, flags);
    mode = va_arg(ap, int);
    va_end(ap);
    return open(path, flags, mode);
}

/* Of the C library, not of Xen's: the file system is full when the test says so. */
int posix_fallocate(int fd, off_t offset, off_t len)
{
    char path[300];

    if (!access(in_dir(path, "full"), F_OK))
        return ENOSPC;
    return fallocate(fd, 0, offset, len) ? errno : 0;
}

/* Fails when the test says so. */
int epoll_wait(int fd, struct epoll_event *out, int max, int timeout)
{
    static int (*real)(int, struct epoll_event *, int, int);

    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "epoll_wait");
    if (held && held != MAP_FAILED && held[NO_EPOLL]) {
        errno = EBADF;
        return -1;
    }
    return real(fd, out, max, timeout);
}
