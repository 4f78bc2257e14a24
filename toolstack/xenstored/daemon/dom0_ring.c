/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Domain 0's ring and port, from its kernel's xenfs. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "toolstack/xenstored/daemon/daemon.h"

#define PAGE 4096

void *dom0_ring_map(uint32_t *port)
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

void dom0_ring_unmap(void *page)
{
    munmap(page, PAGE);
}
