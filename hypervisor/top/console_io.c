/* SPDX-License-Identifier: GPL-2.0-or-later */
/* console_io: domain 0's words on our console, and the keyboard's for it. Other domains have a console ring. */
#include "top/calls.h"
#include "arch/x86/cpu.h"
#include "core/authority.h"
#include "drivers/console.h"
#include "hv/errno.h"
#include "hv/guest.h"
#include "hv/log.h"
#include <xen/xen.h>

#define CHUNK 128

static long console_write(struct hypercall *hc)
{
    char buf[CHUNK];

    while (hc->arg[1]) {
        size_t n = min(hc->arg[1], (uint64_t)sizeof(buf) - 1);

        while (!console_has_room(n)) { /* as fast as the wire, but not in anybody's way */
            if (softirq_pending())
                return -ERESTART;
            cpu_relax();
        }
        if (copy_from_guest(buf, hypercall_ptr(hc, 2), n))
            return -EFAULT;
        buf[n] = 0;
        console_write_guest(buf, n);
        hc->arg[1] -= n;
        hc->arg[2] += n;
        hypercall_charge(
            hc,
            HYPERCALL_BUDGET); /* each chunk may take its time: on the wire, where it is waited for, and on the screen */
        if (hc->arg[1] && hypercall_preempt(hc))
            return -ERESTART;
    }
    return 0;
}

static long console_read(struct hypercall *hc)
{
    char buf[CHUNK];
    size_t n, done = 0;

    if (hc->arg[1] > INT32_MAX)
        return -E2BIG; /* the result is an int */
    while (done < hc->arg[1] &&
           (n = console_read_guest(buf, min(hc->arg[1] - done, (uint64_t)sizeof(buf))))) {
        if (copy_to_guest(guest_ptr_add(hypercall_ptr(hc, 2), done), buf, n))
            return -EFAULT;
        done += n;
    }
    return (long)done;
}

long do_console_io(struct hypercall *hc)
{
    if (authorise(hc->vcpu->domain, NULL, AUTHORITY_CONSOLE))
        return -EPERM;
    hc->arg[1] = (uint32_t)hc->arg[1];
    switch ((uint32_t)hc->arg[0]) {
    case CONSOLEIO_write:
        return console_write(hc);
    case CONSOLEIO_read:
        return console_read(hc);
    default:
        return -ENOSYS;
    }
}
